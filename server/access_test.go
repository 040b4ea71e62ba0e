package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// Who may: with the key alone, everybody, or whoever wants to sign in.
const (
	key   = "key"
	noKey = "noKey"
)

// access is the table of who may what. A route that is not in it fails the test.
var access = map[string]string{
	"POST /v1/targets": key, "GET /v1/targets": key, "GET /v1/targets/:name": key, "PUT /v1/targets/:name": key,
	"PATCH /v1/targets/:name": key, "DELETE /v1/targets/:name": key, "POST /v1/targets/:name/pause": key,
	"POST /v1/targets/:name/resume": key, "POST /v1/targets/:name/test": key, "POST /v1/targets/:name/rotate-secret": key,
	"GET /v1/targets/:name/secret": key, "GET /v1/targets/:name/keys": key,

	"POST /v1/jobs": key, "POST /v1/jobs/batch": key, "GET /v1/jobs": key, "GET /v1/jobs/:id": key, "PATCH /v1/jobs/:id": key,
	"DELETE /v1/jobs/:id": key, "GET /v1/jobs/:id/attempts": key, "POST /v1/jobs/:id/cancel": key, "POST /v1/jobs/:id/retry": key,
	"POST /v1/jobs/:id/run": key, "POST /v1/jobs/:id/rerun": key,

	"POST /v1/schedules": key, "POST /v1/schedules/preview": key, "GET /v1/schedules": key, "GET /v1/schedules/:name": key,
	"PUT /v1/schedules/:name": key, "PATCH /v1/schedules/:name": key, "DELETE /v1/schedules/:name": key,
	"POST /v1/schedules/:name/pause": key, "POST /v1/schedules/:name/resume": key, "POST /v1/schedules/:name/trigger": key,
	"POST /v1/schedules/:name/backfill": key, "GET /v1/schedules/:name/occurrences": key,

	"GET /v1/attempts": key, "GET /v1/attempts/:id": key, "GET /v1/events": key, "GET /v1/stats": key,
	"GET /healthz": noKey, "GET /readyz": noKey, "GET /metrics": key, "GET /openapi.json": key, "GET /docs": key, "GET /docs/*asset": key,

	"GET /": key, "GET /find": key, "POST /theme": key, "POST /clock": key, "GET /jobs": key, "GET /jobs/new": key, "POST /jobs/new": key,
	"GET /jobs/:id": key, "POST /jobs/many": key, "GET /jobs/:id/rerun": key, "POST /jobs/:id/:action": key, "GET /targets": key, "GET /targets/new": key, "POST /targets/new": key,
	"GET /targets/:name": key, "GET /targets/:name/edit": key, "POST /targets/:name/:action": key, "GET /schedules": key,
	"GET /schedules/new": key, "POST /schedules/new": key, "GET /schedules/:name": key, "GET /schedules/:name/edit": key,
	"POST /schedules/many": key, "POST /schedules/:name/:action": key, "GET /attempts": key, "GET /attempts/:id": key,
	"GET /system": key, "GET /assets/*file": noKey, "GET /login": noKey, "POST /login": noKey, "POST /logout": noKey,
}

// concrete is a path of a route.
func concrete(route gin.RouteInfo) string {
	return strings.NewReplacer(":name", "billing", ":id", "job_x", ":action", "x", "*asset", "x", "*file", "x").Replace(route.Path)
}

func TestAccess(t *testing.T) {
	const secret = "pk_the-key"
	h := open(t, func(c *Config) { c.Dev, c.AdminKey = false, secret })
	close(h.server.closing) // so that streams end
	h.header.Del("Authorization")
	for _, route := range h.server.router.Routes() {
		row, isKnown := access[route.Method+" "+route.Path]
		if !isKnown {
			t.Errorf("%s %s has no row in the table of who may", route.Method, route.Path)
			continue
		}
		path := concrete(route)
		for authorization, isKey := range map[string]bool{"": false, "Bearer wrong": false, "Basic " + secret: false, "Bearer": false,
			secret: false, "Bearer " + secret + "x": false, "Bearer " + secret: true, "bearer " + secret: true} {
			w := h.raw(route.Method, path, nil, "Authorization", authorization)
			refused := w.Code == http.StatusUnauthorized
			if refused == (isKey || row == noKey) {
				t.Errorf("%s %s with %q: %d", route.Method, path, authorization, w.Code)
			}
			if refused && w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: 401 without WWW-Authenticate", route.Method, path)
			}
		}
		if w := h.raw(route.Method, path, nil, "Authorization", "Bearer "+secret, "Sec-Fetch-Site", "cross-site"); (w.Code == http.StatusForbidden) != (route.Method != "GET") {
			t.Errorf("%s %s from another site: %d", route.Method, path, w.Code)
		}
	}
	if w := h.raw("GET", "/v1/nothing", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("without a key, what is not there shows as %d", w.Code)
	}
}

