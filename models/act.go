package models

import "time"

// act does an action to a job that was read outside the transaction, and gives the job that it changed or made. What
// does not fit is a Conflict, and changes nothing.
func (t *tx) act(action Action, read *Job, now time.Time) (*Job, error) {
	j := *read
	of, err := t.target(j.TargetID)
	if err != nil {
		return nil, err
	}
	j.Of = of
	switch action {
	case ActRetry:
		return t.actOn(&j, (*Job).retry, now)
	case ActRun:
		return t.actOn(&j, (*Job).runNow, now)
	case ActCancel:
		return t.actCancel(&j, now)
	case ActRerun:
		return t.actRerun(&j, now)
	}
	return nil, t.actDelete(j.ID)
}

// actOn applies change to a job as it was read, and if it has changed meanwhile, to the job as it is.
func (t *tx) actOn(j *Job, change func(*Job, time.Time) error, now time.Time) (*Job, error) {
	before := *j
	if err := change(j, now); err == nil {
		if saved, err := t.saveIf(j, &before); saved || err != nil {
			return j, err
		}
	}
	fresh, err := t.freshJob(j.ID)
	if err != nil {
		return nil, err
	}
	if err := change(fresh, now); err != nil {
		return nil, err
	}
	return fresh, t.saveJob(fresh)
}

// actCancel cancels a job. One that waits and belongs to no schedule takes the short way.
func (t *tx) actCancel(j *Job, now time.Time) (*Job, error) {
	if j.State == Scheduled && j.ScheduleID == "" {
		before := *j
		if err := t.cancel(j, now); err != nil {
			return nil, err
		}
		if saved, err := t.saveIf(j, &before); saved || err != nil {
			return j, err
		}
	}
	fresh, err := t.freshJob(j.ID)
	if err != nil {
		return nil, err
	}
	if fresh.State.Final() {
		return nil, endedAlready(fresh)
	}
	if err := t.cancel(fresh, now); err != nil {
		return nil, err
	}
	return fresh, t.saveJob(fresh)
}

func (t *tx) freshJob(id string) (*Job, error) {
	if err := t.lockScheduleOf(id); err != nil {
		return nil, err
	}
	return t.job(id)
}

// actRerun makes a new job like one that has ended.
func (t *tx) actRerun(old *Job, now time.Time) (*Job, error) {
	var state State
	if err := t.one(`SELECT state FROM jobs WHERE id = ?`, []any{old.ID}, &state); err != nil {
		return nil, err
	}
	switch {
	case !state.Final():
		return nil, &Conflict{"the job is " + string(state) + ": only one that has ended can be repeated"}
	case old.Of.Deleted():
		return nil, errNoTarget
	}
	j, err := NewJob(old.Respec(), old.Of, FromRerun, now)
	if err != nil {
		return nil, err
	}
	j.RerunOf = old.ID
	return j, t.insertJob(j)
}

var errNoTarget = &Conflict{"the job's target is no longer registered"}

func endedAlready(j *Job) error { return &Conflict{"the job has ended already: " + string(j.State)} }

// actDelete forgets a job that has ended.
func (t *tx) actDelete(id string) error {
	var state State
	if err := t.one(`SELECT state FROM jobs WHERE id = ?`+t.forUpdate, []any{id}, &state); err != nil {
		return err
	}
	if !state.Final() {
		return &Conflict{"the job is " + string(state) + ": cancel it first"}
	}
	return t.forgetJobs([]string{id})
}

// saveIf writes back a job unless its row has changed since it was read as before; it tells whether it did. It is many
// times cheaper than saveJob.
func (t *tx) saveIf(j, before *Job) (bool, error) {
	n, err := t.exec(`UPDATE jobs SET state = ?, reason = ?, run_at = ?, expires_at = ?, attempts = ?, lost_in_row = ?, held = ?,
		cancel_requested_at = ?, updated_at = ?, finished_at = ? WHERE id = ? AND state = ? AND held = ? AND attempts = ?
		AND updated_at = ?`, j.State, j.Reason, toMicro(j.RunAt), toMicro(j.ExpiresAt), j.Attempts, j.LostInRow, j.Held,
		toMicro(j.CancelRequestedAt), toMicro(j.UpdatedAt), toMicro(j.FinishedAt), j.ID, before.State, before.Held,
		before.Attempts, toMicro(before.UpdatedAt))
	if err == nil && n == 1 {
		t.ledger.moved(j.TargetID, before.standing(), j.standing(), j.FinishedAt)
	}
	return n == 1, err
}
