package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sent is a request as a server saw it.
type sent struct{ Method, Path, Query, Key, Auth, Body string }

// record answers every request with the body and tells what came.
func record(t *testing.T, status int, body string) (url string, calls *[]sent) {
	t.Helper()
	calls = &[]sent{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*calls = append(*calls, sent{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Idempotency-Key"),
			r.Header.Get("Authorization"), string(raw)})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL, calls
}

func TestCommandsSendWhatTheirFlagsSay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "job.json")
	whole := `{ "target": "a", "payload": {"n": 1.10, "s": "\u003c"}, "retry": {"factor": 2} }`
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		stdin string
		args  []string
		want  sent
	}{
		{"a name and flags", "", []string{"targets", "create", "a", "--url", "http://x/?a=1,2&b=<", "--max-in-flight", "3",
			"--header", "X-One: 1", "--header", "X-Two=2, 3", "--retry-jitter", "0.5", "--retry-fail-on", "400,404"},
			sent{"POST", "/v1/targets", "", "", "", `{"headers":{"X-One":"1","X-Two":"2, 3"},"max_in_flight":3,"name":"a",` +
				`"retry":{"fail_on":[400,404],"jitter":0.5},"url":"http://x/?a=1,2&b=<"}`}},
		{"a payload stays as it stands", "", []string{"jobs", "create", "a", "--payload", `{"b":1.10,"a":"\u003c"}`,
			"--job-key", "k", "--idempotency-key", "i", "--label", "x=y", "--key", "secret"},
			sent{"POST", "/v1/jobs", "", "i", "Bearer secret",
				`{"key":"k","labels":{"x":"y"},"payload":{"b":1.10,"a":"\u003c"},"target":"a"}`}},
		{"a file goes out byte for byte", "", []string{"jobs", "create", "-f", file},
			sent{"POST", "/v1/jobs", "", "", "", whole}},
		{"a flag goes over a file", "", []string{"jobs", "create", "-f", file, "--retry-max-attempts", "2"},
			sent{"POST", "/v1/jobs", "", "", "",
				`{"payload":{"n":1.10,"s":"\u003c"},"retry":{"factor":2,"max_attempts":2},"target":"a"}`}},
		{"standard input", `{"jobs":[]}`, []string{"jobs", "batch", "-f", "-"},
			sent{"POST", "/v1/jobs/batch", "", "", "", `{"jobs":[]}`}},
		{"text from standard input", "line 1\nline 2\n", []string{"jobs", "create", "a", "--body", "-"},
			sent{"POST", "/v1/jobs", "", "", "", `{"body":"line 1\nline 2\n","target":"a"}`}},
		{"a payload from a file", "", []string{"jobs", "rerun", "job_1", "--payload", "@" + file},
			sent{"POST", "/v1/jobs/job_1/rerun", "", "", "",
				`{"payload":{"target":"a","payload":{"n":1.10,"s":"\u003c"},"retry":{"factor":2}}}`}},
		{"filters", "", []string{"jobs", "list", "--state", "failed", "--state", "canceled", "--label", "a:b", "--label",
			"c=d:e", "--id-prefix", "01", "--limit", "5"},
			sent{"GET", "/v1/jobs", "label=a%3Ab&label=c%3Ad%3Ae&limit=5&q=01&state=failed&state=canceled", "", "", ""}},
		{"filters of an operation", "", []string{"jobs", "retry", "--all", "--label", "a=b=c", "--dry-run"},
			sent{"POST", "/v1/operations", "", "", "", `{"action":"retry","dry_run":true,"filter":{"label":["a:b=c"]}}`}},
		{"a change with defaults given back", "", []string{"targets", "update", "a", "--timeout", "5s", "--reset",
			"retry.factor", "--reset", "headers"},
			sent{"PATCH", "/v1/targets/a", "", "", "", `{"headers":null,"retry":{"factor":null},"timeout":"5s"}`}},
		{"put", "", []string{"schedules", "put", "s", "--target", "a", "--cron", "0 9 * * *", "--max-runs", "3",
			"--retry-past-next"},
			sent{"PUT", "/v1/schedules/s", "", "", "",
				`{"cron":"0 9 * * *","max_runs":3,"retry_past_next":true,"target":"a"}`}},
		{"delete that goes further", "", []string{"targets", "delete", "a", "--cancel-jobs"},
			sent{"DELETE", "/v1/targets/a", "cancel_jobs=true", "", "", ""}},
		{"pause with a reason", "", []string{"targets", "pause", "a", "--reason", "moving"},
			sent{"POST", "/v1/targets/a/pause", "", "", "", `{"reason":"moving"}`}},
		{"an action without a body", "", []string{"jobs", "cancel", "job_1"},
			sent{"POST", "/v1/jobs/job_1/cancel", "", "", "", ""}},
		{"names are escaped", "", []string{"targets", "get", "a/../b"},
			sent{"GET", "/v1/targets/a/../b", "", "", "", ""}},
		{"a dry backfill", "", []string{"schedules", "backfill", "s", "--from", "2027-01-01T00:00:00Z", "--dry-run"},
			sent{"POST", "/v1/schedules/s/backfill", "", "", "", `{"dry_run":true,"from":"2027-01-01T00:00:00Z"}`}},
		{"a preview", "", []string{"schedules", "preview", "--every", "1h", "--count", "2"},
			sent{"POST", "/v1/schedules/preview", "", "", "", `{"count":2,"every":"1h"}`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			url, calls := record(t, 200, `{"items":[]}`)
			code, _, stderr := invoke(map[string]string{"PUNCTUAL_SERVER": url}, test.stdin, test.args...)
			if code != exitDone {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if diff := cmp.Diff([]sent{test.want}, *calls); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
