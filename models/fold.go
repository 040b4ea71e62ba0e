package models

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Rollups grow coarser with age, so that a week of them is a few hundred rows for each target: no window shows what is
// older in finer steps than these. Folding adds rows up and loses nothing else.
var folds = []struct {
	after   time.Duration
	minutes int64 // that become one
}{{2 * time.Hour, 10}, {25 * time.Hour, 60}}

// foldedTo is the minute that a rollup counts under at now.
func foldedTo(minute int64, now time.Time) int64 {
	for _, f := range folds {
		if minute < minuteOf(now.Add(-f.after)) {
			minute -= minute % f.minutes
		}
	}
	return minute
}

// fineRollup is a rollup that is finer than its age deserves.
type fineRollup struct {
	rollupKey
	shard int
}

// fineRollups gives a step of them, the oldest first.
func (s *Store) fineRollups(ctx context.Context, now time.Time) ([]fineRollup, error) {
	db, done := s.read(ctx)
	defer done()
	rows, err := db.Raw(`SELECT target_id, minute, shard FROM rollups WHERE minute < ? AND minute % 10 <> 0 OR minute < ? AND minute % 60 <> 0
		ORDER BY minute LIMIT ?`, minuteOf(now.Add(-folds[0].after)), minuteOf(now.Add(-folds[1].after)), step).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var fine []fineRollup
	for rows.Next() {
		var f fineRollup
		if err := rows.Scan(&f.target, &f.minute, &f.shard); err != nil {
			return nil, err
		}
		fine = append(fine, f)
	}
	return fine, rows.Err()
}

var takeRollup = `DELETE FROM rollups WHERE target_id = ? AND minute = ? AND shard = ? RETURNING ` +
	strings.Join(slices.Concat(countColumns, tookColumns, lateColumns), ", ")

// foldRollups moves rollups to where they count under at now, and tells how many it has moved.
func (t *tx) foldRollups(fine []fineRollup, now time.Time) (n int, err error) {
	sums := map[fineRollup]*rollup{}
	for _, f := range fine {
		to := fineRollup{rollupKey{f.target, foldedTo(f.minute, now)}, f.shard}
		if err := t.each(takeRollup, []any{f.target, f.minute, f.shard}, func(scan func(...any) error) error {
			var r rollup
			if sums[to] == nil {
				sums[to] = new(rollup)
			}
			err := scan(r.places()...)
			sums[to].add(&r)
			n++
			return err
		}); err != nil {
			return 0, err
		}
	}
	for _, to := range slices.SortedFunc(maps.Keys(sums), func(a, b fineRollup) int { return a.compare(b.rollupKey) }) {
		if _, err := t.exec(rollupCounts[0], append(sums[to].row(to.rollupKey), to.shard)...); err != nil {
			return 0, err
		}
	}
	return n, nil
}
