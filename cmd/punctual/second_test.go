package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// secondRun is how long the schedule of every second runs; PUNCTUAL_SECONDS_RUN says otherwise.
const secondRun = 6 * time.Second

// ticks is a target that remembers for when it was called.
type ticks struct {
	mu   sync.Mutex                 // protects the fields below
	jobs map[string]map[string]bool // nominal time → webhook-ids
}

// ServeHTTP notes the nominal time of a call and its webhook-id.
func (s *ticks) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := r.Header.Get("punctual-scheduled-for")
	if s.jobs[at] == nil {
		s.jobs[at] = map[string]bool{}
	}
	s.jobs[at][r.Header.Get("webhook-id")] = true
}

// TestEverySecondHasItsCall runs a schedule of every second in real time over a restart of the server: each second
// has one call, none is missed and none is doubled. However slow the machine is, occurrences that are late run.
func TestEverySecondHasItsCall(t *testing.T) {
	run := secondRun
	if set := os.Getenv("PUNCTUAL_SECONDS_RUN"); set != "" {
		var err error
		if run, err = time.ParseDuration(set); err != nil {
			t.Fatal(err)
		}
	}
	got := &ticks{jobs: map[string]map[string]bool{}}
	hooks := httptest.NewServer(got)
	defer hooks.Close()
	dir := t.TempDir()
	launch := func() (*process, *client) {
		p := start(t, dir, nil, binary(t), "dev", "--addr", "127.0.0.1:0", "--log-level", "warn")
		url, err := p.url()
		if err != nil {
			t.Fatal(err)
		}
		return p, &client{base: url}
	}
	post := func(c *client, path, body string) {
		t.Helper()
		if _, err := c.do(t.Context(), request{method: http.MethodPost, path: path, body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	p, c := launch()
	post(c, targetsPath, `{"name":"tick","url":"`+hooks.URL+`"}`)
	post(c, schedulesPath, `{"name":"tick","target":"tick","cron":"* * * * * *","overlap":"allow","catch_up":"all"}`)
	time.Sleep(run / 2)
	if code, err := p.stop(syscall.SIGTERM); code != exitDone || err != nil {
		t.Fatalf("exit code %d, %v\n%s", code, err, p.out)
	}
	p, c = launch()
	time.Sleep(run / 2)
	post(c, schedulesPath+"/tick/pause", `{}`)
	if code, err := p.stop(syscall.SIGTERM); code != exitDone || err != nil {
		t.Fatalf("exit code %d, %v\n%s", code, err, p.out)
	}
	got.check(t, int(run/time.Second))
}

// check holds the calls to one for each second from the first to the last.
func (s *ticks) check(t *testing.T, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var first, last time.Time
	for at, ids := range s.jobs {
		if len(ids) != 1 {
			t.Errorf("%s has %d jobs", at, len(ids))
		}
		when, err := time.Parse(time.RFC3339, at)
		if err != nil || when.Nanosecond() != 0 {
			t.Fatalf("punctual-scheduled-for %q: %v", at, err)
		}
		if first.IsZero() || when.Before(first) {
			first = when
		}
		if when.After(last) {
			last = when
		}
	}
	if span := int(last.Sub(first)/time.Second) + 1; span != len(s.jobs) || span < want-2 {
		t.Errorf("%d seconds have a call, from %v to %v are %d; at least %d are wanted", len(s.jobs), first, last, span, want-2)
	}
}
