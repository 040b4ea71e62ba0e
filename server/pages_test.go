package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/models"
)

// TestTour is what a newcomer does by hand: register a target, make a job, see it fail, mend the target, retry.
func TestTour(t *testing.T) {
	h := open(t)
	h.sender.will(answers(http.StatusInternalServerError))
	b := h.browser()
	b.get("/").want(200, "Nothing to do yet.", "Three steps")
	b.get("/targets/new").want(200)
	b.submit("/targets/new", "name", "billing", "url", "https://billing.example.com/hook", "retry.max_attempts", "1").
		want(200, "The target is registered.", "active", "It has not been called yet.")
	b.submit("/targets/billing/secret").want(200, "whsec_")
	b.get("/jobs/new?target=billing").want(200)
	b.submit("/jobs/new", "body", "{\"invoice\": 7.50}", "labels", "customer: 42").want(200, "The job is made.")
	id := strings.TrimPrefix(b.at, "/jobs/")
	h.ended(id)
	b.get("/jobs/"+id).want(200, "failed", "exhausted", "500 Internal Server Error", `"invoice": 7.50`, "customer")
	b.get("/").want(200, "1 job failed in the last 24 hours.", id[len(id)-8:])
	b.get("/jobs?state=failed&label=customer:42").want(200, id[len(id)-8:])
	b.get("/jobs?state=succeeded").want(200, "No job matches")

	h.sender.will(answers(http.StatusOK))
	b.get("/targets/billing").submit("/targets/billing/test").want(200, "Test call", "200 OK")
	b.get("/jobs/"+id).submit("/jobs/"+id+"/retry").want(200, "The job is due again")
	h.ended(id)
	b.get("/jobs/"+id).want(200, "succeeded", "Attempt 2", "200 OK")
	b.submit("/jobs/"+id+"/rerun").want(200, "This is a new job", "Repeats "+id)
	h.ended(strings.TrimPrefix(b.at, "/jobs/"))
	b.get("/attempts?target=billing&outcome=succeeded").want(200, "200 OK", "test call")
	b.get("/jobs/"+id).submit("/jobs/"+id+"/delete").want(200, "The job is deleted.")
	b.get("/jobs/"+id).want(404, "Not Found")
}

// TestFormsLoseNothing sends what is wrong: it comes back as it was, with the fault beside it.
func TestFormsLoseNothing(t *testing.T) {
	h := open(t)
	h.target("billing")
	b := h.browser()
	b.get("/jobs/new").submit("/jobs/new", "target", "nowhere", "body", "{\"a\": 1,\n", "headers", "no colon",
		"retry.factor", "fast",
		"delay", "soon", "labels", "customer: 42")
	b.want(422, "Not saved yet.", "must be one JSON value", "must be lines of name: value", "must be a number",
		"must be a length of time")
	want := map[string]string{"target": "nowhere", "body": "{\"a\": 1,\n", "headers": "no colon",
		"retry.factor": "fast", "delay": "soon",
		"labels": "customer: 42"}
	for name, value := range want {
		if got := b.value(name); got != value {
			t.Errorf("%s came back as %q, want %q", name, got, value)
		}
	}
	b.submit("/jobs/new", "body", "{}", "headers", "", "retry.factor", "", "delay", "").want(422,
		"is not a registered target")

	b.get("/targets/new").submit("/targets/new", "name", "Billing!", "url", "ftp://x", "max_in_flight", "0",
		"rate_limit", "10/d").
		want(422, "must begin with http", "must be 1 to 64 of", "must be between 1 and 10000",
			"must be a number from 1")
	b.submit("/targets/new", "name", "billing", "url", "http://x/", "max_in_flight", "1", "rate_limit",
		"").want(422, "a target of this name exists already")
	b.get("/schedules/new").submit("/schedules/new", "name", "x", "target", "billing", "cron", "61 * * * *",
		"max_runs", "many", "do", "save").
		want(422, "must be a whole number")
	if got := b.value("cron"); got != "61 * * * *" {
		t.Errorf("cron came back as %q", got)
	}
}

