package server

import (
	"encoding/json"
	"strings"
	"testing"
)

// secretValue stands for what must never come back.
const secretValue = "z9-rejected-z9"

// TestInvalid sends what breaks a rule, and wants the status, the place and silence about the value.
func TestInvalid(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxPayload, c.MaxRequest = 1000, 20_000 })
	h.target("billing")
	h.target("reader", `,"method":"GET"`)
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 9 * * *"}`)
	job := "/v1/jobs/" + h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`).text("id")

	const bad = secretValue
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		status                       int
		method, path, body, location string
	}{
		{400, "POST", "/v1/jobs", ``, ""},
		{400, "POST", "/v1/jobs", `{"target":"` + bad, "body"},
		{400, "POST", "/v1/jobs", bad, "body"},
		{400, "POST", "/v1/jobs", "target=" + bad, "body"},
		{400, "PATCH", job, `{"payload":` + bad + `}`, "body"},
		{422, "POST", "/v1/jobs", `["` + bad + `"]`, "body"},
		{422, "POST", "/v1/jobs", `null`, "body"},
		{422, "POST", "/v1/jobs", `{"target":"billing","expires_at":"0001-01-01T00:00:00Z"}`, "body.expires_at"},
		{422, "PATCH", job, `null`, "body"},
		{422, "POST", "/v1/jobs", `{"target":"` + bad + `"}`, "body.target"},
		{422, "POST", "/v1/jobs", `{"payload":"` + bad + `"}`, "body.target"},
		{422, "POST", "/v1/jobs", `{"target":{"a":"` + bad + `"}}`, "body.target"},
		{422, "POST", "/v1/jobs", `{"target":"billing","cron":"` + bad + `"}`, "body.cron"},
		{422, "POST", "/v1/jobs", `{"target":"billing","whatever":"` + bad + `"}`, "body.whatever"},
		{422, "POST", "/v1/jobs", `{"target":"billing","state":"` + bad + `"}`, "body.state"},
		{422, "POST", "/v1/jobs", `{"target":"billing","payload":"` + bad + `","body":"x"}`, "body.body"},
		{422, "POST", "/v1/jobs", `{"target":"billing","payload":1,"body_base64":"` + bad + `"}`, "body.body_base64"},
		{422, "POST", "/v1/jobs", `{"target":"billing","payload":1,"content_type":"` + bad + `"}`, "body.content_type"},
		{422, "POST", "/v1/jobs", `{"target":"reader","payload":"` + bad + `"}`, "body.payload"},
		{422, "POST", "/v1/jobs", `{"target":"billing","delay":"` + bad + `"}`, "body.delay"},
		{422, "POST", "/v1/jobs", `{"target":"billing","delay":"-5s"}`, "body.delay"},
		{422, "POST", "/v1/jobs", `{"target":"billing","delay":"36600d"}`, "body.delay"},
		{422, "POST", "/v1/jobs", `{"target":"billing","delay":"1s","run_at":"2030-01-01T00:00:00Z"}`, "body.run_at"},
		{422, "POST", "/v1/jobs", `{"target":"billing","run_at":"` + bad + `"}`, "body.run_at"},
		{422, "POST", "/v1/jobs", `{"target":"billing","run_at":"3030-01-01T00:00:00Z"}`, "body.run_at"},
		{422, "POST", "/v1/jobs", `{"target":"billing","path":"../` + bad + `"}`, "body.path"},
		{422, "POST", "/v1/jobs", `{"target":"billing","headers":{"Webhook-Id":"` + bad + `"}}`, "body.headers.Webhook-Id"},
		{422, "POST", "/v1/jobs", `{"target":"billing","headers":{"X-A":"` + bad + `\n"}}`, "body.headers.X-A"},
		{422, "POST", "/v1/jobs", `{"target":"billing","headers":{"X-A":"` + bad + `","x-a":"2"}}`, "body.headers"},
		{422, "POST", "/v1/jobs", `{"target":"billing","headers":{"Authorization":"***"}}`, "body.headers.Authorization"},
		{422, "POST", "/v1/jobs", `{"target":"billing","headers":"` + bad + `"}`, "body.headers"},
		{422, "POST", "/v1/jobs", `{"target":"billing","timeout":"0s"}`, "body.timeout"},
		{422, "POST", "/v1/jobs", `{"target":"billing","timeout":"1h"}`, "body.timeout"},
		{422, "POST", "/v1/jobs", `{"target":"billing","retry":{"max_attempts":0}}`, "body.retry.max_attempts"},
		{422, "POST", "/v1/jobs", `{"target":"billing","retry":{"factor":"` + bad + `"}}`, "body.retry.factor"},
		{422, "POST", "/v1/jobs", `{"target":"billing","retry":{"fail_on":[200]}}`, "body.retry.fail_on[0]"},
		{422, "POST", "/v1/jobs", `{"target":"billing","retry":{"max_attempt":1}}`, "body.retry.max_attempt"},
		{422, "POST", "/v1/jobs", `{"target":"billing","priority":"` + bad + `"}`, "body.priority"},
		{422, "POST", "/v1/jobs", `{"target":"billing","labels":{"a:b":"` + bad + `"}}`, "body.labels"},
		{422, "POST", "/v1/jobs", `{"target":"billing","labels":{"a":7}}`, "body.labels.a"},
		{422, "POST", "/v1/jobs", `{"target":"billing","expires_in":"0s"}`, "body.expires_in"},
		{422, "POST", "/v1/jobs", `{"target":"billing","expires_at":"2020-01-01T00:00:00Z"}`, "body.expires_at"},
		{422, "POST", "/v1/jobs", `{"target":"billing","expires_at":"2030-01-01T00:00:00Z","expires_in":"1h"}`, "body.expires_in"},
		{422, "POST", "/v1/jobs", `{"target":"billing","key":""}`, "body.key"},
		{422, "POST", "/v1/jobs", `{"target":"billing","key":"` + bad + `\u0007"}`, "body.key"},
		{413, "POST", "/v1/jobs", `{"target":"billing","payload":"` + bad + long + `"}`, "body.payload"},
		{413, "POST", "/v1/jobs", `{"target":"billing","body":"` + bad + long + `"}`, "body.body"},
		{413, "POST", "/v1/jobs", `{"target":"billing","payload":"` + bad + strings.Repeat(long, 20) + `"}`, ""},
		{422, "POST", "/v1/jobs/batch", `{"jobs":[]}`, "body.jobs"},
		{422, "POST", "/v1/jobs/batch", `{}`, "body.jobs"},
		{422, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing"},{"target":"` + bad + `"}]}`, "body.jobs[1].target"},
		{422, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing","retry":{"jitter":"` + bad + `"}}]}`, "body.jobs[0].retry.jitter"},
		{422, "POST", "/v1/jobs/batch", `{"jobs":["` + bad + `"]}`, "body.jobs[0]"},
		{413, "POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing","payload":"` + bad + long + `"}]}`, "body.jobs[0].payload"},
		{422, "PATCH", job, `{"target":"` + bad + `"}`, "body.target"},
		{422, "PATCH", job, `{"priority":"` + bad + `"}`, "body.priority"},
		{422, "PATCH", job, `{"priority":"low","priority":"high"}`, "body.priority"},
		{422, "PATCH", job, `["` + bad + `"]`, "body"},
		{422, "PATCH", job, `{"expires_at":"2020-01-01T00:00:00Z"}`, "body.expires_at"},
		{422, "POST", job + "/cancel", `{"reason":"` + bad + `"}`, "body.reason"},
		{422, "GET", "/v1/jobs?limit=0", ``, "query.limit"},
		{422, "GET", "/v1/jobs?limit=501", ``, "query.limit"},
		{422, "GET", "/v1/jobs?limit=" + bad, ``, "query.limit"},
		{422, "GET", "/v1/jobs?cursor=" + bad, ``, "query.cursor"},
		{422, "GET", "/v1/jobs?state=" + bad, ``, "query.state[0]"},
		{422, "GET", "/v1/jobs?label=" + bad, ``, "query.label"},
		{422, "GET", "/v1/jobs?created_after=" + bad, ``, "query.created_after"},
		{422, "GET", "/v1/jobs?origin=" + bad, ``, "query.origin"},
		{422, "GET", "/v1/jobs?whatever=" + bad, ``, "query.whatever"},
		{422, "GET", job + "?whatever=" + bad, ``, "query.whatever"},
		{422, "GET", job + "/attempts?cursor=" + bad, ``, "query.cursor"},
		{422, "GET", "/v1/jobs?cursor=", ``, "query.cursor"},
		{422, "GET", "/v1/jobs?target=", ``, "query.target"},
		{422, "GET", "/v1/jobs?state=failed&state=", ``, "query.state"},
		{422, "GET", "/v1/jobs?target=billing&target=" + bad, ``, "query.target"},
		{422, "GET", "/v1/jobs?limit=10&limit=20", ``, "query.limit"},
		{422, "GET", "/v1/jobs?label=a:1&label=a:" + bad, ``, "query.label"},
		{422, "GET", "/v1/jobs?status_code=" + bad, ``, "query.status_code"},
		{422, "GET", "/v1/jobs?status_code=99", ``, "query.status_code"},
		{422, "GET", "/v1/jobs?q=" + bad, ``, "query.q"},
		{422, "GET", "/v1/jobs/export?q=job_8", ``, "query.q"},
		{400, "GET", "/v1/jobs?target=%zz" + bad, ``, "query"},
		{422, "GET", "/v1/targets?cursor=", ``, "query.cursor"},
		{422, "GET", "/v1/attempts?cursor=am9iczo", ``, "query.cursor"},
		{422, "DELETE", "/v1/targets/billing?cancel_jobs=", ``, "query.cancel_jobs"},
		{422, "GET", "/v1/attempts?status_code=" + bad, ``, "query.status_code"},
		{422, "GET", "/v1/events?target=" + bad, ``, "query.target"},
		{422, "GET", "/v1/events?job=" + bad, ``, "query.job"},
		{404, "GET", "/v1/jobs/" + bad, ``, ""},
		{404, "GET", "/v1/targets/" + bad, ``, ""},
		{404, "POST", "/v1/schedules/" + bad + "/pause", ``, ""},
		{404, "GET", "/v1/" + bad, ``, ""},
		{405, "POST", job, `{}`, ""},
		{409, "POST", "/v1/targets", `{"name":"billing","url":"https://` + bad + `.example.com"}`, ""},
		{422, "POST", "/v1/targets", `{"name":"` + bad + `!","url":"https://example.com"}`, "body.name"},
		{422, "POST", "/v1/targets", `{"name":"new"}`, "body.url"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","created_at":"` + bad + `"}`, "body.created_at"},
		{422, "PATCH", "/v1/targets/billing", `{"updated_at":"` + bad + `"}`, "body.updated_at"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"1h","runs":7}`, "body.runs"},
		{422, "PATCH", "/v1/schedules/report", `{"state":null}`, "body.state"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://user:` + bad + `@example.com"}`, "body.url"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","method":"` + bad + `"}`, "body.method"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","rate_limit":"` + bad + `"}`, "body.rate_limit"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","on_gone":"` + bad + `"}`, "body.on_gone"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","secret":"` + bad + `"}`, "body.secret"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","secret":"whsec_c2hvcnQ="}`, "body.secret"},
		{422, "POST", "/v1/targets", `{"name":"new","url":"https://example.com","description":"` + strings.Repeat(bad, 100) + `"}`, "body.description"},
		{422, "PUT", "/v1/targets/billing", `{"name":"` + bad + `","url":"https://example.com"}`, "body.name"},
		{422, "PUT", "/v1/targets/new", `{"name":"` + bad + `","url":"https://example.com"}`, "body.name"},
		{422, "PATCH", "/v1/targets/billing", `{"name":"` + bad + `"}`, "body.name"},
		{422, "PATCH", "/v1/targets/billing", `{"retry":{"max_backoff":"` + bad + `"}}`, "body.retry.max_backoff"},
		{422, "PATCH", "/v1/targets/billing", `{"url":null}`, "body.url"},
		{422, "POST", "/v1/targets/billing/pause", `{"reason":"` + strings.Repeat(bad, 100) + `"}`, "body.reason"},
		{422, "POST", "/v1/targets/billing/rotate-secret", `{"overlap":"8d"}`, "body.overlap"},
		{409, "DELETE", "/v1/targets/billing", ``, ""},
		{409, "DELETE", "/v1/targets/billing?delete_schedules=true", ``, ""},
		{422, "DELETE", "/v1/targets/billing?cancel_jobs=" + bad, ``, "query.cancel_jobs"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"` + bad + `","cron":"0 9 * * *"}`, "body.target"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","cron":"` + bad + `"}`, "body.cron"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","cron":"0 9 * * *","every":"1h"}`, "body.every"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"0s"}`, "body.every"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"1h","timezone":"` + bad + `"}`, "body.timezone"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"1h","overlap":"` + bad + `"}`, "body.overlap"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"1h","max_runs":0}`, "body.max_runs"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"1h","dst_gap":"` + bad + `"}`, "body.dst_gap"},
		{422, "POST", "/v1/schedules", `{"name":"new","target":"billing","every":"1h","priority":"` + bad + `"}`, "body.priority"},
		{422, "PATCH", "/v1/schedules/report", `{"cron":null}`, "body.cron"},
		{422, "PATCH", "/v1/schedules/report", `{"catch_up":"` + bad + `"}`, "body.catch_up"},
		{422, "PUT", "/v1/schedules/report", `{"target":"billing"}`, "body.cron"},
		{422, "POST", "/v1/schedules/report/pause", `{"until":"2020-01-01T00:00:00Z"}`, "body.until"},
		{422, "POST", "/v1/schedules/preview", `{"cron":"` + bad + `"}`, "body.cron"},
		{422, "POST", "/v1/schedules/preview", `{"cron":"0 9 * * *","count":101}`, "body.count"},
		{422, "POST", "/v1/schedules/report/backfill", `{"from":"` + bad + `","to":"2026-01-01T00:00:00Z"}`, "body.from"},
		{422, "POST", "/v1/schedules/report/backfill", `{"from":"2026-01-01T00:00:00Z"}`, "body.to"},
	} {
		w := h.raw(c.method, c.path, []byte(c.body))
		answer := w.Body.String()
		if w.Code != c.status {
			t.Errorf("%s %.120s %.120s: status %d, want %d: %s", c.method, c.path, c.body, w.Code, c.status, answer)
			continue
		}
		h.conforms(w, c.method, c.path, c.body)
		if strings.Contains(answer, secretValue) || strings.Contains(answer, long) {
			t.Errorf("%s %s %.120s: the answer repeats what it refuses: %s", c.method, c.path, c.body, answer)
		}
		if c.location != "" && !strings.Contains(answer, `"location":"`+c.location+`"`) {
			t.Errorf("%s %s %.120s: no fault at %s: %s", c.method, c.path, c.body, c.location, answer)
		}
		for _, member := range []string{`"type":"`, `"title":"`, `"status":`, `"detail":"`} {
			if !strings.Contains(answer, member) {
				t.Errorf("%s %s: no %s in %s", c.method, c.path, member, answer)
			}
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s %s: content type %s", c.method, c.path, ct)
		}
	}
}

