package models

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// MaxRetryAfter bounds how far a target's Retry-After may push the next attempt.
const MaxRetryAfter = 24 * time.Hour

// Retry is a complete retry policy.
type Retry struct {
	MaxAttempts int           `json:"max_attempts"` // 1–100, the first attempt included
	MinBackoff  time.Duration `json:"min_backoff"`  // after the first attempt; 1ms–24h
	MaxBackoff  time.Duration `json:"max_backoff"`  // at most; MinBackoff–30d
	Factor      float64       `json:"factor"`       // 1–10
	Jitter      float64       `json:"jitter"`       // 0–1, share of the delay
	FailOn      []int         `json:"fail_on"`      // status codes that fail at once, 300–599
}

// DefaultRetry is the policy of a target that names none: ten attempts over about a day.
func DefaultRetry() Retry {
	return Retry{MaxAttempts: 10, MinBackoff: 5 * time.Second, MaxBackoff: 6 * time.Hour, Factor: 3, Jitter: 0.2,
		FailOn: []int{400, 413, 415, 422, 501}}
}

// RetryOver holds the fields of a policy that a job or schedule sets over its target's; nil leaves the target's.
type RetryOver struct {
	MaxAttempts *int           `json:"max_attempts,omitempty"`
	MinBackoff  *time.Duration `json:"min_backoff,omitempty"`
	MaxBackoff  *time.Duration `json:"max_backoff,omitempty"`
	Factor      *float64       `json:"factor,omitempty"`
	Jitter      *float64       `json:"jitter,omitempty"`
	FailOn      *[]int         `json:"fail_on,omitempty"`
}

// Over is base with the fields of o in place of base's. A nil o is base.
func (o *RetryOver) Over(base Retry) Retry {
	if o == nil {
		return base
	}
	set(&base.MaxAttempts, o.MaxAttempts)
	set(&base.MinBackoff, o.MinBackoff)
	set(&base.MaxBackoff, o.MaxBackoff)
	set(&base.Factor, o.Factor)
	set(&base.Jitter, o.Jitter)
	set(&base.FailOn, o.FailOn)
	return base
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Validate checks the bounds; the fields are named as under "retry.".
func (r Retry) Validate() error {
	var bad Invalids
	if r.MaxAttempts < 1 || r.MaxAttempts > 100 {
		bad.add("max_attempts", "must be between 1 and 100")
	}
	if r.MinBackoff < time.Millisecond || r.MinBackoff > day {
		bad.add("min_backoff", "must be between 1ms and 24h")
	}
	if r.MaxBackoff < r.MinBackoff || r.MaxBackoff > 30*day {
		bad.add("max_backoff", "must be between min_backoff and 30d")
	}
	if !(r.Factor >= 1 && r.Factor <= 10) {
		bad.add("factor", "must be between 1 and 10")
	}
	if !(r.Jitter >= 0 && r.Jitter <= 1) {
		bad.add("jitter", "must be between 0 and 1")
	}
	if len(r.FailOn) > 100 {
		bad.add("fail_on", "must have at most 100 entries")
	}
	for i, code := range r.FailOn {
		if code < 300 || code > 599 {
			bad.add(fmt.Sprintf("fail_on[%d]", i), "must be a status from 300 to 599")
			break
		}
	}
	return bad.orNil()
}

// Delay is the time from the end of the used-th attempt to the next one:
// MinBackoff × Factor^(used-1), at most MaxBackoff, moved by random (in [0,1)) within ± Jitter of itself.
func (r Retry) Delay(used int, random float64) time.Duration {
	d := float64(r.MinBackoff) * math.Pow(r.Factor, float64(max(used, 1)-1))
	d = min(d, float64(r.MaxBackoff))
	d *= 1 + r.Jitter*(2*random-1)
	return max(time.Duration(d), 0)
}

// FailsOn tells whether an answer with this status ends the job at once.
func (r Retry) FailsOn(status int) bool { return slices.Contains(r.FailOn, status) }
