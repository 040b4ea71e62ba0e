package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// writes are the requests with a body that the fuzzer makes.
var fuzzWrites = []string{"POST /v1/targets", "PUT /v1/targets/billing", "PATCH /v1/targets/billing", "POST /v1/targets/billing/pause",
	"POST /v1/targets/billing/rotate-secret", "POST /v1/jobs", "POST /v1/jobs/batch", "PATCH /v1/jobs/%s", "POST /v1/jobs/%s/rerun",
	"POST /v1/schedules", "PUT /v1/schedules/report", "PATCH /v1/schedules/report", "POST /v1/schedules/preview",
	"POST /v1/schedules/report/trigger", "POST /v1/schedules/report/backfill", "POST /v1/schedules/report/pause"}

// FuzzRequests sends anything as the body of each request that takes one, and as its Idempotency-Key, to a whole server:
// what is wrong with it is the client's fault, and the answer is JSON.
func FuzzRequests(f *testing.F) {
	for i, body := range []string{`{"name":"x","url":"https://example.com","signing":"both","capture":{"request_body":"1KiB"},"keep":{"failed":"1h"}}`,
		`{"url":"https://example.com","headers":{"a":"b"}}`, `{"retry":{"factor":1e308},"timeout":null}`, `{"reason":"r"}`, `{"overlap":"7d"}`,
		`{"target":"billing","payload":{"a":1},"labels":{"a":"b"},"expires_in":"1h"}`, `{"jobs":[{"target":"billing"}]}`,
		`{"run_at":"2030-01-01T00:00:00Z","payload":null}`, `{"payload":1}`, `{"name":"y","target":"billing","cron":"0 0 * * *"}`,
		`{"target":"billing","every":"1s","catch_up":"all"}`, `{"jitter":"1h"}`, `{"every":"1s","count":100,"start_at":"9999-12-31T23:59:59Z"}`,
		`{"payload":[]}`, `{"from":"2020-01-01T00:00:00Z","to":"2030-01-01T00:00:00Z"}`, `{"until":"2030-01-01T00:00:00.0001Z"}`} {
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
		answered(t, h, method, path, body, header...)
	})
}

// FuzzQueries sends anything as the query of each list.
func FuzzQueries(f *testing.F) {
	for i, query := range []string{"limit=5", "cursor=AAAA", "state=failed&state=retrying", "label=a:b&q=x", "created_after=2030-01-01T00:00:00Z",
		"status_code=503&outcome=failed", "limit=-1", "limit=99999999999999999999", "q=%00", "due_before=now", "a=b;c", "%", "search=target:x+label:a%3Db"} {
		f.Add(uint(i), query)
	}
	lists := []string{"/v1/jobs", "/v1/targets", "/v1/schedules", "/v1/attempts", "/v1/schedules/report/occurrences", "/jobs", "/attempts", "/find"}
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

// answered makes a request and holds its answer to what every answer is.
func answered(t *testing.T, h *house, method, path string, body []byte, header ...string) {
	t.Helper()
	w := h.raw(method, path, body, header...)
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if !strings.HasPrefix(path, "/v1/") {
		return
	}
	if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %s: the answer is not JSON: %s", method, path, w.Body)
	}
	if problem := w.Header().Get("Content-Type") == "application/problem+json"; problem != (w.Code >= 400) {
		t.Errorf("%s %s: %d as %s", method, path, w.Code, w.Header().Get("Content-Type"))
	}
}
