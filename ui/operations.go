package ui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/models"
)

// AskMany asks whether something shall really be done with all jobs that a search finds.
type AskMany struct {
	Frame
	Operation *models.Operation // not begun, with what it would come to
	Faults    []Fault
	Back      string // the search that it was asked from
}

func (*AskMany) template() string { return "many" }

// Act is what would be done.
func (p *AskMany) Act() Act { act, _ := ActOf(string(p.Operation.Action)); return act }

// BackURL is the list that it was asked from.
func (p *AskMany) BackURL() string { return SearchURL(p.Back) }

// Operations are the things that were done with many jobs, newest first.
type Operations struct {
	Frame
	Operations []*models.Operation
	Next       string
	Older      bool
}

func (*Operations) template() string { return "operations" }

// Rows are the operations as they are drawn.
func (p *Operations) Rows() []OperationRow {
	out := make([]OperationRow, len(p.Operations))
	for i, o := range p.Operations {
		out[i] = p.operationRow(o)
	}
	return out
}

// NextURL is the address of the next page.
func (p *Operations) NextURL() string { return withCursor("/operations", nil, p.Next) }

// NewestURL is the address of the first page.
func (p *Operations) NewestURL() string { return "/operations" }

// OperationRow is an operation in a list.
type OperationRow struct {
	*models.Operation
	Sign  Sign
	Label string // of what is done
	Began Moment
	Ended Moment // empty: it runs
	Share Meter  // done or failed
}

func (f *Frame) operationRow(o *models.Operation) OperationRow {
	act, _ := ActOf(string(o.Action))
	row := OperationRow{Operation: o, Label: act.Label, Began: f.At(o.CreatedAt), Ended: f.At(o.FinishedAt),
		Sign: Sign{"run", "running"}, Share: meterOf(float64(o.Done+o.Failed), float64(max(o.Matched, o.Done+o.Failed)))}
	row.Share.Sign = "accent"
	switch {
	case o.FinishedAt.IsZero():
		return row
	case o.State == models.OperationCanceled:
		row.Sign = Sign{"off", "canceled"}
	case o.Failed > 0:
		row.Sign = Sign{"again", "done"}
	default:
		row.Sign = Sign{"ok", "done"}
	}
	return row
}

// All is what it was asked to do it with.
func (o OperationRow) All() string { return thousands(o.Matched) }

// So is how many it was done with.
func (o OperationRow) So() string { return thousands(o.Done) }

// Not is how many it did not fit any more.
func (o OperationRow) Not() string { return thousands(o.Operation.Failed) }

// Operation is one of them.
type Operation struct {
	Frame
	Operation *models.Operation
}

func (*Operation) template() string { return "operation" }

// Row is the operation as lists draw it.
func (p *Operation) Row() OperationRow { return p.operationRow(p.Operation) }

// Runs tells whether it has not ended.
func (p *Operation) Runs() bool { return p.Operation.FinishedAt.IsZero() }

// Progress is how far it is, in a sentence.
func (p *Operation) Progress() string {
	o := p.Operation
	s := fmt.Sprintf("%s of %s jobs", thousands(o.Done+o.Failed), thousands(max(o.Matched, o.Done+o.Failed)))
	took := o.FinishedAt.Sub(o.CreatedAt)
	if p.Runs() {
		took = p.Now.Sub(o.CreatedAt)
	}
	if done := o.Done + o.Failed; took > time.Second && done > 0 {
		s += fmt.Sprintf(", %s in a second", thousands(int(float64(done)/took.Seconds())))
	}
	return s
}

// Lifetime is how long it took, or runs.
func (p *Operation) Lifetime() string {
	return span(cmp.Or(p.Operation.FinishedAt, p.Now).Sub(p.Operation.CreatedAt))
}

// Missed are the reasons for which jobs were left as they were, the most frequent first.
func (p *Operation) Missed() []Line {
	var out []Line
	for _, why := range slices.SortedFunc(maps.Keys(p.Operation.Failures), func(a, b string) int {
		return cmp.Or(p.Operation.Failures[b]-p.Operation.Failures[a], cmp.Compare(a, b))
	}) {
		out = append(out, Line{visible(why), thousands(p.Operation.Failures[why])})
	}
	return out
}
