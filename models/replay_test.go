package models

import (
	"context"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// TestReplayWaitsForNobody: a request that was made before only shows its jobs, whoever is about to change them. If it locked
// them, it would do so in an order of its own, and many of them would end in deadlocks.
func TestReplayWaitsForNobody(t *testing.T) {
	if !postgres.Asked() {
		t.Skip("one writer has nobody to wait for")
	}
	s := openStore(t)
	target := newTarget(t, s, "billing")
	ctx, done := context.WithTimeout(t.Context(), 20*time.Second)
	defer done()
	for name, idem := range map[string]*Idempotency{"by the job's key": nil, "by the request's": {Path: "/v1/jobs", Key: "request"}} {
		ask := func() *Created {
			j, err := NewJob(JobSpec{Priority: Normal, Key: name}, target, FromAPI, t0)
			if err != nil {
				t.Fatal(err)
			}
			created, err := s.CreateJobs(ctx, []*Job{j}, [][32]byte{{}}, idem, t0)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return created
		}
		first := ask().Jobs[0]
		other, err := s.writeDB.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.ExecContext(ctx, "SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", first.ID); err != nil {
			t.Fatal(err)
		}
		if again := ask(); again.Fresh[0] || again.Jobs[0].ID != first.ID {
			t.Errorf("%s: made %s anew", name, again.Jobs[0].ID)
		}
		if err := other.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}
