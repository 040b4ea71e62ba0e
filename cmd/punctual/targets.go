package main

import (
	"context"
	"net/http"
	"time"

	"github.com/urfave/cli/v3"
)

const targetsPath = "/v1/targets"

type targetRow struct {
	Name         string     `json:"name"`
	URL          string     `json:"url"`
	Method       string     `json:"method"`
	MaxInFlight  int        `json:"max_in_flight"`
	Paused       bool       `json:"paused"`
	PausedReason string     `json:"paused_reason"`
	CreatedAt    *time.Time `json:"created_at"`
}

var targetView = view[targetRow]{
	titles: []string{"NAME", "METHOD", "URL", "IN FLIGHT", "STATE", "CREATED"},
	row: func(t targetRow, now time.Time) []string {
		state := "active"
		if t.Paused {
			state = because("paused", t.PausedReason)
		}
		return []string{t.Name, t.Method, t.URL, "≤ " + count(t.MaxInFlight), state, ago(t.CreatedAt, now)}
	},
	name: func(t targetRow) string { return t.Name },
}

type keyRow struct {
	Algorithm string     `json:"algorithm"`
	PublicKey string     `json:"public_key"`
	CreatedAt *time.Time `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

var keyView = view[keyRow]{
	titles: []string{"PUBLIC KEY", "ALGORITHM", "CREATED", "SIGNS UNTIL"},
	row: func(k keyRow, now time.Time) []string {
		return []string{k.PublicKey, k.Algorithm, ago(k.CreatedAt, now), ago(k.ExpiresAt, now)}
	},
	name: func(k keyRow) string { return k.PublicKey },
}

// targetFields are what may be changed of a target.
var targetFields = append([]field{
	{"url", "`URL` that is called", asText},
	{"method", "`GET|POST|PUT|PATCH|DELETE`, POST if left out", asText},
	{"headers", "`NAME=VALUE` sent with each call (repeatable)", asPairs},
	{"timeout", "`DURATION` of a whole call at most, 100ms to 15m", asText},
	{"max_in_flight", "`NUMBER` of calls out at once at most", asNumber},
	{"rate_limit", "calls a time at most, `N/s|N/m|N/h`", asText},
	{"signing", "how calls are signed: `v1|v1a|both`, with the secret, with an ed25519 key, or with both", asText},
	{"on_lost", "what follows a call that a crash cut off: `retry|fail`", asText},
	{"on_gone", "what follows a 410: `pause|fail`", asText},
	{"capture.request_body", "`SIZE` kept of what is sent with each attempt, 0B to 1MiB", asText},
	{"capture.response_body", "`SIZE` kept of an answer, 0B to 1MiB", asText},
	{"capture.redact_headers", "`NAME` of a header whose value is recorded as *** (repeatable)", asTexts},
	{"keep.succeeded", "`DURATION` for which succeeded and canceled jobs are kept, 1m to 3660d", asText},
	{"keep.failed", "`DURATION` for which failed jobs are kept, 1m to 3660d", asText},
	{"description", "`TEXT` for people", asText},
}, retryFields...)

// newTargetFields are what may be given to a new one besides.
var newTargetFields = append([]field{
	{"secret", "bring this `SECRET` along, whsec_..., instead of having one made", asText},
}, targetFields...)

func (a *app) targets() *cli.Command {
	return a.noun("targets", "endpoints that are called",
		a.verb("create", "[NAME]", "register an endpoint; the answer holds its secret", bodyFlags(newTargetFields),
			func(ctx context.Context, c *call) error { return a.makeNamed(ctx, c, targetsPath, newTargetFields) }),
		list(a, "list", "", "list targets by name", targetsPath, targetView),
		a.get("NAME...", "show a target", targetsPath, ""),
		a.verb("update", "NAME", "change the fields that have flags",
			bodyFlags(targetFields, resetFlag()),
			func(ctx context.Context, c *call) error { return a.patch(ctx, c, targetsPath, targetFields) }),
		a.verb("put", "NAME", "create a target, or replace all its settings", bodyFlags(newTargetFields),
			func(ctx context.Context, c *call) error { return a.put(ctx, c, targetsPath, newTargetFields) }),
		a.remove("NAME...", "delete a target; its history keeps the name", targetsPath,
			&cli.BoolFlag{Name: "delete-schedules", Usage: "also delete the schedules that name it"},
			&cli.BoolFlag{Name: "cancel-jobs", Usage: "also cancel its unfinished jobs"}),
		a.action("pause", "NAME...", "begin no new call; jobs wait", targetsPath,
			field{"reason", "`TEXT` for people", asText}),
		a.action("resume", "NAME...", "let calls begin again", targetsPath),
		a.action("test", "NAME", "make one signed call now and show what came of it", targetsPath),
		a.action("rotate-secret", "NAME", "make a new secret; the old one signs beside it for a while", targetsPath,
			field{"overlap", "`DURATION` for which the old one stays, 0s to 7d", asText}),
		a.get("NAME", "show a target's secret", targetsPath, "/secret"),
		a.verb("keys", "NAME", "list the public keys that verify its v1a signatures", nil,
			func(ctx context.Context, c *call) error {
				return listFrom(ctx, c, request{method: http.MethodGet, path: targetsPath + "/" + c.arg(0) + "/keys"}, keyView)
			}),
	)
}

// makeNamed creates something whose name is an argument, or a field of the file.
func (a *app) makeNamed(ctx context.Context, c *call, path string, fields []field) error {
	set := object{}
	if len(c.args) > 0 {
		set["name"] = encode(c.args[0])
	}
	body, err := a.body(c.cmd, fields, set)
	if err != nil {
		return err
	}
	return c.one(ctx, request{method: http.MethodPost, path: path, body: body})
}

// put creates or replaces what its argument names.
func (a *app) put(ctx context.Context, c *call, path string, fields []field) error {
	body, err := a.body(c.cmd, fields, nil)
	if err != nil {
		return err
	}
	return c.one(ctx, request{method: http.MethodPut, path: path + "/" + c.arg(0), body: body})
}

// patch changes what its argument names.
func (a *app) patch(ctx context.Context, c *call, path string, fields []field) error {
	body, err := a.change(c.cmd, fields)
	if err != nil {
		return err
	}
	return c.one(ctx, request{method: http.MethodPatch, path: path + "/" + c.arg(0), body: body})
}
