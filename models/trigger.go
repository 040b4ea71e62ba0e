package models

import (
	"context"
	"fmt"
	"time"
)

// Trigger makes one job of a schedule now, whatever pause, end or overlap say. Body, form and content type are those
// of over if it is given. It is a Conflict when the schedule has as many unfinished jobs as it may.
func (s *Store) Trigger(ctx context.Context, name string, over *JobSpec, idem *Idempotency,
	now time.Time) (*Created, error) {
	now = Stamp(now)
	line := trailOf(ctx, "trigger", "schedule")
	id := NewJobID() // one for every run of the work
	var size int64
	if over != nil {
		size = int64(len(over.Body))
	}
	var out *Created
	err := s.write(ctx, work{act: "trigger schedule", size: size, run: func(t *tx) error {
		row, err := t.scheduleNamed(name)
		if err != nil {
			return err
		}
		if err := reached(ctx, row.Target, nil); err != nil {
			return err
		}
		target, err := t.target(row.TargetID)
		if err != nil {
			return err
		}
		if over != nil {
			row.BodyForm, row.ContentType, row.Body = over.BodyForm, over.ContentType, over.Body
		}
		spec := row.Template()
		if err := spec.Validate(target); err != nil {
			return err
		}
		j := row.fromTemplate(FromTrigger, now)
		j.ID, j.Of = id, target
		if out, err = t.createJobs([]*Job{j}, nil, idem, now); err != nil || out.Replayed {
			return err
		}
		if err := t.checkUnfinished(row.ID); err != nil {
			return err
		}
		return t.audit(line, name, nil, said("job", id))
	}})
	return out, err
}

// checkUnfinished refuses what has made more unfinished jobs than a schedule may have.
func (t *tx) checkUnfinished(scheduleID string) error {
	n, err := t.countUnfinished(scheduleID)
	if err == nil && n > MaxUnfinished {
		err = &Conflict{fmt.Sprintf("the schedule would have %d unfinished jobs; it may have %d", n, MaxUnfinished)}
	}
	return err
}
