package models

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Run is what a list shows of one of a schedule's jobs.
type Run struct {
	JobID  string
	State  State
	Reason string
	At     time.Time // scheduled_for
}

// LastRuns gives the last runs of schedules, by their ids, oldest first, at most n of each, in one query.
func (s *Store) LastRuns(ctx context.Context, scheduleIDs []string, n int) (map[string][]Run, error) {
	all := make(map[string][]Run, len(scheduleIDs))
	if len(scheduleIDs) == 0 {
		return all, nil
	}
	db, done := s.read(ctx)
	defer done()
	rows, err := db.Raw(lastRuns, n, scheduleIDs).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Run
		var schedule string
		var at maybeMicro
		if err := rows.Scan(&schedule, &r.JobID, &r.State, &r.Reason, &at); err != nil {
			return nil, err
		}
		r.At = at.Time
		all[schedule] = append(all[schedule], r)
	}
	for _, runs := range all {
		slices.SortFunc(runs, func(a, b Run) int { return strings.Compare(a.JobID, b.JobID) })
	}
	return all, rows.Err()
}

const lastRuns = `SELECT s.id, j.id, j.state, j.reason, j.scheduled_for FROM schedules s JOIN jobs j ON j.id IN (SELECT r.id FROM jobs r
	WHERE r.schedule_id = s.id AND r.schedule_id <> '' ORDER BY r.id DESC LIMIT ?) WHERE s.id IN ?`
