package models

import "slices"

// State is where a job stands.
type State string

// The states of a job. Scheduled is due now or later, also between attempts; the last three are final, but a
// retry makes a failed or canceled job scheduled again.
const (
	Scheduled State = "scheduled"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Canceled  State = "canceled"
)

// States lists every state, in the order in which a job passes through them.
var States = []State{Scheduled, Running, Succeeded, Failed, Canceled}

// moves holds the only legal moves. Running to scheduled is an attempt that another follows.
var moves = map[State][]State{
	Scheduled: {Running, Failed, Canceled},
	Running:   {Scheduled, Succeeded, Failed, Canceled},
	Failed:    {Scheduled},
	Canceled:  {Scheduled},
}

// Can tells whether a job may move from s to next.
func (s State) Can(next State) bool { return slices.Contains(moves[s], next) }

// Final tells whether the job has ended.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Canceled }

// The reasons why a job ended as it did.
const (
	ReasonExpired    = "expired"    // its expires_at came first
	ReasonSuperseded = "superseded" // the next occurrence of its schedule took its place
	ReasonLost       = "lost"       // its node died under a call, once too often
	ReasonRejected   = "rejected"   // the target's answer said: do not retry
	ReasonGone       = "gone"       // the target answered 410
	ReasonBlocked    = "blocked"    // the guard refused the address
	ReasonExhausted  = "exhausted"  // no attempt left
	ReasonCanceled   = "canceled"   // somebody asked for it
)

// Origin is what made a job.
type Origin string

// The origins of jobs.
const (
	FromAPI      Origin = "api"
	FromSchedule Origin = "schedule"
	FromTrigger  Origin = "trigger"
	FromBackfill Origin = "backfill"
	FromRerun    Origin = "rerun"
)

// Origins lists every origin.
var Origins = []Origin{FromAPI, FromSchedule, FromTrigger, FromBackfill, FromRerun}

// Priority orders the due jobs of one target. The zero value is High.
type Priority int

// The priorities.
const (
	High Priority = iota
	Normal
	Low
)

// Priorities lists every priority, the most urgent first.
var Priorities = []Priority{High, Normal, Low}

var priorityNames = []string{"high", "normal", "low"}

// String is the priority as the API spells it.
func (p Priority) String() string { return priorityNames[p] }

// ParsePriority reads a priority as the API spells it; "" is Normal.
func ParsePriority(s string) (Priority, bool) {
	if s == "" {
		return Normal, true
	}
	i := slices.Index(priorityNames, s)
	return Priority(max(i, 0)), i >= 0
}

// Outcome is what came of an attempt.
type Outcome string

// The outcomes. Calling is an attempt that is out now: it is read off the claim and never stored.
const (
	Calling     Outcome = "running"
	Success     Outcome = "succeeded"
	Retryable   Outcome = "retryable"   // another attempt follows
	Failure     Outcome = "failed"      // none follows
	Aborted     Outcome = "canceled"    // cut off because the job was canceled
	Interrupted Outcome = "interrupted" // cut off by a shutdown or a lost right
	Lost        Outcome = "lost"        // the node died while the call was out: it may have arrived
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{Calling, Success, Retryable, Failure, Aborted, Interrupted, Lost}
