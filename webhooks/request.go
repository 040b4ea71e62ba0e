package webhooks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Request is one call to make: everything that goes out, and how long it may take.
type Request struct {
	ID          string        // webhook-id: the job's id, or for a test call the attempt's
	AttemptID   string        // seeds the span id
	Method, URL string        // the final URL: http or https, with a host
	Header      http.Header   // the user's headers; ours win over them
	ContentType string        // "" means none
	Body        []byte        // sent and signed as it is; must not change during Send
	Secrets     []string      // live secrets and private keys, newest first: one signature each
	Timeout     time.Duration // of the whole exchange; 0 means 30 s
	Capture     int           // bytes kept of the answer's body; 0 means the Sender's setting, less means none
	Redact      []string      // headers, by canonical name, whose values are recorded as ***

	Attempt      int       // from 1
	MaxAttempts  int       // the last one says so
	ScheduledFor time.Time // zero means that none is sent
	Schedule     string    // the schedule's name; "" means not of a schedule
}

// defaultTimeout is used for a Request without one.
const defaultTimeout = 30 * time.Second

// stampLayout is RFC 3339 in UTC with milliseconds.
const stampLayout = "2006-01-02T15:04:05.000Z"

// errURL and errSecrets say why a request cannot go out at all.
var (
	errURL     = errors.New("the URL is not one that can be called")
	errSecrets = errors.New("the call could not be signed: a secret of the target is malformed")
)

// parseURL returns where the request goes. Credentials in a URL would become a
// header that nobody asked for, so they are refused.
func (r *Request) parseURL() (*url.URL, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Hostname() == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errURL
	}
	return u, nil
}

// header returns what the request carries when sent at now: the user's headers
// first, then ours over them. User-Agent alone is a default that a user may replace.
func (r *Request) header(now time.Time, agent string) (http.Header, error) {
	h := make(http.Header, len(r.Header)+12)
	h.Set("User-Agent", agent)
	for name, values := range r.Header {
		if name = textproto.CanonicalMIMEHeaderKey(name); !ours(name) {
			h[name] = values
		}
	}
	if r.ContentType != "" {
		h.Set("Content-Type", r.ContentType)
	}
	h.Set("Traceparent", traceparent(r.ID, r.AttemptID))
	h.Set("Punctual-Attempt", strconv.Itoa(r.Attempt))
	h.Set("Punctual-Max-Attempts", strconv.Itoa(r.MaxAttempts))
	if r.Attempt >= r.MaxAttempts {
		h.Set("Punctual-Last-Attempt", "true")
	}
	if !r.ScheduledFor.IsZero() {
		h.Set("Punctual-Scheduled-For", r.ScheduledFor.UTC().Format(stampLayout))
	}
	if r.Schedule != "" {
		h.Set("Punctual-Schedule", r.Schedule)
	}
	return h, r.sign(h, now)
}

// sign adds the three headers of Standard Webhooks, one signature for each secret and private key.
func (r *Request) sign(h http.Header, now time.Time) error {
	h.Set("Webhook-Id", r.ID)
	h.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	signatures := make([]string, 0, len(r.Secrets))
	for _, secret := range r.Secrets {
		signature, err := Sign(secret, r.ID, now, r.Body)
		if err != nil {
			return errSecrets
		}
		signatures = append(signatures, signature)
	}
	if len(signatures) > 0 {
		h.Set("Webhook-Signature", strings.Join(signatures, " "))
	}
	return nil
}

// ours reports whether a header, by its canonical name, is set by Punctual or
// by the connection and never taken from the user. Idempotency-Key is among
// them because it makes Go's transport send a request again by itself.
func ours(name string) bool {
	switch name {
	case "Host", "Content-Length", "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Traceparent", "Idempotency-Key":
		return true
	}
	return strings.HasPrefix(name, "Webhook-") || strings.HasPrefix(name, "Punctual-")
}

// traceparent returns a W3C Trace Context header, sampled: the trace is the
// job's, the same for all its attempts, and each attempt is a span of it.
func traceparent(job, attempt string) string {
	trace := sha256.Sum256([]byte("trace:" + job))
	span := sha256.Sum256([]byte("span:" + attempt))
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, trace[:16])
	b = append(b, '-')
	b = hex.AppendEncode(b, span[:8])
	return string(append(b, "-01"...))
}
