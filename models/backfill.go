package models

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Backfilled is what became of a request for a backfill.
type Backfilled struct {
	Created  int    // jobs made, or of a dry run: that would be
	Existing int    // occurrences that had a job
	Jobs     []*Job // none of a dry run
	Replayed bool   // the request was made before: nothing is new
}

// errDry undoes a dry run.
var errDry = errors.New("dry run")

// Backfill makes a job for every occurrence in [from, to) that the timing names as it stands now and that has none,
// one to run after another, with low priority. The range must be past, no further back than occurrences are kept, and
// hold MaxBackfill occurrences at most; otherwise it is Invalid.
func (s *Store) Backfill(ctx context.Context, name string, from, to time.Time, dryRun bool, idem *Idempotency,
	now time.Time) (*Backfilled, error) {
	now = Stamp(now)
	if err := s.checkBackfill(ctx, name, from, to, now); err != nil {
		return nil, err
	}
	line := trailOf(ctx, "backfill", "schedule")
	var out *Backfilled
	err := s.write(ctx, work{act: "backfill", run: func(t *tx) (err error) {
		if out, err = t.backfill(name, from, to, idem, now); err == nil && dryRun {
			out.Jobs, err = nil, errDry
		}
		if err != nil || out.Replayed {
			return err
		}
		return t.audit(line, name, nil, said("from", from, "to", to, "jobs", out.Created))
	}})
	if errors.Is(err, errDry) {
		err = nil
	}
	return out, err
}

// checkBackfill checks the range, and counts its occurrences outside any transaction.
func (s *Store) checkBackfill(ctx context.Context, name string, from, to, now time.Time) error {
	kept := s.cfg.KeepOccurrences
	var bad Invalids
	if !from.Before(to) {
		bad.add("to", "must be later than from")
	} else if to.After(now) {
		bad.add("to", "must not be later than now")
	}
	if from.Before(now.Add(-kept)) {
		bad.add("from", "must not be further back than occurrences are kept: "+FormatDuration(kept))
	}
	if err := bad.orNil(); err != nil {
		return err
	}
	db, done := s.read(ctx)
	defer done()
	row, err := livingSchedule(db, name)
	if err != nil {
		return err
	}
	rule, err := row.Timing().Compile()
	if err != nil {
		return err
	}
	const most = 100_000
	switch n := len(between(rule, from, to, most)); {
	case n == most:
		return &Invalid{"to", fmt.Sprintf("must leave at most %d occurrences; there are %d or more", MaxBackfill, n)}
	case n > MaxBackfill:
		return &Invalid{"to", fmt.Sprintf("must leave at most %d occurrences; there are %d", MaxBackfill, n)}
	}
	return nil
}

// between lists the occurrences in [from, to), at most limit.
func between(rule *Recurrence, from, to time.Time, limit int) (all []time.Time) {
	for at, ok := rule.Next(from.Add(-1)); ok && at.Before(to) && len(all) < limit; at, ok = rule.Next(at) {
		all = append(all, at)
	}
	return all
}

func (t *tx) backfill(name string, from, to time.Time, idem *Idempotency, now time.Time) (*Backfilled, error) {
	row, err := t.scheduleNamed(name)
	if err != nil {
		return nil, err
	}
	if row, err = t.settleAll(row, now); err != nil {
		return nil, err
	}
	if !row.NextAt.IsZero() && row.NextAt.Before(to) {
		to = row.NextAt // it waits for its jitter, and will have its job
	}
	rule, err := row.Timing().Compile()
	if err != nil {
		return nil, err
	}
	all := between(rule, from, to, MaxBackfill)
	taken, err := t.jobTimes(row.ID, from, to)
	if err != nil {
		return nil, err
	}
	var open []time.Time
	for _, at := range all {
		if !taken[at.UnixMicro()] {
			open = append(open, at)
		}
	}
	out := &Backfilled{Created: len(open), Existing: len(all) - len(open)}
	made, err := t.fill(row, open, idem, now)
	if err != nil {
		return nil, err
	}
	if out.Jobs = made.Jobs; made.Replayed {
		out.Replayed, out.Created, out.Existing = true, len(made.Jobs), max(len(all)-len(made.Jobs), 0)
		return out, nil
	}
	if err := t.cutSkips(row, rule, open, from, to); err != nil {
		return nil, err
	}
	for i, j := range made.Jobs {
		if _, err := t.addOccurrence(&Occurrence{ScheduleID: row.ID, At: open[i], Until: open[i], Count: 1,
			Outcome: OccurrenceJob, JobID: j.ID}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// jobTimes are the occurrences in [from, to) that became jobs, in microseconds.
func (t *tx) jobTimes(scheduleID string, from, to time.Time) (map[int64]bool, error) {
	taken := map[int64]bool{}
	err := t.each(`SELECT at FROM occurrences WHERE schedule_id = ? AND at >= ? AND at < ? AND outcome = 'job'`,
		[]any{scheduleID, from.UnixMicro(), to.UnixMicro()}, func(scan func(...any) error) error {
			var at int64
			err := scan(&at)
			taken[at] = true
			return err
		})
	return taken, err
}

// fill makes the jobs of occurrences that have none. The first runs now unless the line has to wait; the others wait.
func (t *tx) fill(s *Schedule, open []time.Time, idem *Idempotency, now time.Time) (*Created, error) {
	if int64(len(open))*int64(len(s.Body)) > t.cfg.MaxWaiting {
		return nil, &Invalid{"to", "must be nearer to from: the jobs' payloads would be too large together"}
	}
	target, err := t.target(s.TargetID)
	if err != nil {
		return nil, err
	}
	busy, err := t.busy(s.ID, s.Overlap, "")
	if err != nil {
		return nil, err
	}
	jobs := make([]*Job, len(open))
	for i, at := range open {
		j := s.fromTemplate(FromBackfill, now)
		j.Of, j.ScheduledFor, j.Priority, j.Held = target, at, Low, busy || i > 0
		jobs[i] = j
	}
	made, err := t.createJobs(jobs, nil, idem, now)
	if err != nil || made.Replayed {
		return made, err
	}
	return made, t.checkUnfinished(s.ID)
}
