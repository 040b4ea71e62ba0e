package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
)

const defaultServer = "http://127.0.0.1:8080"

// call is one run of a client command.
type call struct {
	*client
	app  *app
	cmd  *cli.Command
	args []string
	json bool // -o json
	bare bool // --quiet
}

// noun is a command whose subcommands are about one kind of thing.
func (a *app) noun(name, usage string, verbs ...*cli.Command) *cli.Command {
	return &cli.Command{
		Name:     name,
		Usage:    usage,
		Commands: verbs,
		Flags:    clientFlags(),
	}
}

// clientFlags are the flags of everything that speaks to a server.
func clientFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "server", Usage: "`URL` of the server; else PUNCTUAL_SERVER", DefaultText: defaultServer},
		&cli.StringFlag{Name: "key", Usage: "API `KEY`; else PUNCTUAL_KEY"},
	}, outputFlags()...)
}

// outputFlags are the flags of everything that shows something.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`table|json`", DefaultText: "table"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, HideDefault: true,
			Usage: "print ids or names only, one a line"},
	}
}

// verb is a command of a noun. args names its arguments as its help does: "NAME", "[TARGET]", "ID...".
func (a *app) verb(name, args, usage string, flags []cli.Flag, act func(context.Context, *call) error) *cli.Command {
	return &cli.Command{
		Name: name, ArgsUsage: args, Usage: usage, Flags: flags,
		Action: func(ctx context.Context, c *cli.Command) error {
			asJSON, err := wantsJSON(c)
			if err != nil {
				return err
			}
			cl, err := newClient(cmp.Or(c.String("server"), a.env("PUNCTUAL_SERVER"), defaultServer),
				cmp.Or(c.String("key"), a.env("PUNCTUAL_KEY")))
			if err != nil {
				return misused(c, err)
			}
			return act(ctx, &call{client: cl, app: a, cmd: c, args: c.Args().Slice(), json: asJSON, bare: c.Bool("quiet")})
		},
	}
}

// wantsJSON reads --output.
func wantsJSON(c *cli.Command) (bool, error) {
	output := cmp.Or(c.String("output"), "table")
	if err := oneOf(output, "table", "json"); err != nil {
		return false, misused(c, fmt.Errorf("--output %w", err))
	}
	return output == "json", nil
}

// checkArgs compares the number of arguments with what the help promises.
func checkArgs(args string, given int) error {
	names := strings.Fields(args)
	least, most := 0, len(names)
	for _, n := range names {
		if !strings.HasPrefix(n, "[") {
			least++
		}
		if strings.HasSuffix(strings.TrimSuffix(n, "]"), "...") {
			most = given
		}
	}
	switch {
	case given < least:
		return fmt.Errorf("needs %s", args)
	case given > most && most == 0:
		return errors.New("takes no arguments")
	case given > most:
		return fmt.Errorf("takes %s and no more", args)
	}
	return nil
}

// arg is the path segment of the i-th argument, or "" when it was left out.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return url.PathEscape(c.args[i])
	}
	return ""
}

// one makes a request and shows the object that it answers with.
func (c *call) one(ctx context.Context, r request) error {
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	c.noteReplay(a)
	return c.show(a.body)
}

// noteReplay tells when an answer is about something made earlier.
func (c *call) noteReplay(a *answer) {
	if a.header.Get("Idempotency-Replayed") == "true" {
		fmt.Fprintln(c.app.stderr, "nothing new: this was asked for before")
	}
}

// show writes an object in the way that was asked for.
func (c *call) show(raw json.RawMessage) error {
	switch {
	case len(raw) == 0:
		return nil
	case c.bare:
		var named struct{ ID, Name string }
		if err := json.Unmarshal(raw, &named); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		_, err := fmt.Fprintln(c.app.stdout, plain(cmp.Or(named.ID, named.Name)))
		return err
	case c.json:
		return indent(c.app.stdout, raw)
	}
	return describe(c.app.stdout, raw, time.Now())
}

// each makes the same request about every argument, also when one of them fails.
func (c *call) each(ctx context.Context, of func(arg string) request) error {
	var errs []error
	for i := range c.args {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.one(ctx, of(c.arg(i))); err != nil {
			if len(c.args) > 1 {
				err = fmt.Errorf("%s: %w", c.args[i], err)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// action is a verb that posts to path/{arg}/name, for each argument, with the fields that have flags as its body.
func (a *app) action(name, args, usage, path string, fields ...field) *cli.Command {
	var flags []cli.Flag
	for _, f := range fields {
		flags = append(flags, f.flag())
	}
	return a.verb(name, args, usage, flags, func(ctx context.Context, c *call) error {
		var body json.RawMessage
		if len(fields) > 0 {
			var err error
			if body, err = a.body(c.cmd, fields, nil); err != nil {
				return err
			}
		}
		return c.each(ctx, func(arg string) request {
			return request{method: http.MethodPost, path: path + "/" + arg + "/" + name, body: body}
		})
	})
}

// get is the verb that shows one thing.
func (a *app) get(args, usage, path, below string) *cli.Command {
	name := cmp.Or(strings.TrimPrefix(below, "/"), "get")
	return a.verb(name, args, usage, nil, func(ctx context.Context, c *call) error {
		return c.each(ctx, func(arg string) request {
			return request{method: http.MethodGet, path: path + "/" + arg + below}
		})
	})
}

// remove is the verb that deletes, with a flag for each query parameter that makes it go further.
func (a *app) remove(args, usage, path string, further ...*cli.BoolFlag) *cli.Command {
	var flags []cli.Flag
	for _, f := range further {
		f.HideDefault = true
		flags = append(flags, f)
	}
	return a.verb("delete", args, usage, flags, func(ctx context.Context, c *call) error {
		query := url.Values{}
		for _, f := range further {
			if c.cmd.Bool(f.Name) {
				query.Set(strings.ReplaceAll(f.Name, "-", "_"), "true")
			}
		}
		return c.each(ctx, func(arg string) request {
			return request{method: http.MethodDelete, path: path + "/" + arg, query: query}
		})
	})
}
