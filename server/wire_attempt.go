package server

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// attemptOut is an attempt as the API shows it.
type attemptOut struct {
	ID         string           `json:"id" example:"att_01kcr3x5zb4h8v1s2q7n0m6dpc"`
	JobID      *string          `json:"job_id" doc:"null for a test call."`
	Target     string           `json:"target" example:"billing"`
	Number     int              `json:"number" doc:"Counts all attempts of the job, without gaps; 0 for a test call."`
	Outcome    string           `json:"outcome" enum:"running,succeeded,retryable,failed,canceled,interrupted,lost"`
	StatusCode *int             `json:"status_code" doc:"null when no answer came."`
	Error      *attemptError    `json:"error"`
	RetryAt    *moment          `json:"retry_at" nullable:"true" doc:"When the next attempt is due."`
	StartedAt  moment           `json:"started_at"`
	DurationMS *float64         `json:"duration_ms" doc:"null while the call is out, and when it was lost."`
	Node       string           `json:"node"`
	Timing     callTimingOut    `json:"timing"`
	Request    callRequestOut   `json:"request"`
	Response   *callResponseOut `json:"response" doc:"null when no answer came."`
}

// TransformSchema lets null be where no error or no answer is.
func (attemptOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "error", "response")
}

// attemptError says why a call did not succeed.
type attemptError struct {
	Kind    string `json:"kind" enum:"timeout,dns,connect,tls,blocked,protocol,read,status"`
	Message string `json:"message"`
}

// callTimingOut is where the time of a call went.
type callTimingOut struct {
	DNS       float64 `json:"dns_ms"`
	Connect   float64 `json:"connect_ms"`
	TLS       float64 `json:"tls_ms"`
	FirstByte float64 `json:"first_byte_ms"`
}

// callRequestOut is what was sent.
type callRequestOut struct {
	Method  string          `json:"method"`
	URL     string          `json:"url"`
	Headers json.RawMessage `json:"headers"`

	Body      *string `json:"body" nullable:"true" doc:"As text, if the target's capture wants it kept; else null."`
	Truncated bool    `json:"body_truncated"`
}

// TransformSchema says that headers are an object of strings.
func (callRequestOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withHeaders(s)
}

// callResponseOut is what came back.
type callResponseOut struct {
	Headers   json.RawMessage `json:"headers"`
	Body      string          `json:"body" doc:"As text: bytes that are not UTF-8 are replaced."`
	Truncated bool            `json:"body_truncated"`
}

// TransformSchema says that headers are an object of strings.
func (callResponseOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return withHeaders(s)
}

func withHeaders(s *huma.Schema) *huma.Schema {
	s.Properties["headers"] = &huma.Schema{Type: huma.TypeObject,
		AdditionalProperties: &huma.Schema{Type: huma.TypeString}}
	return s
}

func attemptView(a *models.Attempt) attemptOut {
	out := attemptOut{ID: a.ID, JobID: optional(a.JobID), Target: a.Target, Number: a.Number,
		Outcome: string(a.Outcome), StatusCode: statusOf(a), Error: attemptErrView(a),
		RetryAt: optionalMoment(a.RetryAt), StartedAt: momentOf(a.StartedAt), DurationMS: durationMS(a), Node: a.Node,
		Timing:  callTimingOut{ms(a.DNS), ms(a.Connect), ms(a.TLS), ms(a.FirstByte)},
		Request: callRequestOut{Method: a.Method, URL: a.URL, Headers: orNoHeaders(a.ReqHeaders), Truncated: a.ReqTruncated}}
	if len(a.ReqBody) > 0 {
		out.Request.Body = new(strings.ToValidUTF8(string(a.ReqBody), "\uFFFD"))
	}
	if a.StatusCode != 0 {
		out.Response = &callResponseOut{orNoHeaders(a.RespHeaders), strings.ToValidUTF8(string(a.RespBody), "\uFFFD"), a.Truncated}
	}
	return out
}

func orNoHeaders(headers json.RawMessage) json.RawMessage {
	if len(headers) == 0 {
		return json.RawMessage("{}")
	}
	return headers
}

func statusOf(a *models.Attempt) *int {
	if a.StatusCode == 0 {
		return nil
	}
	return &a.StatusCode
}

func attemptErrView(a *models.Attempt) *attemptError {
	if a.ErrorKind == "" {
		return nil
	}
	return &attemptError{a.ErrorKind, a.ErrorMessage}
}

// durationMS is nil where the length of a call is not known.
func durationMS(a *models.Attempt) *float64 {
	if a.Outcome == models.Calling || a.Outcome == models.Lost {
		return nil
	}
	return new(ms(a.Duration))
}

// ms is d in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
