package server

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/dispatcher"
)

func TestScheduleDefaults(t *testing.T) {
	h := open(t)
	h.target("billing")
	made := h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 9 * * MON-FRI","timezone":"Europe/Berlin"}`)
	made.is("cron", `"0 9 * * MON-FRI"`, "every", `null`, "timezone", `"Europe/Berlin"`, "description", `""`, "payload", ``,
		"path", `""`, "headers", `{}`, "labels", `{}`, "priority", `"normal"`, "timeout", `null`, "retry", `null`,
		"expires_in", `null`, "day_match", `"any"`, "dst_gap", `"run_after"`, "dst_repeat", `"first"`, "jitter", `"0s"`,
		"overlap", `"skip"`, "retry_past_next", `false`, "catch_up", `"last"`, "catch_up_window", `"1h"`, "start_at", `null`,
		"end_at", `null`, "max_runs", `null`, "runs", `0`, "pause_after_failures", `0`, "state", `"active"`, "paused", `false`,
		"paused_reason", `""`, "paused_until", `null`, "last_job", `null`)
	if n := strings.Count(made.raw("next_runs"), "Z"); n != 5 || made.header.Get("Location") != "/v1/schedules/report" {
		t.Errorf("%d next runs, location %s", n, made.header.Get("Location"))
	}
	h.do(409, "POST", "/v1/schedules", `{"name":"report","target":"billing","every":"1h"}`)
	h.do(200, "GET", "/v1/schedules?target=billing", ``).items()[0].is("name", `"report"`)
	if n := len(h.do(200, "GET", "/v1/schedules?target=other", ``).items()); n != 0 {
		t.Error(n)
	}
}

// rich is a schedule with nothing left to its default.
const rich = `{"name":"report","target":"billing","every":"1h30m","timezone":"UTC","description":"d","payload":{"a" : 1.0,"<":null},
	"path":"p?q","headers":{"cookie":"c","x-a":"1"},"labels":{"l":"1"},"priority":"high","timeout":"3s",
	"retry":{"max_attempts":2,"min_backoff":"1s","fail_on":[]},"expires_in":"1d","day_match":"all","dst_gap":"skip","dst_repeat":"both",
	"jitter":"10s","overlap":"queue","retry_past_next":true,"catch_up":"all","catch_up_window":"2h","start_at":"2040-01-01T00:00:00.0001Z",
	"end_at":"2050-01-01T00:00:00Z","max_runs":3,"pause_after_failures":5,"paused":true,"paused_reason":"why","paused_until":"2041-01-01T00:00:00Z"}`

func TestSchedulePutWhatGetGave(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", rich).is("every", `"1h30m"`, "payload", `{"a":1.0,"<":null}`,
		"headers", `{"Cookie":"***","X-A":"1"}`, "start_at", `"2040-01-01T00:00:00.001Z"`, "max_runs", `3`,
		"retry", `{"max_attempts":2,"min_backoff":"1s","fail_on":[]}`, "state", `"paused"`, "paused_until", `"2041-01-01T00:00:00.000Z"`)
	before := h.raw("GET", "/v1/schedules/report", nil).Body.String()
	h.do(200, "PUT", "/v1/schedules/report", before)
	after := h.raw("GET", "/v1/schedules/report", nil).Body.String()
	cut := func(doc string) string { return doc[:strings.Index(doc, `"updated_at"`)] }
	if diff := cmp.Diff(cut(before), cut(after)); diff != "" {
		t.Error(diff)
	}
	stored, err := h.store.Schedule(t.Context(), "report")
	if err != nil || stored.Headers["Cookie"] != "c" {
		t.Errorf("the masked header became %q, %v", stored.Headers["Cookie"], err)
	}
}

func TestSchedulePutAndPatch(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.target("shipping")
	made := h.do(201, "PUT", "/v1/schedules/report", `{"target":"billing","cron":"0 9 * * *","paused":true}`)
	if made.header.Get("Location") != "/v1/schedules/report" {
		t.Error("a PUT that creates answers as POST does")
	}
	h.do(200, "PUT", "/v1/schedules/report", `{"target":"shipping","every":"1h"}`).
		is("target", `"shipping"`, "every", `"1h"`, "cron", `null`, "paused", `true`)
	h.do(200, "PATCH", "/v1/schedules/report", `{"every":null,"cron":"*/5 * * * *","payload":{"a":1},"paused":null}`).
		is("every", `null`, "cron", `"*/5 * * * *"`, "payload", `{"a":1}`, "paused", `false`, "state", `"active"`)
	h.do(200, "PATCH", "/v1/schedules/report", `{"payload":{"b":1e400,"a":null},"retry":{"factor":2},"max_runs":2}`).
		is("payload", `{"b":1e400}`, "retry", `{"factor":2}`, "max_runs", `2`)
	h.do(200, "PATCH", "/v1/schedules/report", `{"payload":null,"retry":null,"max_runs":null}`).
		is("payload", ``, "retry", `null`, "max_runs", `null`)
	h.do(404, "PATCH", "/v1/schedules/nobody", `{}`)
}