// TestEditingNothingChangesNothing opens each form for settings and saves it as it stands.
func TestEditingNothingChangesNothing(t *testing.T) {
	h := open(t)
	h.do(201, "POST", "/v1/targets",
		`{"name":"a","url":"http://127.0.0.1:1/x?y=1","method":"PUT","headers":{"Authorization":"Bearer s","X-A":"1"},
		"timeout":"1m30s","retry":{"max_attempts":3,"min_backoff":"1500ms","max_backoff":"36h","factor":1.5,"jitter":0,"fail_on":[]},
		"max_in_flight":7,"rate_limit":"5/m","on_lost":"fail","on_gone":"fail","description":"one\ntwo"}`)
	h.do(201, "POST", "/v1/schedules",
		`{"name":"s","target":"a","cron":"0 9 * * MON#2","timezone":"Europe/Berlin","description":"d",
		"payload":{"n":1.50,"big":12345678901234567890},"path":"/p?q=1","headers":{"X-Key":"k"},"labels":{"a":"b c"},"priority":"low",
		"timeout":"5s","retry":{"max_attempts":2,"fail_on":[404,500]},"expires_in":"2h","day_match":"all","dst_gap":"skip","dst_repeat":"both",
		"overlap":"allow","retry_past_next":false,"catch_up":"last","catch_up_window":"90m","start_at":"2026-01-01T00:00:00.250Z",
		"end_at":"2099-01-01T00:00:00Z","max_runs":9}`)
	b := h.browser()
	for _, path := range []string{"/targets/a", "/schedules/s"} {
		before := h.do(200, "GET", "/v1"+path, "").members
		b.get(path+"/edit").want(200).submit(path+"/edit").want(200, "The settings are saved.")
		after := h.do(200, "GET", "/v1"+path, "").members
		delete(before, "updated_at")
		delete(after, "updated_at")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	target, err := h.store.Target(t.Context(), "a")
	if err != nil || target.Headers["Authorization"] != "Bearer s" {
		t.Errorf("the secret header is now %v, %v", target.Headers, err)
	}
}

// TestCopiedJob fills in the form from a job, secret headers included, and makes another like it.
func TestCopiedJob(t *testing.T) {
	h := open(t)
	h.target("a")
	first := h.do(201, "POST", "/v1/jobs",
		`{"target":"a","body":"a\nb","content_type":"text/csv","delay":"1h","path":"/p","timeout":"3s",
		"headers":{"X-Token":"secret"},"labels":{"k":"v"},"priority":"high","retry":{"factor":2}}`)
	b := h.browser()
	b.get("/jobs/"+first.text("id")).want(200, "scheduled", "First attempt", `"body":"a\nb"`)
	b.get("/jobs/new?copy="+first.text("id")).submit("/jobs/new", "delay", "2h").want(200, "The job is made.")
	second := h.do(200, "GET", "/v1/jobs/"+strings.TrimPrefix(b.at, "/jobs/"), "")
	for _, member := range []string{"target", "body", "content_type", "path", "timeout", "headers", "labels",
		"priority"} {
		second.is(member, first.raw(member))
	}
	job, err := h.store.Job(t.Context(), second.text("id"))
	if err != nil || job.Headers["X-Token"] != "secret" || *job.Retry.Factor != 2 {
		t.Errorf("the copy is %+v, %v", job, err)
	}
	b.submit(b.at+"/run").want(200, "The job is due now.")
	h.ended(job.ID)
	b.get("/jobs/" + job.ID)
	b.request("POST", b.at+"/cancel", "").want(200, "Attempt 1") // too late: the page says so
}

// TestAddressOfAnAnswer goes to addresses that forms are answered at: each is the page of its form, and nothing is sent.
func TestAddressOfAnAnswer(t *testing.T) {
	h := open(t)
	h.target("billing")
	b := h.browser()
	for path, page := range map[string]string{"/targets/billing/secret": "/targets/billing", "/keys/me/revoke": "/keys",
		"/targets/billing/rotate-secret": "/targets/billing", "/targets/billing/pause": "/targets/billing", "/theme": "/"} {
		if b.get(path); b.status != 200 || b.at != page {
			t.Errorf("%s leads to %s with %d, want %s", path, b.at, b.status, page)
		}
	}
	b.get("/targets/billing").want(200, "active")
	if w := h.raw("GET", "/targets/billing/secret", nil); w.Code != 405 {
		t.Errorf("a program gets %d", w.Code)
	}
}

func TestScheduleByForm(t *testing.T) {
	h := open(t)
	h.target("a")
	b := h.browser()
	b.get("/schedules/new").submit("/schedules/new", "cron", "0 9 * * *", "timezone", "Europe/Berlin", "do", "preview").
		want(200, "Next runs", "09:00:00")
	if b.value("cron") != "0 9 * * *" || strings.Contains(b.text(), "Not saved yet") {
		t.Errorf("a preview finds fault with the rest of the form, or loses it: %s", b.text())
	}
	b.submit("/schedules/new", "cron", "0 9 32 * *", "do", "preview").want(422, "Not saved yet.")
	b.submit("/schedules/new", "name", "report", "target", "a", "cron", "0 9 * * *", "body", `{"r":1}`, "do", "save").
		want(200, "The schedule is made.", "active", "Coming runs", "None has come due yet.")
	b.submit("/schedules/report/pause", "reason", "holidays", "until", "2000-01-01T00:00").want(422,
		"must be in the future")
	b.submit("/schedules/report/pause", "until", "").want(200, "The schedule is paused.", "holidays")
	b.submit("/schedules/report/resume").want(200, "The schedule is active.")
	b.submit("/schedules/report/trigger").want(200, "The schedule was run once", "by a trigger", "report")
	h.ended(strings.TrimPrefix(b.at, "/jobs/"))
	b.get("/schedules?target=a").want(200, "report", "succeeded")
	b.get("/targets/a").submit("/targets/a/delete").want(422, "a")
	b.submit("/targets/a/delete", "delete_schedules", "true").want(200, "The target is deleted.", "No target yet")
	b.get("/schedules/report").want(404)
}

func TestTargetByForm(t *testing.T) {
	h := open(t)
	h.target("new") // a name that a page of ours has too
	b := h.browser()
	b.get("/targets").want(200, "new", "https://new.example.com/hook")
	b.get("/targets/~new").want(200, "active")
	b.submit("/targets/~new/pause", "reason", "<script>").want(200, "paused", "<script>")
	b.get("/").want(200, "1 target is paused, else all is well.")
	b.get("/targets/~new").submit("/targets/~new/resume").want(200, "The target is called again.")
	b.submit("/targets/~new/rotate-secret", "overlap", "8d").want(422, "must be between 0s and 7d")
	b.submit("/targets/~new/rotate-secret", "overlap", "1h").want(200, "all of them, the newest first")
	if n := strings.Count(b.text(), "whsec_"); n != 2 {
		t.Errorf("%d secrets are shown, want the new and the old one", n)
	}
	b.get("/targets/~new").want(200)
	if strings.Contains(b.text(), "whsec_") {
		t.Error("a page shows secrets that nobody asked for")
	}
}

func TestFind(t *testing.T) {
	h := open(t)
	h.target("billing")
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`).text("id")
	b := h.browser()
	for q, at := range map[string]string{" Billing ": "/targets/billing", id: "/jobs/" + id,
		strings.ToUpper(id): "/jobs/" + id,
		id[:10]:             "/jobs?q=" + id[:10], "a%26b%2f..": "/jobs?q=a%26b%2F.."} {
		if b.get("/find?q=" + strings.ReplaceAll(q, " ", "%20")); b.at != at {
			t.Errorf("%s leads to %s, want %s", q, b.at, at)
		}
	}
}

func TestThemeAndWayBack(t *testing.T) {
	b := open(t).browser()
	b.get("/jobs?state=failed").submit("/theme", "theme", "dark").want(200)
	if b.at != "/jobs?q=state%3Afailed" || b.cookies[themeCookie] != "dark" {
		t.Errorf("at %s with %v", b.at, b.cookies)
	}
	for _, back := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`,
		"javascript:alert(1)", ""} {
		if b.get("/").submit("/theme", "back", back, "theme", ""); b.at != "/" {
			t.Errorf("%s leads to %s", back, b.at)
		}
	}
	if _, kept := b.cookies[themeCookie]; kept {
		t.Error("the system's theme leaves a cookie")
	}
}

