package models

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestControlRoom shows what the lists, counts and charts of a big book cost: 1,000,000 finished jobs with 3,000,000
// attempts, 100,000 of them failed, 500 schedules and a week of rollups. It prints figures and judges none of them, since
// no test may depend on the speed of a machine. It runs with PUNCTUAL_LARGE=1 only; PUNCTUAL_LARGE_BOOK names a file
// where the book stays, for the dispatcher's test of this name.
func TestControlRoom(t *testing.T) {
	if os.Getenv("PUNCTUAL_LARGE") == "" {
		t.Skip("takes minutes: set PUNCTUAL_LARGE=1")
	}
	path := os.Getenv("PUNCTUAL_LARGE_BOOK")
	if path == "" {
		path = t.TempDir() + "/book.db"
	}
	s, err := Open(t.Context(), Config{Database: "sqlite:" + path, Sync: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var ids, schedules []string
	if rows, _, err := s.Targets(t.Context(), Page{}); err != nil || len(rows) == 0 {
		ids, schedules = layDownRoom(t, s)
	} else {
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		all, _, _ := s.Schedules(t.Context(), ScheduleFilter{}, Page{Limit: 50})
		for _, r := range all {
			schedules = append(schedules, r.ID)
		}
	}
	now := time.Now()
	ctx := t.Context()
	list := func(f JobFilter) func() error {
		return func() error { _, _, err := s.JobsWithoutBodies(ctx, f, Page{}); return err }
	}
	for _, c := range []struct {
		what string
		call func() error
	}{
		{"jobs", list(JobFilter{})},
		{"jobs target", list(JobFilter{Target: "target-3"})},
		{"jobs failed", list(JobFilter{States: []State{Failed}})},
		{"jobs target failed", list(JobFilter{Target: "target-3", States: []State{Failed}})},
		{"jobs status 503", list(JobFilter{StatusCode: 503})},
		{"jobs status 404, rare", list(JobFilter{StatusCode: 404, States: []State{Failed}, Target: "target-0"})},
		{"jobs label", list(JobFilter{Labels: Labels{"customer": "42"}})},
		{"jobs label failed", list(JobFilter{Labels: Labels{"customer": "40"}, States: []State{Failed}})},
		{"jobs schedule failed", list(JobFilter{Schedule: "schedule-10", States: []State{Failed}})},
		{"jobs none: origin rerun failed", list(JobFilter{Origin: FromRerun, States: []State{Failed}})},
		{"jobs none: status 200 failed", list(JobFilter{StatusCode: 200, States: []State{Failed}})},
		{"count by state, status 503", func() error { _, err := s.CountByState(ctx, JobFilter{StatusCode: 503}); return err }},
		{"count by state, origin rerun", func() error { _, err := s.CountByState(ctx, JobFilter{Origin: FromRerun}); return err }},
		{"count failed", func() error { _, err := s.CountJobs(ctx, JobFilter{States: []State{Failed}}); return err }},
		{"counts by state", func() error { _, err := s.JobCounts(ctx, ""); return err }},
		{"stats 1h", func() error { _, err := s.Stats(ctx, Hour, "", now); return err }},
		{"stats 24h", func() error { _, err := s.Stats(ctx, Day, "", now); return err }},
		{"stats 7d", func() error { _, err := s.Stats(ctx, Week, "", now); return err }},
		{"stats 7d target", func() error { _, err := s.Stats(ctx, Week, "target-3", now); return err }},
		{"health of 10 targets", func() error { _, err := s.Health(ctx, ids, now); return err }},
		{"upcoming within 1h", func() error { _, _, err := s.Upcoming(ctx, now, now.Add(time.Hour), "", 50); return err }},
		{"upcoming, 500 runs", func() error { _, _, err := s.Upcoming(ctx, now, now.Add(time.Hour), "", 500); return err }},
		{"last 20 runs of 50 schedules", func() error { _, err := s.LastRuns(ctx, schedules[:50], 20); return err }},
		{"schedules", func() error { _, _, err := s.Schedules(ctx, ScheduleFilter{}, Page{}); return err }},
		{"schedules by their next run", func() error { _, _, err := s.SchedulesBySoonest(ctx, ScheduleFilter{Match: "4"}, Page{}); return err }},
		{"attempts", func() error { _, _, err := s.Attempts(ctx, AttemptFilter{}, Page{}); return err }},
		{"attempts failed of target", func() error {
			_, _, err := s.Attempts(ctx, AttemptFilter{Target: "target-0", Outcome: Failure}, Page{})
			return err
		}},
		{"attempts none: status 418", func() error { _, _, err := s.Attempts(ctx, AttemptFilter{StatusCode: 418}, Page{}); return err }},
	} {
		times := make([]time.Duration, 40)
		for i := range times {
			began := time.Now()
			if err := c.call(); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			times[i] = time.Since(began)
		}
		slices.Sort(times)
		t.Logf("%-34s p50 %9v  p95 %9v", c.what, times[20].Round(10*time.Microsecond), times[38].Round(10*time.Microsecond))
	}
}

// layDownRoom writes the big book with a few statements.
func layDownRoom(t *testing.T, s *Store) (targets, schedules []string) {
	t.Helper()
	for i := range 10 {
		targets = append(targets, newTarget(t, s, fmt.Sprintf("target-%d", i)).ID)
	}
	for i := range 500 {
		spec := DefaultSchedule()
		spec.Name, spec.Every = fmt.Sprintf("schedule-%d", i), time.Duration(1+i%60)*time.Minute
		target, err := s.Target(t.Context(), fmt.Sprintf("target-%d", i%10))
		if err != nil {
			t.Fatal(err)
		}
		row, err := NewSchedule(spec, target, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSchedule(t.Context(), row, time.Now()); err != nil {
			t.Fatal(err)
		}
		schedules = append(schedules, row.ID)
	}
	const n, failed = 1_000_000, 10 // one in
	start := time.Now().Add(-6 * day)
	run := func(statement string, args ...any) {
		t.Helper()
		if err := s.write(t.Context(), work{act: "lay down", run: func(tx *tx) error {
			_, err := tx.exec(statement, args...)
			return err
		}}); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE TABLE room (i INTEGER PRIMARY KEY, target TEXT, schedule TEXT)`)
	for i := range 500 {
		run(`INSERT INTO room VALUES (?, ?, ?)`, i, targets[i%10], schedules[i])
	}
	// The rows that one statement after another writes: n.i is the number of a job, at its time in microseconds.
	const each = 100_000
	from := func(i int) string {
		return fmt.Sprintf(`(WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT i, %d + i * 500000 AS at FROM n) n`, i, i+each-1, start.UnixMicro())
	}
	id := func(prefix, number string) string {
		return fmt.Sprintf(`'%s' || %s || printf('%%016d', %s)`, prefix, idTimeSQL("n.at / 1000"), number)
	}
	for i := 0; i < n; i += each {
		run(fmt.Sprintf(`INSERT INTO jobs (id, target_id, shard, state, reason, origin, priority, body_form, body, labels, schedule_id,
			scheduled_for, run_at, attempts, last_number, last_status, created_at, updated_at, finished_at)
			SELECT %s, r.target, 1, iif(n.i %% %[2]d = 0, 'failed', 'succeeded'), iif(n.i %% %[2]d = 0, 'exhausted', ''),
			iif(n.i %% 2 = 0, 'schedule', 'api'), 1, 'payload', CAST('{"n":1}' AS BLOB),
			iif(n.i %% 10 < 3, json_object('customer', CAST(n.i %% 1000 AS TEXT), 'region', iif(n.i %% 3 = 0, 'eu', 'us')), NULL),
			iif(n.i %% 2 = 0, r.schedule, ''), n.at, n.at, 3, 3, iif(n.i %% %[2]d = 0, iif(n.i %% 9000 = 0, 404, 503), 200), n.at, n.at, n.at
			FROM %[3]s JOIN room r ON r.i = (n.i / 10) %% 500`, id(prefixJob, "n.i"), failed, from(i)))
		run(fmt.Sprintf(`INSERT INTO attempts (id, job_id, target_id, number, outcome, status_code, started_at, duration, first_byte, method,
			url, req_headers, resp_headers, resp_body)
			SELECT %s, %s, r.target, k.n, iif(k.n < 3, 'retryable', iif(n.i %% %[3]d = 0, 'failed', 'succeeded')),
			iif(k.n < 3, 503, iif(n.i %% %[3]d = 0, iif(n.i %% 9000 = 0, 404, 503), 200)), n.at, 1000000, 900000, 'POST',
			'http://example.com/', CAST(? AS BLOB), CAST(? AS BLOB), CAST('{"seen":true}' AS BLOB)
			FROM %[4]s JOIN room r ON r.i = (n.i / 10) %% 500 JOIN (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) k`,
			id(prefixAttempt, "3 * n.i + k.n"), id(prefixJob, "n.i"), failed, from(i)), requestHeaders, answerHeaders)
	}
	run(`INSERT INTO labels (key, value, job_id) SELECT l.key, l.value, j.id FROM jobs j, json_each(j.labels) l WHERE j.labels IS NOT NULL`)
	run(`INSERT INTO tallies (target_id, shard, succeeded, failed) SELECT target_id, 0, sum(state = 'succeeded'), sum(state = 'failed')
		FROM jobs GROUP BY target_id`)
	minute := minuteOf(start)
	for _, id := range append(targets, "") {
		run(`INSERT INTO rollups (target_id, minute, shard, succeeded, failed, took_3, took_5, late_1, late_4)
			WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 8640)
			SELECT ?, ? + i, 0, 100, 7, 90, 17, 100, 7 FROM n`, id, minute)
	}
	run(`DROP TABLE room`)
	return targets, schedules
}

// Headers such as attempts have them.
const (
	requestHeaders = `{"Content-Length":"7","Content-Type":"application/json","Punctual-Attempt":"1","Punctual-Target":"target-0",` +
		`"User-Agent":"Punctual/1","Webhook-Id":"job_01kcr3vx8e5n7p9q2r4s6t8v0w","Webhook-Signature":"***","Webhook-Timestamp":"1764000000"}`
	answerHeaders = `{"Content-Length":"13","Content-Type":"application/json","Date":"Mon, 01 Dec 2025 00:00:00 GMT"}`
)

// idTimeSQL writes milliseconds as ids begin.
func idTimeSQL(milli string) string {
	digits := make([]string, 10)
	for i := range digits {
		digits[i] = fmt.Sprintf("substr('%s', 1 + ((%s >> %d) & 31), 1)", idAlphabet, milli, 5*(9-i))
	}
	return "(" + strings.Join(digits, " || ") + ")"
}
