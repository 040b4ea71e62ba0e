package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/urfave/cli/v3"
)

const nodesPath = "/v1/nodes"

type nodeRow struct {
	ID          string     `json:"id"`
	Version     string     `json:"version"`
	State       string     `json:"state"`
	StartedAt   *time.Time `json:"started_at"`
	HeartbeatAt *time.Time `json:"heartbeat_at"`
	Shards      int        `json:"shards"`
	InFlight    int        `json:"in_flight"`
	Slots       int        `json:"slots"`
	SkewMS      float64    `json:"skew_ms"`
}

var nodeView = view[nodeRow]{
	titles: []string{"ID", "STATE", "VERSION", "STARTED", "HEARTBEAT", "SHARDS", "OUT", "CLOCK"},
	row: func(r nodeRow, now time.Time) []string {
		clock := ""
		if skew := time.Duration(r.SkewMS * float64(time.Millisecond)); skew.Abs() >= time.Second {
			clock = fmt.Sprintf("%+.1f s", skew.Seconds())
		}
		return []string{r.ID, r.State, r.Version, ago(r.StartedAt, now), ago(r.HeartbeatAt, now), count(r.Shards),
			fmt.Sprintf("%d/%d", r.InFlight, r.Slots), clock}
	},
	name: func(r nodeRow) string { return r.ID },
}

func (a *app) nodes() *cli.Command {
	c := a.verb("nodes", "", "list the processes that work on the database", nil, func(ctx context.Context, c *call) error {
		return listFrom(ctx, c, request{method: http.MethodGet, path: nodesPath}, nodeView)
	})
	c.Flags = append(c.Flags, clientFlags()...)
	return c
}
