package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/gin-gonic/gin"

	"punctual/models"
)

// problem is an answer that says what went wrong, as RFC 9457 has it. It never holds a value it refuses.
type problem struct {
	Type   string  `json:"type" doc:"Always about:blank: the status says what kind of problem it is."`
	Title  string  `json:"title" example:"Unprocessable Entity"`
	Status int     `json:"status" example:"422"`
	Detail string  `json:"detail" example:"The request breaks a rule."`
	Errors []fault `json:"errors,omitempty" doc:"What is wrong with the request, one by one."`

	retryAfter int   // seconds; 0: not said
	cause      error // for the log only
}

// fault is one thing that is wrong with a request.
type fault struct {
	Location string `json:"location" example:"body.run_at" doc:"Where, as a path from body, query, path or header."`
	Message  string `json:"message" example:"must be less than 100 years ahead" doc:"What would be right."`
}

func newProblem(status int, detail string, faults ...fault) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Errors: faults}
}

// Error gives the detail and where.
func (p *problem) Error() string {
	text := p.Detail
	for _, f := range p.Errors {
		text += " " + f.Location + " " + f.Message + "."
	}
	return text
}

// Unwrap gives what caused it, nil for most.
func (p *problem) Unwrap() error { return p.cause }

// GetStatus is the answer's status.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders are the answer's own headers.
func (p *problem) GetHeaders() http.Header {
	if p.retryAfter == 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(p.retryAfter)}}
}

// ContentType is the media type of problems.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// Details that are the same wherever they are said.
const (
	detailInvalid   = "The request breaks a rule."
	detailMalformed = "The request cannot be read."
	detailTooLarge  = "The request is too large."
)

// problemOf is the one table from errors to answers.
func problemOf(err error) *problem {
	var (
		known    *problem
		many     models.Invalids
		one      *models.Invalid
		conflict *models.Conflict
		large    *http.MaxBytesError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &many):
		return invalid(many...)
	case errors.As(err, &one):
		return invalid(one)
	case errors.As(err, &conflict):
		return newProblem(http.StatusConflict, sentence(conflict.Why))
	case errors.Is(err, models.ErrNotFound):
		return newProblem(http.StatusNotFound, "There is nothing of this name or id.")
	case errors.As(err, &large):
		return newProblem(http.StatusRequestEntityTooLarge, "The request is too large: a body may have "+models.FormatSize(large.Limit)+".")
	case errors.Is(err, models.ErrBusy):
		return unavailable("More is waiting to be written than the database keeps up with.", err)
	}
	// Everything else that comes out of the book means that it is in trouble, and that trying again makes sense.
	return unavailable("The database does not answer.", err)
}

func unavailable(detail string, cause error) *problem {
	p := newProblem(http.StatusServiceUnavailable, detail)
	p.retryAfter, p.cause = 1, cause
	return p
}

func invalid(all ...*models.Invalid) *problem {
	faults := make([]fault, len(all))
	for i, one := range all {
		faults[i] = fault{location(one.Field), one.Why}
	}
	return newProblem(http.StatusUnprocessableEntity, detailInvalid, faults...)
}

// location is where a field of models stands in a request.
func location(field string) string {
	switch field {
	case "Idempotency-Key":
		return "header." + field
	case "cursor":
		return "query." + field
	case "":
		return "body"
	}
	return "body." + field
}

func invalidQuery(name, why string) *problem {
	return newProblem(http.StatusUnprocessableEntity, detailInvalid, fault{"query." + name, why})
}

// The framework makes its own errors by this function, which is a variable of its package.
func init() {
	huma.NewError = humaError
	huma.DefaultArrayNullable = false
	validation.MsgExpectedOneOf = "must be one of %s"
	validation.MsgExpectedMinimumNumber = "must be at least %v"
	validation.MsgExpectedMaximumNumber = "must be at most %v"
	validation.MsgExpectedRFC3339DateTime = "must be a time such as 2026-12-06T09:00:00Z"
}

// humaWords are the framework's complaints about parameters that are not of its variables, in our words.
var humaWords = map[string]string{
	"invalid integer":         "must be a whole number",
	"invalid boolean":         "must be true or false",
	"unknown query parameter": unknownQuery,
}

// unknownQuery is what a query is told of a parameter that its path does not take.
const unknownQuery = "is not a parameter of this path"

// humaError turns what huma has found into a problem, and leaves out the values that it adds.
func humaError(status int, message string, errs ...error) huma.StatusError {
	p := newProblem(status, sentence(message))
	if status == http.StatusUnprocessableEntity {
		p.Detail = detailInvalid
	}
	for _, err := range errs {
		var known *problem
		var detail *huma.ErrorDetail
		switch {
		case errors.As(err, &known): // from read: its status is the right one
			known.Errors = append(p.Errors, known.Errors...)
			p = known
		case errors.As(err, &detail):
			p.Errors = append(p.Errors, fault{cmp.Or(detail.Location, "body"), cmp.Or(humaWords[detail.Message], detail.Message)})
		case status == http.StatusInternalServerError:
			return readProblem(err)
		}
	}
	return p
}

// readProblem says why a request's body could not be read to its end.
func readProblem(err error) *problem {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return problemOf(err)
	}
	p := newProblem(http.StatusBadRequest, detailMalformed, fault{"body", "must be complete"})
	p.cause = err
	return p
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// refuse ends a request with a problem before it has reached a handler.
func refuse(c *gin.Context, p *problem) {
	for name, values := range p.GetHeaders() {
		c.Header(name, values[0])
	}
	c.Header("Content-Type", p.ContentType(""))
	c.Abort()
	c.Status(p.Status)
	// The client may have gone; then nobody is left to be told.
	_ = jsonFormat.Marshal(c.Writer, p)
}

// failureLevel is how loudly the log tells of what is no fault of the client's: a server that is starting, full or
// without its database says so with each answer, and need not wake anybody each time.
func failureLevel(status int) slog.Level {
	if status == http.StatusServiceUnavailable {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// fail is what a handler's error becomes. What is no fault of the client's is logged.
func (s *Server) fail(ctx context.Context, err error) error {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		s.log.LogAttrs(ctx, failureLevel(p.Status), "request failed", slog.Int("status", p.Status), slog.Any("error", err))
	}
	return p
}
