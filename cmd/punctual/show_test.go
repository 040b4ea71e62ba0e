package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestObjectsAreShownOneMemberALine(t *testing.T) {
	now := time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)
	raw := json.RawMessage(`{"id":"job_1","state":"scheduled","payload":{"n":1.10,"s":"<"},"reason":"","schedule":null,
		"labels":{},"run_at":"2027-01-31T09:10:00.000Z","retry":{"factor":2,"fail_on":[400,404]},"attempts":0,
		"response":{"body":"a\tb\n\u001b[2J"},"error":null}`)
	var out strings.Builder
	if err := describe(&out, raw, now); err != nil {
		t.Fatal(err)
	}
	want := `id             job_1
state          scheduled
payload        {"n":1.10,"s":"<"}
reason         -
schedule       -
labels         {}
run_at         2027-01-31T09:10:00.000Z (10 minutes from now)
retry.factor   2
retry.fail_on  [400,404]
attempts       0
response.body  a b⏎�[2J
error          -
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := describe(&out, json.RawMessage(`[1]`), now); err == nil {
		t.Error("a list was described as an object")
	}
}

func TestProblemsAreShownFieldByField(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"problem", 422, `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"Two fields are wrong.",
			"errors":[{"location":"body.url","message":"must name a host"},{"location":"body.name","message":"must be short"}]}`,
			"punctual: 422 Unprocessable Entity: Two fields are wrong.\n  body.url: must name a host\n  body.name: must be short\n"},
		{"a proxy's page", 502, `<html>` + "\x1b[2J", "punctual: 502 Bad Gateway\n"},
		{"other JSON", 500, `{"errors":"many"}`, "punctual: 500 Internal Server Error\n"},
		{"an escape", 409, `{"title":"Conflict","detail":"\u001b[2J"}`, "punctual: 409 Conflict: �[2J\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url, _ := record(t, test.status, test.body)
			code, stdout, stderr := invoke(nil, "", "jobs", "create", "a", "--server", url)
			if code != exitFailed || stdout != "" {
				t.Errorf("exit code %d, stdout %q", code, stdout)
			}
			if diff := cmp.Diff(test.want, stderr); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestSeveralArgumentsAreAllTried(t *testing.T) {
	url, calls := record(t, 409, `{"title":"Conflict"}`)
	code, _, stderr := invoke(nil, "", "jobs", "cancel", "job_1", "job_2", "--server", url)
	want := "punctual: job_1: 409 Conflict\njob_2: 409 Conflict\n"
	if code != exitFailed || stderr != want || len(*calls) != 2 {
		t.Errorf("exit code %d, %d calls, stderr %q; want %q", code, len(*calls), stderr, want)
	}
}
