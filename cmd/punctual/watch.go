package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"
	"github.com/urfave/cli/v3"
)

// maxEvent bounds one event of a stream: a job without its payload, or an attempt with its captured answer.
const maxEvent = 8 << 20

// errWatched ends a stream from within, when what was waited for has come.
var errWatched = errors.New("watched to the end")

func watchFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "target", Usage: "of this `TARGET` only"}}
}

// event is one line of a watch.
type event struct {
	kind string // "job" or "attempt"
	data json.RawMessage
}

// watchJobs prints changes of jobs, and with an id also the attempts of that job until it has ended: then the exit
// code tells whether it succeeded.
func (a *app) watchJobs(ctx context.Context, c *call) error {
	id := c.arg(0)
	if id == "" {
		return c.follow(ctx, "", nil, func(e event) error { return c.showEvent(e, "job") })
	}
	first := func() error {
		answer, err := c.do(ctx, request{method: http.MethodGet, path: jobsPath + "/" + id})
		if err != nil {
			return err
		}
		return c.jobMoved(event{"job", answer.body})
	}
	return c.follow(ctx, id, first, c.jobMoved)
}

// jobMoved prints a change and ends the watch with that which is final.
func (c *call) jobMoved(e event) error {
	if err := c.showEvent(e, ""); err != nil || e.kind != "job" {
		return err
	}
	var j jobRow
	if err := json.Unmarshal(e.data, &j); err != nil {
		return err
	}
	switch j.State {
	case "succeeded":
		return errWatched
	case "failed", "canceled":
		return fmt.Errorf("the job has %s", because(j.State, j.Reason))
	}
	return nil
}

func (a *app) watchAttempts(ctx context.Context, c *call) error {
	return c.follow(ctx, "", nil, func(e event) error { return c.showEvent(e, "attempt") })
}

// follow reads the stream of events until ctx ends, connecting anew when the connection is lost. first runs each time
// the stream is open, so that nothing falls between it and the stream; an error of first or each ends it.
func (c *call) follow(ctx context.Context, job string, first func() error, each func(event) error) error {
	query := url.Values{}
	if job != "" {
		query.Set("job", job)
	}
	if target := c.cmd.String("target"); target != "" {
		query.Set("target", target)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	req, err := c.prepare(ctx, request{method: http.MethodGet, path: "/v1/events", query: query})
	if err != nil {
		return err
	}
	opened := false // at least once: a server that was never there is not waited for
	stream := sse.Client{HTTPClient: &c.http, ResponseValidator: func(resp *http.Response) error {
		if resp.StatusCode != http.StatusOK {
			return refusal(resp)
		}
		opened = true
		if first != nil {
			return first()
		}
		return nil
	}, OnRetry: func(err error, in time.Duration) {
		if !opened {
			stop(c.unreachable(unwrapStream(err)))
			return
		}
		fmt.Fprintf(c.app.stderr, "punctual: the stream broke off, next try in %s\n", in.Round(time.Millisecond))
	}, Backoff: sse.Backoff{MaxInterval: 5 * time.Second}}
	conn := stream.NewConnection(req)
	conn.Buffer(nil, maxEvent)
	conn.SubscribeToAll(func(e sse.Event) {
		if err := each(event{e.Type, json.RawMessage(e.Data)}); err != nil {
			stop(err)
		}
	})
	return watchEnd(ctx, conn.Connect())
}

// refusal reads the problem that was answered instead of a stream.
func refusal(resp *http.Response) error {
	var body bytes.Buffer
	// A broken body leaves the status, which is enough of a reason.
	_, _ = body.ReadFrom(http.MaxBytesReader(nil, resp.Body, 1<<20))
	return readProblem(resp, body.Bytes())
}

// unwrapStream gives an error of ours back, which the stream wraps in its own.
func unwrapStream(err error) error {
	if lost, ok := errors.AsType[*sse.ConnectionError](err); ok {
		return lost.Err
	}
	return err
}

// watchEnd tells a watch that is over from one that failed.
func watchEnd(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	err = unwrapStream(err)
	if errors.Is(err, errWatched) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// showEvent prints an event of the kind, "" being any; a "reset" says that some were missed.
func (c *call) showEvent(e event, kind string) error {
	switch {
	case e.kind == "reset":
		fmt.Fprintln(c.app.stderr, "punctual: some events were missed")
		return nil
	case kind != "" && e.kind != kind, len(e.data) == 0:
		return nil
	case c.json:
		var line bytes.Buffer
		if err := json.Compact(&line, e.data); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		_, err := fmt.Fprintln(c.app.stdout, line.String())
		return err
	}
	text, err := eventLine(e)
	if err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	_, err = fmt.Fprintf(c.app.stdout, "%s  %s\n", time.Now().Format("15:04:05.000"), plain(text))
	return err
}

// eventLine is an event in one line.
func eventLine(e event) (string, error) {
	if e.kind == "attempt" {
		var r attemptRow
		err := json.Unmarshal(e.data, &r)
		text := fmt.Sprintf("%s  %s  attempt %d  %s", r.JobID, r.Target, r.Number, r.result())
		if r.Error != nil {
			text += "  " + r.Error.Message
		}
		return text, err
	}
	var j jobRow
	err := json.Unmarshal(e.data, &j)
	return strings.TrimRight(fmt.Sprintf("%s  %s  %s", j.ID, j.Target, cmp.Or(because(j.State, j.Reason), e.kind)), " "), err
}
