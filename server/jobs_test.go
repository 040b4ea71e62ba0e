package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/models"
	"punctual/webhooks"
)

// What was given comes back and goes out byte for byte, but for white space between tokens.
func TestPayload(t *testing.T) {
	h := open(t)
	h.target("billing")
	sent := make(chan webhooks.Request, 1)
	h.sender.will(func(_ context.Context, r webhooks.Request) webhooks.Result {
		sent <- r
		return answers(200)(t.Context(), r)
	})
	for _, c := range []struct{ given, shown, body, contentType string }{
		{`"payload": {"z" : 1.0, "a":[1e400, -0 , 12345678901234567890],"<&>":"\u003c\u00e9é ","z":null}`,
			`"payload":{"z":1.0,"a":[1e400,-0,12345678901234567890],"<&>":"\u003c\u00e9é ","z":null}`,
			`{"z":1.0,"a":[1e400,-0,12345678901234567890],"<&>":"\u003c\u00e9é ","z":null}`, "application/json"},
		{`"payload":null`, `"payload":null`, `null`, "application/json"},
		{`"payload":"x"`, `"payload":"x"`, `"x"`, "application/json"},
		{`"labels":{}`, ``, ``, ""},
		{`"body":"a\nb"`, `"body":"a\nb","content_type":"text/plain; charset=utf-8"`, "a\nb", "text/plain; charset=utf-8"},
		{`"body":"<a/>","content_type":"text/xml"`, `"body":"<a/>","content_type":"text/xml"`, "<a/>", "text/xml"},
		{`"body_base64":"AP8="`, `"body_base64":"AP8=","content_type":"application/octet-stream"`, "\x00\xff", "application/octet-stream"},
		{`"body":""`, `"body":"","content_type":"text/plain; charset=utf-8"`, "", "text/plain; charset=utf-8"},
	} {
		made := h.do(201, "POST", "/v1/jobs", `{"target":"billing",`+c.given+`}`)
		out := <-sent
		if string(out.Body) != c.body || out.ContentType != c.contentType {
			t.Errorf("%s: sent %s as %q", c.given, out.Body, out.ContentType)
		}
		h.ended(made.text("id"))
		shown := h.raw("GET", "/v1/jobs/"+made.text("id"), nil).Body.String()
		list := h.raw("GET", "/v1/jobs?limit=1", nil).Body.String()
		if !strings.Contains(shown, c.shown) || !strings.Contains(list, c.shown) {
			t.Errorf("%s is not in\n%s\n%s", c.shown, shown, list)
		}
		if c.shown == "" && (strings.Contains(shown, `"payload"`) || strings.Contains(shown, `"body"`)) {
			t.Errorf("a body where none was given: %s", shown)
		}
	}
}

