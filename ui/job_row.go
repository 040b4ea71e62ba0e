package ui

import (
	"maps"
	"slices"

	"punctual/models"
)

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
	More   int  // labels not shown
	Pick   bool // it can be selected
}

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

// LabelURL lists the jobs with a label.
func (Row) LabelURL(l Line) string {
	return SearchURL(models.JobFilter{Labels: models.Labels{l.Name: l.Value}}.Search())
}
