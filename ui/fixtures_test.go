package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"punctual/models"
)

// noon is the time on every page drawn in tests.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func frame(title, tab string) Frame {
	return Frame{Title: title, Tab: tab, Now: noon, Here: "/", Origin: "http://localhost:8080", Version: "0.1.0",
		Dev: true, May: May{Write: true, Admin: true, Whole: true, Rule: true}, Watch: Watch{On: true}}
}

// alarmed is the frame while something is wrong.
func alarmed(f Frame) Frame { f.Alarm = "2 targets failing"; return f }

// world is the data that pages are drawn from, in two moods.
type world struct {
	word func(plain string) string // what users call things
	text func(plain string) string // what users and targets write
}

var calm = world{word: func(s string) string { return s }, text: func(s string) string { return s }}

// nasty holds what somebody might try: markup, template syntax, attribute breakers, control characters, text that turns
// the reading direction, and broken UTF-8.
const nasty = `<script>alert("pwned")</script><img src=x onerror=alert(1)>" onmouseover="alert(2)' {{.}} javascript:alert(3)` +
	"\x00\x1b[31m\x7f\u202egnp.exe\u2066\ufeff\u0085\xff"

var hostile = world{
	word: func(s string) string { return s + `"><script>alert(4)</script>/../?#` + "\u202e" },
	text: func(s string) string { return s + nasty + strings.Repeat("A", 64<<10) },
}

func (w world) target(name string, change func(*models.Target)) *models.Target {
	t := models.DefaultTarget()
	t.ID, t.Name, t.URL = "tgt_"+name, w.word(name), w.text("https://api.example.com/hooks/"+name)
	t.CreatedAt, t.UpdatedAt = ago(90*time.Hour), ago(3*time.Hour)
	t.Headers = models.Headers{"Authorization": "Bearer very-secret", "X-Tenant": w.text("acme")}
	t.Description = w.text("Books invoices. Ask the billing team before you change it.")
	if change != nil {
		change(&t)
	}
	return &t
}

func (w world) targets() []*models.Target {
	return []*models.Target{
		w.target("billing", nil),
		w.target("mailer", func(t *models.Target) { t.RateLimit, t.MaxInFlight = "50/s", 20 }),
		w.target("search-index", func(t *models.Target) {
			t.PausedAt, t.PausedReason = ago(2*time.Hour), w.text("reindexing")
		}),
		w.target("legacy-crm", func(t *models.Target) { t.PausedAt, t.PausedReason = ago(26*time.Hour), "gone" }),
	}
}

func (w world) attempt(n int, target string, outcome models.Outcome, status int,
	change func(*models.Attempt)) *models.Attempt {
	a := &models.Attempt{ID: fmt.Sprintf("att_01kjq3v8e5fzzr9y6q5t8m%04d", n),
		JobID:    fmt.Sprintf("job_01kjq3v8e5fzzr9y6q5t8m%04d", n),
		TargetID: "tgt_" + target, Target: w.word(target), Number: 1, Outcome: outcome, StatusCode: status,
		StartedAt: ago(time.Duration(n) * 47 * time.Second),
		Duration:  time.Duration(8+n*n%90) * 1700 * time.Microsecond, Node: "node_01kjq3v8e5fzzr9y6q5t8m0001",
		DNS:     900 * time.Microsecond,
		Connect: 2 * time.Millisecond, TLS: 4 * time.Millisecond, Method: "POST",
		URL: w.text("https://api.example.com/hooks/" + target),
		ReqHeaders: headers(map[string]string{"Content-Type": "application/json", "Webhook-Id": "job_01",
			"Webhook-Signature": "***", "X-Tenant": w.text("acme")}),
		RespHeaders: headers(map[string]string{"Content-Type": "application/json",
			"Date": "Mon, 02 Mar 2026 11:59:12 GMT", "X-Trace": w.text("7f")}),
		RespBody: []byte(`{"ok":true,"invoice":{"id":7,"total":129.90,"lines":[{"sku":"A-1","n":2}]},"note":` + quoted(w.text("booked")) + `}`)}
	a.FirstByte = a.Duration - 600*time.Microsecond
	if change != nil {
		change(a)
	}
	return a
}

func headers(h map[string]string) json.RawMessage {
	raw, _ := json.Marshal(h)
	return raw
}

