package server

import (
	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// captureOut is how much of a target's calls stays on record.
type captureOut struct {
	RequestBody   size     `json:"request_body" doc:"Of what was sent, with each attempt; 0B: none. The job has its payload anyway."`
	ResponseBody  *size    `json:"response_body" nullable:"true" doc:"Of the answer's body; null: as the server's --response-capture says."`
	RedactHeaders []string `json:"redact_headers" doc:"Headers recorded as ***, beside those that look like credentials."`
}

// captureIn is what is asked for.
type captureIn struct {
	RequestBody   *size     `json:"request_body,omitempty" default:"0B" doc:"At most 1MiB is kept of what was sent, with each attempt, test calls included; 0B: none. Once an attempt is on record a job's payload cannot change, so this differs from it only in being cut off."`
	ResponseBody  *size     `json:"response_body,omitempty" doc:"At most 1MiB is kept of an answer's body; null: as much as the server's --response-capture says."`
	RedactHeaders *[]string `json:"redact_headers,omitempty" doc:"Headers, sent or received, whose values are recorded as ***; at most 32."`
}

// TransformSchema lets each field be null, which is the same as not given.
func (captureIn) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return allNullable(s) }

func (in *captureIn) value() models.Capture {
	if in == nil {
		return models.Capture{}
	}
	c := models.Capture{RequestBody: in.RequestBody.value()}
	if in.ResponseBody != nil {
		c.ResponseBody = new(in.ResponseBody.value())
	}
	if in.RedactHeaders != nil {
		c.RedactHeaders = models.CanonicalNames(*in.RedactHeaders)
	}
	return c
}

func captureView(c models.Capture) captureOut {
	out := captureOut{RequestBody: sizeOf(c.RequestBody), RedactHeaders: append([]string{}, c.RedactHeaders...)}
	if c.ResponseBody != nil {
		out.ResponseBody = new(sizeOf(*c.ResponseBody))
	}
	return out
}

// keepOut is how long a target's ended jobs are kept.
type keepOut struct {
	Succeeded *duration `json:"succeeded" nullable:"true" doc:"Succeeded and canceled ones; null: as the server's --retention says."`
	Failed    *duration `json:"failed" nullable:"true" doc:"null: as the server's --retention-failed says."`
}

// keepIn is what is asked for.
type keepIn struct {
	Succeeded *duration `json:"succeeded,omitempty" doc:"1m–3660d for succeeded and canceled jobs; null: as the server's --retention says."`
	Failed    *duration `json:"failed,omitempty" doc:"1m–3660d for failed jobs; null: as the server's --retention-failed says."`
}

// TransformSchema lets each field be null, which is the same as not given.
func (keepIn) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return allNullable(s) }

// allNullable lets each field of an object be null.
func allNullable(s *huma.Schema) *huma.Schema {
	for name, p := range s.Properties {
		s.Properties[name] = nullable(p)
	}
	return s
}
