package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// TestClocksThatDiffer runs two nodes whose machine's clock differs from the database's by seconds: nothing is sent
// early by the database's clock, and the difference is logged and shown.
func TestClocksThatDiffer(t *testing.T) {
	server := postgres.New(t, postgres.Options{})
	for _, ahead := range []time.Duration{3 * time.Second, -3 * time.Second} { // the database's clock
		t.Run(ahead.String(), func(t *testing.T) { differ(t, server.Skewed(t, ahead), ahead) })
	}
}

// hourglass is a target that notes, by the database's clock, when it was called for what.
type hourglass struct {
	mu     sync.Mutex // protects the fields below
	ahead  time.Duration
	calls  map[string]time.Time // by webhook-id
	early  []string
	ticked int
}

// ServeHTTP notes a call.
func (h *hourglass) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now().Add(h.ahead)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[r.Header.Get("webhook-id")] = now
	due, err := time.Parse(time.RFC3339, r.Header.Get("punctual-scheduled-for"))
	if err != nil || now.Before(due) {
		h.early = append(h.early, fmt.Sprintf("%s for %v at %v: %v", r.Header.Get("webhook-id"), due, now, err))
	}
	if r.Header.Get("punctual-schedule") != "" {
		h.ticked++
	}
}

func differ(t *testing.T, database string, ahead time.Duration) {
	h := &hourglass{ahead: ahead, calls: map[string]time.Time{}}
	hooks := httptest.NewServer(h)
	defer hooks.Close()
	f := &faults{t: t, bin: binary(t), hooks: hooks.URL, nodes: []*member{{database: database}, {database: database}}}
	for _, m := range f.nodes {
		f.launch(m)
	}
	const targets, jobs = 6, 60
	for i := range targets {
		f.must(http.MethodPost, targetsPath, map[string]any{"name": fmt.Sprint("t", i), "url": hooks.URL})
	}
	f.must(http.MethodPost, schedulesPath, map[string]any{"name": "s", "target": "t0", "every": "1s", "overlap": "allow"})
	due := map[string]time.Time{}
	for i := range jobs {
		before := time.Now().Add(ahead)
		body := map[string]any{"target": fmt.Sprint("t", i%targets)}
		switch i % 3 {
		case 0:
			body["delay"] = "1s"
		case 1:
			body["run_at"] = before.Add(1500 * time.Millisecond)
		}
		answer := f.must(http.MethodPost, jobsPath, body)
		var made struct {
			ID        string
			RunAt     time.Time `json:"run_at"`
			CreatedAt time.Time `json:"created_at"`
		}
		if err := json.Unmarshal(encode(answer), &made); err != nil {
			t.Fatal(err)
		}
		// A node's reading of the database's clock is as old as its way from there took, never younger.
		if after := time.Now().Add(ahead); made.CreatedAt.After(after) || made.CreatedAt.Before(before.Add(-2*time.Second)) {
			t.Errorf("a job was made at %v, asked for between %v and %v by the database's clock", made.CreatedAt, before, after)
		}
		due[made.ID] = made.RunAt
	}
	f.seeSkew(-ahead)
	if err := until(func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for id := range due {
			if h.calls[id].IsZero() {
				return false
			}
		}
		return h.ticked >= 3
	}); err != nil {
		t.Fatalf("not all jobs were called: %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, at := range due {
		if h.calls[id].Before(at) {
			t.Errorf("%s was called %v early", id, at.Sub(h.calls[id]))
		}
	}
	for _, what := range h.early {
		t.Error("early:", what)
	}
}

// seeSkew waits until both nodes say by how much their clock is ahead: to the log, to /readyz and in the list of nodes.
func (f *faults) seeSkew(want time.Duration) {
	f.t.Helper()
	var nodes struct {
		Items []struct {
			SkewMS float64 `json:"skew_ms"`
		}
	}
	if err := until(func() bool {
		status, err := f.ask(http.MethodGet, nodesPath, nil, &nodes)
		said := 0
		for _, n := range nodes.Items {
			if math.Abs(n.SkewMS-float64(want.Milliseconds())) < 500 {
				said++
			}
		}
		return err == nil && status == http.StatusOK && said == 2 && len(nodes.Items) == said
	}); err != nil {
		f.t.Errorf("the list of nodes does not show that their clocks differ by %v: %+v", want, nodes.Items)
	}
	for _, m := range f.nodes {
		var ready struct{ Warnings []string }
		if _, err := f.askAt(*m.base.Load(), http.MethodGet, "/readyz", nil, &ready); err != nil ||
			!strings.Contains(strings.Join(ready.Warnings, " "), "The clock of this node's machine differs by") {
			f.t.Errorf("/readyz says nothing of the clock: %q, %v", ready.Warnings, err)
		}
		if !strings.Contains(m.process.out.String(), "this machine's clock is not the database's") {
			f.t.Errorf("the log says nothing of the clock:\n%s", m.process.out)
		}
	}
}
