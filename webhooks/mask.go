package webhooks

import (
	"net/http"
	"slices"
	"strings"
)

// Mask is what stands in place of a secret value.
const Mask = "***"

// secretParts are words that make a header secret when its name contains one.
var secretParts = []string{
	"authorization", "cookie", "credential", "passwd", "password", "secret", "signature", "token",
	"apikey", "api-key", "access-key", "jwt", "session-id", "sessionid",
}

// plainHeaders are what nearly every exchange carries; knowing them saves most
// of the search below.
var plainHeaders = map[string]bool{
	"Content-Type": true, "Content-Length": true, "Date": true, "User-Agent": true, "Server": true, "Traceparent": true,
	"Webhook-Id": true, "Webhook-Timestamp": true, "Idempotency-Key": true, "X-Idempotency-Key": true,
	"Punctual-Attempt": true, "Punctual-Max-Attempts": true, "Punctual-Last-Attempt": true,
	"Punctual-Scheduled-For": true, "Punctual-Schedule": true,
}

// SecretHeader reports whether values of a header read back as ***:
// credentials, cookies, signatures and what looks like an API key.
func SecretHeader(name string) bool {
	if plainHeaders[name] || plainHeaders[http.CanonicalHeaderKey(name)] {
		return false
	}
	name = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", "-"))
	for _, part := range secretParts {
		if strings.Contains(name, part) {
			return true
		}
	}
	for word := range strings.SplitSeq(name, "-") {
		if word == "auth" || word == "pass" {
			return true
		}
	}
	return name == "key" || strings.HasSuffix(name, "-key")
}

// MaskHeader returns a copy of h in which the values of secret headers, and of
// those that redact names in canonical form, are ***.
func MaskHeader(h http.Header, redact ...string) http.Header {
	total := 0
	for _, values := range h {
		total += len(values)
	}
	masked := make(http.Header, len(h))
	all := make([]string, 0, total) // one array for the values of all headers
	for name, values := range h {
		start := len(all)
		all = append(all, values...)
		own := all[start:len(all):len(all)]
		if SecretHeader(name) || len(redact) > 0 && slices.Contains(redact, http.CanonicalHeaderKey(name)) {
			for i := range own {
				own[i] = Mask
			}
		}
		masked[name] = own
	}
	return masked
}
