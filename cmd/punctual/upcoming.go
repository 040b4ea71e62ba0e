package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"punctual/models"
)

type upcomingRow struct {
	DueAt    time.Time `json:"due_at"`
	Local    string    `json:"local"`
	Schedule string    `json:"schedule"`
	Target   string    `json:"target"`
	Note     string    `json:"note"`
}

var upcomingView = view[upcomingRow]{
	titles: []string{"DUE", "IN", "SCHEDULE", "TARGET", "LOCAL", "NOTE"},
	row: func(r upcomingRow, now time.Time) []string {
		return []string{stamp(r.DueAt), distance(r.DueAt, now), r.Schedule, r.Target, r.Local, r.Note}
	},
	name: func(r upcomingRow) string { return r.Schedule },
}

func (a *app) upcoming() *cli.Command {
	c := a.verb("upcoming", "", "list the coming runs of all schedules, soonest first", []cli.Flag{
		&cli.StringFlag{Name: "within", Usage: "`DURATION` to look ahead, at most 366d", DefaultText: "1h"},
		&cli.StringFlag{Name: "target", Usage: "of this `TARGET` alone"},
		&cli.IntFlag{Name: "limit", Value: models.DefaultPage, Usage: "`NUMBER` of runs at most, up to 500"},
	}, showUpcoming)
	c.Flags = append(c.Flags, clientFlags()...)
	return c
}

func showUpcoming(ctx context.Context, c *call) error {
	query := c.chosen([]filter{{"within", "within", ""}, {"target", "target", ""}})
	query.Set("limit", strconv.Itoa(c.cmd.Int("limit")))
	answer, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/upcoming", query: query})
	if err != nil {
		return err
	}
	if c.json && !c.bare {
		return indent(c.app.stdout, answer.body)
	}
	var runs struct {
		Items     []json.RawMessage `json:"items"`
		Truncated bool              `json:"truncated"`
	}
	if err := json.Unmarshal(answer.body, &runs); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if err := showItems(c, runs.Items, upcomingView, true); err != nil {
		return err
	}
	if runs.Truncated {
		fmt.Fprintln(c.app.stderr, "there is more: --limit shows more, --within less")
	}
	return nil
}
