package models

import (
	"strings"
	"time"
)

// A schedule's line holds the jobs that wait for one another. This file is what happens in it when a job ends.

// lockSchedule lets nobody else touch a schedule and its line until the commit, where there are others; "": there is none.
// Whoever changes a job of a schedule locks the schedule first, and then the job: so they wait, and never for each other.
func (t *tx) lockSchedule(id string) error {
	if !t.shared || id == "" {
		return nil
	}
	_, err := t.exec(`SELECT 1 FROM schedules WHERE id = ? FOR UPDATE`, id)
	return err
}

// lockScheduleOf is lockSchedule for the schedule of a job.
func (t *tx) lockScheduleOf(jobID string) error {
	if !t.shared {
		return nil
	}
	_, err := t.exec(`SELECT 1 FROM schedules WHERE id = (SELECT schedule_id FROM jobs WHERE id = ? AND schedule_id <> '')
		FOR UPDATE`, jobID)
	return err
}

// scheduleJobEnded is called for a job of a schedule, in the transaction that settles it and before or after its row is
// written: when its state just became final, and when it went back to wait for its next attempt. It releases the
// first held job if nothing is out any more, counts failures, and unparks the schedule. When nothing of that can be,
// it costs one statement.
func (t *tx) scheduleJobEnded(j *Job, now time.Time) (released []*Job, woken *Schedule, err error) {
	var overlap Overlap
	var retryPastNext, parked, counts, held bool
	err = t.one(`SELECT overlap, retry_past_next, deleted_at IS NULL AND parked <> '' AND parked_until IS NULL,
		deleted_at IS NULL AND pause_after_failures > 0, EXISTS (SELECT 1 FROM jobs WHERE schedule_id = s.id
			AND schedule_id <> '' AND state IN ('scheduled', 'running') AND held = 1 AND id <> ?2)
		FROM schedules s WHERE id = ?1`, []any{j.ScheduleID, j.ID}, &overlap, &retryPastNext, &parked, &counts, &held)
	switch ended := j.State.Final(); {
	case err == ErrNotFound:
		return nil, nil, nil
	case err != nil || !ended && (retryPastNext || overlap == OverlapAllow || !j.betweenAttempts()):
		return nil, nil, err
	case ended && held:
		released, err = t.release(j.ScheduleID, overlap, j.ID, now)
	}
	if err != nil || !parked && !counts {
		return released, nil, err
	}
	woken, err = t.jobEnded(j, now)
	return released, woken, err
}

// jobEnded changes the schedule's row as the end of j demands, and gives it if a turn must know.
func (t *tx) jobEnded(j *Job, now time.Time) (*Schedule, error) {
	s, err := t.schedule(j.ScheduleID)
	if err != nil {
		return nil, err
	}
	before := *s
	if j.State.Final() {
		s.countEnd(j.State, now)
	}
	if s.parked() {
		// When the next occurrence comes due with its jitter the turn finds out; it is not sooner than its time.
		s.ParkedUntil, s.DueAt = Stamp(now), s.NextAt
	}
	changed := s.Paused() != before.Paused() || s.ParkedUntil != before.ParkedUntil
	switch {
	case changed:
		s.Version++
	case s.FailuresInRow == before.FailuresInRow:
		return nil, nil
	}
	if err := t.savePlace(s); err != nil || !changed {
		return nil, err
	}
	return s, nil
}

// release lets the head of the line go unless a job other than except is out. With OverlapAllow only backfilled jobs
// wait, for one another.
func (t *tx) release(scheduleID string, overlap Overlap, except string, now time.Time) ([]*Job, error) {
	busy, err := t.busy(scheduleID, overlap, except)
	if err != nil || busy {
		return nil, err
	}
	var id string
	if err := t.one(`SELECT id FROM jobs WHERE schedule_id = ? AND schedule_id <> '' AND state IN ('scheduled', 'running')
		AND held = 1 AND id <> ? ORDER BY (origin = 'backfill'), scheduled_for, id LIMIT 1`,
		[]any{scheduleID, except}, &id); err != nil {
		return nil, err
	}
	j, err := t.job(id)
	if err != nil {
		return nil, err
	}
	j.Held, j.RunAt, j.UpdatedAt = false, latest(j.RunAt, Stamp(now)), Stamp(now)
	return []*Job{j}, t.saveJob(j)
}

// busy tells whether a job of the schedule is out that the line waits for.
func (t *tx) busy(scheduleID string, overlap Overlap, except string) (busy bool, err error) {
	query := `SELECT EXISTS (SELECT 1 FROM jobs WHERE schedule_id = ? AND schedule_id <> ''
		AND state IN ('scheduled', 'running') AND held = 0 AND id <> ?)`
	if overlap == OverlapAllow {
		query = strings.TrimSuffix(query, ")") + ` AND origin = 'backfill')`
	}
	err = t.one(query, []any{scheduleID, except}, &busy)
	return busy, err
}

// releaseAll lets the whole line of a schedule go, which is about to be canceled.
func (t *tx) releaseAll(scheduleID string) error {
	return t.each(`UPDATE jobs SET held = 0 WHERE schedule_id = ? AND schedule_id <> '' AND held = 1
		AND state IN ('scheduled', 'running') RETURNING target_id, state, attempts`, []any{scheduleID},
		func(scan func(...any) error) error {
			var j Job
			err := scan(&j.TargetID, &j.State, &j.Attempts)
			t.ledger.moved(j.TargetID, standingOf(j.State, true, j.Attempts), j.standing(), time.Time{})
			return err
		})
}
