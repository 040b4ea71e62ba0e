package models

import (
	"context"
	"time"
)

// Head is the earliest job that a target is owed.
type Head struct {
	TargetID string
	RunAt    time.Time
}

// Heads gives for every target with scheduled jobs the time of the earliest, whether due or not. It hops over the
// index of what is due from target to target, so that its cost does not depend on the number of jobs.
func (s *Store) Heads(ctx context.Context) ([]Head, error) {
	const due = "state = 'scheduled' AND held = 0"
	db, done := s.read(ctx)
	defer done()
	rows, err := db.Raw(`WITH RECURSIVE hop (id) AS (
			SELECT (SELECT target_id FROM jobs WHERE ` + due + ` ORDER BY target_id LIMIT 1)
			UNION ALL
			SELECT (SELECT target_id FROM jobs WHERE ` + due + ` AND target_id > hop.id ORDER BY target_id LIMIT 1)
			FROM hop WHERE hop.id IS NOT NULL)
		SELECT hop.id,
			(SELECT min(run_at) FROM jobs WHERE ` + due + ` AND target_id = hop.id AND priority = 0),
			(SELECT min(run_at) FROM jobs WHERE ` + due + ` AND target_id = hop.id AND priority = 1),
			(SELECT min(run_at) FROM jobs WHERE ` + due + ` AND target_id = hop.id AND priority = 2)
		FROM hop WHERE hop.id IS NOT NULL`).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var heads []Head
	for rows.Next() {
		var h Head
		var at [3]maybeMicro
		if err := rows.Scan(&h.TargetID, &at[0], &at[1], &at[2]); err != nil {
			return nil, err
		}
		for _, t := range at {
			if !t.IsZero() && (h.RunAt.IsZero() || t.Before(h.RunAt)) {
				h.RunAt = t.Time
			}
		}
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

// Owed is a job that is due, as the due queue knows it.
type Owed struct {
	ID    string
	RunAt time.Time
}

// Owed gives the earliest jobs of one target and priority that are due by before, at most limit, in the order in which
// they are due.
func (s *Store) Owed(ctx context.Context, targetID string, p Priority, before time.Time, limit int) ([]Owed, error) {
	db, done := s.read(ctx)
	defer done()
	rows, err := db.Raw(`SELECT id, run_at FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = ? AND priority = ?
		AND run_at <= ? ORDER BY run_at LIMIT ?`, targetID, p, before.UnixMicro(), limit).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	owed := make([]Owed, 0, limit)
	for rows.Next() {
		var o Owed
		var at int64
		if err := rows.Scan(&o.ID, &at); err != nil {
			return nil, err
		}
		o.RunAt = time.UnixMicro(at).UTC()
		owed = append(owed, o)
	}
	return owed, rows.Err()
}

// NextAfter gives when the earliest job of a target that is due later than after is due; zero if there is none.
func (s *Store) NextAfter(ctx context.Context, targetID string, after time.Time) (time.Time, error) {
	db, done := s.read(ctx)
	defer done()
	var first time.Time
	for _, p := range Priorities {
		var at maybeMicro
		err := db.Raw(`SELECT min(run_at) FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = ? AND priority = ?
			AND run_at > ?`, targetID, p, after.UnixMicro()).Row().Scan(&at)
		if err != nil {
			return time.Time{}, err
		}
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at.Time
		}
	}
	return first, nil
}
