package models

import (
	"context"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// addOccurrence records an occurrence or a stretch of skips, and tells whether it was not on record yet.
func (t *tx) addOccurrence(o *Occurrence) (fresh bool, err error) {
	n, err := t.exec(`INSERT INTO occurrences (schedule_id, at, until, count, outcome, reason, job_id)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, o.ScheduleID, o.At.UnixMicro(), o.Until.UnixMicro(), o.Count,
		o.Outcome, o.Reason, o.JobID)
	return n == 1, err
}

// addSkip records a stretch of skips; it becomes one with the newest row if that may be its neighbour and is equal.
func (t *tx) addSkip(o *Occurrence, neighbour bool) error {
	if neighbour {
		n, err := t.exec(`UPDATE occurrences SET until = ?1, count = count + ?2 WHERE schedule_id = ?3 AND outcome = 'skipped'
			AND reason = ?4 AND until < ?5 AND at = (SELECT max(at) FROM occurrences WHERE schedule_id = ?3)`,
			o.Until.UnixMicro(), o.Count, o.ScheduleID, o.Reason, o.At.UnixMicro())
		if err != nil || n == 1 {
			return err
		}
	}
	_, err := t.addOccurrence(o)
	return err
}

// settledUntil is the newest occurrence on record; zero if there is none.
func (t *tx) settledUntil(scheduleID string) (time.Time, error) {
	var at maybeMicro
	err := t.one(`SELECT until FROM occurrences WHERE schedule_id = ? ORDER BY at DESC LIMIT 1`, []any{scheduleID}, &at)
	if err == ErrNotFound {
		return time.Time{}, nil
	}
	return at.Time, err
}

// Occurrences lists what became of a schedule's occurrences, newest first. What a paused or parked schedule has passed
// over by now, and will write down with its next turn, is part of the list.
func (s *Store) Occurrences(ctx context.Context, name string, p Page, now time.Time) ([]*Occurrence, string, error) {
	const kind = "occurrences"
	before, err := p.key(kind)
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	of, err := livingSchedule(db, name)
	if err != nil {
		return nil, "", err
	}
	query := db.Table("occurrences").Select("occurrences.*, jobs.state AS job_state").
		Joins("LEFT JOIN jobs ON jobs.id = occurrences.job_id").Where("occurrences.schedule_id = ?", of.ID)
	if before != "" {
		at, err := strconv.ParseInt(before, 10, 64)
		if err != nil {
			return nil, "", errCursor
		}
		query = query.Where("occurrences.at < ?", at)
	}
	var rows []*Occurrence
	if err := query.Order("occurrences.at DESC").Limit(p.limit() + 1).Find(&rows).Error; err != nil {
		return nil, "", err
	}
	if before == "" {
		rows = withPassedOver(rows, of, now)
	}
	rows, next := cut(p, kind, rows, func(o *Occurrence) string { return strconv.FormatInt(o.At.UnixMicro(), 10) })
	return rows, next, nil
}

// withPassedOver adds to rows, newest first, the stretch that the schedule has passed over without writing it down.
func withPassedOver(rows []*Occurrence, s *Schedule, now time.Time) []*Occurrence {
	rule, err := s.Timing().Compile()
	if err != nil {
		return rows
	}
	looked := 0
	for at := s.NextAt; !at.IsZero() && looked < turnOccurrences; looked++ {
		due, following := s.comesDue(rule, at)
		reason := s.passesOver(due)
		if due.After(now) || reason == "" {
			break
		}
		row := &Occurrence{ScheduleID: s.ID, At: at, Until: at, Count: 1, Outcome: OccurrenceSkipped, Reason: reason}
		if len(rows) == 0 || !rows[0].absorb(row) {
			rows = append([]*Occurrence{row}, rows...)
		}
		at = following
	}
	return rows
}

// lastJobs gives the newest job of each schedule, without its body and what lies beside its row.
func lastJobs(db *gorm.DB, ids []string) (map[string]*Job, error) {
	var rows []*Job
	err := db.Raw(`SELECT j.id, j.target_id, j.schedule_id, j.state, j.reason, j.origin, j.held, j.scheduled_for, j.run_at,
		j.attempts, j.created_at, j.updated_at, j.finished_at FROM schedules s JOIN jobs j ON j.id = (SELECT max(id) FROM jobs
		WHERE schedule_id = s.id AND schedule_id <> '') WHERE s.id IN ?`, ids).Scan(&rows).Error
	last := make(map[string]*Job, len(rows))
	for _, j := range rows {
		last[j.ScheduleID] = j
	}
	return last, err
}
