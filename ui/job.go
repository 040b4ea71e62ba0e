package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// NewJob is the form for a job.
type NewJob struct {
	Frame
	Form    Form
	Targets []string
	CopyOf  string // id of the job that the form was filled from
}

func (*NewJob) template() string { return "job_new" }

// Job is one job with its attempts.
type Job struct {
	Frame
	Job      *models.Job // with Body
	Held     string      // why it is due but not running, as held_by spells it
	Attempts []*models.Attempt
	Request  string // the JSON that makes the same job, "" when it cannot be said
	Whole    bool   // show long bodies to the end
	Before   string // id of the job that its schedule made before; "": none
	After    string // and after it
}

func (*Job) template() string { return "job" }

// Rerun is the form that runs a job again with another payload.
type Rerun struct {
	Frame
	Job  *models.Job
	Form Form // payload
}

func (*Rerun) template() string { return "job_rerun" }

// Changes tells whether the payload can be changed: only JSON can, a job with another body is copied by form.
func (p *Rerun) Changes() bool {
	return p.Job.BodyForm == models.BodyPayload || p.Job.BodyForm == models.BodyNone
}

// Row is the job as lists draw it.
func (p *Job) Row() Row { return p.row(p.Job, p.Held) }

// Calls are the attempts, oldest first.
func (p *Job) Calls() []Call { return p.calls(p.Attempts, p.Whole) }

// Body is what the job sends.
func (p *Job) Body() Body { return BodyOf(p.Job.Body, p.Whole) }

// Headers are what the job sends beside the target's.
func (p *Job) Headers() []Line { return headerLines(p.Job.Headers.Mask()) }

// Labels are all its labels.
func (p *Job) Labels() []Line { return headerLines(p.Job.Labels) }

// Holding says why it is due but not running.
func (p *Job) Holding() string { return heldWords(p.Held, p.Job.Of) }

// Because explains the reason that it ended for.
func (p *Job) Because() string { return why(p.Job.Reason) }

// Opens tells whether the i-th attempt is shown unfolded: the last one, where the reader's question is.
func (p *Job) Opens(i int) bool { return i == len(p.Attempts)-1 }

// Lifetime is the time from its creation to its end.
func (p *Job) Lifetime() string { return span(p.Job.FinishedAt.Sub(p.Job.CreatedAt)) }

// Waits tells whether an attempt is still to come, and none is out.
func (p *Job) Waits() bool { return p.Job.State == models.Scheduled }

// Overdue tells whether it is due.
func (p *Job) Overdue() bool { return p.Waits() && !p.Job.RunAt.After(p.Now) }

// Can tells which actions make sense: cancel, retry, rerun, run, delete.
func (p *Job) Can(action string) bool {
	switch j := p.Job; action {
	case "cancel":
		return !j.State.Final() && j.CancelRequestedAt.IsZero()
	case "retry":
		return (j.State == models.Failed || j.State == models.Canceled) && !p.Orphan()
	case "rerun":
		return j.State.Final() && !p.Orphan()
	case "copy":
		return !p.Orphan()
	case "run":
		return j.State == models.Scheduled && j.RunAt.After(p.Now)
	}
	return p.Job.State.Final() // delete
}

// Orphan tells whether its target is no longer registered: nothing can be sent any more.
func (p *Job) Orphan() bool { return p.Job.Of == nil || p.Job.Of.Deleted() }

// Timeout is the limit of each of its calls.
func (p *Job) Timeout() string {
	if p.Job.Of == nil {
		return models.FormatDuration(p.Job.Timeout)
	}
	return models.FormatDuration(p.Job.CallTimeout())
}

// Command is the line for the shell that makes the same job.
func (p *Job) Command() string { return p.Curl("/v1/jobs", p.Request) }

const rungsShown = 4

// Ladder says when the attempts after the coming one would follow if each failed: the first few waits and, of more
// than those, about how long the whole climb takes.
func (p *Job) Ladder() []string {
	j := p.Job
	if !p.Waits() || j.Of == nil {
		return nil
	}
	policy := j.Policy()
	var rungs []string
	var all time.Duration
	for used := j.Attempts + 1; used < policy.MaxAttempts; used++ {
		wait := policy.Delay(used, 0.5) // in the middle of the jitter
		all += wait
		if len(rungs) < rungsShown {
			rungs = append(rungs, span(wait))
		}
	}
	if left := policy.MaxAttempts - j.Attempts - 1; left > rungsShown {
		rungs = append(rungs, fmt.Sprintf("…, the last after %s in all", span(all)))
	}
	return rungs
}