// TestPageManners looks at what is the same for all pages.
func TestPageManners(t *testing.T) {
	h := open(t)
	b := h.browser()
	for path, status := range map[string]int{"/": 200, "/jobs": 200, "/jobs/new": 200, "/targets": 200,
		"/targets/new": 200, "/schedules": 200,
		"/schedules/new": 200, "/attempts": 200, "/jobs/job_x": 404, "/attempts/att_x": 404, "/targets/x": 404,
		"/schedules/x/edit": 404,
		"/nowhere":          404, "/jobs?state=lost": 422, "/jobs?cursor=x": 422, "/jobs?label=x": 422,
		"/attempts?status_code=x": 422,
		"/attempts?outcome=x":     422, "/targets?cursor=x": 422} {
		b.get(path).want(status)
		if policy := b.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") ||
			strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if b.header.Get("Content-Type") != "text/html; charset=utf-8" || b.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, b.header)
		}
	}
	if w := h.raw("GET", "/nowhere", nil); w.Code != 404 ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program gets %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	w := h.raw("POST", "/targets/new", []byte("name=x&url=http://x/"), "Content-Type",
		"application/x-www-form-urlencoded",
		"Sec-Fetch-Site", "cross-site")
	if _, err := h.store.Target(t.Context(), "x"); w.Code != 403 || err != models.ErrNotFound {
		t.Errorf("another site's form got %d, %v", w.Code, err)
	}
}