func TestJobFields(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	job := h.do(201, "POST", "/v1/jobs", `{"target":"billing","run_at":"2040-01-02T03:04:05.0001+02:00","path":"a/b?c=d",
		"headers":{"x-a":"1","X-Api-Key":"k"},"timeout":"1500ms","retry":{"max_attempts":2},"priority":"low","labels":{"b":"2","a":"1"},
		"expires_at":"2041-01-01T00:00:00Z"}`)
	job.is("state", `"scheduled"`, "reason", `""`, "held_by", `null`, "origin", `"api"`, "priority", `"low"`, "path", `"a/b?c=d"`,
		"headers", `{"X-A":"1","X-Api-Key":"***"}`, "labels", `{"a":"1","b":"2"}`, "schedule", `null`, "rerun_of", `null`,
		"scheduled_for", `"2040-01-02T01:04:05.001Z"`, "run_at", `"2040-01-02T01:04:05.001Z"`, "attempts", `0`,
		"max_attempts", `2`, "timeout", `"1.5s"`, "last_attempt", `null`, "finished_at", `null`,
		"expires_at", `"2041-01-01T00:00:00.000Z"`, "cancel_requested_at", `null`)
	if job.header.Get("Location") != "/v1/jobs/"+job.text("id") {
		t.Error("location", job.header.Get("Location"))
	}
	past := h.do(201, "POST", "/v1/jobs", `{"target":"billing","run_at":"2020-01-01T00:00:00Z"}`)
	past.is("held_by", `"paused"`, "run_at", past.raw("created_at"))
	h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"7d","expires_in":"8d","payload":null,"headers":null,"retry":null,"key":null}`)
}

// The content type of a request does not matter, nor does its absence.
func TestAnyContentType(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	for _, ct := range []string{"", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-8", ";;;"} {
		if w := h.raw("POST", "/v1/jobs", []byte(`{"target":"billing"}`), "Content-Type", ct); w.Code != 201 {
			t.Errorf("%q: %d %s", ct, w.Code, w.Body)
		}
	}
}

func TestJobPatch(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	made := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h","payload":{"a":1.0,"b":[2]},"headers":{"Cookie":"c","X-A":"1"},"labels":{"l":"1"}}`)
	path := "/v1/jobs/" + made.text("id")
	h.do(200, "PATCH", path, `{"priority":"high"}`).is("priority", `"high"`, "run_at", made.raw("run_at"), "payload", `{"a":1.0,"b":[2]}`)
	h.do(200, "PATCH", path, `{"run_at":"2040-01-01T00:00:00Z","expires_at":"2040-01-02T00:00:00Z"}`).
		is("run_at", `"2040-01-01T00:00:00.000Z"`, "scheduled_for", `"2040-01-01T00:00:00.000Z"`, "expires_at", `"2040-01-02T00:00:00.000Z"`)
	h.do(200, "PATCH", path, `{"payload":{"b":null,"c":1e400},"headers":{"X-A":null,"X-B":"2"},"labels":{"m":"2"}}`).
		is("payload", `{"a":1.0,"c":1e400}`, "headers", `{"Cookie":"***","X-B":"2"}`, "labels", `{"l":"1","m":"2"}`)
	h.do(200, "PATCH", path, `{"payload":null,"expires_at":null,"labels":null,"priority":null}`).
		is("payload", ``, "expires_at", `null`, "labels", `{}`, "priority", `"normal"`)
	stored, err := h.store.Job(t.Context(), made.text("id"))
	if err != nil || stored.Headers["Cookie"] != "c" || stored.BodyForm != models.BodyNone {
		t.Errorf("stored %v %q %v", stored.Headers, stored.BodyForm, err)
	}
	h.do(200, "PATCH", path, `{"run_at":null}`).is("held_by", `"paused"`)
	h.do(200, "POST", path+"/cancel", ``).is("state", `"canceled"`, "reason", `"canceled"`)
	h.do(409, "PATCH", path, `{"priority":"low"}`)
	h.do(404, "PATCH", "/v1/jobs/job_00000000000000000000000000", `{}`)
}

func TestJobPatchAfterAnAttempt(t *testing.T) {
	h := open(t)
	h.target("billing", `,"retry":{"min_backoff":"1h"}`)
	h.sender.will(answers(503))
	path := "/v1/jobs/" + h.do(201, "POST", "/v1/jobs", `{"target":"billing","payload":1}`).text("id")
	waiting := h.until(strings.TrimPrefix(path, "/v1/jobs/"), "scheduled", "attempts")
	waiting.is("attempts", `1`, "last_attempt.outcome", `"retryable"`, "last_attempt.status_code", `503`,
		"last_attempt.error", `{"kind":"status","message":"Service Unavailable"}`)
	h.do(409, "PATCH", path, `{"payload":2}`)
	h.do(409, "PATCH", path, `{"labels":{"a":"b"}}`)
	h.do(200, "PATCH", path, `{"run_at":"2040-01-01T00:00:00Z"}`).is("scheduled_for", waiting.raw("scheduled_for"))
	h.sender.will(answers(200))
	h.do(200, "POST", path+"/run", ``)
	h.ended(strings.TrimPrefix(path, "/v1/jobs/")).is("state", `"succeeded"`, "attempts", `2`)
	attempts := h.do(200, "GET", path+"/attempts", ``).items()
	if len(attempts) != 2 {
		t.Fatalf("%d attempts", len(attempts))
	}
	attempts[0].is("number", `1`, "outcome", `"retryable"`).text("retry_at")
	attempts[1].is("number", `2`, "outcome", `"succeeded"`, "retry_at", `null`, "request.method", `"POST"`,
		"request.headers", `{"Content-Type":"application/json"}`, "response", `{"headers":{"X-Answer":"yes"},"body":"seen","body_truncated":false}`)
	h.do(200, "GET", "/v1/attempts/"+attempts[1].text("id"), ``).is("number", `2`, "target", `"billing"`)
	first := h.do(200, "GET", path+"/attempts?limit=1", ``)
	second := h.do(200, "GET", path+"/attempts?limit=1&cursor="+first.text("next_cursor"), ``)
	if second.items()[0].is("number", `2`); second.raw("next_cursor") != "" {
		t.Error("a cursor at the end")
	}
}

