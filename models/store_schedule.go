package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// NewSchedule stamps s, which is for target, with an id and its times, and finds its first occurrence: the first after
// now. It returns Invalids if a setting is wrong.
func NewSchedule(s Schedule, target *Target, now time.Time) (*Schedule, error) {
	now = Stamp(now)
	s.ID, s.Version, s.CreatedAt, s.UpdatedAt, s.DeletedAt = newID(prefixSchedule), 1, now, now, time.Time{}
	s.Anchor, s.TimingSince = ceilMilli(now), now
	s.Runs, s.FailuresInRow, s.LastJob = 0, 0, nil
	s.unpark()
	if s.Paused() {
		s.pause(s.PausedReason, s.PausedUntil, now)
	}
	rule, err := s.prepare(target)
	if err != nil {
		return nil, err
	}
	s.NextAt = s.following(rule, now)
	s.aimBy(rule, now)
	return &s, nil
}

// prepare brings the settings into the form in which they are kept and checks them.
func (s *Schedule) prepare(target *Target) (*Recurrence, error) {
	s.TargetID, s.Target = target.ID, target.Name
	if s.Timezone == "" {
		s.Timezone = "UTC"
	}
	s.StartAt, s.EndAt = ceilMilliOrZero(s.StartAt), ceilMilliOrZero(s.EndAt)
	s.Headers = s.Headers.Canonical()
	if s.Headers == nil {
		s.Headers = Headers{}
	}
	if s.Labels == nil {
		s.Labels = Labels{}
	}
	if err := s.Validate(target); err != nil {
		return nil, err
	}
	return s.Timing().Compile()
}

// aimBy is aim for a schedule whose NextAt was set by hand.
func (s *Schedule) aimBy(rule *Recurrence, now time.Time) {
	due := s.NextAt
	if !due.IsZero() {
		due, _ = s.comesDue(rule, due)
	}
	s.aim(due, now)
}

// CreateSchedule records a new schedule. A name that a living schedule has is a Conflict.
func (s *Store) CreateSchedule(ctx context.Context, row *Schedule, now time.Time) error {
	line := trailOf(ctx, "create", "schedule")
	return s.write(ctx, work{act: "create schedule", size: int64(len(row.Body)), run: func(t *tx) error {
		known, err := t.scheduleNamed(row.Name)
		switch {
		case err == nil && known.ID == row.ID:
			return nil // recorded by a run whose COMMIT was unclear
		case err == nil:
			return &Conflict{"a schedule of this name exists already"}
		case err != ErrNotFound:
			return err
		}
		if _, err := t.living(row.TargetID); err != nil {
			return err
		}
		stored := *row
		stored.Headers = t.vault.sealHeaders("schedules", row.ID, row.Headers)
		if err := t.Create(&stored).Error; errors.Is(err, gorm.ErrDuplicatedKey) {
			return &Conflict{"a schedule of this name exists already"}
		} else if err != nil {
			return err
		}
		return t.audit(line, row.Name, nil, line.shown(row))
	}})
}

// Schedule is the living schedule of that name, or ErrNotFound.
func (s *Store) Schedule(ctx context.Context, name string) (*Schedule, error) {
	db, done := s.read(ctx)
	defer done()
	row, err := livingSchedule(db, name)
	if err != nil {
		return nil, err
	}
	err = fillSchedules(db, []*Schedule{row})
	return row, reached(ctx, row.Target, err)
}

// ScheduleByID is the living schedule of that id, or ErrNotFound.
func (s *Store) ScheduleByID(ctx context.Context, id string) (*Schedule, error) {
	db, done := s.read(ctx)
	defer done()
	row, err := oneSchedule(db.Where("id = ?", id))
	if err != nil {
		return nil, err
	}
	return row, fillSchedules(db, []*Schedule{row})
}

func livingSchedule(db *gorm.DB, name string) (*Schedule, error) {
	return oneSchedule(db.Where("name = ?", name))
}

func oneSchedule(db *gorm.DB) (*Schedule, error) {
	var row Schedule
	err := db.Where("deleted_at IS NULL").Take(&row).Error
	return &row, notFound(err)
}

// fillSchedules adds what lies beside the rows.
func fillSchedules(db *gorm.DB, rows []*Schedule) error {
	if len(rows) == 0 {
		return nil
	}
	ids, targets := make([]string, len(rows)), map[string]bool{}
	for i, s := range rows {
		ids[i], targets[s.TargetID] = s.ID, true
	}
	of, err := targetsByID(db, keys(targets))
	if err != nil {
		return err
	}
	last, err := lastJobs(db, ids)
	for _, s := range rows {
		s.Target, s.LastJob = of[s.TargetID].Name, last[s.ID]
	}
	return err
}

// DueSchedule is a schedule whose turn is due, as the due queue knows it.
type DueSchedule struct {
	ID       string
	TargetID string
	DueAt    time.Time
	Version  int64
}

// DueSchedules gives living schedules whose turn is due before a time, in the order in which they are due, at most
// limit, behind the one that was due at afterDue and is called afterID; both zero: from the first.
func (s *Store) DueSchedules(ctx context.Context, before, afterDue time.Time, afterID string,
	limit int) ([]DueSchedule, error) {
	db, done := s.read(ctx)
	defer done()
	rows, err := db.Raw(`SELECT id, target_id, due_at, version FROM schedules WHERE deleted_at IS NULL AND due_at IS NOT NULL
		AND due_at < ? AND (due_at, id) > (?, ?) ORDER BY due_at, id LIMIT ?`, before.UnixMicro(), afterDue.UnixMicro(),
		afterID, limit).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var due []DueSchedule
	for rows.Next() {
		var d DueSchedule
		var at maybeMicro
		if err := rows.Scan(&d.ID, &d.TargetID, &at, &d.Version); err != nil {
			return nil, err
		}
		d.DueAt = at.Time
		due = append(due, d)
	}
	return due, rows.Err()
}
