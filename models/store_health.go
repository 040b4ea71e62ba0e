package models

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
)

// HealthHours is how many hours a target's health looks back.
const HealthHours = 24

// Health is how a target did lately.
type Health struct {
	Total Happened           // of the hours; its quantiles are of the last hour alone
	Hours [HealthHours]Calls // oldest first; the last one is not over yet
}

// Health tells of targets, by their ids, how they did in the last hours: one query for the hours and one for the quantiles.
func (s *Store) Health(ctx context.Context, targetIDs []string, now time.Time) (map[string]*Health, error) {
	all := make(map[string]*Health, len(targetIDs))
	for _, id := range targetIDs {
		all[id] = &Health{}
	}
	if len(targetIDs) == 0 {
		return all, nil
	}
	db, done := s.read(ctx)
	defer done()
	first := minuteOf(now.UTC().Truncate(time.Hour).Add(-(HealthHours - 1) * time.Hour))
	err := eachOf(db, all, `(minute - ?) / 60, `+sums(countColumns), first, []any{first}, func(h *Health, bin int, r *rollup) {
		if bin < HealthHours {
			h.Hours[bin] = r.calls()
		}
		c, e := r.happened().Calls, r.happened().Ended
		h.Total.add(c, e)
	}, (*rollup).countPlaces)
	if err != nil {
		return nil, err
	}
	err = eachOf(db, all, `0, `+strings.Join([]string{sums(countColumns), sums(tookColumns), sums(lateColumns)}, ", "),
		minuteOf(now.Add(-time.Hour)), nil, func(h *Health, _ int, r *rollup) {
			h.Total.Latency, h.Total.Lateness = r.took.quantiles(), r.late.quantiles()
		}, (*rollup).places)
	return all, err
}

// eachOf sums the rollups of the targets in all since a minute, by target and the first of the columns.
func eachOf(db *gorm.DB, all map[string]*Health, columns string, since int64, args []any, got func(*Health, int, *rollup),
	places func(*rollup) []any) error {
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	rows, err := db.Raw(`SELECT target_id, `+columns+` FROM rollups WHERE target_id IN ? AND minute >= ? GROUP BY 1, 2`,
		append(args, ids, since)...).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var bin int
		var r rollup
		if err := rows.Scan(append([]any{&id, &bin}, places(&r)...)...); err != nil {
			return err
		}
		got(all[id], bin, &r)
	}
	return rows.Err()
}

func (r *rollup) countPlaces() (all []any) {
	for i := range r.counts {
		all = append(all, &r.counts[i])
	}
	return all
}

// add adds up counts; quantiles cannot be.
func (h *Happened) add(c Calls, e Ended) {
	h.Calls = Calls{h.Calls.Succeeded + c.Succeeded, h.Calls.Retryable + c.Retryable, h.Calls.Failed + c.Failed,
		h.Calls.Canceled + c.Canceled, h.Calls.Interrupted + c.Interrupted, h.Calls.Lost + c.Lost}
	h.Ended = Ended{h.Ended.Succeeded + e.Succeeded, h.Ended.Failed + e.Failed, h.Ended.Canceled + e.Canceled}
}