// A schedule may have the name of an action.
func TestScheduleNamedPreview(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"preview","target":"billing","cron":"0 9 * * *"}`)
	if w := h.raw("GET", "/v1/schedules/preview", nil); w.Code != 200 { // the test's router, unlike ours, is led astray
		t.Error(w.Code, w.Body)
	}
	h.do(200, "POST", "/v1/schedules/preview/pause", ``).is("paused", `true`)
	h.do(200, "POST", "/v1/schedules/preview", `{"cron":"0 9 * * *"}`)
}

func TestScheduleActions(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 9 1 1 *","payload":{"a":1}}`)
	h.do(200, "POST", "/v1/schedules/report/pause", `{"reason":"holidays","until":"2090-01-01T00:00:00Z"}`).
		is("state", `"paused"`, "paused_reason", `"holidays"`, "paused_until", `"2090-01-01T00:00:00.000Z"`)
	job := h.do(201, "POST", "/v1/schedules/report/trigger", ``).is("origin", `"trigger"`, "schedule", `"report"`, "payload", `{"a":1}`)
	h.ended(job.text("id")).is("state", `"succeeded"`)
	h.do(201, "POST", "/v1/schedules/report/trigger", `{"payload":null}`).is("payload", `null`)
	resumed := h.do(200, "POST", "/v1/schedules/report/resume", ``).is("state", `"active"`, "paused", `false`, "paused_until", `null`)
	resumed.text("last_job.id")
	h.do(404, "POST", "/v1/schedules/nobody/trigger", ``)
	h.do(204, "DELETE", "/v1/schedules/report", ``)
	h.do(404, "GET", "/v1/schedules/report", ``)
	h.do(200, "GET", "/v1/jobs/"+job.text("id"), ``).is("schedule", `"report"`)
	h.do(404, "GET", "/v1/schedules/report/occurrences", ``)
}

func TestBackfill(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","every":"1h","start_at":"2020-01-01T00:00:00Z"}`)
	to := now().Add(-time.Hour).UTC().Truncate(time.Hour)
	path := "/v1/schedules/report/backfill"
	body := `{"from":"` + to.Add(-3*time.Hour).Format(time.RFC3339) + `","to":"` + to.Format(time.RFC3339) + `"}`
	h.do(200, "POST", path, strings.Replace(body, "}", `,"dry_run":true}`, 1)).is("created", `3`, "existing", `0`)
	h.do(201, "POST", path, body, "Idempotency-Key", "k").is("created", `3`, "existing", `0`)
	if again := h.do(200, "POST", path, body, "Idempotency-Key", "k"); again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("no word of the replay")
	}
	h.do(201, "POST", path, body).is("created", `0`, "existing", `3`)
	jobs := h.do(200, "GET", "/v1/jobs?origin=backfill", ``).items()
	if len(jobs) != 3 {
		t.Fatalf("%d jobs", len(jobs))
	}
	jobs[0].is("schedule", `"report"`, "priority", `"low"`, "held_by", `"overlap"`)
	h.do(422, "POST", path, strings.Replace(body, "20", "21", 1))
}

func TestScheduleRuns(t *testing.T) {
	h := open(t)
	h.target("billing")
	watcher := h.engine.Watch(0, dispatcher.Filter{})
	defer watcher.Close()
	start := now().UTC().Format(time.RFC3339)
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","every":"1s","start_at":"`+start+`","max_runs":1}`)
	event := <-watcher.Events()
	h.ended(event.JobID).is("origin", `"schedule"`, "schedule", `"report"`, "state", `"succeeded"`)
	seen := h.do(200, "GET", "/v1/schedules/report/occurrences", ``).items()
	if len(seen) != 1 {
		t.Fatalf("%d occurrences", len(seen))
	}
	seen[0].is("outcome", `"job"`, "count", `1`, "reason", `""`, "until", seen[0].raw("at"), "job.state", `"succeeded"`,
		"job.id", `"`+event.JobID+`"`)
	h.do(200, "GET", "/v1/schedules/report", ``).is("state", `"ended"`, "runs", `1`, "next_runs", `[]`)
}

func TestPreview(t *testing.T) {
	h := open(t)
	h.do(200, "POST", "/v1/schedules/preview", `{"cron":"30 2 * * *","timezone":"Europe/Berlin","after":"2026-03-28T01:30:00Z","count":2}`).
		is("items", `[{"at":"2026-03-29T01:00:00.000Z","local":"2026-03-29T03:00:00+02:00","note":"02:30 does not exist on 29 March 2026: runs at 03:00"},`+
			`{"at":"2026-03-30T00:30:00.000Z","local":"2026-03-30T02:30:00+02:00","note":""}]`, "warnings", `[]`)
	h.do(200, "POST", "/v1/schedules/preview", `{"every":"1h","start_at":"2040-01-01T00:00:00Z","after":"2040-01-01T00:00:00Z","inclusive":true,"count":1}`).
		is("items", `[{"at":"2040-01-01T00:00:00.000Z","local":"2040-01-01T00:00:00Z","note":""}]`)
	if n := len(h.do(200, "POST", "/v1/schedules/preview", `{"cron":"0 9 1 * MON"}`).items()); n != 5 {
		t.Error(n)
	}
	if h.do(200, "POST", "/v1/schedules/preview", `{"cron":"0 9 1 * MON"}`).raw("warnings") == `[]` {
		t.Error("no warning where both day fields are restricted")
	}
}
