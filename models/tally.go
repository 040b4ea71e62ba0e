package models

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// standing is where a job stands, as the tallies count it: its state, and of a scheduled one what it waits for.
type standing int

const (
	nowhere standing = iota // not in the book
	standsScheduled
	standsRetrying
	standsHeld
	standsRunning
	standsSucceeded
	standsFailed
	standsCanceled
	standings = 8
)

// tallyColumns are the columns of the standings but nowhere, in their order.
var tallyColumns = []string{"scheduled", "retrying", "held", "running", "succeeded", "failed", "canceled"}

func standingOf(state State, held bool, attempts int) standing {
	switch {
	case state == Scheduled && held:
		return standsHeld
	case state == Scheduled && attempts > 0:
		return standsRetrying
	case state == Scheduled:
		return standsScheduled
	case state == Running:
		return standsRunning
	case state == Succeeded:
		return standsSucceeded
	case state == Failed:
		return standsFailed
	}
	return standsCanceled
}

func (j *Job) standing() standing { return standingOf(j.State, j.Held, j.Attempts) }

// final tells whether a job that stands there has ended.
func (s standing) final() bool { return s >= standsSucceeded }

// ledger notes what the open transaction has done to the counts: a few words for each job, which are added up and
// written once for each target right before the COMMIT. What is rolled back is struck out, so that the counts are as
// exact as the rows.
type ledger struct {
	moves []move
	calls []callMade
}

// move is a job that came to stand elsewhere.
type move struct {
	target   string
	from, to standing
	at       time.Time // of an end: when; else not looked at
}

// callMade is a call that was put on record.
type callMade struct {
	target     string
	at         time.Time // when it ended
	outcome    Outcome
	took, late time.Duration // negative: not known
}

// place is how much a ledger holds.
type place struct{ moves, calls int }

func (l *ledger) place() place { return place{len(l.moves), len(l.calls)} }

// backTo strikes out what was noted since.
func (l *ledger) backTo(p place) { l.moves, l.calls = l.moves[:p.moves], l.calls[:p.calls] }

// moved notes that a job of a target came to stand elsewhere; at is when it ended, if it did.
func (l *ledger) moved(target string, from, to standing, at time.Time) {
	if from != to {
		l.moves = append(l.moves, move{target, from, to, at})
	}
}

// called notes an attempt that was put on record. Test calls do not count.
func (l *ledger) called(a *Attempt) {
	if a.JobID == "" {
		return
	}
	c := callMade{a.TargetID, a.StartedAt.Add(a.Duration), a.Outcome, -1, -1}
	switch a.Outcome {
	case Success, Retryable, Failure:
		c.took = a.Duration
	}
	if a.Outcome != Interrupted && a.Outcome != Aborted && !a.DueAt.IsZero() {
		c.late = max(a.StartedAt.Sub(a.DueAt), 0)
	}
	l.calls = append(l.calls, c)
}

// sums gives the changes of the tallies by target, and the rollups.
func (l *ledger) sums() (map[string]*[standings]int64, map[rollupKey]*rollup) {
	tallies, rollups := map[string]*[standings]int64{}, map[rollupKey]*rollup{}
	for _, m := range l.moves {
		t := tallies[m.target]
		if t == nil {
			t = new([standings]int64)
			tallies[m.target] = t
		}
		t[m.from]--
		t[m.to]++
		if m.to.final() && !m.from.final() {
			for _, r := range rollupsOf(rollups, m.target, m.at) {
				r.counts[endedAt+int(m.to-standsSucceeded)]++
			}
		}
	}
	for _, c := range l.calls {
		for _, r := range rollupsOf(rollups, c.target, c.at) {
			r.call(c)
		}
	}
	return tallies, rollups
}

// writeLedger adds what was noted to the book, in one order of the rows, and forgets it.
func (t *tx) writeLedger() error {
	if len(t.ledger.moves) == 0 && len(t.ledger.calls) == 0 {
		return nil
	}
	tallies, rollups := t.ledger.sums()
	var rows [][]any
	for _, target := range slices.Sorted(maps.Keys(tallies)) {
		n := tallies[target]
		if n[nowhere] = 0; *n == [standings]int64{} {
			continue
		}
		row := make([]any, 0, 1+standings)
		row = append(row, target)
		for _, each := range n[1:] {
			row = append(row, each)
		}
		rows = append(rows, append(row, t.shard))
	}
	if err := t.addTo(tallyCounts, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for _, key := range slices.SortedFunc(maps.Keys(rollups), rollupKey.compare) {
		rows = append(rows, append(rollups[key].row(key), t.shard))
	}
	if err := t.addTo(rollupCounts, rows); err != nil {
		return err
	}
	t.ledger.backTo(place{})
	return nil
}

// ledgerShards spread the writers that share a database over rows of their own, so that they seldom wait for one
// another: a row stays locked until the commit. A writer that works alone has shard 0.
const ledgerShards = 16

// counts is a table whose rows are counts that are added to: the statements that add 1, 2 … rows, each a key, its counts
// and the shard. The wide ones cost mostly by the statement, on PostgreSQL also a journey.
type counts []string

// addedTogether is how many rows one statement adds at most.
const addedTogether = 8

var tallyCounts = newCounts("tallies", []string{"target_id"}, tallyColumns)

func newCounts(table string, key, columns []string) (all counts) {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = " + table + "." + c + " + excluded." + c
	}
	into := "INSERT INTO " + table + " (" + strings.Join(key, ", ") + ", " + strings.Join(columns, ", ") + ", shard) VALUES "
	row := "(" + strings.Repeat("?, ", len(key)+len(columns)) + "?)"
	onto := " ON CONFLICT (" + strings.Join(key, ", ") + ", shard) DO UPDATE SET " + strings.Join(set, ", ")
	for n := range addedTogether {
		all = append(all, into+strings.Repeat(row+", ", n)+row+onto)
	}
	return all
}

// addTo adds rows in their order.
func (t *tx) addTo(table counts, rows [][]any) error {
	for some := range slices.Chunk(rows, addedTogether) {
		if _, err := t.exec(table[len(some)-1], slices.Concat(some...)...); err != nil {
			return err
		}
	}
	return nil
}
