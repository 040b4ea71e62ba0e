package webhooks

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Result is what came of one Request.
type Result struct {
	Started    time.Time
	Duration   time.Duration
	StatusCode int    // 0 means that no answer came
	Err        *Error // nil on a 2xx read without trouble, and when Aborted
	Aborted    bool   // the context, not the timeout, ended it before an answer came
	Timing     Timing

	RequestHeader  http.Header // as sent, secret values masked
	ResponseHeader http.Header // secret values masked; nil without an answer
	Body           []byte      // the first bytes of the answer's body, as they came
	Truncated      bool        // there was more of the body, or it broke off

	NoRetry    bool          // a non-2xx with Punctual-No-Retry: true
	RetryAfter time.Duration // of a non-2xx; 0 means none, at most 24 h
}

// Timing is how long the parts of an exchange took. On a kept connection the
// first three are zero.
type Timing struct {
	DNS, Connect, TLS time.Duration
	FirstByte         time.Duration // since the start of the exchange
}

// Verdict is what a Result means for the job.
type Verdict int

const (
	Succeeded Verdict = iota // a 2xx came
	Retry                    // worth another attempt
	Rejected                 // the target said no, and more attempts would not help
	Gone                     // 410: the target wants no more calls
	Blocked                  // the guard refused the address
	Aborted                  // ended from this side before an answer came
)

// String returns the verdict in lower case, for logs.
func (v Verdict) String() string {
	names := [...]string{"succeeded", "retry", "rejected", "gone", "blocked", "aborted"}
	if v < 0 || int(v) >= len(names) {
		return "verdict(" + strconv.Itoa(int(v)) + ")"
	}
	return names[v]
}

// Verdict judges the result, failOn being the statuses that end a job at once.
// 410 is Gone even when failOn names it.
func (r Result) Verdict(failOn []int) Verdict {
	switch {
	case r.StatusCode == 0 && r.Aborted:
		return Aborted
	case r.StatusCode == 0 && r.Err != nil && r.Err.Kind == KindBlocked:
		return Blocked
	case r.StatusCode == 0:
		return Retry
	case success(r.StatusCode):
		return Succeeded
	case r.StatusCode == http.StatusGone:
		return Gone
	case r.NoRetry || slices.Contains(failOn, r.StatusCode):
		return Rejected
	default:
		return Retry
	}
}

// success reports whether a status is a 2xx.
func success(status int) bool { return status >= 200 && status <= 299 }

// maxRetryAfter bounds what a target may ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After header as RFC 9110 10.2.3 has it: whole
// seconds or an HTTP date. Anything else, or a time past, means none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseUint(value, 10, 64)
		if err != nil || seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// noRetry reports whether the target asks that the call not be made again.
func noRetry(h http.Header) bool {
	return strings.EqualFold(strings.TrimSpace(h.Get("Punctual-No-Retry")), "true")
}
