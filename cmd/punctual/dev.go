package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"punctual/webhooks"
)

func (a *app) dev() *cli.Command {
	return &cli.Command{
		Name:        "dev",
		Usage:       "run the server on this machine for trying things out: no login, any target, loopback only",
		Description: settingsHelp,
		Flags: append(flags(onDev), &cli.BoolFlag{Name: "demo", HideDefault: true,
			Usage: "add a receiver, a target, jobs and a schedule, so that every page has something to show"}),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := a.load(c, onDev)
			if err != nil {
				return err
			}
			if !loopback(s.Addr) {
				return misused(c, errors.New("--addr must be on loopback, such as 127.0.0.1:8080: "+
					"dev has no login; use serve for any other address"))
			}
			m := manner{dev: true, guard: webhooks.AllowAll(), greet: func(url string) { a.greet(url, s.Database) }}
			if c.Bool("demo") {
				d, err := newDemo()
				if err != nil {
					return err
				}
				defer d.close()
				m.furnish = func(ctx context.Context, url string) { d.furnish(ctx, url, s.logger(a.stderr)) }
			}
			return settingOrTrouble(c, a.up(ctx, s, m))
		},
	}
}

// loopback tells whether only this machine can reach addr.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// greet tells a newcomer where everything is.
func (a *app) greet(url, database string) {
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		if abs, err := filepath.Abs(path); err == nil {
			database = abs
		}
	} else {
		database = showDatabase(database)
	}
	fmt.Fprintf(a.stdout, `Punctual is up. No login; only this machine can reach it.

  pages     %[1]s/
  API       %[1]s/v1, described at %[1]s/docs
  database  %[2]s

Try it:
  punctual listen     # in a second terminal: a receiver on 127.0.0.1:9000
  curl -d '{"name":"hello","url":"http://127.0.0.1:9000/"}' %[1]s/v1/targets
  curl -d '{"target":"hello","payload":{"greeting":"hi"}}' %[1]s/v1/jobs

`, url, database)
}
