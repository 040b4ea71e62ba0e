package models

import (
	"errors"
	"slices"
	"time"
)

// TurnAsk names a schedule whose turn is due, as the caller knows it.
type TurnAsk struct {
	ID      string
	Version int64
}

// Turned is what a turn did.
type Turned struct {
	Schedule *Schedule // as it now stands; nil: there is none any more
	Jobs     []*Job    // made or released
	Cancel   []*Job    // running ones that were asked to end
	Ended    []*Job    // ended without another attempt
}

// Turn settles the occurrences of a schedule that are due, in one transaction, up to the bounds of a turn: if more are
// due, the schedule's DueAt still is. It changes nothing if the schedule's version is not the one asked for, or if it
// is not due. It returns at once: the writer calls done exactly once, as soon as the turn is durable; done must not
// block. If the book is closed, done is called before Turn returns.
func (s *Store) Turn(ask TurnAsk, now time.Time, done func(Turned, error)) {
	var out Turned
	op := &work{act: "turn " + ask.ID, lane: swept, hot: true}
	op.run = func(t *tx) (err error) {
		out, err = t.turn(ask, Stamp(now))
		return err
	}
	op.done = func(err error) {
		if err != nil {
			out = Turned{}
		}
		done(out, wrap(op.act, err))
	}
	if err := s.writer.enqueue(op); err != nil {
		done(Turned{}, err)
	}
}

func (t *tx) turn(ask TurnAsk, now time.Time) (Turned, error) {
	s, err := t.schedule(ask.ID)
	switch {
	case err == ErrNotFound || err == nil && s.Deleted():
		return Turned{}, nil
	case err != nil:
		return Turned{}, err
	case s.Version != ask.Version || s.DueAt.IsZero() || s.DueAt.After(now):
		return Turned{Schedule: s}, nil
	}
	return t.settle(s, now)
}

// settle does one turn of a living schedule, whether or not it is due.
func (t *tx) settle(s *Schedule, now time.Time) (Turned, error) {
	rule, err := s.Timing().Compile()
	if err != nil {
		// Its zone is gone from the zone database: somebody has to choose another one.
		s.pause("timing: "+err.Error(), time.Time{}, now)
		s.DueAt = time.Time{}
		return Turned{Schedule: s}, t.savePlace(s)
	}
	jobs, err := t.unfinished(s)
	if err != nil {
		return Turned{}, err
	}
	return t.apply(s.Plan(rule, jobs, now, t.cfg.MissedAfter))
}

// settleAll settles everything that is due before the schedule is changed, and gives it as it then stands. It tells
// the listener of the jobs. It fails with ErrBusy when more is due than a request may wait for: turns are at work.
func (t *tx) settleAll(s *Schedule, now time.Time) (*Schedule, error) {
	const most = 5 // turns
	for range most {
		if s.NextAt.IsZero() || s.NextAt.After(now) {
			return s, nil
		}
		done, err := t.settle(s, now)
		if err != nil {
			return nil, err
		}
		t.hint(slices.Concat(done.Jobs, done.Cancel, done.Ended), nil)
		if s = done.Schedule; s.DueAt.After(now) || s.DueAt.IsZero() {
			return s, nil
		}
	}
	return nil, ErrBusy
}

// apply writes a plan down.
func (t *tx) apply(p *Plan) (out Turned, err error) {
	out.Schedule = p.Schedule
	if out.Ended, err = t.applyJobs(slices.Concat(p.Superseded, p.Canceled)); err != nil {
		return out, err
	}
	if out.Cancel, err = t.applyJobs(p.Asked); err != nil {
		return out, err
	}
	if out.Jobs, err = t.applyJobs(p.Released); err != nil {
		return out, err
	}
	made, err := t.applySettled(p)
	if err != nil {
		return out, err
	}
	out.Jobs = append(out.Jobs, made...)
	return out, t.savePlace(p.Schedule)
}

