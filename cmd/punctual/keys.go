package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"punctual/models"
)

// keys is the noun that speaks to no server: whoever may read and write the database may make keys for it, also while a
// server runs on it and also when there is no key yet.
func (a *app) keys() *cli.Command {
	return &cli.Command{
		Name:        "keys",
		Usage:       "API keys, straight on the database, also while the server runs",
		Description: settingsHelp,
		Flags:       outputFlags(),
		Commands: []*cli.Command{
			a.keyVerb("create", "NAME", "make a key, and print it: nothing shows it again", a.createKey,
				&cli.StringFlag{Name: "scope", Usage: "what it may do: `read|write|admin`; write is jobs and schedules"},
				&cli.StringFlag{Name: "targets", Usage: "`NAME,...` of the only targets that it sees and touches"},
				&cli.StringFlag{Name: "expires-in", Usage: "`DURATION` for which it is good, such as 90d", DefaultText: "for ever"},
				&cli.StringFlag{Name: "rate-limit", Usage: "`N/s|m|h` requests at most", DefaultText: "none"}),
			a.keyVerb("list", "", "list keys", prepared(a.listKeys)),
			a.keyVerb("revoke", "NAME...", "end keys, and the sessions begun with them; a server sees it within 5 s", prepared(a.revokeKeys)),
		},
	}
}

// keyWork is what a verb does on the open book.
type keyWork func(context.Context, *cli.Command, *models.Store) error

// prepared is the work of a verb that nothing has to be known of before the book is opened.
func prepared(work keyWork) func(*cli.Command) (keyWork, error) {
	return func(*cli.Command) (keyWork, error) { return work, nil }
}

// keyVerb is a verb that works on the open book. prepare finds what is asked for wrongly before there is one.
func (a *app) keyVerb(name, args, usage string, prepare func(*cli.Command) (keyWork, error), own ...cli.Flag) *cli.Command {
	return &cli.Command{Name: name, ArgsUsage: args, Usage: usage, Flags: append(own, flags(onKeys)...),
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := wantsJSON(c); err != nil {
				return err
			}
			s, err := a.load(c, onKeys)
			if err != nil {
				return err
			}
			work, err := prepare(c)
			if err != nil {
				return err
			}
			store, err := models.Open(ctx, models.Config{Database: s.Database, Sync: s.Sync, Beside: true,
				Existing: name != "create"})
			if err != nil {
				return settingOrTrouble(c, err)
			}
			ctx = models.WithActor(ctx, models.Actor{Who: "console", At: time.Now(), Show: keyShown})
			return settingOrTrouble(c, errors.Join(work(ctx, c, store), store.Close()))
		}}
}

// keyShown is what the audit keeps of a key made or revoked here: the same as of one made by the API.
func keyShown(thing any) any {
	if k, ok := thing.(*models.Key); ok {
		return accessKeyOf(k, time.Now())
	}
	return nil
}

func (a *app) createKey(c *cli.Command) (keyWork, error) {
	now := time.Now()
	spec := models.KeySpec{Name: c.Args().First(), Scope: models.Scope(c.String("scope")), RateLimit: c.String("rate-limit"),
		By: "console"}
	for _, name := range splitList(c.String("targets")) {
		spec.Targets = append(spec.Targets, strings.TrimSpace(name))
	}
	if v := c.String("expires-in"); v != "" {
		life, err := duration(v)
		if err != nil {
			return nil, misused(c, fmt.Errorf("--expires-in %w", err))
		}
		spec.ExpiresAt = now.Add(life)
	}
	k, text, err := models.NewKey(spec, now)
	if err != nil {
		return nil, misused(c, flagFault(err))
	}
	return func(ctx context.Context, c *cli.Command, store *models.Store) error {
		if err := store.CreateKey(ctx, k); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%s may %s. Keep the key now: what is stored is its hash.\n", k.Name, mayDo(k))
		if asJSON, _ := wantsJSON(c); asJSON && !c.Bool("quiet") {
			row := accessKeyOf(k, now)
			row.Key = text
			return indent(a.stdout, encode(row))
		}
		_, err := fmt.Fprintln(a.stdout, text)
		return err
	}, nil
}

