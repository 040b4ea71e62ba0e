package models

import (
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Masked stands in every answer where a value must not be shown. Written back, it keeps the stored value.
const Masked = "***"

// ownHeaders may not be set by users: hop-by-hop fields (RFC 9110, 7.6.1), what the connection decides, and what
// the wire sets itself. Idempotency-Key is among them because Go's client silently re-sends requests that carry it.
var ownHeaders = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect", "Idempotency-Key",
	"X-Idempotency-Key", "Traceparent"}

// secretParts are words that make a header a credential when its name contains one. webhooks masks what it records by
// the same rule; as neither room may import the other, a test in dispatcher holds the two to each other.
var secretParts = []string{"authorization", "cookie", "credential", "passwd", "password", "secret", "signature", "token",
	"apikey", "api-key", "access-key", "jwt", "session-id", "sessionid"}

// Validate checks names and values; the error names the header, never its value.
func (h Headers) Validate() error {
	if len(h) > MaxHeaders {
		return &Invalid{"headers", "must have at most 32 entries"}
	}
	var bad Invalids
	for _, name := range slices.Sorted(maps.Keys(h)) {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		lower := strings.ToLower(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name) || len(name) > 256:
			bad.add("headers", "must have names that are valid on the wire")
		case slices.Contains(ownHeaders, canonical), strings.HasPrefix(lower, "webhook-"),
			strings.HasPrefix(lower, "punctual-"):
			bad.add("headers."+canonical, "is set by Punctual or by the connection")
		case !httpguts.ValidHeaderFieldValue(h[name]) || len(h[name]) > 8192:
			bad.add("headers."+canonical, "must have a value that is valid on the wire, of at most 8192 bytes")
		}
	}
	return bad.orNil()
}

// Canonical is h with its names in canonical form. Of two names that differ only in case one is kept.
func (h Headers) Canonical() Headers {
	out := make(Headers, len(h))
	for name, value := range h {
		out[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	return out
}

// Mask is h with secret values replaced by Masked.
func (h Headers) Mask() Headers {
	out := make(Headers, len(h))
	for name, value := range h {
		if SecretHeader(name) {
			value = Masked
		}
		out[name] = value
	}
	return out
}

// Unmask is h with every Masked value replaced by what stored holds under that name.
func (h Headers) Unmask(stored Headers) Headers {
	out := h.Canonical()
	for name, value := range out {
		if old, ok := stored[name]; ok && value == Masked {
			out[name] = old
		}
	}
	return out
}

// SecretInURL tells whether a URL holds what looks like a credential. It is not masked, unlike a header: calls need all of
// the URL, and people must see where they go.
func SecretInURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	for name := range u.Query() {
		switch strings.ToLower(name) {
		case "sig", "code", "pwd":
			return true
		}
		if SecretHeader(name) {
			return true
		}
	}
	return u.User != nil
}

// SecretHeader tells whether values of this header are credentials: what is known as one, and what looks like one.
func SecretHeader(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", "-"))
	if name == "idempotency-key" || name == "x-idempotency-key" {
		return false
	}
	if slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(name, part) }) {
		return true
	}
	words := strings.Split(name, "-")
	return slices.Contains(words, "auth") || slices.Contains(words, "pass") || words[len(words)-1] == "key"
}
