package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"punctual/models"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		signal.Stop(signals) // first, so that whoever sees the stop begin can end it at once with a second signal
		stop()
	}()
	os.Exit(run(ctx, os.Args, os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// app is what a command needs from the process it runs in.
type app struct {
	env            func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run is the whole program: it returns the exit code. Ending ctx stops what is under way in good order.
func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{env: env, stdin: stdin, stdout: stdout, stderr: stderr}
	err := helpError(a.root().Run(ctx, args))
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "punctual:", explain(err))
	_, ours := errors.AsType[*usageError](err)
	if _, library := errors.AsType[cli.ExitCoder](err); ours || library {
		return exitUsage
	}
	return exitFailed
}

func (a *app) root() *cli.Command {
	root := &cli.Command{
		Name:           "punctual",
		Usage:          "calls your HTTP endpoints now, later and on schedule",
		Reader:         a.stdin,
		Writer:         a.stdout,
		ErrWriter:      a.stderr,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // run decides, not the library
		Commands: []*cli.Command{
			a.dev(), a.serve(), a.listen(), a.migrate(), a.keys(), a.secrets(), a.bench(), a.benchProcess(), a.version(),
			a.targets(), a.jobs(), a.schedules(), a.attempts(), a.operations(), a.upcoming(), a.stats(), a.nodes(),
		},
	}
	exemplify(root, root.Name)
	// The walk never fails: its function does not.
	_ = root.Walk(func(c *cli.Command) error {
		c.DisableSliceFlagSeparator = true // a header or a label may hold commas
		c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error { return misused(c, flagError(err)) }
		if len(c.Commands) > 0 {
			c.Action = group
		} else {
			c.HideHelpCommand = true // else "help" could not be the name of a target
			c.CustomHelpTemplate = verbHelp
			c.Action = counted(c.Action)
		}
		return nil
	})
	return root
}

// verbHelp is the library's help of a command without subcommands. What it calls global options is not: the flags of a
// noun hold for its verbs, and the root refuses them.
var verbHelp = strings.TrimRight(strings.Replace(cli.CommandHelpTemplate, "GLOBAL OPTIONS:", "COMMON OPTIONS:", 1), "\n") + examplesHelp

// group is the action of a command that has none of its own.
func group(_ context.Context, c *cli.Command) error {
	if !c.Args().Present() {
		return cli.ShowSubcommandHelp(c)
	}
	name := c.Args().First()
	for _, near := range c.Commands {
		if strings.HasPrefix(near.Name, name) || strings.HasPrefix(name, near.Name) {
			return misused(c, fmt.Errorf("no command %q: did you mean %s?", name, near.Name))
		}
	}
	return misused(c, fmt.Errorf("no command %q", name))
}

// counted is an action that refuses another number of arguments than its command's help promises.
func counted(act cli.ActionFunc) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if err := checkArgs(c.ArgsUsage, c.NArg()); err != nil {
			return misused(c, err)
		}
		return act(ctx, c)
	}
}

// usageError is a command line or a setting that cannot be understood.
type usageError struct {
	command string // full name of the command to ask for help
	err     error
}

// Error gives the complaint and where to look.
func (u *usageError) Error() string {
	return fmt.Sprintf("%v\nsee: %s --help", u.err, u.command)
}

// Unwrap gives the complaint.
func (u *usageError) Unwrap() error { return u.err }

// flagError says what the library says of a flag, in our words and without the value.
func flagError(err error) error {
	text := err.Error()
	if name, is := strings.CutPrefix(text, "flag provided but not defined: -"); is {
		return fmt.Errorf("there is no flag %s", dashed(name))
	}
	if name, is := strings.CutPrefix(text, "flag needs an argument: "); is {
		return fmt.Errorf("%s needs a value", dashed(strings.TrimLeft(name, "-")))
	}
	if _, rest, is := strings.Cut(text, " for flag -"); is && strings.HasPrefix(text, "invalid value") {
		name, why, _ := strings.Cut(rest, ": ")
		must := "true or false"
		if strings.Contains(why, "Int") {
			must = "a whole number"
		}
		return fmt.Errorf("%s must be %s", dashed(name), must)
	}
	return err
}

// helpError says in our words that there is no command to help with.
func helpError(err error) error {
	if err == nil {
		return nil
	}
	if name, is := strings.CutPrefix(err.Error(), "No help topic for '"); is {
		return &usageError{command: "punctual", err: fmt.Errorf("no command %q", strings.TrimSuffix(name, "'"))}
	}
	return err
}

// dashed is a flag as it is written.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func misused(c *cli.Command, err error) error {
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	return &usageError{command: c.FullName(), err: err}
}

// explain says what an error means for the person at the terminal.
func explain(err error) string {
	switch {
	case errors.Is(err, models.ErrLocked):
		return err.Error() + ": stop it, or choose another --database"
	case errors.Is(err, models.ErrNewer):
		return err.Error() + ": use that version, or a newer one"
	case errors.Is(err, syscall.EADDRINUSE):
		return err.Error() + ": stop the other program, or choose another --addr"
	}
	return err.Error()
}