// applyJobs changes jobs as the plan did with what it knows of them, and gives them whole.
func (t *tx) applyJobs(planned []*Job) ([]*Job, error) {
	out := make([]*Job, len(planned))
	for i, p := range planned {
		j, err := t.job(p.ID)
		if err != nil {
			return nil, err
		}
		j.State, j.Reason, j.Held, j.FinishedAt, j.CancelRequestedAt = p.State, p.Reason, p.Held, p.FinishedAt, p.CancelRequestedAt
		j.UpdatedAt = p.UpdatedAt
		if !p.RunAt.IsZero() {
			j.RunAt = latest(j.RunAt, p.RunAt)
		}
		if err := t.saveJob(j); err != nil {
			return nil, err
		}
		out[i] = j
	}
	return out, nil
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// applySettled writes the occurrences and their jobs. An occurrence that has a row already is left as it is, and its
// job is not made: that cannot be, and if it is, nothing runs twice.
func (t *tx) applySettled(p *Plan) (made []*Job, err error) {
	target, err := t.target(p.Schedule.TargetID)
	if err != nil {
		return nil, err
	}
	next := 0 // in p.Made
	for i, row := range p.Settled {
		if row.Outcome == OccurrenceSkipped {
			if err := t.addSkip(row, i == 0); err != nil {
				return nil, err
			}
			continue
		}
		j := p.Made[next]
		next++
		fresh, err := t.addOccurrence(row)
		switch {
		case err != nil:
			return nil, err
		case !fresh:
			p.Schedule.Runs--
			continue
		}
		j.Of = target
		if err := t.insertJob(j); err != nil {
			return nil, err
		}
		made = append(made, j)
	}
	return made, nil
}

// unfinished gives what a plan needs to know of the schedule's unfinished jobs, in the order of its line.
func (t *tx) unfinished(s *Schedule) (jobs []*Job, err error) {
	if s.Overlap == OverlapAllow {
		n, err := t.countUnfinished(s.ID)
		return slices.Repeat([]*Job{{}}, n), err
	}
	err = t.each(`SELECT id, state, held, origin, attempts, lost_in_row, cancel_requested_at FROM jobs
		WHERE schedule_id = ? AND schedule_id <> '' AND state IN ('scheduled', 'running')
		ORDER BY held, (origin = 'backfill'), scheduled_for, id`+t.forUpdate, []any{s.ID}, func(scan func(...any) error) error {
		var j Job
		var cancel maybeMicro
		err := scan(&j.ID, &j.State, &j.Held, &j.Origin, &j.Attempts, &j.LostInRow, &cancel)
		j.CancelRequestedAt = cancel.Time
		jobs = append(jobs, &j)
		return err
	})
	return jobs, err
}

// countUnfinished counts the schedule's unfinished jobs. What it says of held leads SQLite to the small index.
func (t *tx) countUnfinished(scheduleID string) (n int, err error) {
	err = t.one(`SELECT count(*) FROM jobs WHERE schedule_id = ? AND schedule_id <> ''
		AND state IN ('scheduled', 'running') AND held IN (0, 1)`, []any{scheduleID}, &n)
	return n, err
}

// schedule is a fresh copy of the schedule with that id, deleted or not, which nobody else can change until the commit.
func (t *tx) schedule(id string) (*Schedule, error) {
	var s Schedule
	if err := locked(t.DB).Where("id = ?", id).Take(&s).Error; err != nil {
		return nil, notFound(err)
	}
	return &s, t.nameTarget(&s)
}

// savePlace writes back what a turn, or an end of a job, may change.
func (t *tx) savePlace(s *Schedule) error {
	n, err := t.exec(`UPDATE schedules SET runs = ?, failures_in_row = ?, paused_at = ?, paused_reason = ?, paused_until = ?,
		next_at = ?, due_at = ?, parked = ?, parked_until = ?, version = ? WHERE id = ?`, s.Runs, s.FailuresInRow,
		toMicro(s.PausedAt), s.PausedReason, toMicro(s.PausedUntil), toMicro(s.NextAt), toMicro(s.DueAt), s.Parked,
		toMicro(s.ParkedUntil), s.Version, s.ID)
	if err == nil && n != 1 {
		err = errors.New("the schedule is gone")
	}
	return err
}
