package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"punctual/models"
)

// filter is a query parameter of a list and the flag that sets it.
type filter struct{ flag, query, help string }

func (f filter) asFlag() cli.Flag {
	if strings.HasSuffix(f.help, "(repeatable)") {
		return &cli.StringSliceFlag{Name: f.flag, Usage: f.help}
	}
	return &cli.StringFlag{Name: f.flag, Usage: f.help}
}

// list is the verb that lists; path may hold a %s for its one argument.
func list[T any](a *app, name, args, usage, path string, v view[T], filters ...filter) *cli.Command {
	flags := []cli.Flag{
		&cli.IntFlag{Name: "limit", Value: models.DefaultPage,
			Usage: "`NUMBER` of rows at most, up to 500; with --all the length of a page"},
		&cli.BoolFlag{Name: "all", HideDefault: true, Usage: "all pages, not the first alone"},
	}
	for _, f := range filters {
		flags = append(flags, f.asFlag())
	}
	return a.verb(name, args, usage, flags, func(ctx context.Context, c *call) error {
		r := request{method: http.MethodGet, path: path, query: c.filtered(filters)}
		if args != "" {
			r.path = fmt.Sprintf(path, c.arg(0))
		}
		return showList(ctx, c, r, v)
	})
}

// filtered is the query of a list.
func (c *call) filtered(filters []filter) url.Values {
	query := c.chosen(filters)
	query.Set("limit", strconv.Itoa(c.cmd.Int("limit")))
	return query
}

// chosen is the query of the filters whose flags are given.
func (c *call) chosen(filters []filter) url.Values {
	query := url.Values{}
	for _, f := range filters {
		if !c.cmd.IsSet(f.flag) {
			continue
		}
		if many, ok := c.repeated(f); ok {
			query[f.query] = many
		} else {
			query.Set(f.query, c.cmd.String(f.flag))
		}
	}
	return query
}

// repeated is what a repeatable filter was given; ok is false of any other. A label may be written as it was for the job,
// with = behind its name; the API asks for a colon.
func (c *call) repeated(f filter) (many []string, ok bool) {
	given, ok := c.cmd.Value(f.flag).([]string)
	if f.query != "label" {
		return given, ok
	}
	for _, label := range given {
		if i := strings.IndexAny(label, "=:"); i >= 0 {
			label = label[:i] + ":" + label[i+1:]
		}
		many = append(many, label)
	}
	return many, ok
}

// showList writes a list: with -o json as one document, else a row each, page by page.
func showList[T any](ctx context.Context, c *call, r request, v view[T]) error {
	if c.json && !c.bare {
		return showWhole(ctx, c, r)
	}
	titles, more := true, false
	err := c.pages(ctx, r, c.cmd.Bool("all"), func(p listing) error {
		err := showItems(c, p.Items, v, titles)
		titles, more = false, p.Next != ""
		return err
	})
	if err == nil && more && !c.cmd.Bool("all") {
		fmt.Fprintln(c.app.stderr, "there is more: --all shows everything, --limit a longer page")
	}
	return err
}

// showWhole writes a list as the API does, all pages as if they were one.
func showWhole(ctx context.Context, c *call, r request) error {
	whole := listing{Items: []json.RawMessage{}}
	err := c.pages(ctx, r, c.cmd.Bool("all"), func(p listing) error {
		whole.Items, whole.Next = append(whole.Items, p.Items...), p.Next
		return nil
	})
	if err != nil {
		return err
	}
	return indent(c.app.stdout, encode(whole))
}

// listFrom makes a request whose answer is a list without pages, and shows it.
func listFrom[T any](ctx context.Context, c *call, r request, v view[T]) error {
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	c.noteReplay(a)
	if c.json && !c.bare {
		return indent(c.app.stdout, a.body)
	}
	var whole struct {
		listing
		Warnings []string `json:"warnings"`
	}
	if err := json.Unmarshal(a.body, &whole); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	for _, w := range whole.Warnings {
		fmt.Fprintln(c.app.stderr, "note:", plain(w))
	}
	return showItems(c, whole.Items, v, true)
}

// showItems writes a row, or with --quiet a name, for each item.
func showItems[T any](c *call, raws []json.RawMessage, v view[T], titles bool) error {
	items, err := v.decode(raws)
	if err != nil {
		return err
	}
	if !c.bare {
		return v.table(c.app.stdout, items, time.Now(), titles)
	}
	for _, item := range items {
		fmt.Fprintln(c.app.stdout, plain(v.name(item)))
	}
	return nil
}
