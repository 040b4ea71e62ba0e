package server

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// access is the table of who may what, written down a second time: a route that is not in it fails the test. Behind the
// route stand the least scope, and what a key that is bound to targets finds there: "own" things only, a "part" of
// what others see, or "none": the route is not for it.
const access = `
POST   /v1/targets                      admin part
GET    /v1/targets                      read  part
GET    /v1/targets/:name                read  own
PUT    /v1/targets/:name                admin own
PATCH  /v1/targets/:name                admin own
DELETE /v1/targets/:name                admin own
POST   /v1/targets/:name/pause          admin own
POST   /v1/targets/:name/resume         admin own
POST   /v1/targets/:name/test           admin own
POST   /v1/targets/:name/rotate-secret  admin own
GET    /v1/targets/:name/secret         admin own
GET    /v1/targets/:name/keys           read  own
POST   /v1/jobs                         write part
POST   /v1/jobs/batch                   write part
GET    /v1/jobs                         read  part
GET    /v1/jobs/export                  read  part
GET    /v1/jobs/:id                     read  own
PATCH  /v1/jobs/:id                     write own
DELETE /v1/jobs/:id                     write own
GET    /v1/jobs/:id/attempts            read  own
POST   /v1/jobs/:id/cancel              write own
POST   /v1/jobs/:id/retry               write own
POST   /v1/jobs/:id/run                 write own
POST   /v1/jobs/:id/rerun               write own
POST   /v1/schedules                    write part
POST   /v1/schedules/preview            read  part
GET    /v1/schedules                    read  part
GET    /v1/schedules/:name              read  own
PUT    /v1/schedules/:name              write own
PATCH  /v1/schedules/:name              write own
DELETE /v1/schedules/:name              write own
POST   /v1/schedules/:name/pause        write own
POST   /v1/schedules/:name/resume       write own
POST   /v1/schedules/:name/trigger      write own
POST   /v1/schedules/:name/backfill     read  own
GET    /v1/schedules/:name/occurrences  read  own
POST   /v1/operations                   read  part
GET    /v1/operations                   read  part
GET    /v1/operations/:id               read  own
POST   /v1/operations/:id/cancel        write own
GET    /v1/attempts                     read  part
GET    /v1/attempts/:id                 read  own
GET    /v1/events                       read  part
GET    /v1/stats                        read  part
GET    /v1/upcoming                     read  part
GET    /v1/nodes                        read  none
POST   /v1/keys                         admin none
GET    /v1/keys                         admin none
DELETE /v1/keys/:name                   admin none
GET    /v1/audit                        admin none
GET    /healthz                         all   part
GET    /readyz                          all   part
GET    /metrics                         read  none
GET    /openapi.json                    read  part
GET    /docs                            read  part
GET    /docs/*asset                     read  part
GET    /                                read  part
GET    /find                            read  part
POST   /theme                           read  part
POST   /clock                           read  part
GET    /system                          read  none
GET    /keys                            admin none
POST   /keys                            admin none
POST   /keys/:name/revoke               admin none
GET    /audit                           admin none
GET    /assets/*file                    all   part
GET    /login                           all   part
POST   /login                           all   part
POST   /logout                          all   part
GET    /jobs                            read  part
GET    /jobs/new                        write part
POST   /jobs/new                        write part
GET    /jobs/:id                        read  own
GET    /jobs/:id/rerun                  write own
GET    /jobs/many                       write part
POST   /jobs/many                       write part
GET    /operations                      read  part
POST   /operations                      write part
GET    /operations/:id                  read  own
POST   /operations/:id/cancel           write own
POST   /jobs/:id/:action                write own
GET    /targets                         read  part
GET    /targets/new                     admin part
POST   /targets/new                     admin part
GET    /targets/:name                   read  own
GET    /targets/:name/edit              admin own
POST   /targets/:name/:action           admin own
GET    /schedules                       read  part
GET    /schedules/new                   write part
POST   /schedules/new                   write part
GET    /schedules/:name                 read  own
GET    /schedules/:name/edit            write own
POST   /schedules/many                  write part
POST   /schedules/:name/:action         write own
GET    /attempts                        read  part
GET    /attempts/:id                    read  own
`

// accessRow is a row of the table.
type accessRow struct{ method, path, scope, bound string }

