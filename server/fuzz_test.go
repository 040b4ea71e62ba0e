package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// fuzzWrites are the requests with a body that the fuzzer makes: all there are, see TestEveryBodyIsFuzzed.
var fuzzWrites = []string{"POST /v1/targets", "PUT /v1/targets/billing", "PATCH /v1/targets/billing", "POST /v1/targets/billing/pause",
	"POST /v1/targets/billing/rotate-secret", "POST /v1/jobs", "POST /v1/jobs/batch", "PATCH /v1/jobs/%s", "POST /v1/jobs/%s/rerun",
	"POST /v1/schedules", "PUT /v1/schedules/report", "PATCH /v1/schedules/report", "POST /v1/schedules/preview",
	"POST /v1/schedules/report/trigger", "POST /v1/schedules/report/backfill", "POST /v1/schedules/report/pause",
	"POST /v1/operations", "POST /v1/keys", "POST /v1/targets/billing/resume", "POST /v1/targets/billing/test",
	"POST /v1/schedules/report/resume", "POST /v1/jobs/%s/cancel", "POST /v1/jobs/%s/retry", "POST /v1/jobs/%s/run",
	"POST /v1/operations/op_x/cancel"}

func TestEveryBodyIsFuzzed(t *testing.T) {
	h := open(t)
	for _, route := range h.server.router.Routes() {
		if route.Method == "GET" || route.Method == "DELETE" || !strings.HasPrefix(route.Path, "/v1/") {
			continue
		}
		path := estate{"billing", "report", "%s", "", "op_x"}.concrete(route.Path)
		if !slices.Contains(fuzzWrites, route.Method+" "+path) {
			t.Errorf("%s %s is not among what is fuzzed", route.Method, path)
		}
	}
}

// FuzzRequests sends anything as the body of each request that takes one, and as its Idempotency-Key, to a whole server:
// what is wrong with it is the client's fault, and the answer is JSON.
func FuzzRequests(f *testing.F) {
	for i, body := range []string{`{"name":"x","url":"https://example.com","signing":"both","capture":{"request_body":"1KiB"},"keep":{"failed":"1h"}}`,
		`{"url":"https://example.com","headers":{"a":"b"}}`, `{"retry":{"factor":1e308},"timeout":null}`, `{"reason":"r"}`, `{"overlap":"7d"}`,
		`{"target":"billing","payload":{"a":1},"labels":{"a":"b"},"expires_in":"1h"}`, `{"jobs":[{"target":"billing"}]}`,
		`{"run_at":"2030-01-01T00:00:00Z","payload":null}`, `{"payload":1}`, `{"name":"y","target":"billing","cron":"0 0 * * *"}`,
		`{"target":"billing","every":"1s","catch_up":"all"}`, `{"jitter":"1h"}`, `{"every":"1s","count":100,"start_at":"9999-12-31T23:59:59Z"}`,
		`{"payload":[]}`, `{"from":"2020-01-01T00:00:00Z","to":"2030-01-01T00:00:00Z"}`, `{"until":"2030-01-01T00:00:00.0001Z"}`,
		`{"action":"retry","filter":{"target":"billing","state":["failed"],"label":["a:b"],"created_after":"2030-01-01T00:00:00Z"},"dry_run":true}`,
		`{"name":"k","scope":"read","targets":["billing"],"expires_in":"1d","rate_limit":"5/s"}`, `{}`, ``, `null`, `{"reason":1}`} {
		f.Add(uint(i), "", []byte(body))
	}
	f.Add(uint(5), "key", []byte(`{"target":"billing","run_at":"0001-01-01T00:00:00Z"}`))
	h := open(f)
	h.target("billing", `,"paused":true`)
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 0 1 1 *"}`)
	job := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1d"}`).text("id")
	f.Fuzz(func(t *testing.T, which uint, key string, body []byte) {
		method, path, _ := strings.Cut(strings.Replace(fuzzWrites[which%uint(len(fuzzWrites))], "%s", job, 1), " ")
		var header []string
		if key != "" {
			header = []string{"Idempotency-Key", key}
		}
		if answered(t, h, method, path, body, header...) == http.StatusNotFound && strings.Contains(path, job) {
			job = h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1d"}`).text("id") // an operation has deleted it
		}
	})
}

// fuzzForms are the forms of the pages.
var fuzzForms = []string{"/jobs/new", "/jobs/%s/rerun", "/jobs/many", "/operations", "/targets/new", "/targets/billing/edit",
	"/targets/billing/rotate-secret", "/targets/billing/pause", "/schedules/new", "/schedules/report/edit", "/schedules/report/backfill",
	"/schedules/report/pause", "/schedules/report/trigger", "/schedules/many", "/keys", "/theme", "/clock"}

