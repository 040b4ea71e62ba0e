package models

import (
	"context"
	"time"
)

// Claimed is a job that is this node's to call, once.
type Claimed struct {
	Job     *Job     // running; ClaimID is the id of the attempt it will become
	Secrets []string // the target's live signing secrets, newest first
}

// Claims is the answer to a request for claims.
type Claims struct {
	Granted []Claimed
	Refused []*Job // as they stand in the book, without bodies: early, paused, held, expired or with another node
	Gone    []string
	Err     error // the book is in trouble: nothing was granted
}

// Ask is a request for the right to make one attempt at a job.
type Ask struct {
	JobID     string
	AttemptID string // what the claim, and the attempt, will be called
}

const claimJob = `UPDATE jobs SET state = 'running', claim_id = ?1, claim_node = ?2, claimed_at = ?3, updated_at = ?3
	WHERE id = ?4 AND state = 'scheduled' AND held = 0 AND run_at <= ?3 AND cancel_requested_at IS NULL
	AND (expires_at IS NULL OR expires_at > ?3) AND last_number = ?5`

// Claim asks for jobs on behalf of node, all in one transaction, and returns at once: the writer calls hand exactly
// once, as soon as the claims are durable, whoever has gone meanwhile. hand must not block. An error means that hand
// will not be called.
func (s *Store) Claim(node string, asks []Ask, now time.Time, hand func(Claims)) error {
	var out Claims
	op := &work{act: "claim jobs", lane: owed, hot: true, size: int64(len(asks)) * weight}
	op.run = func(tx *tx) error {
		if out = (Claims{}); tx.shared {
			return tx.claimTogether(&out, asks, node, Stamp(now))
		}
		for _, ask := range asks {
			if err := tx.claim(&out, ask, node, Stamp(now)); err != nil {
				return err
			}
		}
		return nil
	}
	op.done = func(err error) {
		if err != nil {
			out = Claims{Err: wrap(op.act, err)}
		}
		hand(out)
	}
	return s.writer.enqueue(op)
}

func (t *tx) claim(out *Claims, ask Ask, node string, now time.Time) error {
	j, err := t.claimable(ask.JobID)
	switch {
	case err == ErrNotFound:
		out.Gone = append(out.Gone, ask.JobID)
		return nil
	case err != nil:
		return err
	case j.ClaimID == ask.AttemptID: // granted by a run whose COMMIT was unclear
		return t.grant(out, j, now)
	case j.State == Scheduled && j.Expired(now):
		ended, err := t.expire(ask.JobID, now)
		out.Refused = append(out.Refused, ended)
		return err
	case j.Of.Paused() || j.Of.Deleted() || !j.Due(now):
		j.Body = nil
		out.Refused = append(out.Refused, j)
		return nil
	}
	n, err := t.exec(claimJob, ask.AttemptID, node, now.UnixMicro(), ask.JobID, j.LastNumber)
	switch {
	case err != nil:
		return err
	case n == 0:
		j.Body = nil
		out.Refused = append(out.Refused, j)
		return nil
	}
	t.ledger.moved(j.TargetID, j.standing(), standsRunning, now)
	j.State, j.ClaimID, j.ClaimNode, j.ClaimedAt, j.UpdatedAt = Running, ask.AttemptID, node, now, now
	return t.grant(out, j, now)
}

