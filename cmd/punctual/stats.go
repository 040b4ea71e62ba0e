package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/urfave/cli/v3"
)

func (a *app) stats() *cli.Command {
	c := a.verb("stats", "", "show what is owed and what came of calls lately", []cli.Flag{
		&cli.StringFlag{Name: "window", Usage: "how far to look back: `1h|24h|7d`", DefaultText: "1h"},
		&cli.StringFlag{Name: "target", Usage: "of this `TARGET` alone"},
	}, showStats)
	c.Flags = append(c.Flags, clientFlags()...)
	return c
}

// showStats leaves the series out of what it shows to people.
func showStats(ctx context.Context, c *call) error {
	query := url.Values{}
	for _, name := range []string{"window", "target"} {
		if v := c.cmd.String(name); v != "" {
			query.Set(name, v)
		}
	}
	r := request{method: http.MethodGet, path: "/v1/stats", query: query}
	if c.json {
		return c.one(ctx, r)
	}
	answer, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	var shown struct {
		Window   json.RawMessage `json:"window"`
		Backlog  json.RawMessage `json:"backlog"`
		Jobs     json.RawMessage `json:"jobs"`
		Calls    json.RawMessage `json:"calls"`
		Ended    json.RawMessage `json:"ended"`
		Latency  json.RawMessage `json:"latency"`
		Lateness json.RawMessage `json:"lateness"`
	}
	if err := json.Unmarshal(answer.body, &shown); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return c.show(encode(shown))
}
