package models

import "time"

// Settle applies what came of an attempt that ended at end and returns the job as it then stands. It is pure: answer
// is what the call came to, retryAfter what the target asked for (0: nothing), random is in [0,1). It sets a's
// JobID, TargetID, Number, Outcome, RetryAt and DueAt.
func (j Job) Settle(a *Attempt, answer Answer, end time.Time, retryAfter time.Duration, random float64) *Job {
	a.JobID, a.TargetID, a.DueAt = j.ID, j.TargetID, latest(j.RunAt, j.CreatedAt)
	j.LastNumber++
	a.Number = j.LastNumber
	lost := j.LostInRow
	j.LostInRow = 0
	switch answer {
	case AnsweredOK:
		j.Attempts++
		j.end(a, Success, Succeeded, "", end)
	case AnsweredRejected:
		j.Attempts++
		j.end(a, Failure, Failed, ReasonRejected, end)
	case AnsweredGone:
		j.Attempts++
		j.end(a, Failure, Failed, ReasonGone, end)
	case AnsweredBlocked:
		j.Attempts++
		j.end(a, Failure, Failed, ReasonBlocked, end)
	case AnsweredCanceled:
		j.end(a, Aborted, Canceled, ReasonCanceled, end)
	case AnsweredInterrupt:
		j.again(a, Interrupted, end, end)
	case AnsweredLost:
		j.LostInRow = lost + 1
		j.settleLost(a, end, random)
	default:
		j.Attempts++
		j.settleRetry(a, end, retryAfter, random)
	}
	return &j
}

// settleRetry is the way of an answer that is worth another attempt, if one is left.
func (j *Job) settleRetry(a *Attempt, end time.Time, retryAfter time.Duration, random float64) {
	policy := j.Policy()
	if j.Attempts >= policy.MaxAttempts {
		j.end(a, Failure, Failed, ReasonExhausted, end)
		return
	}
	wait := max(policy.Delay(j.Attempts, random), min(retryAfter, MaxRetryAfter))
	j.again(a, Retryable, end, end.Add(wait))
}

// maxLostInRow lost attempts in a row end a job: whatever kills the node may well be the job.
const maxLostInRow = 3

func (j *Job) settleLost(a *Attempt, end time.Time, random float64) {
	if j.Of.OnLost == OnLostFail || j.LostInRow >= maxLostInRow {
		j.end(a, Lost, Failed, ReasonLost, end)
		return
	}
	j.again(a, Lost, end, end.Add(j.Policy().Delay(j.Attempts+1, random)))
}

// again makes the job due at next, unless somebody wants it canceled or it would come too late.
func (j *Job) again(a *Attempt, outcome Outcome, end, next time.Time) {
	ended := outcome
	if outcome == Retryable {
		ended = Failure
	}
	switch {
	case !j.CancelRequestedAt.IsZero():
		j.end(a, ended, Canceled, ReasonCanceled, end)
	case j.Expired(next):
		j.end(a, ended, Failed, ReasonExpired, end)
	default:
		a.Outcome, a.RetryAt = outcome, ceilMilli(next)
		j.State, j.RunAt = Scheduled, a.RetryAt
		j.release(end)
	}
}

// end gives the job its final state.
func (j *Job) end(a *Attempt, outcome Outcome, state State, reason string, at time.Time) {
	a.Outcome, a.RetryAt = outcome, time.Time{}
	j.State, j.Reason, j.FinishedAt = state, reason, Stamp(at)
	j.release(at)
}

// release drops the claim.
func (j *Job) release(at time.Time) {
	j.ClaimID, j.ClaimNode, j.ClaimedAt = "", "", time.Time{}
	j.UpdatedAt = Stamp(at)
}

// obeyCancel ends a job that was settled to go on before it was known that somebody wants it canceled.
func (j *Job) obeyCancel(a *Attempt) {
	if j.State != Scheduled {
		return
	}
	outcome := a.Outcome
	if outcome == Retryable {
		outcome = Failure
	}
	at := j.UpdatedAt
	if j.Attempts > 0 || j.LastNumber > 0 {
		j.RunAt = a.StartedAt
	}
	j.end(a, outcome, Canceled, ReasonCanceled, at)
}
