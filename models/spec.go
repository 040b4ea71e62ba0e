package models

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// JobSpec is what somebody asks for; NewJob makes a job of it. The zero value of each field means: not given.
type JobSpec struct {
	BodyForm    BodyForm
	ContentType string // for BodyText and BodyBase64; a payload goes as application/json
	Body        []byte
	Delay       time.Duration // at most one of Delay and RunAt
	RunAt       time.Time
	Path        string
	Headers     Headers
	Timeout     time.Duration
	Retry       *RetryOver
	Priority    Priority // High is the zero value: callers set Normal
	Labels      Labels
	ExpiresAt   time.Time // at most one of ExpiresAt and ExpiresIn
	ExpiresIn   time.Duration
	Key         string
}

// Bounds of jobs.
const (
	MaxLabels   = 16
	MaxLabelKey = 64  // bytes
	MaxLabelVal = 256 // bytes
	MaxPath     = 2048
	MaxKey      = 255
	MaxBatch    = 1000
	maxAhead    = 100 * 366 * day // how far ahead a job may be due
)

// Validate checks what does not depend on the clock, and returns Invalids.
func (s *JobSpec) Validate(target *Target) error {
	var bad Invalids
	if s.BodyForm != BodyNone && target.Method == http.MethodGet {
		bad.add(s.BodyForm.Field(), "must not be given: the target is called with GET")
	}
	if len(s.ContentType) > 256 || !httpguts.ValidHeaderFieldValue(s.ContentType) {
		bad.add("content_type", "must be a media type of at most 256 bytes")
	}
	if s.ContentType != "" && s.BodyForm != BodyText && s.BodyForm != BodyBase64 {
		bad.add("content_type", "goes with body or body_base64 only")
	}
	bad.under("", checkPath(s.Path))
	bad.under("", s.Headers.Validate())
	if s.Timeout != 0 {
		bad.under("", checkTimeout(s.Timeout))
	}
	if s.Retry != nil {
		bad.under("retry.", s.Retry.Over(target.Retry).Validate())
	}
	bad.under("", s.Labels.Validate())
	if s.ExpiresIn < 0 || s.ExpiresIn > maxAhead {
		bad.add("expires_in", "must be more than 0s")
	}
	bad.under("", CheckKey("key", s.Key))
	return bad.orNil()
}

// Field is the name of the request's field that holds a body of this form.
func (f BodyForm) Field() string {
	switch f {
	case BodyText:
		return "body"
	case BodyBase64:
		return "body_base64"
	}
	return "payload"
}

// checkPath refuses whatever could leave the target's own path.
func checkPath(path string) error {
	const field = "path"
	plain, _, _ := strings.Cut(path, "?")
	lower := strings.ToLower(plain)
	switch {
	case len(path) > MaxPath:
		return &Invalid{field, "must have at most 2048 bytes"}
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }):
		return &Invalid{field, "must not hold white space or control characters"}
	case strings.ContainsAny(path, "#\\"):
		return &Invalid{field, "must not hold # or \\"}
	case strings.Contains(lower, "..") || strings.Contains(lower, "%2e") || strings.Contains(lower, "%2f"),
		strings.Contains(lower, "%5c"):
		return &Invalid{field, "must not hold .. or an escaped . / or \\"}
	}
	return nil
}

// Validate checks the number of labels and their sizes.
func (l Labels) Validate() error {
	if len(l) > MaxLabels {
		return &Invalid{"labels", "must have at most 16 entries"}
	}
	for k, v := range l {
		if k == "" || len(k) > MaxLabelKey || len(v) > MaxLabelVal || strings.Contains(k, ":") ||
			!printable(k) || !printable(v) {
			return &Invalid{"labels", fmt.Sprintf("must have printable keys of 1 to %d bytes without colon, "+
				"and printable values of at most %d bytes", MaxLabelKey, MaxLabelVal)}
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// CheckKey tells whether s, if given, may be an idempotency key.
func CheckKey(field, s string) error {
	if len(s) > MaxKey || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return &Invalid{field, "must be 1 to 255 printable ASCII characters"}
	}
	return nil
}

// NewJob makes a job of spec for target, or returns Invalids. A RunAt in the past is now; times that a user names
// are rounded up to the millisecond, so that nothing is early.
func NewJob(spec JobSpec, target *Target, origin Origin, now time.Time) (*Job, error) {
	var bad Invalids
	bad.under("", spec.Validate(target))
	if spec.Delay < 0 || spec.Delay >= maxAhead {
		bad.add("delay", "must be less than 100 years")
	}
	now = Stamp(now)
	due := now
	switch {
	case spec.Delay > 0:
		due = ceilMilli(now.Add(spec.Delay))
	case spec.RunAt.After(now):
		due = ceilMilli(spec.RunAt)
		if due.Sub(now) > maxAhead {
			bad.add("run_at", "must be less than 100 years ahead")
		}
	}
	expires := ceilMilliOrZero(spec.ExpiresAt)
	if spec.ExpiresIn > 0 {
		expires = ceilMilli(now.Add(spec.ExpiresIn))
	}
	if !expires.IsZero() && !expires.After(due) {
		field := "expires_at"
		if spec.ExpiresIn > 0 {
			field = "expires_in"
		}
		bad.add(field, "must be later than the job is due")
	}
	if len(bad) > 0 {
		return nil, bad
	}
	return &Job{ID: NewJobID(), TargetID: target.ID, Shard: ShardOf(target.ID), State: Scheduled, Origin: origin,
		Priority: spec.Priority, BodyForm: spec.BodyForm, ContentType: spec.contentType(), Body: spec.Body,
		Path: spec.Path, Headers: spec.Headers.Canonical(), Labels: spec.Labels, Timeout: spec.Timeout,
		Retry: spec.Retry, Key: spec.Key, ScheduledFor: due, RunAt: due, ExpiresAt: expires,
		CreatedAt: now, UpdatedAt: now, Of: target}, nil
}

func (s *JobSpec) contentType() string {
	switch {
	case s.BodyForm == BodyPayload:
		return "application/json"
	case s.ContentType != "" || s.BodyForm == BodyNone:
		return s.ContentType
	case s.BodyForm == BodyText:
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

func ceilMilliOrZero(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return ceilMilli(t)
}

// Respec is what a new job is made from that repeats j: everything but its times and its key.
func (j *Job) Respec() JobSpec {
	spec := JobSpec{BodyForm: j.BodyForm, Body: j.Body, Path: j.Path, Headers: j.Headers, Timeout: j.Timeout,
		Retry: j.Retry, Priority: j.Priority, Labels: j.Labels}
	if j.BodyForm == BodyText || j.BodyForm == BodyBase64 {
		spec.ContentType = j.ContentType
	}
	return spec
}