// FuzzForms sends anything as the fields of each form: what comes back is a page, or leads to one of this site.
func FuzzForms(f *testing.F) {
	for i, form := range []string{"target=billing&payload=%7B%7D&delay=1h", "payload=null", "do=retry&q=state:failed&all=1", "do=cancel&q=target:billing",
		"name=a&url=https://example.com&headers=a:+b", "url=https://example.com", "overlap=1h", "reason=x", "name=s&target=billing&cron=*+*+*+*+*",
		"every=1h", "from=2020-01-01&to=2020-01-02", "until=2030-01-01T00:00", "payload=1", "do=pause&schedule=report&q=%00", "name=k&scope=read&targets=billing",
		"theme=dark&back=//evil.example", `clock=utc&back=/\evil.example`, "%", "a=%ff&a=b;c"} {
		f.Add(uint(i), []byte(form))
	}
	h := open(f)
	h.target("billing", `,"paused":true`)
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 0 1 1 *"}`)
	job := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1d"}`).text("id")
	f.Fuzz(func(t *testing.T, which uint, form []byte) {
		path := strings.Replace(fuzzForms[which%uint(len(fuzzForms))], "%s", job, 1)
		w := h.raw("POST", path, form, "Content-Type", "application/x-www-form-urlencoded")
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		if to := w.Header().Get("Location"); w.Code == http.StatusSeeOther && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
			strings.HasPrefix(to, `/\`)) {
			t.Errorf("%s leads to %q", path, to)
		}
		if kind := w.Header().Get("Content-Type"); w.Code != http.StatusSeeOther && kind != "text/html; charset=utf-8" {
			t.Errorf("%s: %d as %q", path, w.Code, kind)
		}
	})
}

// FuzzDoor knocks with anything in the place of a key, a cookie and an address: it stays shut.
func FuzzDoor(f *testing.F) {
	h := guarded(f)
	h.target("billing")
	key := h.key("k", "admin")
	for _, seed := range [][4]string{{"GET", "/v1/jobs", "Bearer " + key[:len(key)-1], ""}, {"POST", "/v1/jobs", "Bearer", sessionCookie + "="},
		{"GET", "//v1/jobs", "Basic " + key, sessionCookie + "=" + key}, {"GET", "/v1/../healthz", "bearer  x", "=;;"},
		{"GET", "/assets/..%2f..%2fv1/jobs", "Bearer correct-hors", ""}, {"HEAD", "/metrics", "", "\x00"}, {"GET", "/login?next=//evil.example", "", ""},
		{"DELETE", "/healthz", "", ""}, {"GET", "/docs/../openapi.json", "", ""}} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, authorization, cookie string) {
		if _, err := http.NewRequest(method, "http://localhost"+path, nil); err != nil || !strings.HasPrefix(path, "/") ||
			strings.ContainsFunc(method+path, func(c rune) bool { return c <= ' ' }) || strings.Contains(authorization, "correct-horse") ||
			strings.Contains(authorization, key) {
			return // it would not come as far as here, or it is a key
		}
		h.server.guesses.wrongs = nil
		w := h.raw(method, path, nil, "Authorization", authorization, "Cookie", cookie)
		switch w.Code {
		case http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusTooManyRequests:
		default:
			at, _ := url.ParseRequestURI(path)
			open := at != nil && (at.Path == "/login" || at.Path == "/logout" || at.Path == "/healthz" || at.Path == "/readyz" ||
				strings.HasPrefix(at.Path, "/assets/"))
			if w.Code >= http.StatusInternalServerError || !open {
				t.Errorf("%s %q: %d %.100s", method, path, w.Code, w.Body)
			}
		}
	})
}

// FuzzQueries sends anything as the query of each list.
func FuzzQueries(f *testing.F) {
	for i, query := range []string{"limit=5", "cursor=AAAA", "state=failed&state=retrying", "label=a:b&q=x", "created_after=2030-01-01T00:00:00Z",
		"status_code=503&outcome=failed", "limit=-1", "limit=99999999999999999999", "q=%00", "due_before=now", "a=b;c", "%", "search=target:x+label:a%3Db"} {
		f.Add(uint(i), query)
	}
	for _, query := range []string{"within=1h&target=billing", "until=2030-01-01T00:00:00Z", "window=7d", "who=me&action=update&kind=target",
		"format=json&state=failed", "job=job_x&target=billing", "window=&cursor=%ff"} {
		for i := range 20 {
			f.Add(uint(i), query)
		}
	}
	lists := []string{"/v1/jobs", "/v1/targets", "/v1/schedules", "/v1/attempts", "/v1/schedules/report/occurrences", "/jobs", "/attempts", "/find",
		"/v1/upcoming", "/v1/stats", "/v1/audit", "/v1/operations", "/v1/keys", "/v1/nodes", "/v1/jobs/export", "/", "/schedules", "/targets/billing",
		"/schedules/report", "/audit", "/operations", "/keys"}
	h := open(f)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 0 1 1 *"}`)
	f.Fuzz(func(t *testing.T, which uint, query string) {
		path := lists[which%uint(len(lists))]
		if _, err := url.ParseRequestURI("http://localhost" + path + "?" + query); err != nil || strings.ContainsAny(query, " \r\n") {
			return // it would not come as far as here
		}
		answered(t, h, "GET", path+"?"+query, nil)
	})
}

// answered makes a request, holds its answer to what every answer is, and gives its status.
func answered(t *testing.T, h *house, method, path string, body []byte, header ...string) (status int) {
	t.Helper()
	w := h.raw(method, path, body, header...)
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if !strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v1/jobs/export") && w.Code == http.StatusOK {
		return w.Code
	}
	if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %s: the answer is not JSON: %s", method, path, w.Body)
	}
	if problem := w.Header().Get("Content-Type") == "application/problem+json"; problem != (w.Code >= 400) {
		t.Errorf("%s %s: %d as %s", method, path, w.Code, w.Header().Get("Content-Type"))
	}
	return w.Code
}
