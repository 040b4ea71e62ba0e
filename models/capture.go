package models

import (
	"net/textproto"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Capture is how much of each call to a target stays on record.
type Capture struct {
	// RequestBody is how many bytes of what was sent are kept with each attempt; 0: none. A job keeps its payload
	// anyway, and once an attempt is on record it cannot be edited: so this is a copy for those who want what went out
	// beside what came back, of test calls too, and it stays what it was.
	RequestBody int `json:"request_body,omitempty"`
	// ResponseBody is how many bytes of the answer's body are kept; nil: as many as the server's setting says.
	ResponseBody *int `json:"response_body,omitempty"`
	// RedactHeaders are the headers, sent or received, whose values are recorded as ***, beside those that look like
	// credentials. In canonical form.
	RedactHeaders []string `json:"redact_headers,omitempty"`
}

// MaxCapture bounds what is kept of a body, in bytes.
const MaxCapture = 1 << 20

// Validate checks the sizes and names.
func (c *Capture) Validate() error {
	var bad Invalids
	if c.RequestBody < 0 || c.RequestBody > MaxCapture {
		bad.add("request_body", "must be between 0B and 1MiB")
	}
	if c.ResponseBody != nil && (*c.ResponseBody < 0 || *c.ResponseBody > MaxCapture) {
		bad.add("response_body", "must be between 0B and 1MiB")
	}
	if len(c.RedactHeaders) > MaxHeaders {
		bad.add("redact_headers", "must have at most 32 entries")
	}
	for _, name := range c.RedactHeaders {
		if !httpguts.ValidHeaderFieldName(name) || len(name) > 256 {
			bad.add("redact_headers", "must be names that are valid on the wire")
			break
		}
	}
	return bad.orNil()
}

// CanonicalNames are header names in canonical form, sorted, each once.
func CanonicalNames(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxKept bounds how long a target's jobs may be kept.
const maxKept = 3660 * day

// checkKept checks how long ended jobs are kept; 0 is as long as the server's setting says.
func checkKept(field string, d time.Duration) error {
	if d != 0 && (d < time.Minute || d > maxKept) {
		return &Invalid{field, "must be between 1m and 3660d"}
	}
	return nil
}

// keepsApart tells whether the target's ended jobs are kept by its own settings.
func (t *Target) keepsApart() bool { return t.KeepSucceeded != 0 || t.KeepFailed != 0 }
