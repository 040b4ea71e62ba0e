package models

import (
	"context"
	"strings"

	"gorm.io/gorm"
)

// JobCounts is how many jobs stand where, exact at the moment of reading.
type JobCounts struct {
	Scheduled int // whether due, later, between attempts or held
	Retrying  int // of Scheduled: attempts are on record
	Held      int // of Scheduled: in their schedule's line
	Running   int
	Succeeded int
	Failed    int
	Canceled  int
}

// Of is the count of a state, Retrying included.
func (c JobCounts) Of(s State) int {
	return map[State]int{Scheduled: c.Scheduled, Retrying: c.Retrying, Running: c.Running, Succeeded: c.Succeeded,
		Failed: c.Failed, Canceled: c.Canceled}[s]
}

// Total is the count of all jobs.
func (c JobCounts) Total() int { return c.Scheduled + c.Running + c.Succeeded + c.Failed + c.Canceled }

// add adds n jobs that stand at s.
func (c *JobCounts) add(s standing, n int) {
	switch s {
	case standsScheduled:
		c.Scheduled += n
	case standsRetrying:
		c.Scheduled, c.Retrying = c.Scheduled+n, c.Retrying+n
	case standsHeld:
		c.Scheduled, c.Held = c.Scheduled+n, c.Held+n
	case standsRunning:
		c.Running += n
	case standsSucceeded:
		c.Succeeded += n
	case standsFailed:
		c.Failed += n
	case standsCanceled:
		c.Canceled += n
	}
}

// JobCounts counts the jobs of the target of that name, and of dead ones that had it; "" is all. It costs a row for
// each target, however many jobs there are.
func (s *Store) JobCounts(ctx context.Context, target string) (JobCounts, error) {
	db, done := s.read(ctx)
	defer done()
	ids, all, err := reachIDs(db, target, reachOf(ctx))
	if err != nil {
		return JobCounts{}, err
	}
	return jobCounts(db, ids, all)
}

// jobCounts sums the tallies of the targets of these ids, or of all targets.
func jobCounts(db *gorm.DB, ids []string, all bool) (total JobCounts, err error) {
	if !all && len(ids) == 0 {
		return total, nil
	}
	tallies, err := talliesByTarget(db, ids)
	for _, c := range tallies {
		total.Scheduled, total.Retrying, total.Held = total.Scheduled+c.Scheduled, total.Retrying+c.Retrying, total.Held+c.Held
		total.Running, total.Succeeded = total.Running+c.Running, total.Succeeded+c.Succeeded
		total.Failed, total.Canceled = total.Failed+c.Failed, total.Canceled+c.Canceled
	}
	return total, err
}

// JobCountsOf counts the jobs of targets by their ids.
func (s *Store) JobCountsOf(ctx context.Context, targetIDs []string) (map[string]JobCounts, error) {
	if len(targetIDs) == 0 {
		return nil, nil
	}
	db, done := s.read(ctx)
	defer done()
	return talliesByTarget(db, targetIDs)
}

// talliesByTarget sums the tallies of targets; no ids is all.
func talliesByTarget(db *gorm.DB, ids []string) (map[string]JobCounts, error) {
	query, args := `SELECT target_id, sum(`+strings.Join(tallyColumns, "), sum(")+`) FROM tallies`, []any{}
	if len(ids) > 0 {
		query, args = query+` WHERE target_id IN ?`, []any{ids}
	}
	rows, err := db.Raw(query+` GROUP BY target_id`, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]JobCounts{}
	for rows.Next() {
		var id string
		var n [standings]int
		if err := rows.Scan(&id, &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]); err != nil {
			return nil, err
		}
		var c JobCounts
		for i, each := range n {
			c.add(standing(i), each)
		}
		all[id] = c
	}
	return all, rows.Err()
}
