package models

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Window is a stretch of time that ends now, in steps.
type Window struct {
	Name         string
	Length, Step time.Duration // whole minutes
}

// The windows of Stats.
var (
	Hour = Window{"1h", time.Hour, time.Minute}
	Day  = Window{"24h", day, 10 * time.Minute}
	Week = Window{"7d", 7 * day, time.Hour}

	Windows = []Window{Hour, Day, Week}
)

// Calls are attempts by outcome; test calls are not among them.
type Calls struct{ Succeeded, Retryable, Failed, Canceled, Interrupted, Lost int }

// Total is the count of all calls.
func (c Calls) Total() int {
	return c.Succeeded + c.Retryable + c.Failed + c.Canceled + c.Interrupted + c.Lost
}

// Ended are jobs by how they ended. One that was retried may end more than once.
type Ended struct{ Succeeded, Failed, Canceled int }

// Quantiles are what half, 95 and 99 of a hundred do not exceed, read off a histogram: in the bucket of the truth,
// which ends at most 1.7 times where it begins from 2 ms to 2 s, and 5 times above that; 5m at most.
type Quantiles struct {
	P50, P95, P99 time.Duration
	Known         bool // false: there was nothing to measure
}

// Happened is what came of calls in a stretch of time, by when they ended.
type Happened struct {
	Calls Calls
	Ended Ended
	// Latency is how long calls took that ended by themselves: succeeded, retryable or failed.
	Latency Quantiles
	// Lateness is how long after they could have begun calls left: started_at − run_at, where run_at is when the
	// attempt was due by delay, schedule or backoff, and not before the job was made. So it holds all waiting: for a
	// slot, for a rate, behind a pause, while no process ran. Calls that were cut off by a cancel or a shutdown are not
	// measured, since they may never have left.
	Lateness Quantiles
}

// Step is a part of a window.
type Step struct {
	At time.Time // when it begins
	Happened
}

// Stats is how things stand and what happened in a window.
type Stats struct {
	From, Until time.Time // the steps of the series, of which the last is not over yet
	Step        time.Duration
	Jobs        JobCounts // now
	Due         int       // jobs that are due now and not running
	DueExact    bool      // else Due is what there is at least
	OldestDue   time.Time // since when; zero: nothing is due
	Total       Happened
	Series      []Step // oldest first, without gaps
}

// Stats tells how the jobs of a target stand ("" is all), and what happened there in a window that ends now. It reads
// tallies and rollups: jobs and attempts are not counted.
func (s *Store) Stats(ctx context.Context, w Window, target string, now time.Time) (*Stats, error) {
	db, done := s.read(ctx)
	defer done()
	ids, all, err := reachIDs(db, target, reachOf(ctx))
	if err != nil {
		return nil, err
	}
	living := ids
	if all {
		ids = []string{""}
	}
	steps := int(w.Length / w.Step)
	first := now.UTC().Truncate(w.Step).Add(-time.Duration(steps-1) * w.Step)
	out := &Stats{From: first, Until: first.Add(w.Length), Step: w.Step, Series: make([]Step, steps), DueExact: true}
	for i := range out.Series {
		out.Series[i].At = first.Add(time.Duration(i) * w.Step)
	}
	if len(ids) == 0 {
		return out, nil
	}
	if out.Jobs, err = jobCounts(db, living, all); err != nil {
		return nil, err
	}
	d, err := dueJobs(db, living, now, dueLook)
	if err != nil {
		return nil, err
	}
	out.Due, out.DueExact, out.OldestDue = d.n, d.exact, d.oldest
	var total rollup
	err = eachRollup(db, ids, first, w.Step, func(bin int, r *rollup) {
		total.add(r)
		if bin < steps { // a clock may have gone back
			out.Series[bin].Happened = r.happened()
		}
	})
	out.Total = total.happened()
	return out, err
}

// eachRollup sums the rollups of targets since first over steps of a length, and gives each step that has any.
func eachRollup(db *gorm.DB, ids []string, first time.Time, length time.Duration, got func(bin int, r *rollup)) error {
	columns := strings.Join([]string{sums(countColumns), sums(tookColumns), sums(lateColumns)}, ", ")
	rows, err := db.Raw(`SELECT (minute - ?) / ? AS bin, `+columns+` FROM rollups WHERE target_id IN ? AND minute >= ? GROUP BY bin`,
		minuteOf(first), int64(length/time.Minute), ids, minuteOf(first)).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var bin int
		var r rollup
		if err := rows.Scan(append([]any{&bin}, r.places()...)...); err != nil {
			return err
		}
		got(bin, &r)
	}
	return rows.Err()
}

func sums(columns []string) string { return "sum(" + strings.Join(columns, "), sum(") + ")" }

// places are where the columns of a rollup are read to.
func (r *rollup) places() (all []any) {
	for _, part := range [][]int64{r.counts[:], r.took[:], r.late[:]} {
		for i := range part {
			all = append(all, &part[i])
		}
	}
	return all
}

func (r *rollup) add(o *rollup) {
	for i, n := range o.counts {
		r.counts[i] += n
	}
	for i := range o.took {
		r.took[i] += o.took[i]
		r.late[i] += o.late[i]
	}
}

func (r *rollup) happened() Happened {
	return Happened{Calls: r.calls(), Latency: r.took.quantiles(), Lateness: r.late.quantiles(),
		Ended: Ended{int(r.counts[endedAt]), int(r.counts[endedAt+1]), int(r.counts[endedAt+2])}}
}

func (r *rollup) calls() Calls {
	n := r.counts
	return Calls{int(n[0]), int(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[5])}
}

func (h *histogram) quantiles() (q Quantiles) {
	q.P50, q.Known = h.Quantile(0.50)
	q.P95, _ = h.Quantile(0.95)
	q.P99, _ = h.Quantile(0.99)
	return q
}