func accessRows(t *testing.T, h *house) (rows []accessRow) {
	known := map[string]accessRow{}
	for line := range strings.Lines(access) {
		if f := strings.Fields(line); len(f) == 4 {
			known[f[0]+" "+f[1]] = accessRow{f[0], f[1], f[2], f[3]}
		}
	}
	for _, route := range h.server.router.Routes() {
		row, isKnown := known[route.Method+" "+route.Path]
		if !isKnown {
			t.Errorf("%s %s has no row in the table of who may", route.Method, route.Path)
			continue
		}
		rows = append(rows, row)
	}
	// What deletes comes last.
	slices.SortStableFunc(rows, func(a, b accessRow) int {
		return cmp.Compare(strings.Count(a.method, "DELETE"), strings.Count(b.method, "DELETE"))
	})
	return rows
}

// estate is everything that belongs to one target.
type estate struct{ target, schedule, job, attempt, operation string }

// estate makes a paused target with a job, a schedule and an attempt.
func (h *house) estate(name string) estate {
	h.t.Helper()
	h.target(name, `,"paused":true`)
	job := h.do(201, "POST", "/v1/jobs", `{"target":"`+name+`","delay":"1h"}`).text("id")
	h.do(201, "POST", "/v1/schedules", `{"name":"of-`+name+`","target":"`+name+`","cron":"0 0 1 1 *"}`)
	attempt := h.do(200, "POST", "/v1/targets/"+name+"/test", "").text("id")
	operation := h.do(202, "POST", "/v1/operations", `{"action":"retry","filter":{"target":"`+name+`"}}`).text("id")
	return estate{name, "of-" + name, job, attempt, operation}
}

// concrete is the path of a row, among the things of e.
func (e estate) concrete(path string) string {
	name, id := e.target, e.job
	if strings.Contains(path, "/schedules/:name") {
		name = e.schedule
	}
	if strings.Contains(path, "/attempts/:id") {
		id = e.attempt
	}
	if strings.Contains(path, "/operations/:id") {
		id = e.operation
	}
	action := map[bool]string{true: "run", false: "resume"}[strings.Contains(path, "jobs")]
	return strings.NewReplacer(":name", name, ":id", id, ":action", action, "*asset", "x", "*file", "x").Replace(path)
}

// key makes a key and gives its text.
func (h *house) key(name, scope string, more ...string) string {
	h.t.Helper()
	return h.do(201, "POST", "/v1/keys", `{"name":"`+name+`","scope":"`+scope+`"`+strings.Join(more, "")+`}`).text("key")
}

