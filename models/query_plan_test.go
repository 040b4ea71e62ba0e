package models

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

// plan gives SQLite's plan for a query, a line for each step.
func plan(t *testing.T, db *gorm.DB, sql string, args ...any) string {
	t.Helper()
	rows, err := db.Raw("EXPLAIN QUERY PLAN "+sql, args...).Rows()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	return strings.Join(steps, "\n")
}

// lists are what lists of jobs are asked for, and the index that SQLite's plan must name; "PRIMARY KEY": the rows in the order
// of their ids.
var lists = []struct {
	filter JobFilter
	index  string
}{
	{JobFilter{}, ""},
	{JobFilter{States: []State{Scheduled}}, "jobs_scheduled"},
	{JobFilter{States: []State{Succeeded}}, "jobs_ended (state=?"},
	{JobFilter{States: []State{Failed, Canceled}}, "jobs_ended (state=?"},
	{JobFilter{Target: "billing"}, "jobs_target (target_id=?"},
	{JobFilter{Target: "billing", States: []State{Failed}}, "jobs_ended_target (target_id=? AND state=?"},
	{JobFilter{Target: "billing", States: []State{Scheduled}}, "jobs_scheduled_target (target_id=?"},
	{JobFilter{Labels: Labels{"customer": "42"}}, "PRIMARY KEY (key=? AND value=?"},
	{JobFilter{Labels: Labels{"customer": "42"}, States: []State{Failed}}, "PRIMARY KEY (key=? AND value=?"},
	{JobFilter{Labels: Labels{"customer": "42", "tier": "gold"}, Target: "billing"}, "PRIMARY KEY (key=? AND value=?"},
	{JobFilter{States: []State{Retrying}}, "jobs_retrying"},
	{JobFilter{Target: "billing", States: []State{Retrying}}, "jobs_retrying_target (target_id=?"},
	{JobFilter{StatusCode: 503}, "jobs_status (last_status=?"},
	{JobFilter{StatusCode: 503, States: []State{Failed}}, "jobs_status (last_status=?"},
	{JobFilter{StatusCode: 503, Target: "billing", States: []State{Failed}}, "jobs_status_target (target_id=? AND last_status=?"},
	{JobFilter{StatusCode: 200, States: []State{Failed}}, "jobs_ended (state=?"},
	{JobFilter{Origin: FromRerun, States: []State{Failed}}, "jobs_ended (state=?"},
	{JobFilter{DueBefore: t0, States: []State{Scheduled}}, "jobs_scheduled"},
	{JobFilter{Schedule: "report"}, "jobs_schedule (schedule_id=?"},
	{JobFilter{Schedule: "report", States: []State{Failed}}, "jobs_schedule (schedule_id=?"},
	{JobFilter{Prefix: "01jd"}, "PRIMARY KEY (id>? AND id<?)"},
	{JobFilter{CreatedAfter: t0, CreatedBefore: t0.Add(time.Hour)}, "PRIMARY KEY (id>? AND id<?)"},
	{JobFilter{CreatedAfter: t0, CreatedBefore: t0.Add(time.Hour), Target: "billing"}, "jobs_target (target_id=? AND id>? AND id<?)"},
	{JobFilter{CreatedAfter: t0, CreatedBefore: t0.Add(time.Hour), Target: "billing", States: []State{Failed}},
		"jobs_ended_target (target_id=? AND state=? AND id>? AND id<?)"},
	{JobFilter{CreatedAfter: t0, CreatedBefore: t0.Add(time.Hour), Target: "billing", StatusCode: 503},
		"jobs_status_target (target_id=? AND last_status=? AND id>? AND id<?)"},
	{JobFilter{CreatedAfter: t0, CreatedBefore: t0.Add(time.Hour), Target: "billing", States: []State{Retrying}},
		"jobs_retrying_target (target_id=? AND id>? AND id<?)"},
	{JobFilter{CreatedAfter: t0, CreatedBefore: t0.Add(time.Hour), Schedule: "report"}, "jobs_schedule (schedule_id=? AND id>? AND id<?)"},
	{JobFilter{Prefix: "01jd", Target: "billing", States: []State{Failed}}, "jobs_ended_target (target_id=? AND state=? AND id>? AND id<?)"},
}

