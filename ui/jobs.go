package ui

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"punctual/models"
)

// Jobs is the list of jobs, newest first.
type Jobs struct {
	Frame
	Jobs    []*models.Job
	Held    map[string]string // by job id: why one that is due is not running, as held_by spells it
	Filter  Form              // target, state, schedule, label, q as in the address
	Targets []string          // for suggestions
	Next    string            // cursor of the next page, "" at the end
	Older   bool              // this is not the first page
}

func (*Jobs) template() string { return "jobs" }

// Row is a job in a list.
type Row struct {
	*models.Job
	Sign   Sign
	Why    string // beside the sign: the reason of the end, or what holds it
	Head   string // the id without its last characters, for narrow screens to leave out
	Tail   string
	When   Moment // of the end, or when it is due
	Max    int    // attempts allowed; 0: not known
	Last   string // what came of the last attempt
	Took   string // how long that took
	Labels []Line
	More   int // labels not shown
}

// Rows are the jobs as they are drawn.
func (p *Jobs) Rows() []Row { return p.rows(p.Jobs, p.Held) }

func (f *Frame) rows(jobs []*models.Job, held map[string]string) []Row {
	out := make([]Row, len(jobs))
	for i, j := range jobs {
		out[i] = f.row(j, held[j.ID])
	}
	return out
}

const labelsShown = 3 // in a list

func (f *Frame) row(j *models.Job, held string) Row {
	r := Row{Job: j, Sign: Standing(j, f.Now), Why: j.Reason, Head: f.Head(j.ID), Tail: f.Tail(j.ID),
		When: f.At(j.RunAt), Last: Result(j.Last)}
	if r.Why == string(j.State) {
		r.Why = "" // canceled because it was canceled
	}
	if held != "" {
		r.Why = heldShort(held)
	}
	if j.State.Final() {
		r.When = f.At(j.FinishedAt)
	}
	if j.Of != nil {
		r.Max = j.Policy().MaxAttempts
	}
	if j.Last != nil && j.Last.Outcome != models.Calling && j.Last.Duration > 0 {
		r.Took = Took(j.Last.Duration)
	}
	for i, key := range slices.Sorted(maps.Keys(j.Labels)) {
		if i == labelsShown {
			r.More = len(j.Labels) - labelsShown
			break
		}
		r.Labels = append(r.Labels, Line{visible(key), visible(j.Labels[key])})
	}
	return r
}

// Target is the name of the job's target.
func (r Row) Target() string {
	if r.Of == nil {
		return ""
	}
	return r.Of.Name
}

// Tabs are the states to choose from.
func (p *Jobs) Tabs() []Entry {
	chosen := p.Filter.Values["state"]
	tabs := []Entry{{Name: "All", Href: p.stateURL(""), Lit: len(chosen) == 0 || chosen[0] == ""}}
	for _, s := range models.States {
		name := string(s)
		tabs = append(tabs, Entry{Name: StateSign(s).Word, Href: p.stateURL(name), Lit: slices.Contains(chosen, name)})
	}
	return tabs
}

func (p *Jobs) stateURL(state string) string {
	v := maps.Clone(p.Filter.Values)
	if v == nil {
		v = url.Values{}
	}
	v.Del("state")
	if state != "" {
		v.Set("state", state)
	}
	return withCursor("/jobs", v, "")
}

// Filtered tells whether the list shows less than all.
func (p *Jobs) Filtered() bool { return filtered(p.Filter.Values) }

// NextURL is the address of the next page.
func (p *Jobs) NextURL() string { return withCursor("/jobs", p.Filter.Values, p.Next) }

// NewestURL is the address of the first page.
func (p *Jobs) NewestURL() string { return withCursor("/jobs", p.Filter.Values, "") }

// LabelURL lists the jobs with a label.
func (Row) LabelURL(l Line) string {
	return "/jobs?" + url.Values{"label": {l.Name + ":" + l.Value}}.Encode()
}

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
}

func (*Job) template() string { return "job" }

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
		return j.State == models.Failed || j.State == models.Canceled
	case "run":
		return j.State == models.Scheduled && j.RunAt.After(p.Now)
	}
	return p.Job.State.Final() // rerun, delete
}

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