// flagFault names the flags that an error about a key is about.
func flagFault(err error) error {
	many, ok := errors.AsType[models.Invalids](err)
	if !ok {
		return err
	}
	var all []error
	for _, one := range many {
		if flag := strings.ReplaceAll(one.Field, "_", "-"); flag == "name" {
			all = append(all, fmt.Errorf("NAME %s", one.Why))
		} else {
			all = append(all, fmt.Errorf("--%s %s", strings.Replace(flag, "expires-at", "expires-in", 1), one.Why))
		}
	}
	return errors.Join(all...)
}

// mayDo is a key's reach in words.
func mayDo(k *models.Key) string {
	if len(k.Targets) == 0 {
		return string(k.Scope)
	}
	return string(k.Scope) + " on " + strings.Join(k.Targets, ", ")
}

// accessKey is a key as the API shows it.
type accessKey struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	Scope      models.Scope `json:"scope"`
	Targets    []string     `json:"targets"`
	RateLimit  *string      `json:"rate_limit"`
	State      string       `json:"state"`
	ExpiresAt  *string      `json:"expires_at"`
	LastUsedAt *string      `json:"last_used_at"`
	CreatedAt  *string      `json:"created_at"`
	CreatedBy  string       `json:"created_by"`
	Key        string       `json:"key,omitempty"` // only of a new one
}

func accessKeyOf(k *models.Key, now time.Time) accessKey {
	row := accessKey{ID: k.ID, Name: k.Name, Scope: k.Scope, Targets: append([]string{}, k.Targets...), State: "active",
		ExpiresAt: apiTime(k.ExpiresAt), LastUsedAt: apiTime(k.LastUsedAt), CreatedAt: apiTime(k.CreatedAt), CreatedBy: k.CreatedBy}
	if k.RateLimit != "" {
		row.RateLimit = &k.RateLimit
	}
	if !k.Living(now) {
		row.State = "expired"
	}
	return row
}

// apiTime is a time as the API writes it; nil for the zero time, which is none.
func apiTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

var keyColumns = view[*models.Key]{
	titles: []string{"NAME", "SCOPE", "TARGETS", "RATE", "CREATED", "BY", "USED", "EXPIRES"},
	row: func(k *models.Key, now time.Time) []string {
		expires := ago(&k.ExpiresAt, now)
		if !k.Living(now) {
			expires = "expired"
		}
		return []string{k.Name, string(k.Scope), strings.Join(k.Targets, ","), k.RateLimit, ago(&k.CreatedAt, now), k.CreatedBy,
			ago(&k.LastUsedAt, now), expires}
	},
}

func (a *app) listKeys(ctx context.Context, c *cli.Command, store *models.Store) error {
	var all []*models.Key
	for p := (models.Page{Limit: models.MaxPage}); ; {
		some, next, err := store.Keys(ctx, p)
		if err != nil {
			return err
		}
		if all = append(all, some...); next == "" {
			return a.showKeys(c, all, time.Now())
		}
		p.Cursor = next
	}
}

func (a *app) showKeys(c *cli.Command, all []*models.Key, now time.Time) error {
	asJSON, _ := wantsJSON(c)
	switch {
	case c.Bool("quiet"):
		for _, k := range all {
			fmt.Fprintln(a.stdout, k.Name)
		}
		return nil
	case !asJSON:
		return keyColumns.table(a.stdout, all, now, true)
	}
	whole := listing{Items: make([]json.RawMessage, len(all))}
	for i, k := range all {
		whole.Items[i] = encode(accessKeyOf(k, now))
	}
	return indent(a.stdout, encode(whole))
}

func (a *app) revokeKeys(ctx context.Context, c *cli.Command, store *models.Store) error {
	var errs []error
	for _, name := range c.Args().Slice() {
		_, err := store.RevokeKey(ctx, name, time.Now())
		if errors.Is(err, models.ErrNotFound) {
			err = fmt.Errorf("there is no key %q", name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
