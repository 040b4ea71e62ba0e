package models

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRollupsFoldWithAge lays down more than a week of minutes at two targets and lets them be pruned to the end: every
// window shows what it showed before, from few rows.
func TestRollupsFoldWithAge(t *testing.T) {
	s := openStore(t)
	now := time.Date(2026, 12, 4, 10, 37, 12, 0, time.UTC)
	ids := []string{newTarget(t, s, "billing").ID, newTarget(t, s, "mail").ID}
	lay := func(from, to int64) { // minutes back
		t.Helper()
		if err := s.write(t.Context(), work{act: "lay down", run: func(tx *tx) error {
			for back := from; back < to; back += 7 {
				for i, target := range append(ids, "") {
					var r rollup
					n := 1 + int64(i) + back%5
					r.counts[0], r.counts[endedAt], r.took[n], r.late[3] = n, 1, n, 2
					args := append(r.row(rollupKey{target, minuteOf(now) - back}), back%2)
					if _, err := tx.exec(rollupCounts[0], args...); err != nil {
						return err
					}
				}
			}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
	}
	lay(0, 8*24*60)
	looks := func() (all []any) {
		t.Helper()
		for _, w := range Windows {
			for _, target := range []string{"", "billing"} {
				stats, err := s.Stats(t.Context(), w, target, now)
				if err != nil || stats.Total.Calls.Succeeded == 0 {
					t.Fatalf("%+v, %v", stats, err)
				}
				all = append(all, stats)
			}
		}
		health, err := s.Health(t.Context(), ids, now)
		if err != nil {
			t.Fatal(err)
		}
		return append(all, health)
	}
	fold := func() {
		t.Helper()
		for more := true; more; {
			var err error
			if _, more, err = s.Prune(t.Context(), Keep{Now: now}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := looks()
	fold()
	if diff := cmp.Diff(before, looks()); diff != "" {
		t.Errorf("folding changed what is told: %s", diff)
	}
	var rows int
	if err := s.reads.Raw(`SELECT count(*) FROM rollups`).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	// For each target and shard: 8 days of hours, a day of tens of minutes and two hours of minutes, at most.
	if most := 3 * 2 * (8*24 + 25*6 + 2*60); rows > most {
		t.Errorf("%d rows are left", rows)
	}
	// What is put on record late, such as a call that was lost hours ago, is folded too.
	lay(26*60+3, 26*60+4)
	before = looks()
	fold()
	if diff := cmp.Diff(before, looks()); diff != "" {
		t.Errorf("folding what came late changed what is told: %s", diff)
	}
	var fine []string
	if err := s.reads.Raw(`SELECT minute FROM rollups WHERE minute % 60 <> 0 AND minute < ?`, minuteOf(now)-25*60).Scan(&fine).Error; err != nil || len(fine) > 0 {
		t.Error(fmt.Sprint(fine), err)
	}
}
