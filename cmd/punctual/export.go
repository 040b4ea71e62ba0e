package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/urfave/cli/v3"
)

// exportOf is the verb that writes all jobs of a filter to stdout, as the API gives them.
func (a *app) exportOf() *cli.Command {
	flags := []cli.Flag{&cli.StringFlag{Name: "format", Usage: "`csv|json`; json is an object a line", DefaultText: "csv"}}
	for _, f := range jobFilters {
		flags = append(flags, f.asFlag())
	}
	return a.verb("export", "", "write all jobs of a filter, newest first", flags, exportJobs)
}

// exportJobs passes the answer on as it comes: it may be larger than memory.
func exportJobs(ctx context.Context, c *call) error {
	query := c.chosen(jobFilters)
	if format := c.cmd.String("format"); format != "" {
		if err := oneOf(format, "csv", "json"); err != nil {
			return misused(c.cmd, fmt.Errorf("--format %w", err))
		}
		query.Set("format", format)
	}
	req, err := c.prepare(ctx, request{method: http.MethodGet, path: jobsPath + "/export", query: query})
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	if _, err := io.Copy(c.app.stdout, resp.Body); err != nil {
		return fmt.Errorf("the jobs broke off before the end: %w", err)
	}
	return nil
}
