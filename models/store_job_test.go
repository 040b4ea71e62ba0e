package models

import (
	"testing"
	"time"
)

// TestAnEditMovesWhatItNames: a change of the priority leaves a job's times as they are, to the microsecond; run_at moves
// scheduled_for along, and one in the past is now.
func TestAnEditMovesWhatItNames(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	newSchedule(t, s, target, "report")
	asked, now := minute(9).Add(123_456*time.Microsecond), minute(10)
	made, err := s.Backfill(t.Context(), "report", minute(0), minute(2), false, nil, asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range made.Jobs {
		got, err := s.UpdateJob(t.Context(), j.ID, now, func(j *Job) error { j.Priority = High; return nil })
		if err != nil || !got.ScheduledFor.Equal(j.ScheduledFor) || !got.RunAt.Equal(asked) || got.Priority != High {
			t.Errorf("%v, scheduled for %v, due %v; it was for %v, due %v", err, got.ScheduledFor, got.RunAt, j.ScheduledFor, j.RunAt)
		}
	}
	for _, c := range []struct{ to, want time.Time }{
		{minute(20), minute(20)},
		{minute(20).Add(time.Microsecond), minute(20).Add(time.Millisecond)},
		{minute(3), now},
	} {
		got, err := s.UpdateJob(t.Context(), made.Jobs[0].ID, now, func(j *Job) error { j.RunAt = c.to; return nil })
		if err != nil || !got.RunAt.Equal(c.want) || !got.ScheduledFor.Equal(c.want) {
			t.Errorf("moved to %v: %v, due %v, scheduled for %v", c.to, err, got.RunAt, got.ScheduledFor)
		}
	}
}
