package server

import (
	"maps"
	"slices"

	"punctual/models"
)

// operationOut is an operation as the API shows it.
type operationOut struct {
	ID         *string      `json:"id" example:"op_01kcr3x5yw9m0bq4t6z8d2e7fn" doc:"null of a dry run."`
	Action     string       `json:"action" enum:"retry,rerun,cancel,run,delete"`
	Filter     jobFilterOut `json:"filter"`
	Search     string       `json:"search" example:"target:billing state:failed" doc:"The filter as words."`
	Targets    []string     `json:"targets" nullable:"true" doc:"Names of those whose jobs it keeps to, because the key that asked for it is bound to them; null: all."`
	State      string       `json:"state" enum:"running,done,canceled,dry_run"`
	Matched    int          `json:"matched" doc:"Jobs that the filter chose when it was asked for. What happens to them meanwhile is not followed."`
	Done       int          `json:"done" doc:"Jobs to which it was done."`
	Failed     int          `json:"failed" doc:"Jobs that the action did not fit."`
	Failures   []failureOut `json:"failures" doc:"Why it did not fit them, the most frequent first."`
	CreatedAt  moment       `json:"created_at"`
	UpdatedAt  moment       `json:"updated_at"`
	FinishedAt *moment      `json:"finished_at" nullable:"true"`
}

type failureOut struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// jobFilterOut is a filter of jobs; what is left out chooses all.
type jobFilterOut struct {
	Target        string   `json:"target,omitempty"`
	State         []string `json:"state,omitempty"`
	Schedule      string   `json:"schedule,omitempty"`
	Label         []string `json:"label,omitempty"`
	Origin        string   `json:"origin,omitempty"`
	StatusCode    int      `json:"status_code,omitempty"`
	CreatedAfter  *moment  `json:"created_after,omitempty"`
	CreatedBefore *moment  `json:"created_before,omitempty"`
	DueBefore     *moment  `json:"due_before,omitempty"`
	Q             string   `json:"q,omitempty"`
}

// operationIn is an operation as it is asked for.
type operationIn struct {
	Action string      `json:"action" enum:"retry,rerun,cancel,run,delete" doc:"As on a single job."`
	Filter jobFilterIn `json:"filter" doc:"As of GET /v1/jobs; at least one field."`
	DryRun bool        `json:"dry_run,omitempty" doc:"Only count what matches."`
}

type jobFilterIn struct {
	Target        string   `json:"target,omitempty" doc:"Name of the target."`
	State         []string `json:"state,omitempty" doc:"Any of scheduled, running, succeeded, failed, canceled and retrying."`
	Schedule      string   `json:"schedule,omitempty" doc:"Name of the schedule."`
	Label         []string `json:"label,omitempty" doc:"key:value; all of them."`
	Origin        string   `json:"origin,omitempty" enum:"api,schedule,trigger,backfill,rerun"`
	StatusCode    int      `json:"status_code,omitempty" doc:"Its last attempt on record was answered with it."`
	CreatedAfter  *moment  `json:"created_after,omitempty" doc:"Made at or after it."`
	CreatedBefore *moment  `json:"created_before,omitempty" doc:"Made before it."`
	DueBefore     *moment  `json:"due_before,omitempty" doc:"Its run_at is before it."`
	Q             string   `json:"q,omitempty" doc:"How its id begins, with or without job_."`
}

// filter is what in chooses; the error is an Invalid without the word filter before its field.
func (in *jobFilterIn) filter() (models.JobFilter, error) {
	f := models.JobFilter{Target: in.Target, Schedule: in.Schedule, Origin: models.Origin(in.Origin), StatusCode: in.StatusCode,
		CreatedAfter: in.CreatedAfter.value(), CreatedBefore: in.CreatedBefore.value(), DueBefore: in.DueBefore.value()}
	return f, chooseWords(&f, in.State, in.Label, in.Q)
}

func jobFilterView(f models.JobFilter) jobFilterOut {
	out := jobFilterOut{Target: f.Target, Schedule: f.Schedule, Origin: string(f.Origin), StatusCode: f.StatusCode, Q: f.Prefix,
		CreatedAfter: optionalMoment(f.CreatedAfter), CreatedBefore: optionalMoment(f.CreatedBefore),
		DueBefore: optionalMoment(f.DueBefore)}
	for _, s := range f.States {
		out.State = append(out.State, string(s))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Labels)) {
		out.Label = append(out.Label, key+":"+f.Labels[key])
	}
	return out
}

func operationView(o *models.Operation) operationOut {
	// What is kept was read when it was made: a filter that cannot be read any more is shown as words only.
	filter, _ := o.Filter()
	out := operationOut{ID: optional(o.ID), Action: string(o.Action), Filter: jobFilterView(filter), Search: o.Search,
		Targets: o.Reach, State: string(o.State), Matched: o.Matched, Done: o.Done, Failed: o.Failed, Failures: []failureOut{},
		CreatedAt: momentOf(o.CreatedAt), UpdatedAt: momentOf(o.UpdatedAt), FinishedAt: optionalMoment(o.FinishedAt)}
	for _, why := range slices.Sorted(maps.Keys(o.Failures)) {
		out.Failures = append(out.Failures, failureOut{why, o.Failures[why]})
	}
	slices.SortStableFunc(out.Failures, func(a, b failureOut) int { return b.Count - a.Count })
	return out
}
