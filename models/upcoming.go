package models

import (
	"container/heap"
	"context"
	"time"
)

// ComingRun is one run that a schedule will make, as things stand.
type ComingRun struct {
	At       time.Time // nominal
	DueAt    time.Time // with jitter
	Schedule *Schedule
	Note     string // what a rule about daylight saving did, "" if nothing
}

// MaxComing is the most runs that Upcoming gives.
const MaxComing = MaxPage

// Upcoming gives the runs of all active schedules that come due before until, in the order in which they do, at most
// limit; more tells whether there are more. target chooses those to the target of that name; "" is all that are in reach.
//
// It walks the index of what is due next and reads no more schedules than runs are asked for: each of them has its
// next run before those of all that stand behind it.
func (s *Store) Upcoming(ctx context.Context, now, until time.Time, target string, limit int) (runs []ComingRun, more bool, err error) {
	limit = Page{Limit: limit}.limit()
	db, done := s.read(ctx)
	defer done()
	query := db.Where("deleted_at IS NULL AND due_at IS NOT NULL AND due_at < ? AND paused_at IS NULL", until.UnixMicro())
	ids, all, err := reachIDs(db, target, reachOf(ctx))
	if err != nil {
		return nil, false, err
	}
	if !all {
		query = query.Where("target_id IN ?", ids)
	}
	var rows []*Schedule
	if err := query.Order("due_at, id").Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, false, err
	}
	if err := fillSchedules(db, rows); err != nil {
		return nil, false, err
	}
	var next comingHeap
	for _, row := range rows {
		rule, err := row.Timing().Compile()
		if err != nil {
			continue // its zone is gone: its turn will pause it
		}
		c := &coming{schedule: row, rule: rule, following: row.NextAt, left: -1}
		if row.MaxRuns > 0 {
			c.left = row.MaxRuns - row.Runs
		}
		if c.step(now, until) {
			next = append(next, c)
		}
	}
	heap.Init(&next)
	for len(next) > 0 {
		if len(runs) == limit {
			return runs, true, nil
		}
		c := next[0]
		runs = append(runs, ComingRun{c.at, c.due, c.schedule, c.rule.Note(c.at)})
		if c.step(now, until) {
			heap.Fix(&next, 0)
		} else {
			heap.Pop(&next)
		}
	}
	return runs, false, nil
}

// coming is a schedule and its next run that is not given yet.
type coming struct {
	schedule  *Schedule
	rule      *Recurrence
	at, due   time.Time
	following time.Time // the occurrence after at; zero: none
	left      int       // runs that it may still make; negative: no bound
}

// passed bounds how many occurrences of a schedule are passed over to find the first that lies ahead.
const passed = 1000

// step goes on to the next run; false when none comes due before until. What is past, and is waited for by nobody but
// a parked schedule, is passed over.
func (c *coming) step(now, until time.Time) bool {
	for range passed {
		if c.following.IsZero() || c.left == 0 {
			return false
		}
		c.at = c.following
		c.due, c.following = c.schedule.comesDue(c.rule, c.at)
		if !c.due.Before(until) {
			return false
		}
		if !c.schedule.parked() || !c.due.Before(now) {
			c.left--
			return true
		}
	}
	return false
}

// comingHeap has the schedule whose run comes due first at its head.
type comingHeap []*coming

func (h comingHeap) Len() int { return len(h) }
func (h comingHeap) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].schedule.Name < h[j].schedule.Name
}
func (h comingHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *comingHeap) Push(x any) { *h = append(*h, x.(*coming)) }

// Pop implements heap.Interface.
func (h *comingHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
