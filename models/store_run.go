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
	rows, err := db.Raw(lastRuns, n-1, scheduleIDs).Rows()
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

// lastRuns finds the oldest of the runs first: a join with the runs themselves would have PostgreSQL look for them once for
// each job that there is.
const lastRuns = `SELECT s.id, j.id, j.state, j.reason, j.scheduled_for FROM schedules s
	JOIN jobs j ON j.schedule_id = s.id AND j.schedule_id <> '' AND j.id >= coalesce((SELECT r.id FROM jobs r
		WHERE r.schedule_id = s.id AND r.schedule_id <> '' ORDER BY r.id DESC LIMIT 1 OFFSET ?), '') WHERE s.id IN ?`