// claimable reads a job's row and its target, no more: whether it is granted decides whether the rest is needed.
func (t *tx) claimable(id string) (j *Job, err error) {
	err = t.each(`SELECT `+jobColumns+` FROM jobs WHERE id = ?`, []any{id}, func(scan func(...any) error) error {
		if j, err = scanJob(scan); err == nil {
			t.vault.openHeaders("jobs", j.ID, j.Headers)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if j == nil {
		return nil, ErrNotFound
	}
	j.Of, err = t.target(j.TargetID)
	return j, err
}

func (t *tx) grant(out *Claims, j *Job, now time.Time) error {
	secrets, err := t.signersOf(j.TargetID, now)
	if err != nil {
		return err
	}
	out.Granted = append(out.Granted, Claimed{Job: j, Secrets: secrets})
	return t.fillClaimed(j)
}

// fillClaimed adds what the call needs beside the row.
func (t *tx) fillClaimed(j *Job) error {
	if j.BodyApart {
		if err := t.one(`SELECT body FROM bodies WHERE job_id = ?`, []any{j.ID}, &j.Body); err != nil {
			return err
		}
	}
	if j.ScheduleID == "" {
		return nil
	}
	name, ok := t.names[j.ScheduleID]
	if !ok {
		if err := t.one(`SELECT name FROM schedules WHERE id = ?`, []any{j.ScheduleID}, &name); err != nil {
			return err
		}
		if len(t.names) >= maxNames {
			clear(t.names)
		}
		t.names[j.ScheduleID] = name
	}
	j.Schedule = name
	return nil
}

// maxNames bounds the cache of schedule names; it is emptied when full.
const maxNames = 65536

// Finish is the end of an attempt that was made under a claim.
type Finish struct {
	Job     *Job     // as Settle left it
	Attempt *Attempt // its ID is the claim
	Gone    bool     // the target answered 410: pause it, if it wants that
}

// Finished is what the book made of it.
type Finished struct {
	Job    *Job    // as it stands now
	Paused *Target // the target, if it was paused because it is gone
}

const finishJob = `UPDATE jobs SET state = ?1, reason = ?2, run_at = ?3, attempts = ?4, last_number = ?5, lost_in_row = ?6,
	claim_id = '', claim_node = '', claimed_at = NULL, updated_at = ?7, finished_at = ?8, last_status = ?11
	WHERE id = ?9 AND claim_id = ?10 AND (cancel_requested_at IS NULL OR ?1 <> 'scheduled')`

// Finish records an attempt and the job as it then stands in one transaction, only if the claim still holds: else it
// fails with ErrClaimLost and changes nothing. It waits as long as it takes, under nobody's deadline.
func (s *Store) Finish(f Finish) (*Finished, error) {
	e := ending{Finish: f}
	err := s.write(context.Background(), work{act: "finish " + f.Attempt.ID, lane: owed, hot: true, ending: &e,
		size: int64(len(f.Attempt.RespBody)), run: func(tx *tx) (err error) {
			e.out, e.held, err = tx.finish(f)
			return err
		}})
	if err == nil && !e.held {
		err = wrap("finish "+f.Attempt.ID, ErrClaimLost)
	}
	return e.out, err
}

func (t *tx) finish(f Finish) (out *Finished, held bool, err error) {
	j, a := *f.Job, *f.Attempt
	if err := t.lockSchedule(j.ScheduleID); err != nil {
		return nil, false, err
	}
	n, err := t.finishRow(&j, &a)
	if err != nil {
		return nil, false, err
	}
	if n == 0 {
		now, err := t.job(j.ID)
		switch {
		case err == ErrNotFound:
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case now.ClaimID != a.ID:
			return &Finished{Job: now}, t.recorded(a.ID), nil
		}
		// The claim holds, but somebody wants the job canceled: another attempt must not follow.
		j.CancelRequestedAt = now.CancelRequestedAt
		j.obeyCancel(&a)
		if _, err := t.finishRow(&j, &a); err != nil {
			return nil, false, err
		}
	}
	if err := t.insertAttempt(&a); err != nil {
		return nil, false, err
	}
	out = &Finished{Job: &j}
	j.Last = &a
	if err := t.afterEnd(&j, j.UpdatedAt); err != nil {
		return nil, false, err
	}
	if f.Gone && j.Of.OnGone == OnGonePause {
		out.Paused, err = t.pauseGone(j.TargetID, j.UpdatedAt)
	}
	return out, true, err
}

func (t *tx) finishRow(j *Job, a *Attempt) (int64, error) {
	n, err := t.exec(finishJob, j.State, j.Reason, j.RunAt.UnixMicro(), j.Attempts, j.LastNumber, j.LostInRow,
		j.UpdatedAt.UnixMicro(), toMicro(j.FinishedAt), j.ID, a.ID, a.StatusCode)
	if n == 1 {
		t.ledger.moved(j.TargetID, standsRunning, j.standing(), j.FinishedAt)
	}
	return n, err
}

// recorded tells whether the attempt is on record: then the work at hand was done by a run whose COMMIT was unclear.
func (t *tx) recorded(attemptID string) bool {
	var one int
	return t.one(`SELECT 1 FROM attempts WHERE id = ?`, []any{attemptID}, &one) == nil
}

func (t *tx) pauseGone(targetID string, now time.Time) (*Target, error) {
	target, err := t.lockTarget(targetID)
	if err != nil || target.Paused() || target.Deleted() {
		return nil, err
	}
	target.PausedAt, target.PausedReason = Stamp(now), ReasonGone
	return target, t.saveTarget(target, now)
}

// Claims gives the ids of node's claims in the book.
func (s *Store) Claims(ctx context.Context, node string) ([]string, error) {
	db, done := s.read(ctx)
	defer done()
	var ids []string
	err := db.Raw(`SELECT claim_id FROM jobs WHERE state = 'running' AND claim_node = ?`, node).Scan(&ids).Error
	return ids, err
}

// GiveBack ends a claim that nobody at node knows of as an interrupted attempt.
func (s *Store) GiveBack(ctx context.Context, node, claim string, now time.Time) error {
	return s.write(ctx, work{act: "give back " + claim, lane: owed, run: func(tx *tx) error {
		jobs, err := jobsWhere(tx.DB, "id"+tx.forUpdate, "state = 'running' AND claim_node = ? AND claim_id = ?", node, claim)
		if err != nil || len(jobs) == 0 {
			return err
		}
		j := jobs[0]
		a := &Attempt{ID: claim, StartedAt: j.ClaimedAt, Node: node, Method: j.Of.Method, URL: j.Of.URL}
		settled := j.Settle(a, AnsweredInterrupt, now, 0, 0)
		if _, _, err = tx.finish(Finish{Job: settled, Attempt: a}); err == nil {
			tx.hint([]*Job{settled}, nil)
		}
		return err
	}})
}
