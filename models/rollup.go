package models

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// bounds are the upper bounds of the histograms' buckets; what is longer than the last is in one more bucket. They grow
// by about 1.6 up to 2 s and by 2.5 to 5 above: so much a quantile may be off. The columns of the book depend on them:
// never change one.
var bounds = []time.Duration{1e6, 2e6, 3e6, 5e6, 8e6, 13e6, 20e6, 30e6, 50e6, 80e6, 130e6, 200e6, 300e6, 500e6, 800e6,
	1300e6, 2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}

const buckets = 22 // len(bounds) + 1

// histogram counts lengths of time by bucket.
type histogram [buckets]int64

func bucketOf(d time.Duration) int {
	i, _ := slices.BinarySearch(bounds, d)
	return i
}

// Quantile is the length of time that a share q of those counted does not exceed, interpolated within its bucket; of
// the last bucket it is the lower bound. ok is false when nothing was counted.
func (h *histogram) Quantile(q float64) (d time.Duration, ok bool) {
	var total int64
	for _, n := range h {
		total += n
	}
	if total == 0 {
		return 0, false
	}
	rank := q * float64(total)
	var below float64
	for i, n := range h {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		low := time.Duration(0)
		if i > 0 {
			low = bounds[i-1]
		}
		if i == len(bounds) {
			return low, true
		}
		share := (rank - below) / float64(n)
		return low + time.Duration(share*float64(bounds[i]-low)), true
	}
	return bounds[len(bounds)-1], true
}

// rollupOutcomes are the outcomes that a rollup counts, in the order of its columns; behind them come the jobs that
// ended.
var rollupOutcomes = []Outcome{Success, Retryable, Failure, Aborted, Interrupted, Lost}

const (
	endedAt     = 6 // where in counts the ended jobs begin, in the order of the final standings
	plainCounts = 9
)

// rollup is what happened in a minute at a target.
type rollup struct {
	counts     [plainCounts]int64
	took, late histogram
}

// rollupKey is the place of a rollup. Target "" is all targets.
type rollupKey struct {
	target string
	minute int64
}

func (k rollupKey) compare(o rollupKey) int {
	return cmp.Or(strings.Compare(k.target, o.target), cmp.Compare(k.minute, o.minute))
}

// minuteOf is the number of the minute since 1970.
func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// rollupsOf gives the two rollups that something at a target belongs to: the target's and that of all.
func rollupsOf(all map[rollupKey]*rollup, target string, at time.Time) [2]*rollup {
	var both [2]*rollup
	for i, name := range [2]string{target, ""} {
		key := rollupKey{name, minuteOf(at)}
		if all[key] == nil {
			all[key] = new(rollup)
		}
		both[i] = all[key]
	}
	return both
}

// call counts a call.
func (r *rollup) call(c callMade) {
	if i := slices.Index(rollupOutcomes, c.outcome); i >= 0 {
		r.counts[i]++
	}
	if c.took >= 0 {
		r.took[bucketOf(c.took)]++
	}
	if c.late >= 0 {
		r.late[bucketOf(c.late)]++
	}
}

// row is the rollup as a row of rollupCounts.
func (r *rollup) row(key rollupKey) []any {
	row := make([]any, 0, 3+plainCounts+2*buckets)
	row = append(row, key.target, key.minute)
	for _, part := range [][]int64{r.counts[:], r.took[:], r.late[:]} {
		for _, n := range part {
			row = append(row, n)
		}
	}
	return row
}

// The columns of a rollup: what is counted, then the histograms.
var (
	countColumns = []string{"succeeded", "retryable", "failed", "canceled", "interrupted", "lost", "jobs_succeeded", "jobs_failed",
		"jobs_canceled"}
	tookColumns  = histogramColumns("took")
	lateColumns  = histogramColumns("late")
	rollupCounts = newCounts("rollups", []string{"target_id", "minute"}, slices.Concat(countColumns, tookColumns, lateColumns))
)

func histogramColumns(name string) []string {
	columns := make([]string, buckets)
	for i := range columns {
		columns[i] = fmt.Sprintf("%s_%d", name, i)
	}
	return columns
}

// keepRollups is how long rollups are kept: the longest window of Stats, and a day.
const keepRollups = 8 * day

// pruneRollups forgets a step of the rollups that are kept no longer.
func (t *tx) pruneRollups(now time.Time) (int64, error) {
	return t.exec(`DELETE FROM rollups WHERE (target_id, minute, shard) IN (SELECT target_id, minute, shard FROM rollups
		WHERE minute < ? ORDER BY minute LIMIT ?)`, minuteOf(now.Add(-keepRollups)), step)
}