func TestJobActions(t *testing.T) {
	h := open(t)
	h.target("billing", `,"retry":{"max_attempts":1}`)
	h.sender.will(answers(500))
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing","payload":{"n":1},"labels":{"a":"b"},"key":"k"}`).text("id")
	path := "/v1/jobs/" + id
	h.ended(id).is("state", `"failed"`, "reason", `"exhausted"`)
	h.do(409, "POST", path+"/cancel", ``)
	h.do(409, "POST", path+"/run", ``)
	h.sender.will(answers(200))
	h.do(200, "POST", path+"/retry", `{}`).is("state", `"scheduled"`, "attempts", `0`, "reason", `""`)
	h.ended(id).is("state", `"succeeded"`, "attempts", `1`, "last_attempt.number", `2`)
	h.do(409, "POST", path+"/retry", ``)

	again := h.do(201, "POST", path+"/rerun", ``).is("origin", `"rerun"`, "rerun_of", `"`+id+`"`, "payload", `{"n":1}`, "labels", `{"a":"b"}`)
	h.do(201, "POST", path+"/rerun", `{"payload":null}`).is("payload", `null`)
	h.do(201, "POST", path+"/rerun", `{"payload":{"n":1.0}}`).is("payload", `{"n":1.0}`)
	h.ended(again.text("id"))
	h.do(204, "DELETE", path, ``)
	h.do(404, "GET", path, ``)
	h.do(404, "DELETE", path, ``)
	later := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`).text("id")
	h.do(409, "DELETE", "/v1/jobs/"+later, ``)
	h.do(409, "POST", "/v1/jobs/"+later+"/rerun", ``)
	h.do(409, "POST", "/v1/jobs/"+later+"/retry", ``)
	h.do(200, "POST", "/v1/jobs/"+later+"/run", ``)
	h.ended(later).is("state", `"succeeded"`)
}

func TestCancelRunning(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.sender.will(hangs)
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id")
	h.until(id, "running")
	if out := h.do(200, "GET", "/v1/jobs/"+id+"/attempts", ``).items(); len(out) != 1 {
		t.Errorf("%d attempts while a call is out", len(out))
	} else {
		out[0].is("outcome", `"running"`, "duration_ms", `null`, "number", `1`)
	}
	h.do(409, "DELETE", "/v1/jobs/"+id, ``)
	h.do(200, "POST", "/v1/jobs/"+id+"/cancel", ``).is("state", `"canceled"`, "attempts", `0`, "last_attempt.outcome", `"canceled"`).text("cancel_requested_at")
}

func TestCancelTakesLong(t *testing.T) {
	h := open(t)
	h.target("billing")
	called, release := make(chan struct{}), make(chan struct{})
	h.sender.will(func(ctx context.Context, r webhooks.Request) webhooks.Result {
		close(called)
		<-release // deaf to ctx
		return answers(200)(ctx, r)
	})
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id")
	<-called
	h.server.patience = time.Millisecond
	h.do(202, "POST", "/v1/jobs/"+id+"/cancel", ``).is("state", `"running"`).text("cancel_requested_at")
	close(release)
	h.ended(id).is("state", `"succeeded"`) // an answer that came first wins
}

func TestBatch(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	h.target("shipping", `,"paused":true`)
	made := h.do(201, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing","payload":1},{"target":"shipping","key":"k"},{"target":"billing","key":"k"}]}`).items()
	if len(made) != 3 {
		t.Fatalf("%d jobs", len(made))
	}
	made[0].is("target", `"billing"`, "payload", `1`)
	made[1].is("target", `"shipping"`)
	again := h.do(201, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing"},{"target":"shipping","key":"k"}]}`).items()
	again[1].is("id", made[1].raw("id"))
	replay := h.do(200, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"shipping","key":"k"}]}`)
	if replay.header.Get("Idempotency-Replayed") != "true" {
		t.Error("nothing new, and no word of it")
	}
	h.do(422, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing"},{"target":"billing","key":"k","payload":2}]}`).
		is("errors", `[{"location":"body.jobs[1].key","message":"was used for another request to this target"}]`)
	h.do(422, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing","key":"k","payload":2}]}`).
		is("errors", `[{"location":"body.jobs[0].key","message":"was used for another request to this target"}]`)
	if n := len(h.do(200, "GET", "/v1/jobs", "").items()); n != 4 {
		t.Errorf("%d jobs, want 4: a refused batch makes none", n)
	}
	most := `{"jobs":[` + strings.Repeat(`{"target":"billing"},`, models.MaxBatch-1) + `{"target":"billing"}]}`
	if n := len(h.do(201, "POST", "/v1/jobs/batch", most).items()); n != models.MaxBatch {
		t.Error(n)
	}
	h.do(422, "POST", "/v1/jobs/batch", strings.Replace(most, `[`, `[{"target":"billing"},`, 1)).
		is("errors", `[{"location":"body.jobs","message":"must have at most 1000 entries"}]`)
}

