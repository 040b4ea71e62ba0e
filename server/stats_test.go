package server

import "testing"

func TestStats(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.target("paused", `,"paused":true`)
	h.ended(h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id"))
	h.do(201, "POST", "/v1/jobs", `{"target":"paused"}`)
	h.do(201, "POST", "/v1/jobs", `{"target":"paused","delay":"1h"}`)
	for query, want := range map[string][]string{
		"": {"window", `"1h"`, "target", "null", "backlog.due", "1", "backlog.due_exact", "true", "backlog.scheduled", "2",
			"backlog.retrying", "0", "jobs.succeeded", "1", "calls.total", "1", "calls.succeeded", "1", "ended.succeeded", "1", "step", `"1m"`},
		"?window=24h&target=billing": {"target", `"billing"`, "backlog.due", "0", "backlog.oldest_due", "null", "jobs.succeeded", "1",
			"calls.total", "1", "step", `"10m"`},
		"?window=7d&target=paused": {"backlog.due", "1", "calls.total", "0", "latency.p50_ms", "null", "lateness.p99_ms", "null",
			"step", `"1h"`},
		"?target=nobody": {"backlog.due", "0", "jobs.scheduled", "0", "calls.total", "0"},
	} {
		h.do(200, "GET", "/v1/stats"+query, "").is(want...)
	}
	h.do(422, "GET", "/v1/stats?window=2h", "")
}
