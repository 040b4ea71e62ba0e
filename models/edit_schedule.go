package models

import (
	"context"
	"time"
)

// UpdateSchedule applies change to the living schedule of that name, once what is due has been settled as it stood.
// change may run twice, each time on fresh copies; it may set Target, or TargetID, for another target, and PausedAt.
// What is not a setting it cannot change. If a timing field changed, the next occurrence is the first after now;
// one that only waits for its jitter still runs.
func (s *Store) UpdateSchedule(ctx context.Context, name string, now time.Time,
	change func(*Schedule, *Target) error) (*Schedule, error) {
	return s.updateSchedule(ctx, "update", name, now, change)
}

func (s *Store) updateSchedule(ctx context.Context, action, name string, now time.Time,
	change func(*Schedule, *Target) error) (*Schedule, error) {
	now = Stamp(now)
	line := trailOf(ctx, action, "schedule")
	var out *Schedule
	err := s.write(ctx, work{act: "update schedule", run: func(t *tx) error {
		row, err := t.scheduleNamed(name)
		if err != nil {
			return err
		}
		if err := reached(ctx, row.Target, nil); err != nil {
			return err
		}
		if row, err = t.settleAll(row, now); err != nil {
			return err
		}
		known, err := t.target(row.TargetID)
		if err != nil {
			return err
		}
		before := line.shown(row)
		out = new(*row)
		if err := change(out, new(*known)); err != nil {
			return err
		}
		if err := t.edit(out, row, now); err != nil {
			return err
		}
		if err := fillSchedules(t.DB, []*Schedule{out}); err != nil {
			return err
		}
		return t.audit(line, name, before, line.shown(out))
	}})
	return out, err
}

// edit writes the new settings of a schedule that stood as before.
func (t *tx) edit(s, before *Schedule, now time.Time) error {
	target, err := t.chosenTarget(s, before)
	if err != nil {
		return err
	}
	s.keepBook(before)
	rule, err := s.prepare(target)
	if err != nil {
		return err
	}
	switch {
	case s.Paused() && s.PausedUntil != before.PausedUntil && !s.PausedUntil.IsZero() && !s.PausedUntil.After(now):
		return &Invalid{"until", "must be later than now"}
	case s.Paused() && !before.Paused():
		s.pause(s.PausedReason, s.PausedUntil, now)
	case !s.Paused() && before.Paused():
		s.resume()
	}
	if s.PauseAfterFailures == 0 {
		s.FailuresInRow = 0
	}
	settled, err := t.settledUntil(s.ID)
	if err != nil {
		return err
	}
	s.reckon(before, rule, latest(now, settled))
	s.unpark()
	s.aimBy(rule, now)
	s.Version, s.UpdatedAt = s.Version+1, now
	stored := *s
	stored.Headers = t.vault.sealHeaders("schedules", s.ID, s.Headers)
	return t.Select("*").Omit("ID", "Name", "Anchor", "CreatedAt").Updates(&stored).Error
}

// chosenTarget is the target that an edit leaves the schedule with.
func (t *tx) chosenTarget(s, before *Schedule) (*Target, error) {
	unknown := &Invalid{"target", "is not a registered target"}
	if s.Target != before.Target {
		target, err := t.targetNamed(s.Target)
		if err == ErrNotFound {
			return nil, unknown
		}
		return target, err
	}
	target, err := t.target(s.TargetID)
	if err == ErrNotFound || err == nil && target.Deleted() {
		return nil, unknown
	}
	return target, err
}

// keepBook takes back from before what is not a setting.
func (s *Schedule) keepBook(before *Schedule) {
	s.ID, s.Name, s.Version, s.Anchor, s.CreatedAt = before.ID, before.Name, before.Version, before.Anchor, before.CreatedAt
	s.Runs, s.FailuresInRow, s.DeletedAt = before.Runs, before.FailuresInRow, before.DeletedAt
	s.NextAt, s.DueAt, s.TimingSince = before.NextAt, before.DueAt, before.TimingSince
	s.Parked, s.ParkedUntil = before.Parked, before.ParkedUntil
}