func TestHosts(t *testing.T) {
	h := open(t)
	for host, want := range map[string]int{"localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200, "127.0.0.1:1": 200, "[::1]": 200,
		"[::1]:8080": 200, "evil.example.com": 421, "localhost.evil.example.com": 421, "127.0.0.1.nip.io:8080": 421, "": 421,
		"127.0.0.2": 421, "::1]": 421} {
		for _, path := range []string{"/healthz", "/v1/jobs", "/nothing"} {
			w := h.raw("GET", path, nil, "Host", host)
			if (w.Code == 421) != (want == 421) {
				t.Errorf("%s on %q: %d", path, host, w.Code)
			}
		}
	}
	// Where keys are needed, names do not matter.
	h = open(t, func(c *Config) { c.Dev, c.AdminKey = false, "k" })
	h.do(200, "GET", "/v1/jobs", "", "Host", "punctual.example.com")
}

func TestSameSite(t *testing.T) {
	h := open(t)
	h.target("billing")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example.com"}, {"Origin", "null"}} {
		h.do(403, "POST", "/v1/targets/billing/pause", ``, header...)
	}
	for _, header := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", "http://localhost"}, nil} {
		h.do(200, "POST", "/v1/targets/billing/pause", ``, header...)
	}
}

// Each path answers to other methods with 405 and the ones that it takes.
func TestMethods(t *testing.T) {
	h := open(t)
	allowed := map[string][]string{}
	for _, route := range h.server.router.Routes() {
		allowed[concrete(route)] = append(allowed[concrete(route)], route.Method)
	}
	for path, methods := range allowed {
		w := h.raw("TRACE", path, nil)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("TRACE %s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		for _, method := range methods {
			if !strings.Contains(w.Header().Get("Allow"), method) {
				t.Errorf("%s: Allow is %q, without %s", path, w.Header().Get("Allow"), method)
			}
		}
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		if w := h.raw(method, "/v1/jobs/batch", nil); w.Code != 405 || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s /v1/jobs/batch: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v1/jobs/", "/v1//jobs", "/v1/jobs/x/nothing", "/V1/jobs"} {
		if w := h.raw("GET", path, nil); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/v1/jobs": 200, "/v1/jobs/x": 404, "/v1/events": 405} {
		if w := h.raw("HEAD", path, nil); w.Code != want {
			t.Errorf("HEAD %s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxRequest = 1000 })
	h.target("billing", `,"paused":true`)
	large := `{"target":"billing","payload":"` + strings.Repeat("x", 1000) + `"}`
	h.do(413, "POST", "/v1/jobs", large)
	// Without a length the limit is found only while reading.
	r := httptest.NewRequest("POST", "http://localhost/v1/jobs", io.MultiReader(strings.NewReader(large)))
	w := httptest.NewRecorder()
	if h.server.Handler().ServeHTTP(w, r); r.ContentLength >= 0 || w.Code != 413 {
		t.Errorf("length %d: %d %s", r.ContentLength, w.Code, w.Body)
	}
	exact := strings.Replace(large, strings.Repeat("x", len(large)-1000), "", 1)
	if len(exact) != 1000 {
		t.Fatal(len(exact))
	}
	h.do(201, "POST", "/v1/jobs", exact)
}

func TestSecureHeaders(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/v1/jobs", "/v1/nothing", "/healthz", "/docs", "/metrics"} {
		got := h.raw("GET", path, nil).Header()
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.Get(name))
			}
		}
		if !strings.HasPrefix(got.Get("Content-Security-Policy"), "default-src 'none'") || got.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestKeyIsNeeded(t *testing.T) {
	if _, err := New(Config{}, nil, nil); err == nil {
		t.Error("a server that is open to all")
	}
}
