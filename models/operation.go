package models

import (
	"reflect"
	"slices"
	"time"
)

// Action is what an operation does to each of its jobs.
type Action string

// The actions of operations, each as on a single job.
const (
	ActRetry  Action = "retry"
	ActRerun  Action = "rerun"
	ActCancel Action = "cancel"
	ActRun    Action = "run"
	ActDelete Action = "delete"
)

// Actions lists every action.
var Actions = []Action{ActRetry, ActRerun, ActCancel, ActRun, ActDelete}

// OperationState is where an operation stands.
type OperationState string

// The states of an operation; the last two are final.
const (
	OperationRunning  OperationState = "running"
	OperationDone     OperationState = "done"
	OperationCanceled OperationState = "canceled"
)

// Operation is one action on all jobs that a filter chooses: those that existed when it was asked for, and that the
// filter still chooses when they are come to, newest first, each once.
type Operation struct {
	ID         string `gorm:"primaryKey"`
	Action     Action
	Search     string   // the filter, as ParseSearch reads it
	Reach      []string `gorm:"serializer:json"` // names of the targets whose jobs it keeps to; nil: all. MatchOperation sets it
	State      OperationState
	Matched    int            // jobs that the filter chose when it was asked for; what happens meanwhile is not followed
	Done       int            // jobs to which it was done
	Failed     int            // jobs that the action did not fit
	Failures   map[string]int `gorm:"serializer:json"` // of Failed: how many for which reason, at most maxFailures reasons
	Position   string         // the id of the job before which it goes on
	CreatedAt  time.Time      `gorm:"serializer:micro;autoCreateTime:false"`
	UpdatedAt  time.Time      `gorm:"serializer:micro;autoUpdateTime:false"`
	FinishedAt time.Time      `gorm:"serializer:micro"`
}

const (
	maxFailures  = 8 // reasons that are told apart
	otherReasons = "other reasons"
)

// NewOperation makes an operation on the jobs that exist now. It returns Invalids if the action is none, or if the filter
// chooses all jobs or cannot be.
func NewOperation(action Action, f JobFilter, now time.Time) (*Operation, error) {
	var bad Invalids
	if !slices.Contains(Actions, action) {
		bad.add("action", "must be one of "+join(Actions))
	}
	if f.Empty() {
		bad.add("filter", "must choose: an action on all jobs there are is not taken")
	}
	bad.under("filter.", f.Validate())
	if len(bad) > 0 {
		return nil, bad
	}
	again, err := ParseSearch(f.Search(), now)
	if bad.under("filter.", err); len(bad) > 0 {
		return nil, bad
	}
	if !reflect.DeepEqual(f.plain(), again.plain()) {
		return nil, &Invalid{"filter", "must hold text only"}
	}
	now = Stamp(now)
	return &Operation{ID: newID(prefixOperation), Action: action, Search: f.Search(), State: OperationRunning,
		Failures: map[string]int{}, Position: NewJobID(), CreatedAt: now, UpdatedAt: now}, nil
}

// plain is the filter in one of the forms that mean the same.
func (f JobFilter) plain() JobFilter {
	f.States = slices.Clone(f.States)
	slices.Sort(f.States)
	f.States = slices.Compact(f.States)
	if len(f.States) == 0 {
		f.States = nil
	}
	if len(f.Labels) == 0 {
		f.Labels = nil
	}
	for _, t := range []*time.Time{&f.CreatedAfter, &f.CreatedBefore, &f.DueBefore} {
		*t = ceilMilliOrZero(*t)
	}
	return f
}

// Filter is what the operation chooses jobs by.
func (o *Operation) Filter() (JobFilter, error) {
	f, err := ParseSearch(o.Search, o.CreatedAt)
	f.Reach = o.Reach
	return f, err
}

// inReach tells whether the operation comes to jobs of targets in reach only: then whoever has that reach may see it and
// stop it.
func (o *Operation) inReach(reach []string) bool {
	if reach == nil {
		return true
	}
	f, err := o.Filter()
	if err == nil && f.Target != "" {
		return inReach(reach, f.Target)
	}
	return o.Reach != nil && !slices.ContainsFunc(o.Reach, func(name string) bool { return !inReach(reach, name) })
}

// fail counts a job that the action did not fit.
func (o *Operation) fail(why string) {
	o.Failed++
	if o.Failures == nil {
		o.Failures = map[string]int{}
	}
	if _, known := o.Failures[why]; !known && len(o.Failures) >= maxFailures {
		why = otherReasons
	}
	o.Failures[why]++
}

// end gives the operation its final state.
func (o *Operation) end(state OperationState, now time.Time) {
	o.State, o.FinishedAt = state, Stamp(now)
}
