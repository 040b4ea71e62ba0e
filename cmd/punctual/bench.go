package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v3"
)

const benchHelp = `Runs the server, a sink that it calls and the clients that load it as processes of their own, on loopback
and with a database of its own, and compares what comes out with the limit: signed POSTs to the same sink by a bare
HTTP client.

  limit         signed POSTs to the sink, with nothing behind them
  drain         jobs out of a backlog, until the last attempt is on record
  end to end    jobs asked for one by one while they are drained, until the last attempt is on record
  batch         jobs laid down, 1,000 a request
  lateness      from the time a delayed job is due to its arrival at the sink
  arrival       from the request for a job to its arrival at the sink, a durable commit included
  accept        from the request for a job to the 201, a durable commit included

Every part stands between runs of the limit, and its ratio is to those beside it: so ratios hold where rates do not.
The sink checks signatures and counts every id: a lost, doubled, forged or early job fails the bench. Settings of the
server are its defaults; no environment variable or file changes them.`

// benchOptions are what a bench measures with.
type benchOptions struct {
	Jobs       int           `json:"jobs"`
	Posts      int           `json:"posts"`
	Rounds     int           `json:"rounds"`
	Clients    int           `json:"clients"`
	Payload    int           `json:"payload"` // bytes
	Targets    int           `json:"targets"`
	InFlight   int           `json:"in_flight"` // of each target
	Finished   int           `json:"finished"`
	Database   string        `json:"database"`
	Sync       string        `json:"sync"`
	MaxScatter float64       `json:"max_scatter"`
	Paced      time.Duration `json:"-"` // how long a paced run asks for jobs
	Time       time.Duration `json:"-"` // bound on all rounds
}

// benchFlag is an option with its default, and another one for --quick if that is not "".
type benchFlag struct {
	name, unset, quick string
	help               string
	put                func(o *benchOptions, value string) error
}

// benchNumber reads a number into a field.
func benchNumber(field func(*benchOptions) *int, least, most int) func(*benchOptions, string) error {
	return func(o *benchOptions, v string) (err error) { *field(o), err = number(v, least, most); return err }
}

var benchFlags = []benchFlag{
	{"jobs", "10000", "2000", "`NUMBER` of jobs in the backlog of a drain",
		benchNumber(func(o *benchOptions) *int { return &o.Jobs }, 1, 100_000_000)},
	{"posts", "5000", "1500", "`NUMBER` of jobs in a run of the limit or end to end",
		benchNumber(func(o *benchOptions) *int { return &o.Posts }, 1, 100_000_000)},
	{"rounds", "5", "3", "`NUMBER` of times that each part is measured, if the time allows",
		benchNumber(func(o *benchOptions) *int { return &o.Rounds }, 1, 1000)},
	{"clients", "64", "", "`NUMBER` of requests that a client has under way at once",
		benchNumber(func(o *benchOptions) *int { return &o.Clients }, 1, 4096)},
	{"payload", "128B", "", "`SIZE` of each job's payload",
		func(o *benchOptions, v string) error { n, err := size(v); o.Payload = int(n); return err }},
	{"targets", "1", "", "`NUMBER` of targets, which take jobs in turn; all are the same sink",
		benchNumber(func(o *benchOptions) *int { return &o.Targets }, 1, 100_000)},
	{"in-flight", "100", "", "`NUMBER` of calls that each target takes at once",
		benchNumber(func(o *benchOptions) *int { return &o.InFlight }, 1, 100_000)},
	{"finished", "0", "", "`NUMBER` of jobs to run first, so that the database is not empty; takes time beyond --time",
		benchNumber(func(o *benchOptions) *int { return &o.Finished }, 0, 1_000_000_000)},
	{"paced", "1s", "500ms", "`DURATION` of each run at an even rate, for lateness, arrival and accept",
		func(o *benchOptions, v string) (err error) { o.Paced, err = duration(v); return err }},
	{"time", "52s", "13s", "`DURATION` after which no round begins or goes on",
		func(o *benchOptions, v string) (err error) { o.Time, err = duration(v); return err }},
	{"max-scatter", "0.25", "", "how far the middle half of the limit's runs may spread, as a `SHARE` of their median,\n" +
		"before the figures are called unreliable and the exit code is 1",
		func(o *benchOptions, v string) (err error) { o.MaxScatter, err = share(v); return err }},
	{"sync", "full", "", "what a commit survives: `full|normal`, a crash of the machine or of the process",
		func(o *benchOptions, v string) error { o.Sync = v; return oneOf(v, "full", "normal") }},
	{"database", "", "", "`sqlite:PATH|postgres://…` of a database to keep, which must hold no unfinished jobs;\nelse a temporary file",
		func(o *benchOptions, v string) error { o.Database = v; return kept(v) }},
}

// kept checks the database that is to be kept, of which "" is none.
func kept(database string) error {
	engine, rest, _ := strings.Cut(database, ":")
	if database != "" && (rest == "" || !slices.Contains([]string{"sqlite", "postgres", "postgresql"}, engine)) {
		return errors.New("must be sqlite:PATH or postgres://USER@HOST/NAME")
	}
	return nil
}

func share(v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0) {
		return 0, errors.New("must be a share, such as 0.25")
	}
	return f, nil
}

func (a *app) bench() *cli.Command {
	command := &cli.Command{
		Name:        "bench",
		Usage:       "measure this machine: jobs a second, latency, CPU and memory, beside the limit of HTTP itself",
		Description: benchHelp,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "quick", HideDefault: true, Usage: "less of everything: under 15s instead of 60s"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`table|json`", DefaultText: "table"},
		},
		Action: a.runBench,
	}
	for _, f := range benchFlags {
		text := f.unset
		if f.quick != "" {
			text += ", with --quick " + f.quick
		}
		command.Flags = append(command.Flags, &cli.StringFlag{Name: f.name, Usage: f.help, DefaultText: text})
	}
	return command
}

// benchOptionsOf reads the command line.
func benchOptionsOf(c *cli.Command) (o benchOptions, err error) {
	for _, f := range benchFlags {
		value := f.unset
		if c.Bool("quick") && f.quick != "" {
			value = f.quick
		}
		if c.IsSet(f.name) {
			value = c.String(f.name)
		}
		if err := f.put(&o, value); err != nil {
			return o, fmt.Errorf("--%s %w", f.name, err)
		}
	}
	return o, nil
}

func (a *app) runBench(ctx context.Context, c *cli.Command) (err error) {
	output := "table"
	if c.IsSet("output") {
		output = c.String("output")
	}
	if err := oneOf(output, "table", "json"); err != nil {
		return misused(c, fmt.Errorf("--output %w", err))
	}
	o, err := benchOptionsOf(c)
	if err != nil {
		return misused(c, err)
	}
	database := o.Database
	if database == "" {
		dir, err := os.MkdirTemp("", "punctual-bench-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		database = "sqlite:" + filepath.Join(dir, "bench.db")
	}
	figures, err := measure(ctx, o, database, a.stderr)
	if err != nil {
		return err
	}
	report := figures.report(o)
	if err := report.write(a.stdout, output == "json"); err != nil {
		return err
	}
	if !report.Reliable {
		return errors.New("the figures mean nothing: " + report.Why)
	}
	return nil
}

// write prints the report.
func (r *benchReport) write(w io.Writer, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(w, r.table())
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return indent(w, raw)
}

// figure is a number as a person reads it.
func figure(n float64) string {
	if n < 100 {
		return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
	}
	return humanize.Comma(int64(n + 0.5))
}