// TestListsWalkAnIndex holds every list to one descent of an index: never a sort, and never a walk over rows of other
// targets or states.
func TestListsWalkAnIndex(t *testing.T) {
	s := openAlone(t)
	newSchedule(t, s, newTarget(t, s, "billing"), "report")
	for _, c := range lists {
		for _, before := range []string{"", "job_01jd"} {
			walks, err := c.filter.walks(s.reads, before)
			if err != nil || len(walks) == 0 {
				t.Fatalf("%+v: %v, %v", c.filter, walks, err)
			}
			for _, w := range walks {
				sql, args := w.query(51, lookMost)
				got := plan(t, s.reads, sql, args...)
				if strings.Contains(got, "TEMP B-TREE") || strings.Contains(got, "MATERIALIZE") || !strings.Contains(got, c.index) {
					t.Errorf("%+v before %q: want %q without a sort, got\n%s", c.filter, before, c.index, got)
				}
			}
		}
	}
}

// TestRunningJobsAreFoundAmongThemselves: they are sorted, since they are few.
func TestRunningJobsAreFoundAmongThemselves(t *testing.T) {
	s := openAlone(t)
	newTarget(t, s, "billing")
	for _, f := range []JobFilter{{States: []State{Running}}, {States: []State{Running}, Target: "billing"}} {
		for _, before := range []string{"", "job_01jd"} {
			walks, err := f.walks(s.reads, before)
			if err != nil || len(walks) != 1 {
				t.Fatal(walks, err)
			}
			sql, args := walks[0].query(51, lookMost)
			if got := plan(t, s.reads, sql, args...); !strings.Contains(got, "jobs_running (claim_node>?)") {
				t.Errorf("%+v before %q:\n%s", f, before, got)
			}
		}
	}
}

// dispatches are what the dispatcher and the pages ask for all the time, and the index that SQLite's plan must name.
var dispatches = []struct{ sql, index string }{
	{`SELECT id, run_at FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = 'x' AND priority = 1
		AND run_at <= 5 ORDER BY run_at LIMIT 64`, "COVERING INDEX jobs_due (target_id=? AND priority=? AND run_at<?)"},
	{`SELECT min(run_at) FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = 'x' AND priority = 1
		AND run_at > 5`, "COVERING INDEX jobs_due (target_id=? AND priority=? AND run_at>?)"},
	{`SELECT target_id FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id > 'x' ORDER BY target_id LIMIT 1`,
		"COVERING INDEX jobs_due (target_id>?)"},
	{`SELECT claim_id FROM jobs WHERE state = 'running' AND claim_node = 'n'`, "jobs_running (claim_node=?)"},
	{`SELECT id FROM jobs WHERE state = 'scheduled' AND expires_at IS NOT NULL AND expires_at <= 5
		ORDER BY expires_at LIMIT 200`, "jobs_expiring (expires_at>? AND expires_at<?)"},
	{`SELECT id, due_at, version FROM schedules WHERE deleted_at IS NULL AND due_at IS NOT NULL
		AND due_at < 5 AND (due_at, id) > (1, 'x') ORDER BY due_at, id LIMIT 10`, "schedules_due"},
	{strings.NewReplacer("OFFSET ?", "OFFSET 19", "IN ?", "IN ('x', 'y')").Replace(lastRuns), "jobs_schedule (schedule_id=?"},
	{`SELECT id FROM attempts WHERE job_id = 'x' AND job_id <> '' ORDER BY number`, "attempts_job (job_id=?)"},
}

// TestDispatchWalksSmallIndexes holds what the dispatcher asks for to the indexes of unfinished jobs.
func TestDispatchWalksSmallIndexes(t *testing.T) {
	s := openAlone(t)
	for _, c := range dispatches {
		got := plan(t, s.reads, c.sql)
		if strings.Contains(got, "TEMP B-TREE") || !strings.Contains(got, c.index) {
			t.Errorf("%s\nwant %q without a sort, got\n%s", c.sql, c.index, got)
		}
	}
}

func TestAttemptListsWalkAnIndex(t *testing.T) {
	for _, c := range []struct {
		filter AttemptFilter
		index  string
	}{
		{AttemptFilter{}, ""},
		{AttemptFilter{Outcome: Failure}, "attempts_trouble (outcome=?"},
		{AttemptFilter{Target: "billing"}, "attempts_target (target_id=?"},
		{AttemptFilter{Target: "billing", Outcome: Failure}, "attempts_trouble_target (target_id=? AND outcome=?"},
	} {
		t.Run(fmt.Sprintf("%+v", c.filter), func(t *testing.T) {
			s := openAlone(t)
			newTarget(t, s, "billing")
			walks, err := c.filter.walks(s.reads, "att_01jd")
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range walks {
				sql, args := w.query(51, lookMost)
				got := plan(t, s.reads, sql, args...)
				if strings.Contains(got, "TEMP B-TREE") || !strings.Contains(got, c.index) {
					t.Errorf("want %q without a sort, got\n%s", c.index, got)
				}
			}
		})
	}
}
