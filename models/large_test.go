package models

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// TestLargeBook shows what a million finished jobs with as many attempts, and 100,000 future jobs, cost: it prints
// figures beside those of an empty book and judges none of them, since no test may depend on the speed of a machine.
// It runs with PUNCTUAL_LARGE=1 only: laying the rows down takes a minute.
func TestLargeBook(t *testing.T) {
	if os.Getenv("PUNCTUAL_LARGE") == "" {
		t.Skip("takes a minute: set PUNCTUAL_LARGE=1")
	}
	empty := measure(t, openStore(t), newTarget)
	s := openStore(t)
	target := newTarget(t, s, "billing")
	layDown(t, s, target, 1_000_000, 100_000)
	path := s.cfg.Database
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s, err := Open(t.Context(), Config{Database: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Reclaim(t.Context(), "node", time.Now(), func() float64 { return 0 }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Heads(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("open, reclaim, heads: %v", time.Since(began).Round(time.Millisecond))
	full := measure(t, s, func(testing.TB, *Store, string, ...func(*Target)) *Target { return target })
	for _, what := range full.order {
		t.Logf("%-40s empty %8v  full %8v", what, empty.median[what], full.median[what])
	}
}

// figures are medians by what was measured.
type figures struct {
	order  []string
	median map[string]time.Duration
}

// measure times the calls that a user makes most.
func measure(t *testing.T, s *Store, target func(testing.TB, *Store, string, ...func(*Target)) *Target) figures {
	f := figures{median: map[string]time.Duration{}}
	billing := target(t, s, "billing")
	run := func(what string, call func() error) {
		times := make([]time.Duration, 50)
		for i := range times {
			began := time.Now()
			if err := call(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			times[i] = time.Since(began)
		}
		slices.Sort(times)
		f.order = append(f.order, what)
		f.median[what] = times[len(times)/2].Round(time.Microsecond)
	}
	run("create a job", func() error {
		j, err := NewJob(JobSpec{Priority: Normal, BodyForm: BodyPayload, Body: []byte("1"), Delay: time.Hour}, billing, FromAPI, time.Now())
		if err == nil {
			_, err = s.CreateJobs(t.Context(), []*Job{j}, nil, nil, time.Now())
		}
		return err
	})
	for _, filter := range []JobFilter{{}, {Target: "billing"}, {States: []State{Scheduled}}, {States: []State{Succeeded}},
		{States: []State{Failed}}, {Target: "billing", States: []State{Failed}}, {Labels: Labels{"n": "7"}}} {
		run("jobs "+filter.Search(), func() error {
			_, _, err := s.Jobs(t.Context(), filter, Page{})
			return err
		})
	}
	for _, filter := range []AttemptFilter{{}, {Target: "billing"}, {Outcome: Failure}, {Outcome: Success}} {
		run(fmt.Sprintf("attempts %s %s", filter.Target, filter.Outcome), func() error {
			_, _, err := s.Attempts(t.Context(), filter, Page{})
			return err
		})
	}
	return f
}

// layDown writes finished jobs with an attempt each, one in a hundred of them failed, and behind them future ones.
func layDown(t *testing.T, s *Store, target *Target, finished, future int) {
	t.Helper()
	err := s.write(t.Context(), work{act: "lay down", run: func(tx *tx) error {
		for _, statement := range []string{
			fmt.Sprintf(`INSERT INTO jobs (id, target_id, shard, state, reason, origin, priority, body_form, body, scheduled_for, run_at,
				attempts, last_number, created_at, updated_at, finished_at)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
				SELECT printf('job_01aa%%022d', i), '%[2]s', 1, iif(i %% 100 = 0, 'failed', 'succeeded'), iif(i %% 100 = 0, 'rejected', ''),
				'api', 1, 'payload', CAST('{"n":1}' AS BLOB), %[3]d + i, %[3]d + i, 1, 1, %[3]d + i, %[3]d + i, %[3]d + i FROM n`,
				finished, target.ID, t0.UnixMicro()),
			`INSERT INTO attempts (id, job_id, target_id, number, outcome, status_code, started_at, duration, method, url,
				req_headers, resp_headers, resp_body)
				SELECT 'att_' || substr(id, 5), id, target_id, 1, iif(state = 'failed', 'failed', 'succeeded'), 200, run_at, 1000000, 'POST',
				'http://example.com/', zeroblob(400), zeroblob(150), zeroblob(50) FROM jobs`,
			fmt.Sprintf(`INSERT INTO jobs (id, target_id, shard, state, origin, priority, scheduled_for, run_at, created_at, updated_at)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				SELECT printf('job_01ab%%022d', i), '%s', 1, 'scheduled', 'api', 1, %[3]d + i, %[3]d + i, %d, %[4]d FROM n`,
				future, target.ID, time.Now().Add(24*time.Hour).UnixMicro(), t0.UnixMicro()),
		} {
			if _, err := tx.exec(statement); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
}