// session signs in with a key.
func (h *house) session(key string) (cookie string) {
	h.t.Helper()
	w := h.raw("POST", "/login", []byte("key="+key), "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
	for _, c := range w.Result().Cookies() {
		if c.Name == sessionCookie {
			return sessionCookie + "=" + c.Value
		}
	}
	h.t.Fatalf("no session: %d %s", w.Code, w.Body)
	return ""
}

// in stands for every status of a request that was let in.
const in = 0

func TestAccess(t *testing.T) {
	const boot = "correct-horse"
	h := open(t, func(c *Config) { c.Dev, c.AdminKey = false, boot })
	mine, theirs := h.estate("mine"), h.estate("theirs")
	read, write, admin := h.key("r", "read"), h.key("w", "write"), h.key("a", "admin")
	bound := h.key("b", "admin", `,"targets":["mine","nowhere"]`)
	boundRead := h.key("br", "read", `,"targets":["mine"]`)
	revoked := h.key("gone", "admin")
	h.do(204, "DELETE", "/v1/keys/gone", "")
	close(h.server.closing) // so that streams end

	scopes := map[string]int{"all": 0, "read": 1, "write": 2, "admin": 3}
	for _, row := range accessRows(t, h) {
		cookie := h.session(write) // a new one, because one of the routes ends it
		byScope := func(has string) int {
			if scopes[has] >= scopes[row.scope] {
				return in
			}
			return 403
		}
		unless := func(open bool, status int) int {
			if open {
				return in
			}
			return status
		}
		all, isRead, isAPI := row.scope == "all", row.method == "GET", strings.HasPrefix(row.path, "/v1/")
		boundAt := map[string]int{"own": 404, "part": in, "none": 403}[row.bound]
		for _, c := range []struct {
			who    string
			of     estate
			want   int
			header []string
		}{
			{"nobody", mine, unless(all, 401), nil},
			{"a key that is none", mine, unless(all, 401), []string{"Authorization", "Bearer wrong"}},
			{"a key with a typo", mine, unless(all, 401), []string{"Authorization", "Bearer " + admin[:38] + "_"}},
			{"a key by another scheme", mine, unless(all, 401), []string{"Authorization", "Basic " + admin}},
			{"a revoked key", mine, unless(all, 401), []string{"Authorization", "Bearer " + revoked}},
			{"the admin key of the start", mine, in, []string{"Authorization", "bearer " + boot}},
			{"read", mine, byScope("read"), []string{"Authorization", "Bearer " + read}},
			{"write", mine, byScope("write"), []string{"Authorization", "Bearer " + write}},
			{"admin", mine, in, []string{"Authorization", "Bearer " + admin}},
			{"bound, to its own", mine, unless(row.bound != "none", 403), []string{"Authorization", "Bearer " + bound}},
			{"bound, to others", theirs, unless(all, boundAt), []string{"Authorization", "Bearer " + bound}},
			{"bound and read", mine, max(byScope("read"), unless(row.bound != "none", 403)), []string{"Authorization", "Bearer " + boundRead}},
			{"a session", mine, byScope("write"), []string{"Cookie", cookie, "Content-Type", "application/json; charset=utf-8"}},
			{"a session's form", mine, max(byScope("write"), unless(!isAPI || isRead || byScope("write") != in, 415)),
				[]string{"Cookie", cookie, "Content-Type", "text/plain"}},
			{"another site's script", mine, 403, []string{"Authorization", "Bearer " + admin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
			{"another site's frame", mine, 403, []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}},
			{"another port of this host", mine, 403, []string{"Cookie", cookie, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}},
			{"a link on another site", mine, max(byScope("write"), unless(isRead, 403)), []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site",
				"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}},
		} {
			h.server.guesses.wrongs = nil
			h.visit(row, c.who, c.of, c.want, c.header)
		}
	}
	for _, path := range []string{"/v1/nothing", "/nothing"} {
		if w := h.raw("GET", path, nil, "Authorization", ""); w.Code != 401 {
			t.Errorf("without a key, what is not there shows as %d", w.Code)
		}
	}
}

// visit makes the request of one cell of the table.
func (h *house) visit(row accessRow, who string, of estate, want int, header []string) {
	h.t.Helper()
	if row.method == "DELETE" {
		of.job = h.do(201, "POST", "/v1/jobs", `{"target":"`+of.target+`","delay":"1h"}`).text("id")
		h.raw("PUT", "/v1/schedules/"+of.schedule, []byte(`{"target":"`+of.target+`","cron":"0 0 1 1 *"}`))
	}
	at := of.concrete(row.path)
	body := []byte(nil)
	if row.method != "GET" {
		body = []byte("{}")
	}
	w := h.raw(row.method, at, body, append([]string{"Authorization", ""}, header...)...)
	refused := w.Code == 401 || w.Code == 403 || w.Code == 415
	// Whoever is let in may find nothing there, but not so with things that are there.
	if row.bound == "own" && w.Code == 404 {
		refused = true
	}
	if row.path == "/login" && w.Code == 403 {
		refused = want == 403 // with a form without a key
	}
	if want != w.Code && (want != in || refused) {
		h.t.Errorf("%s %s for %s: %d, want %d (0: in): %.200s", row.method, at, who, w.Code, want, w.Body)
	}
	if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
		h.t.Errorf("%s %s: 401 without WWW-Authenticate", row.method, at)
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

// Every path refuses parameters that it does not know.
func TestUnknownQuery(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/v1/jobs", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"} {
		if w := h.raw("GET", path+"?what=1", nil); w.Code != 422 ||
			!strings.Contains(w.Body.String(), `[{"location":"query.what","message":"is not a parameter of this path"}]`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w := h.raw("GET", path+"?what=%zz", nil); w.Code != 400 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Each path answers to other methods with 405 and the ones that it takes.
func TestMethods(t *testing.T) {
	h := open(t)
	allowed := map[string][]string{}
	for _, route := range h.server.router.Routes() {
		path := estate{"billing", "s", "job_x", "att_x", "op_x"}.concrete(route.Path)
		allowed[path] = append(allowed[path], route.Method)
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
	for path, want := range map[string]string{"/v1/jobs": "POST, GET, HEAD", "/metrics": "GET, HEAD", "/v1/events": "GET",
		"/v1/targets/billing/pause": "POST"} {
		if got := h.raw("TRACE", path, nil).Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow is %q, want %q", path, got, want)
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
	h.do(413, "POST", "/v1/jobs", large).is("detail", `"The request is too large: a body may have 1000B."`)
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
