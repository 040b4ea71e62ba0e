package server

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// targetOut is a target as the API shows it.
type targetOut struct {
	Name         string            `json:"name" example:"billing"`
	URL          string            `json:"url" example:"https://api.example.com/hooks/billing"`
	Method       string            `json:"method" example:"POST"`
	Headers      map[string]string `json:"headers" doc:"Sent with each call. Values of credentials read as ***."`
	Timeout      duration          `json:"timeout" doc:"The whole exchange."`
	Retry        retryOut          `json:"retry"`
	MaxInFlight  int               `json:"max_in_flight" example:"100" doc:"Calls out at once."`
	RateLimit    *string           `json:"rate_limit" example:"10/s"`
	Signing      string            `json:"signing" enum:"v1,v1a,both" doc:"v1: HMAC-SHA256 with the secret; v1a: ed25519, to be verified with the keys at /keys."`
	OnLost       string            `json:"on_lost" enum:"retry,fail" doc:"What becomes of a job whose node died under a call."`
	OnGone       string            `json:"on_gone" enum:"pause,fail" doc:"What a 410 does to the target."`
	Capture      captureOut        `json:"capture"`
	Keep         keepOut           `json:"keep"`
	Description  string            `json:"description"`
	Paused       bool              `json:"paused"`
	PausedAt     *moment           `json:"paused_at" nullable:"true"`
	PausedReason string            `json:"paused_reason"`
	CreatedAt    moment            `json:"created_at"`
	UpdatedAt    moment            `json:"updated_at"`
}

// targetMade is the answer to the creation of a target, the only one that shows the secret beside /secret and
// rotate-secret.
type targetMade struct {
	targetOut
	Secret   string   `json:"secret,omitempty" example:"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"`
	Warnings []string `json:"warnings,omitempty"`
}

// Schema spells out what embedding an unexported struct hides from huma.
func (targetMade) Schema(r huma.Registry) *huma.Schema {
	s := *r.SchemaFromRef(r.Schema(reflect.TypeFor[targetOut](), true, "").Ref)
	all := map[string]*huma.Schema{"secret": {Type: huma.TypeString,
		Description: "Signs the calls. Only the answer that creates the target holds it."},
		"warnings": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString},
			Description: "What may be wrong with it all the same: its name leads where calls are not allowed to go, now."}}
	for name, p := range s.Properties {
		all[name] = p
	}
	s.Properties = all
	return &s
}

// retryOut is a whole retry policy.
type retryOut struct {
	MaxAttempts int      `json:"max_attempts" example:"10"`
	MinBackoff  duration `json:"min_backoff"`
	MaxBackoff  duration `json:"max_backoff"`
	Factor      float64  `json:"factor" example:"3"`
	Jitter      float64  `json:"jitter" example:"0.2"`
	FailOn      []int    `json:"fail_on" doc:"Statuses that fail at once."`
}

// retryIn is a retry policy as it is asked for: what is not given is left to the target's policy, and a target
// leaves it to the defaults.
type retryIn struct {
	MaxAttempts *int      `json:"max_attempts,omitempty" doc:"1–100, the first attempt included. A target's default is 10."`
	MinBackoff  *duration `json:"min_backoff,omitempty" doc:"1ms–24h, after the first attempt. A target's default is 5s."`
	MaxBackoff  *duration `json:"max_backoff,omitempty" doc:"At most 30d. A target's default is 6h."`
	Factor      *float64  `json:"factor,omitempty" doc:"1–10. A target's default is 3."`
	Jitter      *float64  `json:"jitter,omitempty" doc:"0–1, as a share of the delay. A target's default is 0.2."`
	FailOn      *[]int    `json:"fail_on,omitempty" doc:"Statuses (300–599) that fail at once. A target's default is 400, 413, 415, 422, 501."`
}

// TransformSchema lets each field be null, which is the same as not given.
func (retryIn) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return allNullable(s) }

func (in *retryIn) over() *models.RetryOver {
	if in == nil {
		return nil
	}
	o := &models.RetryOver{MaxAttempts: in.MaxAttempts, Factor: in.Factor, Jitter: in.Jitter, FailOn: in.FailOn}
	if in.MinBackoff != nil {
		o.MinBackoff = new(in.MinBackoff.orZero())
	}
	if in.MaxBackoff != nil {
		o.MaxBackoff = new(in.MaxBackoff.orZero())
	}
	return o
}

