package models

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"punctual/models/testdata/postgres"
)

// The book of TestQueriesReadFewPages holds so many jobs, on so many more pages than a query may read.
const (
	plannedJobs  = 20_000
	plannedPages = 400
)

// fillPlanned lays down jobs of ten targets and two schedules: most of them have succeeded, each twentieth has failed, each
// fiftieth is owed, half of those behind a pause.
func fillPlanned(t *testing.T, s *Store) {
	t.Helper()
	for i := range 10 {
		target := newTarget(t, s, fmt.Sprint("t", i))
		if i < 2 {
			newSchedule(t, s, target, fmt.Sprint("s", i))
		}
	}
	write := func(statement string) {
		t.Helper()
		if err := s.write(t.Context(), work{act: "fill", run: func(tx *tx) error {
			_, err := tx.exec(statement)
			return err
		}}); err != nil {
			t.Fatal(err)
		}
	}
	const step = plannedJobs / 4
	for from := 1; from <= plannedJobs; from += step {
		write(fmt.Sprintf(`INSERT INTO jobs (id, target_id, shard, state, origin, priority, body, labels, schedule_id, scheduled_for,
			run_at, expires_at, attempts, last_number, created_at, updated_at, finished_at, last_status)
			SELECT 'job_' || lpad(g::text, 26, '0'), t.id, 0, kind.state, 'api', g %% 3, repeat('x', 200)::bytea, '',
			CASE WHEN g %% 10 < 2 THEN (SELECT id FROM schedules WHERE name = 's' || g %% 10) ELSE '' END, g, g,
			CASE WHEN kind.state = 'scheduled' AND g %% 3 = 0 THEN g END, 1, 1, g, g,
			CASE WHEN kind.state <> 'scheduled' THEN g END, CASE WHEN kind.state = 'failed' THEN 503 ELSE 200 END
			FROM generate_series(%d, %d) g JOIN targets t ON t.name = 't' || g %% 10, LATERAL (SELECT CASE WHEN g / 10 %% 50 = 7
			THEN 'scheduled' WHEN g / 10 %% 20 = 1 THEN 'failed' ELSE 'succeeded' END AS state) kind`, from, from+step-1))
	}
	write(`INSERT INTO labels SELECT 'customer', '42', id FROM jobs WHERE run_at % 7 = 0`)
	write(`INSERT INTO attempts (id, job_id, target_id, number, outcome, status_code, started_at)
		SELECT replace(id, 'job_', 'att_'), id, target_id, 1, state, last_status, run_at FROM jobs WHERE state <> 'scheduled'`)
	if _, err := s.writeDB.Exec("ANALYZE"); err != nil {
		t.Fatal(err)
	}
}

var pagesRead = regexp.MustCompile(`Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?`)

// TestQueriesReadFewPages holds on PostgreSQL what TestListsWalkAnIndex and TestDispatchWalksSmallIndexes do on SQLite: no
// query goes over a whole table, and none reads more pages than its answer needs. Which of its indexes serves is left to
// the planner, who knows how rare things are.
func TestQueriesReadFewPages(t *testing.T) {
	if !postgres.Asked() {
		t.Skip("is about the engine of many nodes")
	}
	s, err := Open(t.Context(), Config{Database: database(t)}) // its tallies are not looked at: nobody keeps them here
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fillPlanned(t, s)
	var target, schedule string
	if err := s.readDB.QueryRow("SELECT target_id, id FROM schedules WHERE name = 's1'").Scan(&target, &schedule); err != nil {
		t.Fatal(err)
	}
	check := func(what, sql string, args ...any) {
		t.Helper()
		var steps []string
		if err := s.reads.Raw("EXPLAIN (ANALYZE, BUFFERS) "+sql, args...).Scan(&steps).Error; err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got := strings.Join(steps, "\n")
		pages := 0
		if m := pagesRead.FindStringSubmatch(got); m != nil {
			hit, _ := strconv.Atoi(m[1])
			read, _ := strconv.Atoi(m[2])
			pages = hit + read
		}
		if pages > plannedPages || strings.Contains(got, "Seq Scan on jobs") || strings.Contains(got, "Seq Scan on attempts") {
			t.Errorf("%s reads %d pages, want %d at most:\n%s\n%s", what, pages, plannedPages, sql, got)
		}
	}
	const limit, look = 51, 100
	for _, c := range lists {
		f := c.filter
		f.Target, f.Schedule = strings.Replace(f.Target, "billing", "t1", 1), strings.Replace(f.Schedule, "report", "s1", 1)
		for _, before := range []string{"", fmt.Sprintf("job_%026d", plannedJobs/2)} {
			walks, err := f.walks(s.reads, before)
			if err != nil || len(walks) == 0 {
				t.Fatalf("%+v: %v, %v", f, walks, err)
			}
			for _, w := range walks {
				sql, args := w.query(limit, look)
				check(fmt.Sprintf("%+v before %q", f, before), sql, args...)
			}
		}
	}
	for _, c := range dispatches {
		known := target
		if strings.Contains(c.sql, "schedule_id") {
			known = schedule
		}
		check("the dispatcher", strings.Replace(c.sql, "'x'", "'"+known+"'", 1))
	}
}

// TestWritesLookRowsUp: what is planned for a table that is empty and was never analyzed must do when it has grown, since
// connections keep their plans.
func TestWritesLookRowsUp(t *testing.T) {
	if !postgres.Asked() {
		t.Skip("is about the engine of many nodes")
	}
	s := openStore(t)
	var ends finishedRows
	jobs, claims := make([]string, batchOps), make([]string, batchOps)
	for i := range batchOps {
		jobs[i], claims[i] = fmt.Sprint("job_", i), fmt.Sprint("att_", i)
		ends.add(&ending{Finish: Finish{Job: &Job{ID: jobs[i]}, Attempt: &Attempt{ID: claims[i]}}})
	}
	for _, c := range []struct {
		sql  string
		args []any
	}{
		{claimMany, []any{jobs, claims, "node_test", int64(1)}},
		{finishMany, ends.args()},
	} {
		if err := s.write(t.Context(), work{act: "explain", run: func(tx *tx) error {
			var steps []string
			err := tx.each("EXPLAIN "+c.sql, c.args, func(scan func(...any) error) error {
				steps = append(steps, "")
				return scan(&steps[len(steps)-1])
			})
			if got := strings.Join(steps, "\n"); err == nil && !strings.Contains(got, "Index Cond: (id = ") {
				t.Errorf("%s\n%s", c.sql, got)
			}
			return err
		}}); err != nil {
			t.Fatal(err)
		}
	}
}
