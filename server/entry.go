package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// watched logs and counts every request, and keeps a panic from taking the server along.
func (s *Server) watched(c *gin.Context) {
	began := time.Now()
	defer func() {
		if cause := recover(); cause != nil {
			s.recovered(c, cause)
		}
		took := time.Since(began)
		s.metrics.request(c.Request.Method, c.FullPath(), c.Writer.Status(), took)
		s.logRequest(c, took)
	}()
	c.Next()
}

func (s *Server) recovered(c *gin.Context, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	s.log.Error("panic while answering", "method", c.Request.Method, "route", c.FullPath(), "cause", cause,
		"stack", string(debug.Stack()))
	c.Abort()
	if !c.Writer.Written() {
		refuse(c, newProblem(http.StatusInternalServerError, "This should not happen; the log says more."))
	}
}

// logRequest writes one line: success at debug, what the client did wrong at info, the rest as failureLevel has it.
// Queries are left out, for they may hold what does not belong into a log.
func (s *Server) logRequest(c *gin.Context, took time.Duration) {
	level := slog.LevelDebug
	switch status := c.Writer.Status(); {
	case status >= http.StatusInternalServerError:
		level = failureLevel(status)
	case status >= http.StatusBadRequest:
		level = slog.LevelInfo
	}
	ctx := c.Request.Context()
	if !s.log.Enabled(ctx, level) {
		return
	}
	s.log.LogAttrs(ctx, level, "request", slog.String("method", c.Request.Method),
		slog.String("path", c.Request.URL.Path), slog.Int("status", c.Writer.Status()),
		slog.Int("bytes", max(c.Writer.Size(), 0)), slog.Duration("took", took),
		slog.String("remote", c.Request.RemoteAddr))
}

// asJSON bounds the size of every body, and makes those of the API JSON, whatever their content type says.
func asJSON(limit int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := c.Request
		if r.ContentLength > limit {
			refuse(c, problemOf(&http.MaxBytesError{Limit: limit}))
			drain(c, r.Body)
			return
		}
		// An empty key would be no key: who sends one has lost it on the way, and its protection with it.
		if keys, sent := r.Header["Idempotency-Key"]; sent && (len(keys) != 1 || keys[0] == "") {
			refuse(c, newProblem(http.StatusUnprocessableEntity, detailInvalid,
				fault{"header.Idempotency-Key", "must be one key of 1 to 255 printable ASCII characters"}))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			if strings.HasPrefix(r.URL.Path, "/v1/") {
				r.Header["Content-Type"] = jsonType
			}
			whole := r.Body
			// Whoever reads it may close it too, but not for drain; the server closes it at the end.
			r.Body = http.MaxBytesReader(c.Writer, io.NopCloser(whole), limit)
			c.Next()
			drain(c, whole)
		}
	}
}

var jsonType = []string{"application/json"}

// unhurried lifts the deadlines of a connection, for an answer that may be long in coming.
func unhurried(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	// A writer that knows no deadlines, as in tests, has none to lift.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
}