// targetIn is a target as it is asked for. Nil fields are left to their defaults.
type targetIn struct {
	Name         string            `json:"name,omitempty" posted:"true" example:"billing" doc:"1 to 64 of a-z 0-9 . _ - beginning with a letter or digit. POST needs it; PUT has it in the path. It never changes."`
	URL          string            `json:"url" example:"https://api.example.com/hooks/billing" doc:"http or https, without user information and fragment; at most 2048 bytes."`
	Method       *string           `json:"method,omitempty" enum:"GET,POST,PUT,PATCH,DELETE" default:"POST"`
	Headers      map[string]string `json:"headers,omitempty" doc:"At most 32, sent with each call. A value of *** keeps the stored one."`
	Timeout      *duration         `json:"timeout,omitempty" default:"30s" doc:"The whole exchange; 100ms–15m."`
	Retry        *retryIn          `json:"retry,omitempty"`
	MaxInFlight  *int              `json:"max_in_flight,omitempty" default:"100" doc:"Calls out at once; 1–10000."`
	RateLimit    *string           `json:"rate_limit,omitempty" example:"10/s" doc:"N/s, N/m or N/h; null is no limit."`
	Signing      *string           `json:"signing,omitempty" enum:"v1,v1a,both" default:"v1"`
	OnLost       *string           `json:"on_lost,omitempty" enum:"retry,fail" default:"retry"`
	OnGone       *string           `json:"on_gone,omitempty" enum:"pause,fail" default:"pause"`
	Capture      *captureIn        `json:"capture,omitempty"`
	Keep         *keepIn           `json:"keep,omitempty"`
	Description  *string           `json:"description,omitempty" doc:"At most 1000 characters."`
	Paused       *bool             `json:"paused,omitempty" doc:"Not given: stays as it is."`
	PausedReason *string           `json:"paused_reason,omitempty" doc:"Counts when the request pauses the target."`
	Secret       *string           `json:"secret,omitempty" doc:"whsec_ and the base64 of 24 to 64 bytes. Not given: stays as it is; a new target gets a random one."`
	Warnings     any               `json:"warnings,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	PausedAt     any               `json:"paused_at,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	CreatedAt    any               `json:"created_at,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	UpdatedAt    any               `json:"updated_at,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
}

// over is the target that in asks for: defaults, and of old what cannot be asked for. It is not validated, but for
// masked headers that have no value to keep.
func (in *targetIn) over(old models.Target, now time.Time) (models.Target, error) {
	t := models.DefaultTarget()
	t.ID, t.Version, t.CreatedAt, t.UpdatedAt = old.ID, old.Version, old.CreatedAt, old.UpdatedAt
	t.Name, t.URL = in.Name, in.URL
	given(&t.Method, in.Method)
	if in.Timeout != nil {
		t.Timeout = in.Timeout.value()
	}
	t.Retry = in.Retry.over().Over(t.Retry)
	given(&t.MaxInFlight, in.MaxInFlight)
	given(&t.RateLimit, in.RateLimit)
	given(&t.Signing, in.Signing)
	given(&t.OnLost, in.OnLost)
	given(&t.OnGone, in.OnGone)
	t.Capture = in.Capture.value()
	if in.Keep != nil {
		t.KeepSucceeded, t.KeepFailed = in.Keep.Succeeded.value(), in.Keep.Failed.value()
	}
	given(&t.Description, in.Description)
	t.PausedAt, t.PausedReason = paused(old.PausedAt, old.PausedReason, in.Paused, in.PausedReason, now)
	var err error
	t.Headers, err = unmask(in.Headers, old.Headers)
	return t, err
}

// checked is over, with everything that breaks a rule as Invalids.
func (in *targetIn) checked(old models.Target, now time.Time) (models.Target, error) {
	var bad faults
	t, err := in.over(old, now)
	bad.append(err)
	bad.append(t.Validate())
	bad.append(checkReason("paused_reason", in.PausedReason))
	if in.Secret != nil && *in.Secret != models.Masked {
		bad.append(checkSecret(*in.Secret))
	}
	return t, bad.orNil()
}

// paused is a pause after somebody asked for want: nil leaves it, and so does asking for what is so already.
func paused(at time.Time, reason string, want *bool, why *string, now time.Time) (time.Time, string) {
	switch {
	case want == nil || *want == !at.IsZero():
		return at, reason
	case !*want:
		return time.Time{}, ""
	}
	reason = ""
	given(&reason, why)
	return models.Stamp(now), reason
}

// unmask puts stored values back in the place of masks.
func unmask(asked map[string]string, stored models.Headers) (models.Headers, error) {
	headers := models.Headers(asked).Unmask(stored)
	if len(headers) < len(asked) {
		return nil, &models.Invalid{Field: "headers", Why: "must not name a header twice"}
	}
	for name, value := range headers {
		if value == models.Masked && models.SecretHeader(name) {
			return nil, &models.Invalid{Field: "headers." + name, Why: "has no stored value that *** could keep"}
		}
	}
	return headers, nil
}

func targetView(t *models.Target) targetOut {
	return targetOut{Name: t.Name, URL: t.URL, Method: t.Method, Headers: t.Headers.Mask(),
		Timeout: durationOf(t.Timeout), Retry: retryView(t.Retry), MaxInFlight: t.MaxInFlight,
		RateLimit: optional(t.RateLimit), Signing: t.Signing, OnLost: t.OnLost, OnGone: t.OnGone, Description: t.Description,
		Capture: captureView(t.Capture), Keep: keepOut{optionalDuration(t.KeepSucceeded), optionalDuration(t.KeepFailed)},
		Paused: t.Paused(), PausedAt: optionalMoment(t.PausedAt), PausedReason: t.PausedReason,
		CreatedAt: momentOf(t.CreatedAt), UpdatedAt: momentOf(t.UpdatedAt)}
}

func retryView(r models.Retry) retryOut {
	return retryOut{MaxAttempts: r.MaxAttempts, MinBackoff: durationOf(r.MinBackoff),
		MaxBackoff: durationOf(r.MaxBackoff), Factor: r.Factor, Jitter: r.Jitter, FailOn: append([]int{}, r.FailOn...)}
}
