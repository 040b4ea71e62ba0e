package models

import (
	"testing"
	"time"
)

func TestNeighbours(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "a")
	jobs := newJobs(t, s, target, 1)
	if before, after, err := s.Neighbours(t.Context(), jobs[0]); before != "" || after != "" || err != nil {
		t.Errorf("a job of no schedule stands between %q and %q, %v", before, after, err)
	}
	newSchedule(t, s, target, "report")
	var made []*Job
	for range 3 {
		created, err := s.Trigger(t.Context(), "report", nil, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, created.Jobs[0])
	}
	for i, j := range made {
		before, after, err := s.Neighbours(t.Context(), j)
		if err != nil || i > 0 && before != made[i-1].ID || i == 0 && before != "" || i < 2 && after != made[i+1].ID ||
			i == 2 && after != "" {
			t.Errorf("job %d stands between %q and %q, %v", i, before, after, err)
		}
	}
}