func TestIdempotency(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 9 1 1 *"}`)
	done := h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id")
	h.ended(done)
	for i, c := range []struct{ path, body, other string }{
		{"/v1/jobs", `{"target":"billing","payload":1}`, `{"target":"billing","payload": 1}`},
		{"/v1/jobs/batch", `{"jobs":[{"target":"billing"},{"target":"billing"}]}`, `{"jobs":[{"target":"billing"}]}`},
		{"/v1/jobs/" + done + "/rerun", ``, `{}`},
		{"/v1/schedules/report/trigger", `{"payload":1}`, `{"payload":2}`},
	} {
		first := h.do(201, "POST", c.path, c.body, "Idempotency-Key", "one key")
		if first.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: replayed at once", c.path)
		}
		second := h.do(200, "POST", c.path, c.body, "Idempotency-Key", "one key")
		if second.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: no Idempotency-Replayed", c.path)
		}
		if first.members["items"] == nil && first.text("id") != second.text("id") {
			t.Errorf("%s: another job", c.path)
		}
		h.do(422, "POST", c.path, c.other, "Idempotency-Key", "one key").
			is("errors", `[{"location":"header.Idempotency-Key","message":"was used for another request"}]`)
		h.do(201, "POST", c.path, c.body, "Idempotency-Key", fmt.Sprint("another ", i))
	}
	h.do(422, "POST", "/v1/jobs", `{"target":"billing"}`, "Idempotency-Key", "tab\there").
		is("errors", `[{"location":"header.Idempotency-Key","message":"must be 1 to 255 printable ASCII characters"}]`)
	h.do(422, "POST", "/v1/jobs", `{"target":"billing"}`, "Idempotency-Key", strings.Repeat("x", 256))
	// Only success is remembered.
	h.do(422, "POST", "/v1/jobs", `{"target":"nobody"}`, "Idempotency-Key", "late")
	h.target("nobody")
	h.do(201, "POST", "/v1/jobs", `{"target":"nobody"}`, "Idempotency-Key", "late")
	// The job is shown as it is now.
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`, "Idempotency-Key", "now").text("id")
	h.do(200, "POST", "/v1/jobs/"+id+"/cancel", ``)
	h.do(200, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`, "Idempotency-Key", "now").is("id", `"`+id+`"`, "state", `"canceled"`)
}

