package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"punctual/webhooks"
)

// benchRole is the hidden command that the bench's own processes run. It is of no use by hand: orders come in on
// stdin, reports go out on stdout, both a line of JSON each, and the end of stdin ends it.
const benchRole = "bench-process"

// workerLinger is how long a process may take to end after its stdin has; then it is killed.
const workerLinger = 5 * time.Second

func (a *app) benchProcess() *cli.Command {
	return &cli.Command{
		Name: benchRole, ArgsUsage: "sink|load|server", Hidden: true,
		Usage: "one of the processes that bench starts",
		Action: func(ctx context.Context, c *cli.Command) error {
			role := c.Args().First()
			if role != "server" {
				a.setGC() // as the server does: the limit must not lose by a setting
			}
			switch role {
			case "sink":
				return a.benchSink(ctx)
			case "load":
				return takeOrders(ctx, a.stdin, a.stdout, obeyLoad)
			case "server":
				return a.benchServer(ctx)
			default:
				return misused(c, fmt.Errorf("no such role: %q", role))
			}
		},
	}
}

// serverOrder starts the server with the defaults of `punctual serve`, but for these.
type serverOrder struct {
	Database, Sync, Key string
	Allow               string // network of the sink
}

type serverReport struct{ URL string }

// benchServer is the whole server as `punctual serve` runs it, on a port of its own.
func (a *app) benchServer(ctx context.Context) error {
	var down error // why the server ended; read after the wait
	var running sync.WaitGroup
	err := takeOrders(ctx, a.stdin, a.stdout, func(ctx context.Context, o serverOrder) (r serverReport, err error) {
		s, err := defaults(onServe)
		if err != nil {
			return r, err
		}
		guard, err := webhooks.NewGuard([]string{o.Allow})
		if err != nil {
			return r, err
		}
		s.Addr, s.Database, s.Sync, s.AdminKey = "127.0.0.1:0", o.Database, o.Sync, o.Key
		s.ShutdownGrace = workerLinger / 2
		_ = logLevel(&s.LogLevel, "warn") // a word of the list
		up, gone := make(chan string, 1), make(chan struct{})
		running.Go(func() {
			defer close(gone)
			down = a.up(ctx, s, manner{guard: guard, greet: func(url string) { up <- url }})
		})
		select {
		case r.URL = <-up:
			return r, nil
		case <-gone:
			err, down = down, nil
			return r, err
		}
	})
	running.Wait()
	return errors.Join(err, down)
}

// defaults are the settings of a command that is given none: flags, environment and file are not asked, so that two
// runs of the bench measure the same.
func defaults(on int) (s settings, err error) {
	for _, row := range table {
		if row.on&on != 0 {
			err = errors.Join(err, row.put(&s, row.unset))
		}
	}
	return s, err
}

// reply is a report on its way.
type reply[R any] struct {
	Error  string `json:",omitempty"` // "" when the order was carried out
	Report R
}

// takeOrders carries out orders one after another until in or ctx ends. What ends it also ends the context of act.
func takeOrders[O, R any](ctx context.Context, in io.Reader, out io.Writer,
	act func(context.Context, O) (R, error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	orders := make(chan O)
	go func() {
		defer stop()
		for dec := json.NewDecoder(in); ; {
			var o O
			if dec.Decode(&o) != nil {
				return // whoever gave orders is done, or gone
			}
			select {
			case orders <- o:
			case <-ctx.Done():
				return
			}
		}
	}()
	for enc := json.NewEncoder(out); ; {
		select {
		case <-ctx.Done():
			return nil
		case o := <-orders:
			report, err := act(ctx, o)
			r := reply[R]{Report: report}
			if err != nil {
				r.Error = err.Error()
			}
			if err := enc.Encode(r); err != nil {
				return fmt.Errorf("report: %w", err)
			}
		}
	}
}

// worker is a process of the bench as the one that gives the orders sees it. One goroutine uses it.
type worker struct {
	role    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	reports *json.Decoder
}

// hire starts a process of this binary. The end of ctx ends it; dismiss must be called all the same.
func hire(ctx context.Context, role string, stderr io.Writer) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", role, err)
	}
	cmd := exec.CommandContext(ctx, self, benchRole, role)
	cmd.Args[0] = "punctual" // the name by which a test's binary knows that it is to be the program
	cmd.Stderr, cmd.WaitDelay = stderr, workerLinger
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Cancel = stdin.Close
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", role, err)
	}
	return &worker{role, cmd, stdin, json.NewDecoder(stdout)}, nil
}

// ask gives an order and waits for the report.
func ask[R any](w *worker, order any) (R, error) {
	var r reply[R]
	err := json.NewEncoder(w.stdin).Encode(order)
	if err == nil {
		err = w.reports.Decode(&r)
	}
	switch {
	case err != nil:
		return r.Report, fmt.Errorf("the %s has ended: %w", w.role, err)
	case r.Error != "":
		return r.Report, fmt.Errorf("%s: %s", w.role, r.Error)
	}
	return r.Report, nil
}

// dismiss ends the process and waits for that.
func (w *worker) dismiss() error {
	kill := time.AfterFunc(workerLinger, func() { _ = w.cmd.Process.Kill() }) // fails only if it has ended
	defer kill.Stop()
	if err := errors.Join(w.stdin.Close(), w.cmd.Wait()); err != nil {
		return fmt.Errorf("end the %s: %w", w.role, err)
	}
	return nil
}

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is the time that the process has used so far, its own and the kernel's on its behalf; 0 where there is no /proc.
func (w *worker) cpu() time.Duration {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.cmd.Process.Pid))
	// The second field is the name in parentheses, which may hold anything. utime and stime are fields 14 and 15.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}

// forgetPeak begins a new peak at the memory that is resident now, where the platform can do that.
func (w *worker) forgetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", w.cmd.Process.Pid), []byte("5"), 0)
}

// peak is the most memory that the process has had resident since forgetPeak, in bytes; 0 where there is no /proc.
func (w *worker) peak() int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
