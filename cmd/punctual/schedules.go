package main

import (
	"context"
	"net/http"
	"time"

	"github.com/urfave/cli/v3"
)

const schedulesPath = "/v1/schedules"

type scheduleRow struct {
	Name         string      `json:"name"`
	Target       string      `json:"target"`
	Cron         string      `json:"cron"`
	Every        string      `json:"every"`
	Timezone     string      `json:"timezone"`
	State        string      `json:"state"`
	PausedReason string      `json:"paused_reason"`
	NextRuns     []time.Time `json:"next_runs"`
	LastJob      *jobRow     `json:"last_job"`
}

var scheduleView = view[scheduleRow]{
	titles: []string{"NAME", "TARGET", "WHEN", "STATE", "NEXT", "LAST JOB"},
	row: func(s scheduleRow, now time.Time) []string {
		when, next, last := s.Cron+"  "+s.Timezone, "", ""
		if s.Every != "" {
			when = "every " + s.Every
		}
		if len(s.NextRuns) > 0 {
			next = distance(s.NextRuns[0], now)
		}
		if s.LastJob != nil {
			last = s.LastJob.State
		}
		return []string{s.Name, s.Target, when, because(s.State, s.PausedReason), next, last}
	},
	name: func(s scheduleRow) string { return s.Name },
}

type occurrenceRow struct {
	At      time.Time `json:"at"`
	Until   time.Time `json:"until"`
	Count   int       `json:"count"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason"`
	Job     *jobRow   `json:"job"`
}

var occurrenceView = view[occurrenceRow]{
	titles: []string{"AT", "UNTIL", "COUNT", "OUTCOME", "JOB", "STATE"},
	row: func(o occurrenceRow, _ time.Time) []string {
		id, state := o.name(), ""
		if o.Job != nil {
			state = o.Job.State
		}
		return []string{stamp(o.At), stamp(o.Until), count(o.Count), because(o.Outcome, o.Reason), id, state}
	},
	name: occurrenceRow.name,
}

func (o occurrenceRow) name() string {
	if o.Job == nil {
		return ""
	}
	return o.Job.ID
}

type comingRow struct {
	At    time.Time `json:"at"`
	Local string    `json:"local"`
	Note  string    `json:"note"`
}

var comingView = view[comingRow]{
	titles: []string{"AT", "LOCAL", "IN", "NOTE"},
	row: func(c comingRow, now time.Time) []string {
		return []string{stamp(c.At), c.Local, distance(c.At, now), c.Note}
	},
	name: func(c comingRow) string { return stamp(c.At) },
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// timingFields say when a schedule runs.
var timingFields = []field{
	{"cron", "`EXPRESSION` of five fields, or six with seconds first", asText},
	{"every", "`DURATION` from one run to the next", asText},
	{"timezone", "IANA `ZONE` of --cron, UTC if left out", asText},
	{"day_match", "with both day fields set, `any|all` of them must match", asText},
	{"dst_gap", "a run that clocks jump over: `run_after|skip`", asText},
	{"dst_repeat", "a run that clocks pass twice: `first|last|both`", asText},
	{"start_at", "no run before this `TIME`", asText},
	{"end_at", "no run at or after this `TIME`", asText},
}

// scheduleFields are what may be changed of a schedule.
var scheduleFields = append(append([]field{
	{"target", "`TARGET` that is called", asText},
	{"description", "`TEXT` for people", asText},
	{"jitter", "`DURATION` over which runs are spread", asText},
	{"overlap", "a run due while one is unfinished: `skip|queue|queue_all|cancel_running|allow`", asText},
	{"retry_past_next", "a job between attempts holds the next run up", asBool},
	{"catch_up", "runs missed while nothing ran: `none|last|all`", asText},
	{"catch_up_window", "`DURATION` after which a missed run is not made up", asText},
	{"max_runs", "end after this `NUMBER` of runs", asNumber},
	{"pause_after_failures", "pause after this `NUMBER` of failed jobs in a row", asNumber},
}, timingFields...), madeFields...)

func (a *app) schedules() *cli.Command {
	return a.noun("schedules", "cron lines and intervals that keep making jobs",
		a.verb("create", "[NAME]", "make a schedule", bodyFlags(scheduleFields),
			func(ctx context.Context, c *call) error { return a.makeNamed(ctx, c, schedulesPath, scheduleFields) }),
		list(a, "list", "", "list schedules by name", schedulesPath, scheduleView,
			filter{"target", "target", "of this `TARGET`"}),
		a.get("NAME...", "show a schedule", schedulesPath, ""),
		a.verb("update", "NAME", "change the fields that have flags", bodyFlags(scheduleFields, resetFlag()),
			func(ctx context.Context, c *call) error { return a.patch(ctx, c, schedulesPath, scheduleFields) }),
		a.verb("put", "NAME", "create a schedule, or replace all its settings", bodyFlags(scheduleFields),
			func(ctx context.Context, c *call) error { return a.put(ctx, c, schedulesPath, scheduleFields) }),
		a.remove("NAME...", "delete a schedule; jobs already made go on", schedulesPath,
			&cli.BoolFlag{Name: "cancel-jobs", Usage: "also cancel its unfinished jobs"}),
		a.action("pause", "NAME...", "pass runs over, without making them up later", schedulesPath,
			field{"reason", "`TEXT` for people", asText}, field{"until", "`TIME` at which it resumes by itself", asText}),
		a.action("resume", "NAME...", "let runs happen again", schedulesPath),
		a.verb("trigger", "NAME...", "make one job now, whatever the schedule says",
			[]cli.Flag{bodyFields[0].flag(), idempotencyFlag()}, a.trigger),
		a.verb("backfill", "NAME", "make the jobs of past runs that have none",
			append(fieldFlags(backfillFields), idempotencyFlag()), a.backfill),
		a.verb("preview", "", "show when a schedule with this timing would run", bodyFlags(previewFields), a.preview),
		list(a, "occurrences", "NAME", "list what became of each run, newest first",
			schedulesPath+"/%s/occurrences", occurrenceView),
	)
}

var backfillFields = []field{
	{"from", "runs at or after this `TIME`", asText},
	{"to", "runs before this `TIME`", asText},
	{"dry_run", "only count them", asBool},
}

var previewFields = append([]field{
	{"after", "runs after this `TIME`, now if left out", asText},
	{"inclusive", "also one at --after itself", asBool},
	{"count", "`NUMBER` of runs, up to 100", asNumber},
}, timingFields...)

func fieldFlags(fields []field) []cli.Flag { return bodyFlags(fields)[1:] }

func (a *app) trigger(ctx context.Context, c *call) error {
	body, err := a.body(c.cmd, bodyFields[:1], nil)
	if err != nil {
		return err
	}
	return c.each(ctx, func(name string) request {
		return request{method: http.MethodPost, path: schedulesPath + "/" + name + "/trigger", header: once(c), body: body}
	})
}

func (a *app) backfill(ctx context.Context, c *call) error {
	body, err := a.body(c.cmd, backfillFields, nil)
	if err != nil {
		return err
	}
	return c.one(ctx, request{method: http.MethodPost, path: schedulesPath + "/" + c.arg(0) + "/backfill",
		header: once(c), body: body})
}

func (a *app) preview(ctx context.Context, c *call) error {
	body, err := a.body(c.cmd, previewFields, nil)
	if err != nil {
		return err
	}
	return listFrom(ctx, c, request{method: http.MethodPost, path: schedulesPath + "/preview", body: body}, comingView)
}
