package models

import (
	"context"
	"sync"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// hold runs f in a transaction of its own and keeps it open until release is called, which waits for its commit.
func hold(t *testing.T, s *Store, f func(*tx) error) (release func()) {
	t.Helper()
	var once sync.Once
	held, let, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.write(context.Background(), work{act: "hold", run: func(tx *tx) error {
			err := f(tx)
			once.Do(func() { close(held) })
			<-let
			return err
		}})
	}()
	<-held
	return func() {
		t.Helper()
		close(let)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// stuckOr waits until n transactions wait for a lock, or done.
func stuckOr(t *testing.T, s *Store, n int, done <-chan struct{}) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		select {
		case <-done:
			return
		default:
		}
		var waiting int
		if err := s.readDB.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting >= n {
			return
		}
		if time.Now().After(until) {
			t.Fatal("nobody waits")
		}
	}
}

// TestSideBySide has two transactions meet at the same jobs, as those of many nodes do.
func TestSideBySide(t *testing.T) {
	server := postgres.New(t, postgres.Options{})
	open := func(t *testing.T) *Store {
		s, err := Open(t.Context(), Config{Database: server.Database(t), Node: "node_test"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			checkTallies(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	t.Run("a job that is retried is not pruned", func(t *testing.T) {
		s := open(t)
		job := callOnce(t, s, newJobs(t, s, newTarget(t, s, "billing"), 1)[0], AnsweredRejected, t0)
		release := hold(t, s, func(tx *tx) error {
			j, err := tx.job(job.ID)
			if err == nil {
				err = j.retry(minute(1))
			}
			if err == nil {
				err = tx.saveJob(j)
			}
			return err
		})
		pruned := make(chan struct{})
		go func() {
			defer close(pruned)
			if _, _, err := s.Prune(t.Context(), Keep{Failed: minute(1), Now: minute(1)}); err != nil {
				t.Error(err)
			}
		}()
		stuckOr(t, s, 1, pruned)
		release()
		<-pruned
		if got, err := s.Job(t.Context(), job.ID); err != nil || got.State != Scheduled {
			t.Errorf("the job that was retried: %+v, %v", got, err)
		}
	})
	t.Run("a job that is claimed is canceled with its schedule", func(t *testing.T) {
		s := open(t)
		newSchedule(t, s, newTarget(t, s, "billing"), "report", func(sp *Schedule) { sp.Overlap = OverlapAllow })
		var jobs []*Job
		for range 2 {
			made, err := s.Trigger(t.Context(), "report", nil, nil, t0)
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, made.Jobs...)
		}
		claim(t, s, t0, jobs[0])
		release := hold(t, s, func(tx *tx) error { _, err := tx.job(jobs[0].ID); return err })
		deleted, claimed := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(deleted)
			if _, err := s.DeleteSchedule(t.Context(), "report", true, minute(1)); err != nil {
				t.Error(err)
			}
		}()
		stuckOr(t, s, 1, deleted)
		go func() {
			defer close(claimed)
			claim(t, s, minute(1), jobs[1])
		}()
		stuckOr(t, s, 2, claimed)
		release()
		<-deleted
		<-claimed
		for _, j := range jobs {
			if got, err := s.Job(t.Context(), j.ID); err != nil || got.CancelRequestedAt.IsZero() {
				t.Errorf("a job of the schedule: %s, %v", got.State, err)
			}
		}
	})
}
