package models

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// operate records an operation and does its steps to the end.
func operate(t *testing.T, s *Store, action Action, f JobFilter) (*Operation, []*Job) {
	t.Helper()
	o, err := NewOperation(action, f, t0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MatchOperation(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateOperation(t.Context(), o, nil, t0); err != nil {
		t.Fatal(err)
	}
	var changed []*Job
	for range 100 {
		step, err := s.StepOperation(t.Context(), o.ID, t0.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		changed = append(changed, step.Jobs...)
		if step.Operation.State != OperationRunning {
			return step.Operation, changed
		}
	}
	t.Fatal("the operation does not end")
	return nil, nil
}

func TestOperations(t *testing.T) {
	s := openStore(t)
	billing, gone := newTarget(t, s, "billing"), newTarget(t, s, "gone")
	jobs := newJobs(t, s, billing, 250)
	lost := newJobs(t, s, gone, 2)
	claims := claim(t, s, t0, jobs[:5]...)
	for i, answer := range []Answer{AnsweredOK, AnsweredRejected, AnsweredRetry} {
		if _, err := finish(s, claims.Granted[i].Job, answer, t0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DeleteTarget(t.Context(), "gone", t0, DeleteTarget{CancelJobs: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action   Action
		filter   JobFilter
		matched  int
		done     int
		failures map[string]int
		changed  State // of the jobs changed
		counts   JobCounts
	}{
		{ActRun, JobFilter{Target: "billing"}, 250, 246, map[string]int{"the job is running, not scheduled": 2,
			"the job is succeeded, not scheduled": 1, "the job is failed, not scheduled": 1}, Scheduled,
			JobCounts{Scheduled: 246, Retrying: 1, Running: 2, Succeeded: 1, Failed: 1, Canceled: 2}},
		{ActCancel, JobFilter{Target: "billing", States: []State{Scheduled, Running}}, 248, 248, map[string]int{}, "",
			JobCounts{Running: 2, Succeeded: 1, Failed: 1, Canceled: 248}},
		{ActRetry, JobFilter{States: []State{Failed, Canceled}}, 249, 247,
			map[string]int{"the job's target is no longer registered": 2}, Scheduled,
			JobCounts{Scheduled: 247, Running: 2, Succeeded: 1, Canceled: 2}},
		{ActRerun, JobFilter{States: []State{Succeeded}}, 1, 1, map[string]int{}, Scheduled,
			JobCounts{Scheduled: 248, Running: 2, Succeeded: 1, Canceled: 2}},
		{ActDelete, JobFilter{Target: "gone"}, 2, 2, map[string]int{}, "",
			JobCounts{Scheduled: 248, Running: 2, Succeeded: 1}},
		{ActDelete, JobFilter{Target: "nobody"}, 0, 0, map[string]int{}, "",
			JobCounts{Scheduled: 248, Running: 2, Succeeded: 1}},
	} {
		o, changed := operate(t, s, c.action, c.filter)
		failed := 0
		for _, n := range c.failures {
			failed += n
		}
		if o.State != OperationDone || o.Matched != c.matched || o.Done != c.done || o.Failed != failed || o.FinishedAt.IsZero() ||
			cmp.Diff(c.failures, o.Failures) != "" {
			t.Errorf("%s %s: %+v", c.action, c.filter.Search(), o)
		}
		for _, j := range changed {
			if c.changed != "" && j.State != c.changed {
				t.Errorf("%s: %s is %s", c.action, j.ID, j.State)
			}
		}
		if got, err := s.JobCounts(t.Context(), ""); err != nil || got != c.counts {
			t.Errorf("after %s: %+v, %v; want %+v", c.action, got, err, c.counts)
		}
		checkTallies(t, s)
	}
	if _, err := s.Job(t.Context(), lost[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted job: %v", err)
	}
	all, next, err := s.Operations(t.Context(), Page{Limit: 4})
	if err != nil || len(all) != 4 || all[0].Search != "target:nobody" {
		t.Fatal(all, err)
	}
	if all, next, err = s.Operations(t.Context(), Page{Limit: 4, Cursor: next}); err != nil || len(all) != 2 || next != "" {
		t.Fatal(all, next, err)
	}
	if n, _, err := s.Prune(t.Context(), Keep{Failed: t0.Add(time.Hour)}); err != nil || n < 6 {
		t.Errorf("pruned %d, %v", n, err)
	}
}

// TestAJobThatChangedMeanwhileIsNotOverwritten lets a job change between the reading and the writing of a step.
func TestAJobThatChangedMeanwhileIsNotOverwritten(t *testing.T) {
	s := openStore(t)
	read := newJobs(t, s, newTarget(t, s, "billing"), 1)[0]
	if got := claim(t, s, t0, read); len(got.Granted) != 1 {
		t.Fatal(got)
	}
	for _, action := range []Action{ActRetry, ActRun, ActRerun, ActDelete} {
		err := s.write(t.Context(), work{act: "act", run: func(tx *tx) error {
			_, err := tx.act(action, read, t0)
			return err
		}})
		var conflict *Conflict
		if !errors.As(err, &conflict) {
			t.Errorf("%s of a job that runs by now: %v", action, err)
		}
	}
	if err := s.write(t.Context(), work{act: "act", run: func(tx *tx) error {
		j, err := tx.act(ActCancel, read, t0)
		if err == nil && (j.State != Running || j.CancelRequestedAt.IsZero()) {
			t.Errorf("canceled: %+v", j)
		}
		return err
	}}); err != nil {
		t.Error(err)
	}
}

func TestOperationsAreCanceledAndRemembered(t *testing.T) {
	s := openStore(t)
	newJobs(t, s, newTarget(t, s, "billing"), 300)
	idem := &Idempotency{Path: "/v1/operations", Key: "k", Body: [32]byte{1}}
	var first string
	for i := range 2 {
		o, err := NewOperation(ActCancel, JobFilter{Target: "billing"}, t0)
		if err != nil {
			t.Fatal(err)
		}
		made, replayed, err := s.CreateOperation(t.Context(), o, idem, t0)
		if err != nil || replayed != (i == 1) || i == 1 && made.ID != first {
			t.Fatalf("%d: %+v %v %v", i, made, replayed, err)
		}
		first = made.ID
	}
	other := *idem
	other.Body[0] = 2
	o, _ := NewOperation(ActCancel, JobFilter{Target: "billing"}, t0)
	var bad *Invalid
	if _, _, err := s.CreateOperation(t.Context(), o, &other, t0); !errors.As(err, &bad) || bad.Field != "Idempotency-Key" {
		t.Errorf("the key for another request: %v", err)
	}
	if step, err := s.StepOperation(t.Context(), first, t0); err != nil || step.Operation.Done == 0 || step.Operation.State != OperationRunning {
		t.Fatalf("%+v, %v", step, err)
	}
	for range 2 {
		if o, err := s.CancelOperation(t.Context(), first, t0); err != nil || o.State != OperationCanceled {
			t.Fatal(o, err)
		}
	}
	before, _ := s.JobCounts(t.Context(), "")
	if step, err := s.StepOperation(t.Context(), first, t0); err != nil || len(step.Jobs) != 0 {
		t.Fatal(step, err)
	}
	if after, err := s.JobCounts(t.Context(), ""); err != nil || after != before || after.Scheduled == 0 {
		t.Errorf("%+v, then %+v", before, after)
	}
	if running, err := s.RunningOperations(t.Context()); err != nil || len(running) != 0 {
		t.Error(running, err)
	}
}

func TestNewOperationRefuses(t *testing.T) {
	for field, c := range map[string]struct {
		action Action
		filter JobFilter
	}{
		"action":             {"explode", JobFilter{Target: "a"}},
		"filter":             {ActRetry, JobFilter{}},
		"filter.state":       {ActRetry, JobFilter{States: []State{"x"}}},
		"filter.q":           {ActRetry, JobFilter{Prefix: "zz"}},
		"filter.status_code": {ActRetry, JobFilter{StatusCode: 7}},
	} {
		var many Invalids
		if _, err := NewOperation(c.action, c.filter, t0); !errors.As(err, &many) || many[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestDeletedTargetTakesItsJobsAlong: those of no schedule end together, whatever they have behind them.
func TestDeletedTargetTakesItsJobsAlong(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "gone")
	newSchedule(t, s, target, "report", func(sp *Schedule) { sp.Overlap = OverlapQueueAll })
	jobs := newJobs(t, s, target, 40)
	claims := claim(t, s, t0, jobs[:4]...)
	for i, answer := range []Answer{AnsweredOK, AnsweredRetry, AnsweredRetry} {
		if _, err := finish(s, claims.Granted[i].Job, answer, t0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := s.Trigger(t.Context(), "report", nil, nil, t0); err != nil {
			t.Fatal(err)
		}
	}
	changed, err := s.DeleteTarget(t.Context(), "gone", t0.Add(time.Second), DeleteTarget{CancelJobs: true, Schedules: true})
	if err != nil || len(changed) != 39+2 {
		t.Fatalf("%d jobs changed, %v", len(changed), err)
	}
	for _, j := range changed {
		got, err := s.Job(t.Context(), j.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := Canceled
		if j.ID == jobs[3].ID {
			want = Running
		}
		if got.State != want || got.State != j.State || got.FinishedAt != j.FinishedAt || got.Reason != j.Reason ||
			!got.CancelRequestedAt.Equal(t0.Add(time.Second)) || !got.UpdatedAt.Equal(t0.Add(time.Second)) {
			t.Errorf("told %+v\nkept %+v", j, got)
		}
	}
}