// reckon finds the next occurrence after an edit at since. It never looks back, and it begins anew only if the timing
// changed or the schedule had ended: else what comes next stays, and so does what only waits for its jitter.
func (s *Schedule) reckon(before *Schedule, rule *Recurrence, since time.Time) {
	changed := s.timingDiffers(before)
	waits := !s.NextAt.IsZero() && !s.NextAt.After(since) // for its jitter only: what was due is settled
	if changed || waits && s.Jitter != before.Jitter || s.NextAt.IsZero() {
		s.TimingSince = since
	}
	if (changed && !waits) || s.NextAt.IsZero() {
		s.NextAt = s.following(rule, since)
	}
	if s.usedUp() {
		s.NextAt = time.Time{}
	}
}

// timingDiffers tells whether a field of the timing differs.
func (s *Schedule) timingDiffers(before *Schedule) bool {
	return s.Cron != before.Cron || s.Every != before.Every || s.Timezone != before.Timezone ||
		s.DayMatch != before.DayMatch || s.DSTGap != before.DSTGap || s.DSTRepeat != before.DSTRepeat ||
		!s.StartAt.Equal(before.StartAt) || !s.EndAt.Equal(before.EndAt)
}

// PauseSchedule passes over what comes due from now on, until then unless until is zero. A schedule that is paused
// already takes the new reason and end.
func (s *Store) PauseSchedule(ctx context.Context, name, reason string, until, now time.Time) (*Schedule, error) {
	if err := checkText("reason", reason); err != nil {
		return nil, err
	}
	return s.updateSchedule(ctx, "pause", name, now, func(s *Schedule, _ *Target) error {
		if !s.Paused() {
			s.PausedAt = Stamp(now)
		}
		s.PausedReason, s.PausedUntil = reason, ceilMilliOrZero(until)
		return nil
	})
}

// ResumeSchedule ends a pause; what it passed over is not caught up.
func (s *Store) ResumeSchedule(ctx context.Context, name string, now time.Time) (*Schedule, error) {
	return s.updateSchedule(ctx, "resume", name, now, func(s *Schedule, _ *Target) error {
		s.PausedAt = time.Time{}
		return nil
	})
}

// DeleteSchedule ends a schedule. The jobs it made go on, those in its line one after another, unless cancelJobs: then
// they are canceled and returned; running ones are only asked to end.
func (s *Store) DeleteSchedule(ctx context.Context, name string, cancelJobs bool, now time.Time) ([]*Job, error) {
	line := trailOf(ctx, "delete", "schedule")
	var canceled []*Job
	err := s.write(ctx, work{act: "delete schedule", run: func(t *tx) error {
		canceled = nil
		row, err := t.scheduleNamed(name)
		if err != nil {
			return err
		}
		if err := reached(ctx, row.Target, nil); err != nil {
			return err
		}
		if err := t.audit(line, name, line.shown(row), nil); err != nil {
			return err
		}
		if err := t.deleteSchedules("id", row.ID, now); err != nil || !cancelJobs {
			return err
		}
		// Nothing is to be released while all are canceled.
		if err := t.releaseAll(row.ID); err != nil {
			return err
		}
		// Read at once, for a claim may take one meanwhile.
		canceled, err = t.cancelAll(Stamp(now), row.ID,
			"schedule_id = ? AND schedule_id <> '' AND state IN ('scheduled', 'running')")
		return err
	}})
	return canceled, err
}

// deleteSchedulesOf ends every schedule of a target.
func (t *tx) deleteSchedulesOf(targetID string, now time.Time) error {
	return t.deleteSchedules("target_id", targetID, now)
}

func (t *tx) deleteSchedules(column, id string, now time.Time) error {
	at := Stamp(now).UnixMicro()
	_, err := t.exec(`UPDATE schedules SET deleted_at = ?1, updated_at = ?1, due_at = NULL, version = version + 1
		WHERE `+column+` = ?2 AND deleted_at IS NULL`, at, id)
	return err
}

// scheduleNamed is a fresh copy of the living schedule of that name.
func (t *tx) scheduleNamed(name string) (*Schedule, error) {
	row, err := livingSchedule(locked(t.DB), name)
	if err != nil {
		return nil, err
	}
	return row, t.nameTarget(row)
}

// nameTarget fills in the name of the schedule's target.
func (t *tx) nameTarget(s *Schedule) error {
	target, err := t.target(s.TargetID)
	if err == nil {
		s.Target = target.Name
	}
	return err
}
