package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/dispatcher"
	"punctual/models"
)

func TestProblemOf(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		where  string
	}{
		{models.ErrNotFound, 404, ""},
		{fmt.Errorf("read: %w", models.ErrNotFound), 404, ""},
		{&models.Conflict{Why: "Not now."}, 409, ""},
		{&models.Invalid{Field: "retry.factor", Why: "w"}, 422, "body.retry.factor"},
		{&models.Invalid{Field: "cursor", Why: "w"}, 422, "query.cursor"},
		{&models.Invalid{Field: "Idempotency-Key", Why: "w"}, 422, "header.Idempotency-Key"},
		{fmt.Errorf("create: %w", models.Invalids{{Field: "url", Why: "w"}}), 422, "body.url"},
		{fmt.Errorf("write: %w", models.ErrBusy), 503, ""},
		{models.ErrClosed, 503, ""},
		{context.DeadlineExceeded, 503, ""},
		{errors.New("disk full"), 503, ""},
		{&http.MaxBytesError{Limit: 1}, 413, ""},
		{newProblem(418, "As it is."), 418, ""},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || c.where != "" && p.Errors[0].Location != c.where {
			t.Errorf("%v: %d %v", c.err, p.Status, p.Errors)
		}
		if p.Type == "" || p.Title == "" && c.status != 418 || p.Detail == "" || strings.Contains(p.Detail, "disk") {
			t.Errorf("%v: %+v", c.err, p)
		}
		if (p.GetHeaders().Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%v: headers %v", c.err, p.GetHeaders())
		}
	}
}

func TestHealth(t *testing.T) {
	h := open(t)
	h.do(200, "GET", "/healthz", ``).is("status", `"ok"`)
	for h.engine.Ready() != nil {
	}
	h.do(200, "GET", "/readyz", ``).is("status", `"ready"`)

	// A dispatcher that does not run.
	idle, err := New(Config{Dev: true}, h.store, dispatcher.New(dispatcher.Config{}, h.store, h.sender))
	if err != nil {
		t.Fatal(err)
	}
	working := h.server
	h.server = idle
	if p := h.do(503, "GET", "/readyz", ``); p.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	h.do(200, "GET", "/healthz", ``)
	h.server = working
}

// With the book gone, everything that needs it says so, and health does not.
func TestBookIsAway(t *testing.T) {
	h := open(t)
	h.target("billing")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"GET /readyz", "GET /v1/jobs", "GET /v1/targets/billing", "POST /v1/jobs", "POST /v1/jobs/x/cancel"} {
		method, at, _ := strings.Cut(path, " ")
		body := ""
		if at == "/v1/jobs" && method == "POST" {
			body = `{"target":"billing"}`
		}
		if p := h.do(503, method, at, body); p.header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", path)
		}
	}
	h.do(200, "GET", "/healthz", ``)
}

func TestMetrics(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.ended(h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id"))
	h.do(404, "GET", "/v1/nothing-like-it", ``)
	got := ""
	for range 1000 { // the call is let go of a moment after its end is on record
		if got = h.raw("GET", "/metrics", nil).Body.String(); strings.Contains(got, "\npunctual_calls_in_flight 0") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, line := range []string{
		`punctual_http_requests_total{method="POST",route="/v1/jobs",status="201"} 1`,
		`punctual_http_requests_total{method="any",route="none",status="404"} 1`,
		`punctual_http_request_duration_seconds_count{route="/v1/targets"} 1`,
		"punctual_attempts_total 1", "punctual_claims_orphaned_total 0", "punctual_calls_in_flight 0", "punctual_call_slots 4096", "go_goroutines ",
	} {
		if !strings.Contains(got, "\n"+line) {
			t.Errorf("no %s", line)
		}
	}
}

func TestDocs(t *testing.T) {
	h := open(t)
	page := h.raw("GET", "/docs", nil)
	text := page.Body.String()
	if page.Code != 200 || !strings.Contains(text, "/openapi.json") || strings.Contains(text, `="http`) ||
		!strings.Contains(text, "validatorUrl: null") {
		t.Errorf("%d %s", page.Code, text)
	}
	for _, asset := range []string{"/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"} {
		if !strings.Contains(text, asset) {
			t.Errorf("the page has no %s", asset)
		}
		if w := h.raw("GET", asset, nil, "Accept-Encoding", "gzip, br"); w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: %d", asset, w.Code)
		}
	}
}

func TestPanic(t *testing.T) {
	var log strings.Builder
	h := open(t, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	h.server.router.GET("/panic", func(*gin.Context) { panic("secret of the house") })
	w := h.raw("GET", "/panic", nil)
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.raw("GET", "/healthz?token=hidden", nil)
	if got := log.String(); !strings.Contains(got, "secret of the house") || !strings.Contains(got, "path=/healthz") || strings.Contains(got, "hidden") {
		t.Error(got)
	}
}

func TestRunFails(t *testing.T) {
	h := open(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := h.server.Run(t.Context(), ln); err == nil {
		t.Error("served on a closed listener")
	}
}