func TestJobKey(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	first := h.do(201, "POST", "/v1/jobs", `{"target":"billing","key":"k"}`)
	h.do(200, "POST", "/v1/jobs", `{"target":"billing","key":"k"}`).is("id", first.raw("id"))
	h.do(422, "POST", "/v1/jobs", `{"target":"billing","key":"k","payload":1}`).
		is("errors", `[{"location":"body.key","message":"was used for another request to this target"}]`)
	h.target("shipping", `,"paused":true`)
	h.do(201, "POST", "/v1/jobs", `{"target":"shipping","key":"k"}`)
	// A job that is deleted is remembered all the same: it was called, or somebody did not want it.
	h.do(200, "POST", "/v1/jobs/"+first.text("id")+"/cancel", ``)
	h.do(204, "DELETE", "/v1/jobs/"+first.text("id"), ``)
	h.do(409, "POST", "/v1/jobs", `{"target":"billing","key":"k"}`)
	h.do(409, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing","key":"other"},{"target":"billing","key":"k"}]}`).
		is("detail", `"This request was done before, and what it made has been deleted since: jobs[1]."`)
	h.do(201, "POST", "/v1/jobs", `{"target":"billing","key":"other"}`)
}

// Many clients with one key make one job.
func TestIdempotencyRace(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	var made, replayed atomic.Int32
	ids := make(chan string, 16)
	for range cap(ids) {
		go func() {
			w := h.raw("POST", "/v1/jobs", []byte(`{"target":"billing"}`), "Idempotency-Key", "k")
			switch w.Code {
			case http.StatusCreated:
				made.Add(1)
			case http.StatusOK:
				replayed.Add(1)
			}
			ids <- w.Header().Get("Location")
		}()
	}
	distinct := map[string]bool{}
	for range cap(ids) {
		distinct[<-ids] = true
	}
	if made.Load() != 1 || int(replayed.Load()) != cap(ids)-1 || len(distinct) != 1 {
		t.Errorf("%d made, %d replayed, %d jobs", made.Load(), replayed.Load(), len(distinct))
	}
}

func TestJobFilters(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	h.target("shipping")
	id := func(body string) string { return h.do(201, "POST", "/v1/jobs", body).text("id") }
	a := id(`{"target":"billing","labels":{"customer":"4:2"}}`)
	b := id(`{"target":"billing","delay":"1h"}`)
	c := id(`{"target":"shipping"}`)
	h.ended(c)
	h.do(200, "POST", "/v1/jobs/"+b+"/cancel", ``)
	for query, want := range map[string][]string{
		"":                                    {c, b, a},
		"target=billing":                      {b, a},
		"target=nobody":                       {},
		"state=succeeded":                     {c},
		"state=succeeded&state=canceled":      {c, b},
		"state=scheduled&state=scheduled":     {a},
		"target=shipping&state=scheduled":     {},
		"label=customer:4:2":                  {a},
		"label=customer:4":                    {},
		"label=customer:4:2&label=tier:gold":  {},
		"state=retrying":                      {},
		"status_code=503":                     {},
		"origin=api":                          {c, b, a},
		"origin=schedule":                     {},
		"schedule=report":                     {},
		"created_after=2020-01-01T00:00:00Z":  {c, b, a},
		"created_before=2020-01-01T00:00:00Z": {},
		"due_before=" + now().Add(time.Minute).UTC().Format(time.RFC3339): {c, a},
		"q=" + a:                             {a},
		"q=" + strings.TrimPrefix(b, "job_"): {b},
		"q=JOB_":                             {c, b, a},
		"limit=1":                            {c},
	} {
		got := []string{}
		for _, job := range h.do(200, "GET", "/v1/jobs?"+query, "").items() {
			got = append(got, job.text("id"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

// Paging shows every job once that was there when it began, while others are added.
func TestPaging(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	want := map[string]bool{}
	for range 25 {
		want[h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id")] = true
	}
	cursor := ""
	for pages := 0; ; pages++ {
		got := h.do(200, "GET", "/v1/jobs?limit=4&target=billing"+cursor, "")
		for _, job := range got.items() {
			if id := job.text("id"); !want[id] {
				t.Fatalf("%s twice, or not of the first ones", id)
			} else {
				delete(want, id)
			}
		}
		h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`)
		if got.raw("next_cursor") == "" {
			break
		}
		cursor = "&cursor=" + got.text("next_cursor")
		if pages > 10 {
			t.Fatal("no end")
		}
	}
	if len(want) != 0 {
		t.Errorf("not shown: %v", want)
	}
	for _, path := range []string{"/v1/targets", "/v1/attempts", "/v1/schedules"} {
		h.do(422, "GET", path+"?cursor="+cursor, "")
	}
}
