package models

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// checkTallies compares the tallies with the rows that they count. Every test of the
// store does so at its end.
func checkTallies(t testing.TB, s *Store) {
	t.Helper()
	ctx := context.Background()
	counted, err := countedByHand(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := talliesByTarget(s.reads.WithContext(ctx), nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range kept {
		if n == (JobCounts{}) {
			delete(kept, id)
		}
	}
	if diff := cmp.Diff(counted, kept); diff != "" {
		t.Errorf("the tallies are not what the jobs come to: %s", diff)
	}
}

// countedByHand counts the jobs in the book by target.
func countedByHand(ctx context.Context, s *Store) (map[string]JobCounts, error) {
	rows, err := s.reads.WithContext(ctx).Raw(`SELECT target_id, state, held, attempts, count(*) FROM jobs GROUP BY 1, 2, 3, 4`).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counted := map[string]JobCounts{}
	for rows.Next() {
		var j Job
		var n int
		if err := rows.Scan(&j.TargetID, &j.State, &j.Held, &j.Attempts, &n); err != nil {
			return nil, err
		}
		c := counted[j.TargetID]
		c.add(j.standing(), n)
		counted[j.TargetID] = c
	}
	return counted, rows.Err()
}

func TestTalliesFollowTheRows(t *testing.T) {
	s := openStore(t)
	billing := newTarget(t, s, "billing")
	jobs := newJobs(t, s, billing, 6)
	want := func(want JobCounts) {
		t.Helper()
		got, err := s.JobCounts(t.Context(), "billing")
		if err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		checkTallies(t, s)
	}
	want(JobCounts{Scheduled: 6})
	claims := claim(t, s, t0, jobs[:4]...)
	want(JobCounts{Scheduled: 2, Running: 4})
	for i, answer := range []Answer{AnsweredOK, AnsweredRetry, AnsweredRejected} {
		for range 2 { // a finish that runs twice counts once
			if _, err := finish(s, claims.Granted[i].Job, answer, t0.Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want(JobCounts{Scheduled: 3, Retrying: 1, Running: 1, Succeeded: 1, Failed: 1})
	if _, err := s.CancelJob(t.Context(), jobs[5].ID, t0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RetryJob(t.Context(), jobs[2].ID, t0); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteJob(t.Context(), jobs[0].ID); err != nil {
		t.Fatal(err)
	}
	want(JobCounts{Scheduled: 3, Retrying: 1, Running: 1, Canceled: 1})
}

// TestWhatIsUndoneIsNotCounted lets work fail after it has changed rows, with a savepoint and without.
func TestWhatIsUndoneIsNotCounted(t *testing.T) {
	s := openStore(t)
	jobs := newJobs(t, s, newTarget(t, s, "billing"), 4)
	trouble := errors.New("trouble")
	for _, hot := range []bool{false, true} {
		runs := 0
		fails := func(tx *tx) error {
			runs++
			j, err := tx.job(jobs[0].ID)
			if err != nil {
				return err
			}
			if err := tx.cancel(j, t0); err != nil {
				return err
			}
			if err := tx.saveJob(j); err != nil {
				return err
			}
			return trouble
		}
		if err := s.write(t.Context(), work{act: "fail", hot: hot, run: fails}); !errors.Is(err, trouble) || runs == 0 {
			t.Fatal(err)
		}
	}
	if _, err := s.CancelJob(t.Context(), jobs[1].ID, t0); err != nil {
		t.Fatal(err)
	}
	got, err := s.JobCounts(t.Context(), "")
	if err != nil || got != (JobCounts{Scheduled: 3, Canceled: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestStats(t *testing.T) {
	s := openStore(t)
	billing, other := newTarget(t, s, "billing"), newTarget(t, s, "other")
	jobs := newJobs(t, s, billing, 100)
	newJobs(t, s, other, 2)
	newJobs(t, s, other, 3, func(spec *JobSpec) { spec.Delay = time.Hour })
	late := t0.Add(90 * time.Millisecond)
	for i, c := range claim(t, s, late, jobs...).Granted {
		answer := AnsweredOK
		if i%10 == 0 {
			answer = AnsweredRejected
		}
		a := &Attempt{ID: c.Job.ClaimID, StartedAt: late, Duration: 9 * time.Millisecond}
		if i >= 95 {
			a.Duration = 4 * time.Second
		}
		settled := c.Job.Settle(a, answer, late.Add(a.Duration), 0, 0)
		if _, err := s.Finish(Finish{Job: settled, Attempt: a}); err != nil {
			t.Fatal(err)
		}
	}
	now := t0.Add(30 * time.Second)
	for target, due := range map[string]int{"": 2, "billing": 0, "other": 2, "nobody": 0} {
		got, err := s.Stats(t.Context(), Hour, target, now)
		if err != nil || got.Due != due || !got.DueExact {
			t.Fatalf("%q: %+v, %v", target, got, err)
		}
		want := Happened{Calls: Calls{Succeeded: 90, Failed: 10}, Ended: Ended{Succeeded: 90, Failed: 10}}
		if target == "other" || target == "nobody" {
			want = Happened{}
		}
		if got.Total.Calls != want.Calls || got.Total.Ended != want.Ended {
			t.Errorf("%q: %+v", target, got.Total)
		}
		if len(got.Series) != 60 || !got.Series[59].At.Equal(t0) || got.Series[59].Calls != want.Calls || got.Series[58].Calls != (Calls{}) {
			t.Errorf("%q: series %d %+v", target, len(got.Series), got.Series[59])
		}
		if want.Calls.Succeeded == 0 {
			if got.Total.Latency.Known || got.Total.Lateness.Known {
				t.Errorf("%q: quantiles of nothing: %+v", target, got.Total)
			}
			continue
		}
		l := got.Total.Latency
		if l.P50 < 8*time.Millisecond || l.P50 > 13*time.Millisecond || l.P99 < 2*time.Second || l.P99 > 5*time.Second {
			t.Errorf("%q: latency %+v", target, l)
		}
		if w := got.Total.Lateness; w.P50 < 80*time.Millisecond || w.P99 > 130*time.Millisecond {
			t.Errorf("%q: lateness %+v", target, w)
		}
	}
	if got, err := s.Stats(t.Context(), Week, "billing", now.Add(7*24*time.Hour)); err != nil || len(got.Series) != 168 || got.Total.Calls.Total() != 0 {
		t.Errorf("a week later: %+v, %v", got.Total, err)
	}
	health, err := s.Health(t.Context(), []string{billing.ID, other.ID}, now)
	if err != nil || len(health) != 2 || health[billing.ID].Total.Calls.Failed != 10 || len(health[billing.ID].Hours) != 24 ||
		health[billing.ID].Hours[23].Succeeded != 90 || health[other.ID].Total.Calls.Total() != 0 {
		t.Errorf("health: %+v, %v", health, err)
	}
	if n, _, err := s.Prune(t.Context(), Keep{Now: now.Add(9 * 24 * time.Hour)}); err != nil || n < 2 {
		t.Errorf("pruned %d, %v; want the rollups of billing and of all", n, err)
	}
}

// TestDueIsBounded counts what is due of a target with more of it than is looked at one by one.
func TestDueIsBounded(t *testing.T) {
	s := openStore(t)
	newJobs(t, s, newTarget(t, s, "billing"), 30)
	newJobs(t, s, newTarget(t, s, "other"), 3)
	for look, want := range map[int]int{100: 33, 5: 33, 31: 33} {
		got, err := dueJobs(s.reads.WithContext(t.Context()), nil, t0, look)
		if err != nil || got.n != want || !got.exact || !got.oldest.Equal(t0) {
			t.Errorf("looking at %d: %+v, %v", look, got, err)
		}
	}
	later := newTarget(t, s, "later")
	newJobs(t, s, later, 8)
	newJobs(t, s, later, 8, func(spec *JobSpec) { spec.Delay = time.Hour })
	if got, err := dueJobs(s.reads.WithContext(t.Context()), nil, t0, 5); err != nil || got.exact || got.n != 38 {
		t.Errorf("many due, many later: %+v, %v; want 38, at least", got, err)
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if _, ok := h.Quantile(0.5); ok {
		t.Error("a quantile of nothing")
	}
	for range 100 {
		h[bucketOf(time.Millisecond)]++ // a bound belongs to the bucket below it
	}
	if d, ok := h.Quantile(0.99); !ok || d > time.Millisecond {
		t.Errorf("p99 %v", d)
	}
	h[bucketOf(time.Hour)] += 100
	if d, _ := h.Quantile(0.99); d != bounds[len(bounds)-1] {
		t.Errorf("p99 with an overflow %v", d)
	}
	for i, b := range bounds {
		if bucketOf(b) != i || bucketOf(b+1) != i+1 {
			t.Errorf("bucket of %v: %d, just above: %d", b, bucketOf(b), bucketOf(b+1))
		}
	}
}