func TestLogin(t *testing.T) {
	h := open(t, func(c *Config) { c.Dev, c.AdminKey = false, "correct horse" })
	key := h.header.Get("Authorization")
	h.header.Del("Authorization")
	b := h.browser()
	b.get("/jobs?state=failed").want(200, "Sign in")
	if strings.Contains(b.text(), "Overview") {
		t.Error("the login shows the navigation")
	}
	b.submit("/login", "key", "wrong").want(403, "is not a valid key")
	b.submit("/login", "key", "correct horse").want(200, "No job matches", "Sign out")
	if b.at != "/jobs?q=state%3Afailed" {
		t.Errorf("the login leads to %s", b.at)
	}
	session := b.cookies[sessionCookie]
	for path, want := range map[string]int{"/v1/targets": 200, "/openapi.json": 200} {
		if w := h.raw("GET", path, nil, "Cookie", sessionCookie+"="+session); w.Code != want {
			t.Errorf("%s with a session: %d", path, w.Code)
		}
	}
	b.submit("/logout").want(200, "Sign in")
	for name, header := range map[string][]string{"an ended session": {"Cookie", sessionCookie + "=" + session},
		"no session": {"Accept", "application/json"}, "a wrong key": {"Accept", "text/html", "Authorization",
			"Bearer x"}} {
		if w := h.raw("GET", "/", nil, header...); w.Code != 401 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := h.raw("POST", "/targets/new", []byte("name=x&url=http://x/"), "Accept", "text/html"); w.Code != 303 {
		t.Errorf("a form without a session: %d", w.Code)
	}
	if w := h.raw("GET", "/v1/targets", nil, "Accept", "text/html"); w.Code != 401 {
		t.Errorf("the API leads people to the login: %d", w.Code)
	}
	if w := h.raw("GET", "/", nil, "Authorization", key); w.Code != 200 {
		t.Errorf("the pages with the key: %d", w.Code)
	}
}

// TestSearchingJobs looks for jobs by the search bar, and at its tabs and faults.
func TestSearchingJobs(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.target("mailer")
	first := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h","labels":{"customer":"42"}}`).text("id")
	second := h.do(201, "POST", "/v1/jobs", `{"target":"mailer","delay":"1h"}`).text("id")
	b := h.browser()
	b.get("/jobs").want(200, first[len(first)-8:], second[len(second)-8:], "scheduled 2", "failed 0")
	b.get("/jobs?q=target:billing+label:customer%3D42").want(200, first[len(first)-8:], "scheduled 1")
	if strings.Contains(b.text(), second[len(second)-8:]) {
		t.Error("a search shows what it should not")
	}
	b.get("/jobs?state=scheduled&label=customer:42")
	if b.at != "/jobs?q=state%3Ascheduled+label%3Acustomer%3D42" {
		t.Errorf("filters lead to %s", b.at)
	}
	b.get("/jobs?q="+second).want(200, second[len(second)-8:])
	b.get("/jobs?q=state:lost").want(422, "state must be one of")
	b.get("/jobs?q=%22").want(422, "The search must end each")
	b.get("/attempts?status_code=x").want(422, "This cannot be looked for.")
	b.get("/jobs?q=colour:red").want(422, "colour is not one of")
}

// TestActingOnMany selects jobs and does one thing with all of them; those it does not fit stay as they are.
func TestActingOnMany(t *testing.T) {
	h := open(t)
	h.target("billing")
	var ids []string
	for range 3 {
		ids = append(ids, h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`).text("id"))
	}
	b := h.browser()
	b.get("/jobs").request("POST", "/jobs/many", "do=cancel&job="+ids[0]+"&job="+ids[1]+"&q=target:billing").
		want(200, "2 jobs are canceled.", "canceled 2")
	if b.at != "/jobs?q=target%3Abilling" {
		t.Errorf("the form leads to %s", b.at)
	}
	b.request("POST", "/jobs/many", "do=retry&job="+ids[0]+"&job="+ids[2]+"&job=job_x").
		want(200, "1 job is due again.", "1 left as they were:", "The job is gone.")
	h.ended(ids[0])
	b.request("POST", "/jobs/many", "do=delete&job="+ids[0]+"&job="+ids[1]).want(200, "2 jobs are deleted.", "all 1")
	b.request("POST", "/jobs/many", "do=delete").want(200, "No job was selected.")
	b.request("POST", "/jobs/many", "do=burn&job="+ids[2]).want(404)
}

// TestRunAgainWithAnotherPayload edits the payload of a job that has ended.
func TestRunAgainWithAnotherPayload(t *testing.T) {
	h := open(t)
	h.target("billing")
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing","payload":{"invoice":7.50}}`).text("id")
	h.ended(id)
	b := h.browser()
	b.get("/jobs/"+id).want(200, "Edit and run again")
	b.get("/jobs/"+id+"/rerun").want(200, `"invoice": 7.50`)
	b.submit("/jobs/"+id+"/rerun", "body", `{"invoice": `).want(422, "must be one JSON value")
	if got := b.value("body"); got != `{"invoice": ` {
		t.Errorf("the payload came back as %q", got)
	}
	b.submit("/jobs/"+id+"/rerun", "body", `{"invoice": 8.50}`).want(200, "This is a new job", "Repeats "+id)
	h.do(200, "GET", "/v1"+b.at, "").is("payload", `{"invoice":8.50}`)

	h.do(204, "DELETE", "/v1/targets/billing?cancel_jobs=true", "")
	b.get("/jobs/"+id).want(200, "no longer registered")
	if text := b.text(); strings.Contains(text, "Run again") || strings.Contains(text, "Retry") {
		t.Error("a job without a target offers what cannot be done")
	}
}

// TestBackfillIsCountedFirst asks for a backfill: nothing is made before somebody has seen how much.
func TestBackfillIsCountedFirst(t *testing.T) {
	h := open(t)
	h.target("a")
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"a","cron":"0 * * * *"}`)
	b := h.browser()
	to := time.Now().UTC().Truncate(time.Hour)
	fields := []string{"from", to.Add(-3 * time.Hour).Format("2006-01-02T15:04"), "to", to.Format("2006-01-02T15:04")}
	b.get("/schedules/report").submit("/schedules/report/backfill", append(fields, "do", "count")...).
		want(200, "It would make 3 jobs")
	b.submit("/schedules/report/backfill", append(fields, "do", "make")...).want(200, "The backfill made 3 jobs.")
	b.submit("/schedules/report/backfill", append(fields, "do", "count")...).want(200, "3 occurrences have one already")
	b.submit("/schedules/report/backfill", "from", "x", "do", "count").want(422, "From, in UTC must be a time")
}

// TestActingOnSchedules selects schedules and pauses them.
func TestActingOnSchedules(t *testing.T) {
	h := open(t)
	h.target("a")
	for _, name := range []string{"early", "late"} {
		h.do(201, "POST", "/v1/schedules", `{"name":"`+name+`","target":"a","cron":"0 9 * * *"}`)
	}
	b := h.browser()
	b.get("/schedules?q=earl").want(200, "early")
	if strings.Contains(b.text(), "late") {
		t.Error("a search shows what it should not")
	}
	b.request("POST", "/schedules/many", "do=pause&schedule=early&schedule=late&schedule=x").
		want(200, "2 schedules are paused.", "1 left as they were: The schedule is gone.")
	b.request("POST", "/schedules/many", "do=resume&schedule=late").want(200, "1 schedule is active.")
	b.request("POST", "/schedules/many", "do=trigger&schedule=late").want(200, "1 schedule is run once.")
	b.request("POST", "/schedules/many", "do=pause").want(200, "No schedule was selected.")
}

// TestActingOnAllThatMatch retries all failed jobs of a target: how many is shown first, and progress after.
func TestActingOnAllThatMatch(t *testing.T) {
	h := open(t)
	h.do(201, "POST", "/v1/targets", `{"name":"billing","url":"https://billing.example.com/hook","retry":{"max_attempts":1}}`)
	h.sender.will(answers(http.StatusInternalServerError))
	var ids []string
	for range 3 {
		ids = append(ids, h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id"))
	}
	for _, id := range ids {
		h.ended(id)
	}
	h.sender.will(answers(http.StatusOK))
	b := h.browser()
	b.get("/jobs?q=target:billing+state:failed").want(200, "all 3 matching")
	b.request("POST", "/jobs/many", "do=retry&all=1&q=target:billing+state:failed").want(200, "Retry 3 jobs?", "3 jobs match")
	if want := "/jobs/many?do=retry&q=target%3Abilling+state%3Afailed"; b.at != want { // one can come back to it
		t.Errorf("the question stands at %s, want %s", b.at, want)
	}
	b.submit("/operations", "do", "retry").want(200, "Retry 3 jobs", "3 matched")
	at := b.at
	for strings.Contains(b.text(), "running") {
		b.get(at)
	}
	b.want(200, "3 done", "0 left as they were")
	for _, id := range ids {
		h.ended(id)
		b.get("/jobs/"+id).want(200, "succeeded")
	}
	b.get("/operations").want(200, "Retry", "target:billing state:failed")
	b.request("POST", "/jobs/many", "do=delete&all=1&q=").want(422, "must choose")
	b.get(at).request("POST", at+"/cancel", "").want(200)
}

// TestExportLinks follows the links to the files of what matches.
func TestExportLinks(t *testing.T) {
	h := open(t)
	h.target("billing")
	id := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h","labels":{"k":"a b"}}`).text("id")
	h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`)
	b := h.browser()
	b.get(`/jobs?q=target:billing+state:scheduled+label:k%3D"a+b"+created:>1h`).want(200, id[len(id)-8:])
	links := 0
	for n := range b.page.Descendants() {
		if href := attribute(n, "href"); strings.HasPrefix(href, "/v1/jobs/export?") {
			links++
			if w := h.raw("GET", href, nil); w.Code != 200 || strings.Count(w.Body.String(), "job_") != 1 {
				t.Errorf("%s: %d %s", href, w.Code, w.Body)
			}
		}
	}
	if links != 2 {
		t.Errorf("%d links to files", links)
	}
}
