package models

import (
	"errors"
	"time"
)

// Over a network each statement costs a journey. What comes in numbers on the way of a job is therefore done for many
// at once: one statement claims all that is asked for, and two record all calls of a batch that have ended.

// claimTogether is claim for all asks at once. The rows are locked in one order before anything is decided on.
func (t *tx) claimTogether(out *Claims, asks []Ask, node string, now time.Time) error {
	ids := make([]string, len(asks))
	for i, ask := range asks {
		ids[i] = ask.JobID
	}
	found := make(map[string]*Job, len(asks))
	if err := t.each(`SELECT `+jobColumns+` FROM jobs WHERE id = ANY(?::text[]) ORDER BY id FOR UPDATE`, []any{ids},
		func(scan func(...any) error) error {
			j, err := scanJob(scan)
			if err == nil {
				t.vault.openHeaders("jobs", j.ID, j.Headers)
				found[j.ID] = j
			}
			return err
		}); err != nil {
		return err
	}
	var jobs, claims []string
	for _, ask := range asks {
		j, err := found[ask.JobID], error(nil)
		if j == nil {
			out.Gone = append(out.Gone, ask.JobID)
			continue
		}
		if j.Of, err = t.target(j.TargetID); err != nil {
			return err
		}
		switch {
		case j.ClaimID == ask.AttemptID: // granted by a run whose COMMIT was unclear
			if err := t.grant(out, j, now); err != nil {
				return err
			}
		case j.State == Scheduled && j.Expired(now):
			ended, err := t.expire(ask.JobID, now)
			if err != nil {
				return err
			}
			out.Refused = append(out.Refused, ended)
		case j.Of.Paused() || j.Of.Deleted() || !j.Due(now) || !j.CancelRequestedAt.IsZero():
			j.Body = nil
			out.Refused = append(out.Refused, j)
		default:
			jobs, claims = append(jobs, j.ID), append(claims, ask.AttemptID)
			t.ledger.moved(j.TargetID, j.standing(), standsRunning, now)
			j.State, j.ClaimID, j.ClaimNode, j.ClaimedAt, j.UpdatedAt = Running, ask.AttemptID, node, now, now
			if err := t.grant(out, j, now); err != nil {
				return err
			}
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	n, err := t.exec(claimMany, jobs, claims, node, now.UnixMicro())
	if err == nil && n != int64(len(jobs)) {
		err = errors.New("rows that were locked have gone")
	}
	return err
}

// claimMany puts claims into the jobs that they are of.
const claimMany = `UPDATE jobs SET state = 'running', claim_id = a.claim, claim_node = ?3, claimed_at = ?4, updated_at = ?4
	FROM unnest(?1::text[], ?2::text[]) AS a (job, claim) WHERE jobs.id = a.job`

// ending is a call that has ended, as a piece of work.
type ending struct {
	Finish
	out  *Finished
	held bool
}

// alone tells whether it touches more than the rows of its job and attempt.
func (e *ending) alone() bool {
	return e.Job.ScheduleID == "" && !e.Gone && e.Attempt.ReqBody == nil
}

// finishTogether is finish for many at once. What has become another's meanwhile, or concerns more than two rows, is
// finished by itself.
func (t *tx) finishTogether(all []*work) error {
	byJob := make(map[string]*ending, len(all))
	var u finishedRows
	for _, op := range all {
		if e := op.ending; e.alone() && byJob[e.Job.ID] == nil {
			byJob[e.Job.ID] = e
			u.add(e)
			e.out = nil
		}
	}
	var made attemptRows
	if len(u.all) == 0 {
		return t.finishEach(all, byJob)
	}
	if err := t.each(finishMany, u.args(), func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		e := byJob[id]
		j, a := *e.Job, *e.Attempt
		j.Last = &a
		e.out, e.held = &Finished{Job: &j}, true
		t.ledger.moved(j.TargetID, standsRunning, j.standing(), j.FinishedAt)
		made.add(&a)
		return nil
	}); err != nil {
		return err
	}
	if err := t.insertAttempts(&made); err != nil {
		return err
	}
	return t.finishEach(all, byJob)
}

// finishMany puts the ends of many calls into their jobs: see finishedRows.
const finishMany = `UPDATE jobs SET state = a.state, reason = a.reason, run_at = a.run_at, attempts = a.attempts,
	last_number = a.number, lost_in_row = a.lost, claim_id = '', claim_node = '', claimed_at = NULL, updated_at = a.updated,
	finished_at = a.finished, last_status = a.status FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[],
	?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])
	AS a (job, claim, state, reason, run_at, attempts, number, lost, updated, finished, status)
	WHERE jobs.id = a.job AND claim_id = a.claim AND (cancel_requested_at IS NULL OR a.state <> 'scheduled')
	RETURNING jobs.id`

// finishEach finishes those that were not finished together.
func (t *tx) finishEach(all []*work, together map[string]*ending) error {
	for _, op := range all {
		if e := op.ending; e.out == nil || together[e.Job.ID] != e {
			if err := op.run(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) insertAttempts(rows *attemptRows) error {
	if len(rows.all) == 0 {
		return nil
	}
	byID := make(map[string]*Attempt, len(rows.all))
	for _, a := range rows.all {
		byID[a.ID] = a
	}
	return t.each(`INSERT INTO attempts (id, job_id, target_id, number, outcome, status_code, error_kind, error_message,
		retry_at, started_at, duration, node, dns, connect, tls, first_byte, method, url, req_headers, resp_headers, resp_body,
		truncated) SELECT * FROM unnest(?::text[], ?::text[], ?::text[], ?::bigint[], ?::text[], ?::bigint[], ?::text[], ?::text[],
		?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::text[],
		?::bytea[], ?::bytea[], ?::bytea[], ?::bigint[]) ON CONFLICT (id) DO NOTHING RETURNING id`, rows.args(),
		func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			if err == nil {
				t.ledger.called(byID[id])
			}
			return err
		})
}

// finishedRows are the columns of jobs that a batch of ends changes.
type finishedRows struct{ all []*ending }

func (r *finishedRows) add(e *ending) { r.all = append(r.all, e) }

func (r *finishedRows) args() []any {
	return []any{
		column(r.all, func(e *ending) string { return e.Job.ID }),
		column(r.all, func(e *ending) string { return e.Attempt.ID }),
		column(r.all, func(e *ending) string { return string(e.Job.State) }),
		column(r.all, func(e *ending) string { return e.Job.Reason }),
		column(r.all, func(e *ending) int64 { return e.Job.RunAt.UnixMicro() }),
		column(r.all, func(e *ending) int64 { return int64(e.Job.Attempts) }),
		column(r.all, func(e *ending) int64 { return int64(e.Job.LastNumber) }),
		column(r.all, func(e *ending) int64 { return int64(e.Job.LostInRow) }),
		column(r.all, func(e *ending) int64 { return e.Job.UpdatedAt.UnixMicro() }),
		column(r.all, func(e *ending) *int64 { return microOrNil(e.Job.FinishedAt) }),
		column(r.all, func(e *ending) int64 { return int64(e.Attempt.StatusCode) }),
	}
}

// attemptRows are attempts to be recorded.
type attemptRows struct{ all []*Attempt }

func (r *attemptRows) add(a *Attempt) { r.all = append(r.all, a) }

func (r *attemptRows) args() []any {
	text := func(of func(*Attempt) string) []string { return column(r.all, of) }
	number := func(of func(*Attempt) int64) []int64 { return column(r.all, of) }
	bytes := func(of func(*Attempt) []byte) [][]byte { return column(r.all, of) }
	return []any{
		text(func(a *Attempt) string { return a.ID }), text(func(a *Attempt) string { return a.JobID }),
		text(func(a *Attempt) string { return a.TargetID }), number(func(a *Attempt) int64 { return int64(a.Number) }),
		text(func(a *Attempt) string { return string(a.Outcome) }), number(func(a *Attempt) int64 { return int64(a.StatusCode) }),
		text(func(a *Attempt) string { return a.ErrorKind }), text(func(a *Attempt) string { return a.ErrorMessage }),
		column(r.all, func(a *Attempt) *int64 { return microOrNil(a.RetryAt) }),
		number(func(a *Attempt) int64 { return a.StartedAt.UnixMicro() }), number(func(a *Attempt) int64 { return int64(a.Duration) }),
		text(func(a *Attempt) string { return a.Node }), number(func(a *Attempt) int64 { return int64(a.DNS) }),
		number(func(a *Attempt) int64 { return int64(a.Connect) }), number(func(a *Attempt) int64 { return int64(a.TLS) }),
		number(func(a *Attempt) int64 { return int64(a.FirstByte) }), text(func(a *Attempt) string { return a.Method }),
		text(func(a *Attempt) string { return a.URL }), bytes(func(a *Attempt) []byte { return a.ReqHeaders }),
		bytes(func(a *Attempt) []byte { return a.RespHeaders }), bytes(func(a *Attempt) []byte { return a.RespBody }),
		number(func(a *Attempt) int64 {
			if a.Truncated {
				return 1
			}
			return 0
		}),
	}
}

func column[R, T any](rows []R, of func(R) T) []T {
	all := make([]T, len(rows))
	for i, r := range rows {
		all[i] = of(r)
	}
	return all
}

func microOrNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	micros := t.UnixMicro()
	return &micros
}