func quoted(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

func (w world) attempts() []*models.Attempt {
	out := []*models.Attempt{
		w.attempt(0, "mailer", models.Calling, 0, func(a *models.Attempt) {
			*a = models.Attempt{ID: a.ID, JobID: a.JobID, TargetID: a.TargetID, Target: a.Target, Number: 2,
				Outcome: models.Calling, StartedAt: ago(3 * time.Second), Node: a.Node}
		}),
		w.attempt(1, "billing", models.Success, 200, nil),
		w.attempt(2, "billing", models.Retryable, 503, func(a *models.Attempt) {
			a.RetryAt = noon.Add(40 * time.Second)
			a.RespBody = []byte(w.text("<html><body><h1>503 Service Unavailable</h1></body></html>"))
		}),
		w.attempt(3, "mailer", models.Failure, 0, func(a *models.Attempt) {
			a.ErrorKind, a.ErrorMessage, a.RespHeaders, a.RespBody = "timeout", w.text("no answer within 30s"), nil, nil
			a.Duration, a.FirstByte, a.Number = 30*time.Second, 0, 10
		}),
		w.attempt(4, "billing", models.Lost, 0, func(a *models.Attempt) {
			a.Duration, a.ReqHeaders, a.RespHeaders, a.RespBody = 0, nil, nil, nil
		}),
		w.attempt(5, "search-index", models.Interrupted, 0, func(a *models.Attempt) {
			a.RespHeaders, a.RespBody = nil, nil
		}),
		w.attempt(6, "search-index", models.Aborted, 0, func(a *models.Attempt) {
			a.RespHeaders, a.RespBody = nil, nil
		}),
		w.attempt(7, "mailer", models.Success, 204, func(a *models.Attempt) {
			a.JobID, a.Number, a.RespBody = "", 0, nil
		}),
		w.attempt(8, "billing", models.Success, 200, func(a *models.Attempt) {
			a.RespBody, a.Truncated = []byte("\x00\x01\x02\xfe\xff"), true
		}),
	}
	for n := 9; n < 55; n++ {
		switch n % 11 {
		case 3:
			out = append(out, w.attempt(n, "mailer", models.Retryable, 429, nil))
		case 7:
			out = append(out, w.attempt(n, "mailer", models.Failure, 400, nil))
		default:
			out = append(out, w.attempt(n, "billing", models.Success, 200, nil))
		}
	}
	return out
}

func (w world) job(n int, state models.State, change func(*models.Job)) *models.Job {
	target := w.targets()[n%3]
	j := &models.Job{ID: fmt.Sprintf("job_01kjq3v8e5fzzr9y6q5t8m%04d", n), TargetID: target.ID, Of: target,
		State:  state,
		Origin: models.FromAPI, Priority: models.Normal, BodyForm: models.BodyPayload, ContentType: "application/json",
		Body:         []byte(`{"invoice":7,"total":129.90,"customer":{"id":42,"name":` + quoted(w.text("Ada")) + `},"big":12345678901234567890}`),
		Headers:      models.Headers{"X-Source": w.text("shop"), "X-Api-Key": "very-secret"},
		Labels:       models.Labels{"customer": "42", "region": w.text("eu"), "tier": "gold", "zone": "b"},
		ScheduledFor: ago(time.Duration(n) * 3 * time.Minute),
		CreatedAt:    ago(time.Duration(n)*3*time.Minute + 2*time.Second),
		UpdatedAt:    ago(time.Duration(n) * time.Minute)}
	j.RunAt = j.ScheduledFor
	if state.Final() {
		j.FinishedAt = ago(time.Duration(n) * 2 * time.Minute)
	}
	if change != nil {
		change(j)
	}
	return j
}

func (w world) jobs() []*models.Job {
	ten, hour, attempts := 10, time.Hour, w.attempts()
	all := []*models.Job{
		w.job(0, models.Running, func(j *models.Job) {
			j.ClaimedAt, j.Attempts, j.LastNumber = ago(3*time.Second), 1, 1
		}),
		w.job(1, models.Scheduled,
			func(j *models.Job) { j.RunAt = noon.Add(10 * time.Minute); j.ScheduledFor = j.RunAt }),
		w.job(2, models.Scheduled, nil),
		w.job(3, models.Scheduled, func(j *models.Job) {
			j.Attempts, j.LastNumber, j.RunAt, j.Last = 2, 2, noon.Add(40*time.Second), attempts[2]
		}),
		w.job(4, models.Succeeded, func(j *models.Job) {
			j.Attempts, j.LastNumber, j.Last, j.Labels = 1, 1, attempts[1], nil
		}),
		w.job(5, models.Failed, func(j *models.Job) {
			j.Reason, j.Attempts, j.LastNumber, j.Last = models.ReasonExhausted, 10, 10, attempts[3]
		}),
		w.job(6, models.Canceled, func(j *models.Job) { j.Reason = models.ReasonCanceled }),
		w.job(7, models.Failed, func(j *models.Job) {
			j.Reason, j.Schedule, j.ScheduleID, j.Origin = models.ReasonExpired, w.word("nightly-report"), "sch_1",
				models.FromSchedule
			j.Retry = &models.RetryOver{MaxAttempts: &ten, MaxBackoff: &hour}
			j.ExpiresAt, j.Path, j.Key, j.RerunOf = ago(time.Minute), w.text("/invoices?id=7"), "order-7",
				"job_01kjq3v8e5fzzr9y6q5t8m0001"
		}),
		w.job(8, models.Scheduled, func(j *models.Job) {
			j.Held, j.Schedule, j.ScheduleID = true, w.word("nightly-report"), "sch_1"
		}),
	}
	for n := 9; n < 30; n++ {
		all = append(all, w.job(n, models.Succeeded, func(j *models.Job) {
			j.Attempts, j.LastNumber, j.Last, j.Labels = 1, 1, attempts[1], nil
			j.Schedule = w.word("heartbeat")
		}))
	}
	return all
}

func (w world) schedule(name string, change func(*models.Schedule)) *models.Schedule {
	s := models.DefaultSchedule()
	s.ID, s.Name, s.Target, s.TargetID = "sch_"+name, w.word(name), w.word("billing"), "tgt_billing"
	s.Cron, s.Timezone, s.Description = "0 9 * * MON-FRI", "Europe/Berlin", w.text("The report that the board reads.")
	s.BodyForm, s.Body = models.BodyPayload, []byte(`{"report":"daily","note":`+quoted(w.text("x"))+`}`)
	s.Headers, s.Labels = models.Headers{"X-Source": w.text("cron")}, models.Labels{"kind": w.text("report")}
	s.NextAt, s.DueAt, s.Runs, s.CreatedAt = noon.Add(20*time.Hour), noon.Add(20*time.Hour), 41, ago(900*time.Hour)
	if change != nil {
		change(&s)
	}
	return &s
}

func (w world) schedules() []*models.Schedule {
	return []*models.Schedule{
		w.schedule("board-report", func(s *models.Schedule) { s.LastJob = w.job(4, models.Succeeded, nil) }),
		w.schedule("heartbeat", func(s *models.Schedule) {
			s.Cron, s.Every, s.NextAt, s.Runs = "", 30*time.Second, noon.Add(12*time.Second), 86_412
			s.LastJob = w.job(0, models.Running, nil)
		}),
		w.schedule("nightly-report", func(s *models.Schedule) {
			s.PausedAt, s.PausedReason = ago(time.Hour), w.text("month end")
			s.LastJob = w.job(5, models.Failed, nil)
		}),
		w.schedule("launch", func(s *models.Schedule) { s.NextAt, s.MaxRuns, s.Runs = time.Time{}, 1, 1 }),
	}
}

func (w world) operations() []*models.Operation {
	o := func(id string, action models.Action, state models.OperationState, done, failed int) *models.Operation {
		out := &models.Operation{ID: "op_01kjq3v8e5fzzr9y6q5t8m000" + id, Action: action, State: state, Matched: 100_000, Done: done,
			Failed: failed, Search: w.text("target:billing state:failed"), CreatedAt: ago(time.Minute)}
		if state != models.OperationRunning {
			out.FinishedAt = ago(2 * time.Second)
		}
		if failed > 0 {
			out.Failures = map[string]int{w.text("The job's target is no longer registered."): failed}
		}
		return out
	}
	return []*models.Operation{o("1", models.ActRetry, models.OperationRunning, 31_500, 0),
		o("2", models.ActDelete, models.OperationDone, 99_988, 12), o("3", models.ActCancel, models.OperationCanceled, 5000, 0),
		o("4", models.ActRerun, models.OperationDone, 100_000, 0)}
}

func (w world) attention() []Attention {
	health := map[string]*models.Health{"tgt_billing": health(0)}
	return AttentionOf(w.targets(), w.loads(), health)
}

// health is a target's, of whose calls that many in a hundred succeed.
func health(well int) *models.Health {
	h := &models.Health{}
	for i := range h.Hours {
		h.Hours[i] = models.Calls{Succeeded: i * well, Failed: i * (100 - well), Retryable: i % 3}
	}
	h.Total.Calls = models.Calls{Succeeded: 276 * well, Failed: 276 * (100 - well)}
	h.Total.Latency = models.Quantiles{P50: 12 * time.Millisecond, P95: 80 * time.Millisecond, P99: 1200 * time.Millisecond, Known: true}
	return h
}

// stats has a quiet stretch, a busy one, and one with trouble.
func stats(w models.Window) *models.Stats {
	n := int(w.Length / w.Step)
	s := &models.Stats{From: noon.Add(-w.Length), Until: noon, Step: w.Step, DueExact: true, Due: 227, OldestDue: ago(3 * time.Minute),
		Jobs: models.JobCounts{Scheduled: 1204, Retrying: 17, Running: 23, Succeeded: 1_000_000, Failed: 4310, Canceled: 12}}
	for i := range n {
		step := models.Step{At: s.From.Add(time.Duration(i) * w.Step)}
		if i > n/4 {
			step.Calls = models.Calls{Succeeded: 200 + i*37%90, Retryable: i % 7, Canceled: i % 11 / 10}
			q := models.Quantiles{P50: time.Duration(8+i%5) * time.Millisecond, P95: time.Duration(40+i*13%30) * time.Millisecond,
				P99: time.Duration(90+i*29%140) * time.Millisecond, Known: i%17 != 0}
			step.Latency, step.Lateness = q, q
		}
		if i > 3*n/4 && i < 7*n/8 {
			step.Calls.Failed = 40 + i%13
		}
		s.Series = append(s.Series, step)
		s.Total.Calls.Succeeded += step.Calls.Succeeded
		s.Total.Calls.Retryable += step.Calls.Retryable
		s.Total.Calls.Failed += step.Calls.Failed
		s.Total.Calls.Canceled += step.Calls.Canceled
	}
	s.Total.Latency = models.Quantiles{P50: 9 * time.Millisecond, P95: 60 * time.Millisecond, P99: 210 * time.Millisecond, Known: true}
	s.Total.Lateness = models.Quantiles{P50: time.Millisecond, P95: 2 * time.Millisecond, P99: 9 * time.Millisecond, Known: true}
	return s
}

func (w world) preview() Preview {
	p := Preview{Asked: true,
		Warnings: []string{w.text("Both day fields are restricted: it runs on days that match either.")}}
	for i := range 5 {
		at := noon.Add(time.Duration(20+24*i) * time.Hour)
		c := models.Coming{At: at, Local: at.In(time.FixedZone("CET", 3600)).Format(time.RFC3339)}
		if i == 3 {
			c.Note = w.text("moved behind the gap")
		}
		p.Coming = append(p.Coming, c)
	}
	return p
}

func (w world) occurrences() []*models.Occurrence {
	out := []*models.Occurrence{
		{At: ago(time.Hour), Until: ago(time.Hour), Count: 1, Outcome: models.OccurrenceJob,
			JobID: "job_01kjq3v8e5fzzr9y6q5t8m0004", JobState: models.Succeeded},
		{At: ago(9 * time.Hour), Until: ago(2 * time.Hour), Count: 8, Outcome: models.OccurrenceSkipped,
			Reason: models.SkipPaused},
		{At: ago(10 * time.Hour), Until: ago(10 * time.Hour), Count: 1, Outcome: models.OccurrenceSkipped,
			Reason: models.SkipOverlap},
		{At: ago(11 * time.Hour), Until: ago(11 * time.Hour), Count: 1, Outcome: models.OccurrenceSkipped,
			Reason: w.text("odd")},
	}
	for n := 12; n < 20; n++ {
		at := ago(time.Duration(n) * time.Hour)
		out = append(out, &models.Occurrence{At: at, Until: at, Count: 1, Outcome: models.OccurrenceJob,
			JobID:    "job_01kjq3v8e5fzzr9y6q5t8m0005",
			JobState: models.State([]string{"succeeded", "failed", ""}[n%3])})
	}
	return out
}

func (w world) loads() map[string]Load {
	return map[string]Load{"tgt_billing": {InFlight: 3, Queued: 1}, "tgt_mailer": {InFlight: 20, Queued: 214,
		Held: HeldInFlight},
		"tgt_search-index": {Queued: 12}}
}

// filled is a form with an answer and a fault in each of the named controls.
func (w world) filled(names ...string) Form {
	f := Form{Values: url.Values{}}
	for _, name := range names {
		f.Values.Set(name, w.text("value of "+name))
		f.Faults = append(f.Faults, Fault{name, w.text("must be something else")})
	}
	f.Faults = append(f.Faults, Fault{"", "somebody else was faster"})
	return f
}

// full is every page with everything on it.
func (w world) full() map[string]Page {
	names := []string{w.word("billing"), w.word("mailer")}
	flash := func(f Frame, good bool, text string) Frame { f.Flash = &Flash{good, w.text(text)}; return f }
	jobs, attempts := w.jobs(), w.attempts()
	held := map[string]string{jobs[2].ID: HeldPaused, jobs[8].ID: HeldOverlap}
	jobPage := func(i int, attempts ...*models.Attempt) *Job {
		for n, a := range attempts {
			a.Number = n + 1
		}
		return &Job{Frame: frame(jobs[i].ID, TabJobs), Job: jobs[i], Held: held[jobs[i].ID], Attempts: attempts,
			Request: `{"target":"billing","payload":{"invoice":7,"who":"O'Hara"}}`, Before: jobs[1].ID, After: jobs[2].ID}
	}
	pages := map[string]Page{
		"overview": &Overview{Frame: alarmed(frame("Overview", TabOverview)), InFlight: 23, Targets: 4, Window: "1h",
			Stats: stats(models.Hour), FailedDay: 12, Attention: w.attention(), Coming: []Upcoming{
				{Schedule: w.word("heartbeat"), Target: w.word("billing"), At: MomentOf(noon.Add(12*time.Second), noon)},
				{Schedule: w.word("report"), Target: w.word("billing"), At: MomentOf(noon.Add(time.Minute), noon),
					Note: w.text("its target is paused")}}, MoreComing: true, HasSchedule: true,
			Failures: []*models.Job{jobs[5], jobs[7], w.job(11,
				models.Failed, func(j *models.Job) { j.Reason, j.Last = models.ReasonRejected, attempts[16] })}},
		"overview-week": &Overview{Frame: frame("Overview", TabOverview), Targets: 4, Window: "7d", Stats: stats(models.Week),
			HasSchedule: true},
		"jobs": &Jobs{Frame: flash(frame("Jobs", TabJobs), true, "The job is canceled."), Jobs: jobs, Held: held,
			Targets: names, Schedules: names, Next: "abc", Counts: map[string]Count{"": {1000, true}, "failed": {12, false}}},
		"jobs-none": &Jobs{Frame: flash(frame("Jobs", TabJobs), false, "No."),
			Search: "state:failed " + w.text("job_zz"), Filter: models.JobFilter{States: []models.State{models.Failed}},
			Faults: []Fault{{"q", w.text("must be the beginning of an id")}}, Older: true},
		"jobs-rare": &Jobs{Frame: frame("Jobs", TabJobs), Search: "state:failed", Next: "abc"},
		"job-new": &NewJob{Frame: frame("New job", TabJobs), Targets: names, CopyOf: jobs[5].ID,
			Form: w.filled("target", "body", "run_at", "headers", "labels", "retry.factor", "content_type")},
		"job-rerun": &Rerun{Frame: frame("Run again", TabJobs), Job: jobs[5], Form: w.filled("body")},
		"job-rerun-text": &Rerun{Frame: frame("Run again", TabJobs), Job: w.job(6, models.Failed,
			func(j *models.Job) { j.BodyForm = models.BodyText })},
		"job-running":   jobPage(0, attempts[2], attempts[0]),
		"job-later":     jobPage(1),
		"job-held":      jobPage(2),
		"job-retrying":  jobPage(3, attempts[4], attempts[2]),
		"job-succeeded": jobPage(4, attempts[1]),
		"job-failed":    jobPage(5, attempts[2], attempts[5], attempts[8], attempts[3]),
		"job-canceled":  jobPage(6, attempts[6]),
		"job-expired":   jobPage(7),
		"job-in-line":   jobPage(8),
		"targets": &Targets{Frame: frame("Targets", TabTargets), Targets: w.targets(), Loads: w.loads(),
			Health: map[string]*models.Health{"tgt_billing": health(99), "tgt_mailer": health(40)},
			Counts: map[string]models.JobCounts{"tgt_mailer": {Scheduled: 12345}}, Next: "abc", Older: true},
		"target-new": &TargetForm{Frame: frame("New target", TabTargets), Form: w.filled("name", "url",
			"timeout", "rate_limit", "headers", "secret")},
		"target-edit": &TargetForm{Frame: frame("Settings", TabTargets), Name: names[0], Form: w.filled("url",
			"retry.min_backoff")},
		"target": &Target{Frame: frame(names[0], TabTargets), Target: w.targets()[0], Load: Load{3, 1, ""},
			Health: health(70), Counts: models.JobCounts{Failed: 3}, Stats: stats(models.Day),
			Tested: attempts[2],
			Recent: attempts[:20], Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
				"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}, Pause: w.filled("reason"),
			Rotate: Form{Values: url.Values{"overlap": {"24h"}}}},
		"target-paused": &Target{Frame: frame(names[0], TabTargets), Target: w.targets()[2], Delete: w.filled()},
		"schedules": &Schedules{Frame: frame("Schedules", TabSchedules), Schedules: w.schedules(), More: "abc", Older: true, ByName: true, Counts: map[string]int{"active": 1234, "paused": 1},
			Past: map[string][]models.Run{"sch_heartbeat": {{State: models.Failed}, {State: models.Succeeded}, {State: models.Running}}}},
		"schedules-none": &Schedules{Frame: frame("Schedules", TabSchedules), Search: w.text("zz"), State: "paused"},
		"schedule-new": &ScheduleForm{Frame: frame("New schedule", TabSchedules), Targets: names,
			Preview: w.preview(), Form: w.filled("name", "cron", "body", "start_at", "overlap")},
		"schedule-edit": &ScheduleForm{Frame: frame("Settings", TabSchedules), Name: w.word("report"),
			Preview: Preview{Asked: true}},
		"schedule": &Schedule{Frame: frame("board-report", TabSchedules), Schedule: w.schedules()[0],
			Preview: w.preview(), Occurrences: w.occurrences(), Next: "abc",
			Backfill: w.filled("from", "to"), Counted: &models.Backfilled{Created: 12, Existing: 3}},
		"schedule-paused": &Schedule{Frame: frame("nightly-report", TabSchedules), Schedule: w.schedules()[2],
			Older: true, Pause: w.filled("reason")},
		"keys": &Keys{Frame: frame("Keys", TabSystem), Made: "pk_0123456789", Next: "abc", Form: w.filled("name", "scope", "targets"),
			Keys: []*models.Key{{Name: w.word("worker"), Scope: models.ScopeWrite, Targets: names, RateLimit: "100/s",
				CreatedAt: ago(time.Hour), CreatedBy: w.word("console"), LastUsedAt: ago(time.Minute), ExpiresAt: noon.Add(time.Hour)},
				{Name: w.word("old"), Scope: models.ScopeRead, CreatedAt: ago(90 * time.Hour), ExpiresAt: ago(time.Hour)}}},
		"audit": &Audit{Frame: frame("Audit", TabSystem), Next: "abc", Filter: w.filled("who"),
			Lines: []*models.Audit{{At: ago(time.Minute), Who: w.word("worker"), Remote: "192.0.2.1", Action: "update", Kind: "target",
				Name: w.word("billing"), Before: `{"url":` + quoted(w.text("http://a/")) + `}`, After: `{"timeout":"5s","url":"http://b/"}`},
				{At: ago(time.Hour), Who: "console", Action: "sign-in", Kind: "session"}}},
		"attempts": &Attempts{Frame: frame("Attempts", TabAttempts), Attempts: attempts, Targets: names,
			Next: "abc"},
		"attempts-rare":  &Attempts{Frame: frame("Attempts", TabAttempts), Filter: w.filled("status_code"), Next: "abc"},
		"attempt":        &Attempt{Frame: frame("Attempt", TabAttempts), Attempt: attempts[2]},
		"attempt-out":    &Attempt{Frame: frame("Attempt", TabAttempts), Attempt: attempts[0]},
		"attempt-binary": &Attempt{Frame: frame("Attempt", TabAttempts), Attempt: attempts[8], Whole: true},
		"many": &AskMany{Frame: frame("Retry", TabJobs), Back: "state:failed " + w.text("x"),
			Operation: &models.Operation{Action: models.ActDelete, Search: w.text("state:failed"), Matched: 12345}},
		"many-wrong": &AskMany{Frame: frame("Retry", TabJobs), Operation: &models.Operation{Action: models.ActRetry},
			Faults: []Fault{{"filter", w.text("must choose")}}},
		"operations":     &Operations{Frame: frame("Operations", TabJobs), Operations: w.operations(), Next: "abc"},
		"operation":      &Operation{Frame: frame("Operation", TabJobs), Operation: w.operations()[0]},
		"operation-done": &Operation{Frame: frame("Operation", TabJobs), Operation: w.operations()[1]},
		"system": &System{Frame: alarmed(frame("System", TabSystem)), Node: "node_01kjq3v8e5fzzr9y6q5t8m0001",
			StartedAt: ago(70 * time.Hour), GoVersion: "go1.26.0", Memory: 90 << 20, InFlight: 23, Slots: 4096, Queued: 227,
			Turns: 12, Watchers: 1, Book: models.Condition{Bytes: 3 << 30, Free: 1 << 30, Schema: 7, Waiting: 3,
				WaitingBytes: 40 << 20, MaxWaiting: 64 << 20}, Counts: []Line{{"Attempts", "1204"}}, Faults: 1,
			Settings: []Line{{"addr", w.text("127.0.0.1:8080")}, {"admin-key", "***"}}, Trouble: w.text("the database is away")},
		"problem": &Problem{Frame: frame("Not found", ""), Status: 404,
			Detail: w.text("There is nothing of this name or id.")},
		"login": &Login{Frame: Frame{Title: "Sign in", Now: noon, Bare: true, Version: "0.1.0"},
			Next: w.text("/jobs"), Form: Form{Faults: []Fault{{"key", "is not the key"}}}},
	}
	return pages
}

// empty is every page before anything was made.
func empty() map[string]Page {
	return map[string]Page{
		"empty-overview": &Overview{Frame: frame("Overview", TabOverview)},
		"empty-quiet": &Overview{Frame: frame("Overview", TabOverview), Targets: 1, Window: "1h",
			Stats: &models.Stats{Step: time.Minute, Series: make([]models.Step, 60)}},
		"empty-jobs":         &Jobs{Frame: frame("Jobs", TabJobs)},
		"empty-job-new":      &NewJob{Frame: frame("New job", TabJobs)},
		"empty-targets":      &Targets{Frame: frame("Targets", TabTargets)},
		"empty-target-new":   &TargetForm{Frame: frame("New target", TabTargets)},
		"empty-target":       &Target{Frame: frame("billing", TabTargets), Target: calm.targets()[0]},
		"empty-schedules":    &Schedules{Frame: frame("Schedules", TabSchedules)},
		"empty-schedule-new": &ScheduleForm{Frame: frame("New schedule", TabSchedules)},
		"empty-schedule":     &Schedule{Frame: frame("launch", TabSchedules), Schedule: calm.schedules()[3]},
		"empty-attempts":     &Attempts{Frame: frame("Attempts", TabAttempts)},
		"empty-job": &Job{Frame: frame("job", TabJobs), Job: &models.Job{ID: "job_1",
			State: models.Scheduled, RunAt: noon}},
		"empty-attempt": &Attempt{Frame: frame("attempt", TabAttempts),
			Attempt: &models.Attempt{Outcome: models.Interrupted}},
		"empty-operations": &Operations{Frame: frame("Operations", TabJobs)},
		"empty-operation":  &Operation{Frame: frame("Operation", TabJobs), Operation: &models.Operation{}},
		"empty-keys":       &Keys{Frame: frame("Keys", TabSystem)},
		"empty-audit":      &Audit{Frame: frame("Audit", TabSystem)},
		"empty-system":     &System{Frame: frame("System", TabSystem)},
		"empty-problem":    &Problem{Frame: Frame{}},
		"empty-login":      &Login{Frame: Frame{}},
	}
}

// everyPage is all of them, by a name that tells the mood.
func everyPage() map[string]Page {
	all := empty()
	maps.Copy(all, calm.full())
	for name, page := range hostile.full() {
		all["hostile-"+name] = page
	}
	return all
}
