package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"
)

const operationsPath = "/v1/operations"

type operationRow struct {
	ID        string     `json:"id"`
	Action    string     `json:"action"`
	Search    string     `json:"search"`
	State     string     `json:"state"`
	Matched   int        `json:"matched"`
	Done      int        `json:"done"`
	Failed    int        `json:"failed"`
	CreatedAt *time.Time `json:"created_at"`
}

var operationView = view[operationRow]{
	titles: []string{"ID", "ACTION", "JOBS", "STATE", "MATCHED", "DONE", "FAILED", "CREATED"},
	row: func(o operationRow, now time.Time) []string {
		return []string{o.ID, o.Action, o.Search, o.State, count(o.Matched), count(o.Done), count(o.Failed), ago(o.CreatedAt, now)}
	},
	name: func(o operationRow) string { return o.ID },
}

func (a *app) operations() *cli.Command {
	return a.noun("operations", "actions on all jobs of a filter; jobs retry --all and the like make them",
		list(a, "list", "", "list operations, newest first", operationsPath, operationView),
		a.get("ID...", "show an operation", operationsPath, ""),
		a.action("cancel", "ID...", "stop an operation; what it has done stays done", operationsPath),
	)
}

// jobFilters are the filters of jobs, of the list and of operations.
var jobFilters = []filter{
	{"target", "target", "of this `TARGET`"},
	{"state", "state", "in this state: `scheduled|running|succeeded|failed|canceled|retrying` (repeatable)"},
	{"schedule", "schedule", "of this `SCHEDULE`"},
	{"label", "label", "with this label: `NAME=VALUE` (repeatable)"},
	{"origin", "origin", "made by: `api|schedule|trigger|backfill|rerun`"},
	{"created-after", "created_after", "created at or after this `TIME`"},
	{"created-before", "created_before", "created before this `TIME`"},
	{"due-before", "due_before", "whose next attempt is due before this `TIME`"},
	{"status-code", "status_code", "whose last attempt was answered with this `CODE`"},
	{"id-prefix", "q", "whose id begins with this `TEXT`"},
}

var (
	errNoJobs  = errors.New("needs ID... or --all with filters")
	errBoth    = errors.New("takes ID... or --all, not both")
	errNotAll  = errors.New("--dry-run, --wait and the filters go with --all")
	errPayload = errors.New("--payload goes with ID...: with --all each job keeps its own")
	errFilters = errors.New("--all needs at least one filter, such as --state failed")
)

// manyJobs makes of an action on jobs by their ids one that also takes all jobs of a filter.
func (a *app) manyJobs(c *cli.Command) *cli.Command {
	each := c.Action
	all := a.verb(c.Name, "", c.Usage, nil, func(ctx context.Context, call *call) error { return call.operate(ctx, c.Name) })
	c.ArgsUsage = "[ID...]"
	c.Flags = append(c.Flags, &cli.BoolFlag{Name: "all", HideDefault: true, Usage: "all jobs of the filters below, as an operation"},
		&cli.BoolFlag{Name: "dry-run", HideDefault: true, Usage: "with --all: only count them"},
		&cli.BoolFlag{Name: "wait", HideDefault: true, Usage: "with --all: until it is done, with progress"})
	for _, f := range jobFilters {
		c.Flags = append(c.Flags, f.asFlag())
	}
	c.Action = func(ctx context.Context, cmd *cli.Command) error {
		filtered := cmd.Bool("dry-run") || cmd.Bool("wait")
		for _, f := range jobFilters {
			filtered = filtered || cmd.IsSet(f.flag)
		}
		switch {
		case cmd.Bool("all") && cmd.Args().Present():
			return misused(cmd, errBoth)
		case cmd.Bool("all") && cmd.IsSet("payload"):
			return misused(cmd, errPayload)
		case cmd.Bool("all"):
			return all.Action(ctx, cmd)
		case filtered:
			return misused(cmd, errNotAll)
		case !cmd.Args().Present():
			return misused(cmd, errNoJobs)
		}
		return each(ctx, cmd)
	}
	return c
}

// operate makes an operation of the filters that are given.
func (c *call) operate(ctx context.Context, action string) error {
	chosen := object{}
	for _, f := range jobFilters {
		if !c.cmd.IsSet(f.flag) {
			continue
		}
		if many, ok := c.repeated(f); ok {
			chosen[f.query] = encode(many)
		} else if n, err := strconv.Atoi(c.cmd.String(f.flag)); f.query == "status_code" && err == nil {
			chosen[f.query] = encode(n)
		} else {
			chosen[f.query] = encode(c.cmd.String(f.flag))
		}
	}
	if len(chosen) == 0 {
		return misused(c.cmd, errFilters)
	}
	body := object{"action": encode(action), "filter": encode(chosen), "dry_run": encode(c.cmd.Bool("dry-run"))}
	answer, err := c.do(ctx, request{method: http.MethodPost, path: operationsPath, header: once(c), body: encode(body)})
	if err != nil {
		return err
	}
	c.noteReplay(answer)
	if !c.cmd.Bool("wait") || c.cmd.Bool("dry-run") {
		return c.show(answer.body)
	}
	return c.waitFor(ctx, answer.body)
}

// operationBeat is the time between two looks at an operation.
const operationBeat = 500 * time.Millisecond

// waitFor tells of an operation's progress until it is over, then shows it.
func (c *call) waitFor(ctx context.Context, raw json.RawMessage) error {
	tick := time.NewTicker(operationBeat)
	defer tick.Stop()
	for {
		var o operationRow
		if err := json.Unmarshal(raw, &o); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if o.State != "running" {
			return c.show(raw)
		}
		fmt.Fprintf(c.app.stderr, "%d of %d done, %d failed\n", o.Done, o.Matched, o.Failed)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		answer, err := c.do(ctx, request{method: http.MethodGet, path: operationsPath + "/" + o.ID})
		if err != nil {
			return err
		}
		raw = answer.body
	}
}
