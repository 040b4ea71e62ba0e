package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"
)

const jobsPath = "/v1/jobs"

type jobRow struct {
	ID          string      `json:"id"`
	Target      string      `json:"target"`
	State       string      `json:"state"`
	Reason      string      `json:"reason"`
	HeldBy      string      `json:"held_by"`
	Schedule    string      `json:"schedule"`
	RunAt       *time.Time  `json:"run_at"`
	Attempts    int         `json:"attempts"`
	MaxAttempts int         `json:"max_attempts"`
	LastAttempt *attemptRow `json:"last_attempt"`
	CreatedAt   *time.Time  `json:"created_at"`
	FinishedAt  *time.Time  `json:"finished_at"`
}

var jobView = view[jobRow]{
	titles: []string{"ID", "TARGET", "STATE", "ATTEMPTS", "LAST", "RUNS", "SCHEDULE", "CREATED"},
	row: func(j jobRow, now time.Time) []string {
		last, state := "", because(j.State, j.Reason)
		if j.LastAttempt != nil {
			last = j.LastAttempt.result()
		}
		if j.HeldBy != "" {
			state = because(j.State, "held: "+j.HeldBy)
		}
		runs := ago(j.RunAt, now)
		if j.FinishedAt != nil && j.RunAt != nil && j.RunAt.After(*j.FinishedAt) {
			runs = "" // it never will
		}
		return []string{j.ID, j.Target, state, count(j.Attempts) + "/" + count(j.MaxAttempts), last,
			runs, j.Schedule, ago(j.CreatedAt, now)}
	},
	name: func(j jobRow) string { return j.ID },
}

// because is a state with what is to be said about it.
func because(state, reason string) string {
	if reason == "" || reason == state {
		return state
	}
	return state + " (" + reason + ")"
}

func count(n int) string { return strconv.Itoa(n) }

// bodyFields are the three ways to say what is sent.
var bodyFields = []field{
	{"payload", "`JSON` that is sent as it stands; @FILE or - to read it", asJSON},
	{"body", "`TEXT` that is sent; @FILE or - to read it", asContent},
	{"body_base64", "`BASE64` of bytes that are sent", asContent},
	{"content_type", "`TYPE` of --body or --body-base64", asText},
}

// madeFields are what a job and what each job of a schedule is made with.
var madeFields = append([]field{
	{"path", "`PATH` below the target's URL", asText},
	{"headers", "`NAME=VALUE` sent besides the target's (repeatable)", asPairs},
	{"labels", "`NAME=VALUE` to find it by (repeatable)", asPairs},
	{"priority", "among the target's due jobs: `high|normal|low`", asText},
	{"timeout", "`DURATION` of a call at most, over the target's", asText},
	{"expires_in", "`DURATION` after which no attempt begins", asText},
}, append(bodyFields, retryFields...)...)

// jobFields are what a new job is made with.
var jobFields = append([]field{
	{"delay", "`DURATION` to wait before the first attempt", asText},
	{"run_at", "`TIME` of the first attempt, such as 2027-01-31T09:00:00Z", asText},
	{"expires_at", "`TIME` from which on no attempt begins", asText},
	{"key", "`KEY` under which the target has this job once, however often it is asked for", asText},
}, madeFields...)

// jobChanges are what may be changed of a job.
var jobChanges = []field{
	{"run_at", "`TIME` of the next attempt", asText},
	{"priority", "among the target's due jobs: `high|normal|low`", asText},
	{"expires_at", "`TIME` from which on no attempt begins", asText},
	{"payload", "`JSON` that is sent as it stands; @FILE or - to read it", asJSON},
	{"headers", "`NAME=VALUE` sent besides the target's (repeatable)", asPairs},
	{"labels", "`NAME=VALUE` to find it by (repeatable)", asPairs},
}

func idempotencyFlag() cli.Flag {
	return &cli.StringFlag{Name: "idempotency-key", Usage: "`KEY` that makes asking again harmless"}
}

// once is the header of a request that may be repeated.
func once(c *call) http.Header {
	if key := c.cmd.String("idempotency-key"); key != "" {
		return http.Header{"Idempotency-Key": {key}}
	}
	return nil
}

func (a *app) jobs() *cli.Command {
	return a.noun("jobs", "calls owed to targets",
		a.verb("create", "[TARGET]", "owe a target a call, now or later", bodyFlags(jobFields, idempotencyFlag()), a.createJob),
		a.verb("batch", "", `create up to 1000 jobs, all or none: -f FILE with {"jobs": [...]}`,
			bodyFlags(nil, idempotencyFlag()), a.createBatch),
		list(a, "list", "", "list jobs, newest first", jobsPath, jobView, jobFilters...),
		a.exportOf(),
		a.get("ID...", "show a job", jobsPath, ""),
		a.verb("attempts", "ID", "list the attempts of a job, oldest first", nil, a.attemptsOf),
		a.verb("update", "ID", "change the fields that have flags, while the job is scheduled",
			bodyFlags(jobChanges, resetFlag()),
			func(ctx context.Context, c *call) error { return a.patch(ctx, c, jobsPath, jobChanges) }),
		a.manyJobs(a.remove("ID...", "forget a job that has ended", jobsPath)),
		a.manyJobs(a.action("cancel", "ID...", "make no further attempt; a call that is out is cut off", jobsPath)),
		a.manyJobs(a.action("run", "ID...", "make a scheduled job due now", jobsPath)),
		a.manyJobs(a.action("retry", "ID...", "make a failed or canceled job due now, with all its attempts anew", jobsPath)),
		a.manyJobs(a.verb("rerun", "ID...", "make a new job like one that has ended",
			[]cli.Flag{bodyFields[0].flag(), idempotencyFlag()}, a.rerun)),
		a.verb("watch", "[ID]", "print changes as they happen; with an ID until that job has ended", watchFlags(), a.watchJobs),
	)
}

func (a *app) createJob(ctx context.Context, c *call) error {
	set := object{}
	if len(c.args) > 0 {
		set["target"] = encode(c.args[0])
	}
	body, err := a.body(c.cmd, jobFields, set)
	if err != nil {
		return err
	}
	return c.one(ctx, request{method: http.MethodPost, path: jobsPath, header: once(c), body: body})
}

func (a *app) createBatch(ctx context.Context, c *call) error {
	body, err := a.body(c.cmd, nil, nil)
	if err != nil {
		return err
	}
	return listFrom(ctx, c, request{method: http.MethodPost, path: jobsPath + "/batch", header: once(c), body: body}, jobView)
}

func (a *app) attemptsOf(ctx context.Context, c *call) error {
	return listFrom(ctx, c, request{method: http.MethodGet, path: jobsPath + "/" + c.arg(0) + "/attempts"}, attemptView)
}

func (a *app) rerun(ctx context.Context, c *call) error {
	body, err := a.body(c.cmd, bodyFields[:1], nil)
	if err != nil {
		return err
	}
	return c.each(ctx, func(id string) request {
		return request{method: http.MethodPost, path: jobsPath + "/" + id + "/rerun", header: once(c), body: body}
	})
}
