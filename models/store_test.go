package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// t0 is when the tests of the store begin.
var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

// database names a new, empty database of the engine that the tests are asked to run on.
func database(t testing.TB) string {
	t.Helper()
	if postgres.Asked() {
		return postgres.Database(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "book.db")
}

// openStore opens a book of its own.
func openStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Database: database(t), Node: "node_test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.Ping(context.Background()) == nil {
			checkTallies(t, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openAlone is openStore for what only the engine of one process has; elsewhere the test is skipped.
func openAlone(t testing.TB) *Store {
	t.Helper()
	if postgres.Asked() {
		t.Skip("is about the engine of one process")
	}
	return openStore(t)
}

// die ends a node's lease: where the book is shared, a node is dead only then. Its last heartbeat was at a time of the
// tests' clock.
func die(t testing.TB, s *Store, node string, beat time.Time) {
	t.Helper()
	if !s.Shared() {
		return
	}
	if err := s.write(t.Context(), work{act: "die", run: func(tx *tx) error {
		_, err := tx.exec(`UPDATE nodes SET lease_until = 0, heartbeat_at = ? WHERE id = ?`, beat.UnixMicro(), node)
		return err
	}}); err != nil {
		t.Fatal(err)
	}
}

// newTarget registers a target with the default settings.
func newTarget(t testing.TB, s *Store, name string, change ...func(*Target)) *Target {
	t.Helper()
	spec := DefaultTarget()
	spec.Name, spec.URL = name, "http://example.com/"+name
	for _, c := range change {
		c(&spec)
	}
	target := NewTarget(spec, t0)
	if err := s.CreateTarget(t.Context(), target, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"); err != nil {
		t.Fatal(err)
	}
	return target
}

// newJobs creates n jobs for target that are due at once.
func newJobs(t testing.TB, s *Store, target *Target, n int, change ...func(*JobSpec)) []*Job {
	t.Helper()
	jobs := make([]*Job, n)
	for i := range jobs {
		spec := JobSpec{Priority: Normal, BodyForm: BodyPayload, Body: fmt.Appendf(nil, `{"n":%d}`, i)}
		for _, c := range change {
			c(&spec)
		}
		var err error
		if jobs[i], err = NewJob(spec, target, FromAPI, t0); err != nil {
			t.Fatal(err)
		}
	}
	made, err := s.CreateJobs(t.Context(), jobs, make([][32]byte, n), nil, t0)
	if err != nil {
		t.Fatal(err)
	}
	return made.Jobs
}

// claim asks for jobs and waits for the answer.
func claim(t testing.TB, s *Store, now time.Time, jobs ...*Job) Claims {
	t.Helper()
	var asks []Ask
	for _, j := range jobs {
		asks = append(asks, Ask{j.ID, NewAttemptID()})
	}
	answer := make(chan Claims, 1)
	if err := s.Claim("node_test", asks, now, func(c Claims) { answer <- c }); err != nil {
		t.Fatal(err)
	}
	return <-answer
}

// finish settles a claimed job with an answer and records it.
func finish(s *Store, j *Job, answer Answer, at time.Time) (*Finished, error) {
	a := &Attempt{ID: j.ClaimID, StartedAt: j.ClaimedAt, Duration: time.Millisecond, Method: "POST", URL: j.Of.URL}
	return s.Finish(Finish{Job: j.Settle(a, answer, at, 0, 0.5), Attempt: a, Gone: answer == AnsweredGone})
}

func TestTheWayOfOneJob(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	job := newJobs(t, s, target, 1)[0]

	got := claim(t, s, t0, job)
	if len(got.Granted) != 1 || got.Err != nil {
		t.Fatalf("claim: %+v", got)
	}
	claimed := got.Granted[0]
	if string(claimed.Job.Body) != `{"n":0}` || len(claimed.Secrets) != 1 || claimed.Job.Of.URL != target.URL {
		t.Errorf("claimed job lacks what a call needs: %+v", claimed)
	}
	if again := claim(t, s, t0, job); len(again.Granted) != 0 || len(again.Refused) != 1 {
		t.Errorf("a claimed job was granted twice: %+v", again)
	}
	if out, err := s.AttemptsOf(t.Context(), job.ID); err != nil || len(out) != 1 || out[0].Outcome != Calling {
		t.Errorf("a call that is out is not shown: %+v, %v", out, err)
	}

	done, err := finish(s, claimed.Job, AnsweredRetry, t0.Add(time.Second))
	if err != nil || done.Job.State != Scheduled || done.Job.Attempts != 1 {
		t.Fatalf("finish: %+v, %v", done, err)
	}
	if want := t0.Add(6 * time.Second); !done.Job.RunAt.Equal(want) {
		t.Errorf("next attempt at %v, want %v", done.Job.RunAt, want)
	}
	if _, err := finish(s, claimed.Job, AnsweredOK, t0.Add(2*time.Second)); !errors.Is(err, nil) {
		t.Errorf("a finish that ran twice must find its own work: %v", err)
	}
	if early := claim(t, s, t0.Add(5*time.Second), job); len(early.Granted) != 0 {
		t.Error("granted before it was due")
	}
	second := claim(t, s, t0.Add(6*time.Second), job)
	if len(second.Granted) != 1 {
		t.Fatalf("second claim: %+v", second)
	}
	if _, err := finish(s, claimed.Job, AnsweredOK, t0.Add(7*time.Second)); err != nil {
		t.Logf("late finish of the first claim: %v", err)
	}
	if _, err := finish(s, second.Granted[0].Job, AnsweredOK, t0.Add(7*time.Second)); err != nil {
		t.Fatal(err)
	}
	end, err := s.Job(t.Context(), job.ID)
	if err != nil || end.State != Succeeded || end.Attempts != 2 || end.Last == nil || end.Last.Number != 2 {
		t.Errorf("at the end: %+v, %v", end, err)
	}
	list, next, err := s.Jobs(t.Context(), JobFilter{Target: "billing", States: []State{Succeeded}}, Page{})
	if err != nil || len(list) != 1 || next != "" {
		t.Errorf("list: %v %q %v", list, next, err)
	}
}

func TestReclaimRecordsLostCalls(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	job := newJobs(t, s, target, 1)[0]
	now := t0
	for n := 1; n <= maxLostInRow; n++ {
		if got := claim(t, s, now, job); len(got.Granted) != 1 {
			t.Fatalf("claim %d: %+v", n, got)
		}
		if found, err := s.Reclaim(t.Context(), "node_other", now, func() float64 { return 0.5 }); err != nil || found != 1 {
			t.Fatalf("reclaim %d: %d, %v", n, found, err)
		}
		now = now.Add(time.Hour)
	}
	end, err := s.Job(t.Context(), job.ID)
	if err != nil || end.State != Failed || end.Reason != ReasonLost || end.Attempts != 0 {
		t.Errorf("after %d lost calls: %+v, %v", maxLostInRow, end, err)
	}
	all, err := s.AttemptsOf(t.Context(), job.ID)
	if err != nil || len(all) != maxLostInRow || all[0].Outcome != Lost || all[2].Number != 3 {
		t.Errorf("attempts: %+v, %v", all, err)
	}
}

func TestLockKeepsASecondProcessOut(t *testing.T) {
	if postgres.Asked() {
		t.Skip("is about the engine of one process")
	}
	path := database(t)
	s, err := Open(t.Context(), Config{Database: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Database: path}); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v, want ErrLocked", err)
	}
	s.Close()
	if _, err := s.CreateJobs(context.Background(), nil, nil, nil, t0); !errors.Is(err, ErrClosed) {
		t.Errorf("write after Close: %v, want ErrClosed", err)
	}
	if s, err = Open(t.Context(), Config{Database: path}); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	made := newJobs(t, s, target, 20, func(spec *JobSpec) { spec.BodyForm, spec.Body = BodyText, make([]byte, 1<<20) })
	seen := map[string]bool{}
	pages := 0
	for page := (Page{Limit: 500}); ; pages++ {
		some, next, err := s.Jobs(t.Context(), JobFilter{}, page)
		if err != nil || len(some) == 0 || len(some) > 8 {
			t.Fatalf("page %d: %d jobs, %v", pages, len(some), err)
		}
		for _, j := range some {
			seen[j.ID] = true
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if len(seen) != len(made) || pages < 2 {
		t.Errorf("%d of %d jobs on %d pages", len(seen), len(made), pages+1)
	}
}

func TestRotationEndsEveryOldSecret(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	at := t0
	rotate := func(value string, overlap time.Duration, want int) {
		t.Helper()
		at = at.Add(time.Minute)
		if _, err := s.RotateSecret(t.Context(), "billing", Rotation{Secret: value, Overlap: overlap}, at); err != nil {
			t.Fatal(err)
		}
		live, err := s.Secrets(t.Context(), target.ID, at)
		if err != nil || len(live) != want || live[0] != value {
			t.Errorf("live after rotating with %v: %q, %v; want %d, the new one first", overlap, live, err, want)
		}
	}
	rotate("whsec_b25l", 24*time.Hour, 2)
	rotate("whsec_dHdv", time.Hour, 3)
	rotate("whsec_dGhyZWU=", 0, 1)
}

func TestAJobOfADeletedTargetIsNotRetried(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	job := newJobs(t, s, target, 1)[0]
	if _, err := s.CancelJob(t.Context(), job.ID, t0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteTarget(t.Context(), "billing", t0, DeleteTarget{}); err != nil {
		t.Fatal(err)
	}
	var conflict *Conflict
	if _, err := s.RetryJob(t.Context(), job.ID, t0); !errors.As(err, &conflict) {
		t.Errorf("retry of a job whose target is gone: %v, want a Conflict", err)
	}
	if end, err := s.Job(t.Context(), job.ID); err != nil || end.State != Canceled || end.Of.Name != "billing" {
		t.Errorf("the job is %+v, %v", end, err)
	}
}

// TestTroubleIsNotBlamedOnTheRequest: a target that cannot be read is not one that was never registered.
func TestTroubleIsNotBlamedOnTheRequest(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	var bad *Invalid
	err := s.write(t.Context(), work{act: "try", run: func(tx *tx) error {
		tx.stale = true
		tx.forget()
		if _, err := tx.exec(`ALTER TABLE targets RENAME TO elsewhere`); err != nil {
			return err
		}
		_, err := tx.living(target.ID)
		return err
	}})
	if err == nil || errors.As(err, &bad) || errors.Is(err, ErrNotFound) {
		t.Errorf("with the targets out of reach: %v", err)
	}
	if err := s.write(t.Context(), work{act: "try", run: func(tx *tx) error { _, err := tx.living("target_x"); return err }}); !errors.As(err, &bad) {
		t.Errorf("of a target that is none: %v", err)
	}
	newJobs(t, s, target, 1)
}