// All that is wrong is said at once.
func TestInvalidAtOnce(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","cron":"0 9 * * *"}`)
	h.do(422, "POST", "/v1/targets", `{"name":"A","url":"ftp://x","timeout":"1ms","retry":{"factor":0,"jitter":2},"on_lost":"x"}`).
		is("errors", `[{"location":"body.name","message":"must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit"},`+
			`{"location":"body.url","message":"must begin with http:// or https://"},`+
			`{"location":"body.timeout","message":"must be between 100ms and 15m"},`+
			`{"location":"body.retry.factor","message":"must be between 1 and 10"},`+
			`{"location":"body.retry.jitter","message":"must be between 0 and 1"},`+
			`{"location":"body.on_lost","message":"must be retry or fail"}]`)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/v1/targets", `{}`, "name url"},
		{"POST", "/v1/targets", `{"name":"a","timeout":7,"retry":{"factor":0,"jitter":"x"},"headers":{"Host":"x"},"created_at":1}`,
			"timeout retry.jitter created_at url headers.Host retry.factor"},
		{"PUT", "/v1/targets/billing", `{"url":"http://x","method":"x","on_gone":3,"headers":{"Authorization":"***"}}`, "on_gone method"},
		{"PATCH", "/v1/targets/billing", `{"url":"x","timeout":"y"}`, "timeout url"},
		{"POST", "/v1/schedules", `{}`, "name target cron"},
		{"POST", "/v1/schedules", `{"name":"a","target":"none","cron":"x","overlap":"x","retry":{"factor":0}}`,
			"target cron retry.factor overlap"},
		{"POST", "/v1/schedules", `{"name":"a","target":"billing","cron":"x","max_runs":1.5,"path":"..","payload":1,"body":"x"}`,
			"max_runs body cron path"},
		{"POST", "/v1/schedules", `{"name":"a","target":"billing","cron":"x","payload":1,"body":"x","jitter":"999d"}`, "body cron jitter"},
		{"PATCH", "/v1/schedules/report", `{"target":"none","cron":"x"}`, "target cron"},
		{"PUT", "/v1/schedules/report", `{"target":"none","timezone":"x"}`, "target timezone cron"},
		{"POST", "/v1/schedules/report/pause", `{"until":"2020-01-01T00:00:00Z","reason":"` + strings.Repeat("x", 1001) + `"}`, "reason until"},
		{"POST", "/v1/schedules/report/backfill", `{"from":"2000-01-01T00:00:00Z","to":"1999-01-01T00:00:00Z"}`, "to from"},
		{"POST", "/v1/schedules/preview", `{"cron":"x","timezone":"x","count":0}`, "timezone cron count"},
		{"POST", "/v1/jobs", `{"target":"none","cron":"x","path":"..","labels":{"":""},"expires_in":"0s"}`, "target cron path labels expires_in"},
		{"POST", "/v1/jobs", `{"delay":"x","timeout":"1ms","priority":"x"}`, "delay target priority timeout"},
		{"POST", "/v1/jobs/batch", `{"jobs":[{"target":"billing","delay":"x"},{"target":"billing"},{"target":"billing","what":1},` +
			`{"target":"billing","path":"..","timeout":"1ms"}]}`, "jobs[0].delay jobs[2].what jobs[3].path jobs[3].timeout"},
		{"POST", "/v1/jobs/batch", `{"jobs":[{"target":"none","path":".."},{"target":"billing"},{"target":"billing","priority":"x","timeout":"1ms"}]}`,
			"jobs[0].target jobs[0].path jobs[2].priority jobs[2].timeout"},
		{"POST", "/v1/operations", `{}`, "action filter"},
		{"POST", "/v1/operations", `{"action":"x","filter":{"q":"zz","state":["x"],"label":["x"],"origin":"x","status_code":7}}`,
			"filter.label filter.state filter.origin filter.status_code filter.q action"},
		{"POST", "/v1/operations", `{"action":"x","filter":{"created_after":"x","origin":"x"}}`, "filter.created_after filter.origin action"},
		{"POST", "/v1/keys", `{}`, "name scope"},
		{"POST", "/v1/keys", `{"name":"A","scope":"x","rate_limit":"x","expires_in":"9999d"}`, "name scope rate_limit expires_in"},
		{"POST", "/v1/keys", `{"name":"A","scope":"x","expires_in":"1d","expires_at":"2020-01-01T00:00:00Z"}`, "expires_in name scope"},
	} {
		var p problem
		if err := json.Unmarshal(h.raw(c.method, c.path, []byte(c.body)).Body.Bytes(), &p); err != nil || p.Status != 422 {
			t.Errorf("%s %s %.120s: %v %v", c.method, c.path, c.body, p, err)
		}
		var got []string
		for _, f := range p.Errors {
			got = append(got, strings.TrimPrefix(f.Location, "body."))
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s %s %.120s: faults at %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
}
