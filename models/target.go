package models

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is a registered HTTP endpoint with its limits and retry policy. Its secrets are kept apart.
type Target struct {
	ID          string        `gorm:"primaryKey"`
	Name        string        // unique among the living
	URL         string        `gorm:"column:url"`
	Method      string        // GET POST PUT PATCH DELETE
	Headers     Headers       `gorm:"serializer:json"`
	Timeout     time.Duration // whole exchange, 100ms–15m
	Retry       Retry         `gorm:"serializer:json"`
	MaxInFlight int           // calls out at once, 1–10,000
	RateLimit   string        // "" or N/s, N/m, N/h
	Signing     string        // SigningV1, SigningV1a or SigningBoth
	OnLost      string        // OnLostRetry or OnLostFail
	OnGone      string        // OnGonePause or OnGoneFail
	Capture     Capture       `gorm:"serializer:json"`
	Description string
	// KeepSucceeded is how long succeeded and canceled jobs are kept, KeepFailed how long failed ones are; 0: as long as
	// the server's settings say.
	KeepSucceeded, KeepFailed time.Duration

	PausedAt     time.Time `gorm:"serializer:micro"` // zero: not paused
	PausedReason string
	Version      int64     // one more at each change of the row
	CreatedAt    time.Time `gorm:"serializer:micro;autoCreateTime:false"`
	UpdatedAt    time.Time `gorm:"serializer:micro;autoUpdateTime:false"`
	DeletedAt    time.Time `gorm:"serializer:micro"` // zero: living
}

// Headers are header fields by canonical name. Repeated fields are joined by ", " as RFC 9110, 5.3 allows.
type Headers map[string]string

// What becomes of a job whose node died under a call, and of a target that answers 410.
const (
	OnLostRetry = "retry"
	OnLostFail  = "fail"
	OnGonePause = "pause"
	OnGoneFail  = "fail"
)

// Bounds of a target's settings.
const (
	MaxURL        = 2048 // bytes
	MaxHeaders    = 32
	MinTimeout    = 100 * time.Millisecond
	MaxTimeout    = 15 * time.Minute
	MaxTextLength = 1000 // description and pause reason, characters
)

// DefaultTarget is a target with every setting that its maker did not name.
func DefaultTarget() Target {
	return Target{Method: http.MethodPost, Headers: Headers{}, Timeout: 30 * time.Second, Retry: DefaultRetry(),
		MaxInFlight: 100, Signing: SigningV1, OnLost: OnLostRetry, OnGone: OnGonePause}
}

// NewTarget stamps t with an id and its times; t must be valid.
func NewTarget(t Target, now time.Time) *Target {
	t.ID = newID(prefixTarget)
	t.Version = 1
	t.CreatedAt, t.UpdatedAt = Stamp(now), Stamp(now)
	return &t
}

// Paused tells whether no new attempt may begin.
func (t *Target) Paused() bool { return !t.PausedAt.IsZero() }

// Deleted tells whether the target is only remembered by its history.
func (t *Target) Deleted() bool { return !t.DeletedAt.IsZero() }

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// CheckName tells whether s may name a target or a schedule.
func CheckName(s string) error {
	if !nameForm.MatchString(s) {
		return &Invalid{"name", "must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit"}
	}
	return nil
}

// Methods are the HTTP methods a target may be called with.
var Methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Validate checks every setting and returns Invalids.
func (t *Target) Validate() error {
	var bad Invalids
	bad.under("", CheckName(t.Name))
	bad.under("", checkURL(t.URL))
	if !slices.Contains(Methods, t.Method) {
		bad.add("method", "must be one of "+strings.Join(Methods, " "))
	}
	bad.under("", t.Headers.Validate())
	bad.under("", checkTimeout(t.Timeout))
	bad.under("retry.", t.Retry.Validate())
	if t.MaxInFlight < 1 || t.MaxInFlight > 10_000 {
		bad.add("max_in_flight", "must be between 1 and 10000")
	}
	if _, _, err := ParseRate(t.RateLimit); err != nil {
		bad.under("", err)
	}
	if !slices.Contains(Signings, t.Signing) {
		bad.add("signing", "must be v1, v1a or both")
	}
	if t.OnLost != OnLostRetry && t.OnLost != OnLostFail {
		bad.add("on_lost", "must be retry or fail")
	}
	if t.OnGone != OnGonePause && t.OnGone != OnGoneFail {
		bad.add("on_gone", "must be pause or fail")
	}
	bad.under("capture.", t.Capture.Validate())
	bad.under("keep.", checkKept("succeeded", t.KeepSucceeded))
	bad.under("keep.", checkKept("failed", t.KeepFailed))
	bad.under("", checkText("description", t.Description))
	return bad.orNil()
}

func checkURL(raw string) error {
	if len(raw) > MaxURL {
		return &Invalid{"url", "must have at most 2048 bytes"}
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return &Invalid{"url", "must be an absolute URL"}
	case u.Scheme != "http" && u.Scheme != "https":
		return &Invalid{"url", "must begin with http:// or https://"}
	case u.Hostname() == "" || u.Opaque != "":
		return &Invalid{"url", "must name a host"}
	case u.User != nil:
		return &Invalid{"url", "must not hold user or password: use headers"}
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return &Invalid{"url", "must not hold a fragment"}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return &Invalid{"url", "must have a port from 1 to 65535"}
		}
	}
	return nil
}

func checkTimeout(d time.Duration) error {
	if d < MinTimeout || d > MaxTimeout {
		return &Invalid{"timeout", "must be between 100ms and 15m"}
	}
	return nil
}

func checkText(field, s string) error {
	if len([]rune(s)) > MaxTextLength {
		return &Invalid{field, fmt.Sprintf("must have at most %d characters", MaxTextLength)}
	}
	return nil
}

// ParseRate reads "N/s", "N/m" or "N/h": n calls each per, in a bucket of n. "" is no limit: n is 0.
func ParseRate(s string) (n int, per time.Duration, err error) {
	if s == "" {
		return 0, 0, nil
	}
	count, unit, _ := strings.Cut(s, "/")
	per = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, bad := strconv.Atoi(count)
	if per == 0 || bad != nil || n < 1 || n > 1_000_000 || count[0] == '+' {
		return 0, 0, &Invalid{"rate_limit", "must be a number from 1 to 1000000 and a unit: N/s, N/m or N/h"}
	}
	return n, per, nil
}
