package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Job is the job of that id, or ErrNotFound.
func (s *Store) Job(ctx context.Context, id string) (*Job, error) {
	db, done := s.read(ctx)
	defer done()
	jobs, err := jobsWhere(db, "id", "id = ?", id)
	if err == nil && len(jobs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return jobs[0], reached(ctx, jobs[0].Of.Name, nil)
}

// job is a fresh copy of the job of that id, which nobody else can change until the commit. One of a schedule is to be
// locked after its schedule: see lockScheduleOf.
func (t *tx) job(id string) (*Job, error) { return t.jobBy(id, "id"+t.forUpdate) }

// jobToShow is the job of that id as it stands, which nobody is kept from changing.
func (t *tx) jobToShow(id string) (*Job, error) { return t.jobBy(id, "id") }

func (t *tx) jobBy(id, order string) (*Job, error) {
	jobs, err := jobsWhere(t.DB, order, "id = ?", id)
	if err == nil && len(jobs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return jobs[0], nil
}

// saveJob writes back a job that job gave; its labels and body are not touched.
func (t *tx) saveJob(j *Job) error {
	var state State
	var held bool
	var attempts int
	err := t.one(`SELECT state, held, attempts FROM jobs WHERE id = ?`, []any{j.ID}, &state, &held, &attempts)
	if err != nil {
		return err
	}
	t.ledger.moved(j.TargetID, standingOf(state, held, attempts), j.standing(), j.FinishedAt)
	row := *j
	row.Headers = t.vault.sealHeaders("jobs", j.ID, j.Headers)
	return t.Select("*").Omit("ID", "Body", "BodyApart", "CreatedAt").Updates(&row).Error
}

// changeJob runs change on the job of that id and writes it back.
func (s *Store) changeJob(ctx context.Context, act, id string, change func(*tx, *Job) error) (*Job, error) {
	action, _, _ := strings.Cut(act, " ")
	line := trailOf(ctx, action, "job")
	var out *Job
	err := s.write(ctx, work{act: act, run: func(tx *tx) (err error) {
		if err = tx.lockScheduleOf(id); err != nil {
			return err
		}
		if out, err = tx.job(id); err != nil {
			return err
		}
		if err := reached(ctx, out.Of.Name, nil); err != nil {
			return err
		}
		before := line.shown(out)
		if err := change(tx, out); err != nil {
			return err
		}
		if err := tx.audit(line, id, before, line.shown(out)); err != nil {
			return err
		}
		return tx.saveJob(out)
	}})
	return out, err
}

// UpdateJob applies change to a job that is scheduled, else it is a Conflict. While no attempt is on record moving
// RunAt moves ScheduledFor too; afterwards body, headers and labels are a Conflict. change may run twice.
func (s *Store) UpdateJob(ctx context.Context, id string, now time.Time, change func(*Job) error) (*Job, error) {
	return s.changeJob(ctx, "update job", id, func(tx *tx, j *Job) error {
		if j.State != Scheduled {
			return &Conflict{"the job is " + string(j.State) + ", no longer scheduled"}
		}
		before := *j
		if err := change(j); err != nil {
			return err
		}
		if !j.RunAt.Equal(before.RunAt) { // as it stands it may well have a fraction of a millisecond
			j.RunAt = latest(ceilMilli(j.RunAt), Stamp(now))
		}
		j.ExpiresAt = ceilMilliOrZero(j.ExpiresAt)
		if !j.ExpiresAt.IsZero() && !j.ExpiresAt.After(j.RunAt) {
			return &Invalid{"expires_at", "must be later than the job is due"}
		}
		content := !bytes.Equal(j.Body, before.Body) || j.BodyForm != before.BodyForm || j.ContentType != before.ContentType
		marks := !maps.Equal(j.Headers, before.Headers) || !maps.Equal(j.Labels, before.Labels)
		if before.LastNumber > 0 && (content || marks) {
			return &Conflict{"an attempt is on record: payload, headers and labels stay as they were sent"}
		}
		if before.LastNumber == 0 && !j.RunAt.Equal(before.RunAt) {
			j.ScheduledFor = j.RunAt
		}
		j.UpdatedAt = Stamp(now)
		if !content && !marks {
			return nil
		}
		return tx.replaceBeside(j)
	})
}

// replaceBeside writes body and labels anew.
func (t *tx) replaceBeside(j *Job) error {
	j.BodyApart = len(j.Body) > smallBody
	inRow := j.Body
	if j.BodyApart {
		inRow = nil
	} else if _, err := t.exec(`DELETE FROM bodies WHERE job_id = ?`, j.ID); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM labels WHERE job_id = ?`, j.ID); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE jobs SET body = ?, body_apart = ? WHERE id = ?`, inRow, j.BodyApart, j.ID); err != nil {
		return err
	}
	return t.insertBeside(j)
}

// RetryJob gives a failed or canceled job its allowance anew and makes it due now; else, or without its target, it is a Conflict.
func (s *Store) RetryJob(ctx context.Context, id string, now time.Time) (*Job, error) {
	return s.changeJob(ctx, "retry job", id, func(_ *tx, j *Job) error { return j.retry(now) })
}

func (j *Job) retry(now time.Time) error {
	if !j.State.Final() || !j.State.Can(Scheduled) {
		return &Conflict{"the job is " + string(j.State) + ": only a failed or canceled one can be retried"}
	}
	if j.Of.Deleted() {
		return errNoTarget
	}
	j.State, j.Reason, j.RunAt, j.UpdatedAt = Scheduled, "", Stamp(now), Stamp(now)
	j.Attempts, j.LostInRow, j.Held = 0, 0, false
	j.FinishedAt, j.CancelRequestedAt = time.Time{}, time.Time{}
	if j.Expired(now) {
		j.ExpiresAt = time.Time{}
	}
	return nil
}

// RunJob makes a scheduled job due now, also one that waits in its schedule's line; else it is a Conflict.
func (s *Store) RunJob(ctx context.Context, id string, now time.Time) (*Job, error) {
	return s.changeJob(ctx, "run job", id, func(_ *tx, j *Job) error { return j.runNow(now) })
}

func (j *Job) runNow(now time.Time) error {
	switch {
	case j.State != Scheduled:
		return &Conflict{"the job is " + string(j.State) + ", not scheduled"}
	case j.Due(now):
		return nil
	}
	j.RunAt, j.UpdatedAt, j.Held = Stamp(now), Stamp(now), false
	return nil
}

// CancelJob ends a scheduled job at once and records the wish for a running one; a job that has ended is a Conflict.
func (s *Store) CancelJob(ctx context.Context, id string, now time.Time) (*Job, error) {
	return s.changeJob(ctx, "cancel job", id, func(tx *tx, j *Job) error {
		if j.State.Final() {
			return endedAlready(j)
		}
		return tx.cancel(j, now)
	})
}

// cancel ends a scheduled job or records the wish for a running one; the caller writes the job back.
func (t *tx) cancel(j *Job, now time.Time) error {
	j.UpdatedAt = Stamp(now)
	if j.CancelRequestedAt.IsZero() {
		j.CancelRequestedAt = Stamp(now)
	}
	if j.State == Running {
		return nil
	}
	return t.endJob(j, Canceled, ReasonCanceled, now)
}

// endJob gives a scheduled job its end without an attempt; the caller writes it back.
func (t *tx) endJob(j *Job, state State, reason string, now time.Time) error {
	j.State, j.Reason, j.Held = state, reason, false
	j.FinishedAt, j.UpdatedAt = Stamp(now), Stamp(now)
	return t.afterEnd(j, now)
}

// afterEnd tells the job's schedule, if it has one, that the job has ended or waits for its next attempt.
func (t *tx) afterEnd(j *Job, now time.Time) error {
	if j.ScheduleID == "" {
		return nil
	}
	released, woken, err := t.scheduleJobEnded(j, now)
	t.hint(released, woken)
	return err
}

// cancelAll cancels the jobs that each of wheres chooses of what is called id; their columns are those of jobs. They must
// choose unfinished ones, and so that none can pass from what is still to be read to what was read already.
func (t *tx) cancelAll(now time.Time, id string, wheres ...string) ([]*Job, error) {
	var all, free []*Job
	for _, where := range wheres {
		jobs, err := jobsWhere(t.DB, "id"+t.forUpdate, where, id)
		if err != nil {
			return nil, err
		}
		all = append(all, jobs...)
	}
	for _, j := range all {
		if j.State == Scheduled && j.ScheduleID == "" {
			free = append(free, j)
			continue
		}
		// One job's end may have released the next one of its schedule: only the held flag differs then.
		if err := t.cancel(j, now); err != nil {
			return nil, err
		}
		if err := t.saveJob(j); err != nil {
			return nil, err
		}
	}
	return all, t.cancelFree(free, now)
}

// cancelFree ends scheduled jobs that belong to no schedule, which may be many, all at once. Their rows are locked.
func (t *tx) cancelFree(jobs []*Job, now time.Time) error {
	if len(jobs) == 0 {
		return nil
	}
	for _, j := range jobs {
		was := j.standing()
		if err := t.cancel(j, now); err != nil {
			return err
		}
		t.ledger.moved(j.TargetID, was, j.standing(), j.FinishedAt)
	}
	ids, err := json.Marshal(idsOf(jobs))
	if err != nil {
		return err
	}
	_, err = t.exec(`UPDATE jobs SET state = 'canceled', reason = ?1, held = 0, finished_at = ?2, updated_at = ?2,
		cancel_requested_at = coalesce(cancel_requested_at, ?2) WHERE id IN (`+fmt.Sprintf(t.elements, "?3")+`)`,
		ReasonCanceled, Stamp(now).UnixMicro(), string(ids))
	return err
}

// DeleteJob forgets a job that has ended, with its attempts; an unfinished one is a Conflict.
func (s *Store) DeleteJob(ctx context.Context, id string) error {
	line := trailOf(ctx, "delete", "job")
	return s.write(ctx, work{act: "delete job", run: func(tx *tx) error {
		j, err := tx.job(id)
		if err != nil {
			return err
		}
		if err := reached(ctx, j.Of.Name, nil); err != nil {
			return err
		}
		if !j.State.Final() {
			return &Conflict{"the job is " + string(j.State) + ": cancel it first"}
		}
		if err := tx.audit(line, id, line.shown(j), nil); err != nil {
			return err
		}
		return tx.forgetJobs([]string{id})
	}})
}

// KeyBody is what a job's idempotency key stands for: the SHA-256 of its request as it was sent.
func KeyBody(raw []byte) [32]byte { return sha256.Sum256(raw) }

// Jobs lists jobs, newest first. A page of a filter that no index serves may be short or empty and still have a next.
func (s *Store) Jobs(ctx context.Context, f JobFilter, p Page) ([]*Job, string, error) {
	db, done := s.read(ctx)
	defer done()
	ids, next, err := f.shown(ctx, db, p)
	if err != nil || len(ids) == 0 {
		return nil, nextCursor("jobs", next), err
	}
	if ids, next, err = cutBytes(db, ids, next); err != nil {
		return nil, "", err
	}
	jobs, err := jobsWhere(db, "id DESC", "id IN ?", ids)
	return jobs, nextCursor("jobs", next), err
}

// JobsWithoutBodies is Jobs for those who do not look at bodies: they stay in the book, and no page is cut short for
// their sake.
func (s *Store) JobsWithoutBodies(ctx context.Context, f JobFilter, p Page) ([]*Job, string, error) {
	db, done := s.read(ctx)
	defer done()
	ids, next, err := f.shown(ctx, db, p)
	if err != nil || len(ids) == 0 {
		return nil, nextCursor("jobs", next), err
	}
	jobs, err := jobsOf(db, lightColumns, "id DESC", "id IN ?", ids)
	return jobs, nextCursor("jobs", next), err
}

// shown is page of what ctx's actor may see, from where p's cursor stands.
func (f JobFilter) shown(ctx context.Context, db *gorm.DB, p Page) (ids []string, next string, err error) {
	before, err := p.key("jobs")
	if err != nil {
		return nil, "", err
	}
	f.Reach = reachOf(ctx)
	return f.page(db, before, p, lookMost)
}

// page gives the ids of one page of jobs and the one behind which the next page begins.
func (f JobFilter) page(db *gorm.DB, before string, p Page, look int) (ids []string, next string, err error) {
	if err := f.Validate(); err != nil {
		return nil, "", err
	}
	walks, err := f.walks(db, before)
	if err != nil {
		return nil, "", err
	}
	return walkAll(db, walks, p, look)
}

// CountJobs counts the jobs that f chooses, however long it takes.
func (s *Store) CountJobs(ctx context.Context, f JobFilter) (int, error) {
	if err := f.Validate(); err != nil {
		return 0, err
	}
	f.Reach = reachOf(ctx)
	db, done := s.read(ctx)
	defer done()
	walks, err := f.walks(db, "")
	if err != nil {
		return 0, err
	}
	return count(db, walks)
}

// pageBytes bounds the bodies on one page of jobs: a page may be shorter than asked for, but for its first job.
const pageBytes = 8 << 20

// cutBytes shortens a page to what fits pageBytes. Small bodies never add up to that.
func cutBytes(db *gorm.DB, ids []string, next string) ([]string, string, error) {
	var rows []struct {
		JobID string
		Size  int
	}
	if err := db.Raw(`SELECT job_id, length(body) AS size FROM bodies WHERE job_id IN ?`, ids).Scan(&rows).Error; err != nil {
		return nil, "", err
	}
	size := make(map[string]int, len(rows))
	for _, r := range rows {
		size[r.JobID] = r.Size
	}
	total := 0
	for i, id := range ids {
		if total += size[id]; total > pageBytes && i > 0 {
			return ids[:i], ids[i-1], nil
		}
	}
	return ids, next, nil
}
