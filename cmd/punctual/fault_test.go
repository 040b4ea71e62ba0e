package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// The fault suite: three nodes on one PostgreSQL, clients that create jobs on all of them, and one fault after another
// (fault_kinds_test.go). Afterwards what the clients were told, what the receiver saw and what the book says must agree:
//
//   - every job that was answered with a 2xx has succeeded and was received,
//   - every call that was received has an attempt on record,
//   - no two calls of one job overlapped in time, except with those of a node that was stopped by force,
//   - a schedule's occurrences each happened exactly once,
//   - the work went on soon.
//
// PUNCTUAL_FAULT_ROUNDS says how often each fault happens; without it the suite is skipped, for it takes minutes.
const (
	faultTargets = 12  // so that each node has some
	faultClients = 6   //
	faultBacklog = 300 // jobs accepted and not yet received, beyond which the clients pause
)

// faults is one cluster under load.
type faults struct {
	t      *testing.T
	bin    string
	hooks  string
	client http.Client
	nodes  []*member // as it is when run begins
	next   atomic.Int64

	mu       sync.Mutex           // protects the fields below
	agents   map[string]int       // calls by the version that made them
	accepted map[string]int       // job → payload, of those answered with a 2xx
	calls    map[string][]arrival // by job
	last     map[string]time.Time // by path of the target: the last call
	forced   []stretch            // when a node was stopped by force
}

// arrival is a call that was received.
type arrival struct{ from, to time.Time }

// stretch is a time.
type stretch struct{ from, to time.Time }

// member is a node of the cluster.
type member struct {
	process  *process
	database string
	bin      string                 // "": the present version
	base     atomic.Pointer[string] // nil: no clients go there
}

func newFaults(t *testing.T, databases ...string) *faults {
	var nodes []*member
	for _, database := range databases {
		nodes = append(nodes, &member{database: database})
	}
	return newFaultsOf(t, nodes...)
}

func newFaultsOf(t *testing.T, nodes ...*member) *faults {
	f := &faults{t: t, bin: binary(t), accepted: map[string]int{}, calls: map[string][]arrival{}, last: map[string]time.Time{},
		nodes: nodes, agents: map[string]int{},
		client: http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	hooks := httptest.NewServer(http.HandlerFunc(f.receive))
	t.Cleanup(hooks.Close)
	f.hooks = hooks.URL
	var all sync.WaitGroup
	for _, m := range f.nodes { // at once, on an empty database
		all.Go(func() { f.launch(m) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return f
}

func (f *faults) launch(m *member) {
	m.process = start(f.t, f.t.TempDir(), nil, cmp.Or(m.bin, f.bin), "dev", "--addr", "127.0.0.1:0", "--log-level", "info",
		"--database", m.database)
	url, err := m.process.url()
	if err != nil {
		f.t.Error(err)
		return
	}
	m.base.Store(&url)
}

// prepare makes the targets and the schedule.
func (f *faults) prepare() {
	f.t.Helper()
	for i := range faultTargets {
		f.must(http.MethodPost, targetsPath, map[string]any{"name": fmt.Sprint("t", i), "url": fmt.Sprint(f.hooks, "/t", i),
			"max_in_flight": 16, "retry": map[string]any{"max_attempts": 100, "min_backoff": "50ms", "max_backoff": "500ms"}})
	}
	for i := range 3 {
		f.must(http.MethodPost, schedulesPath, map[string]any{"name": fmt.Sprint("s", i), "target": fmt.Sprint("t", i),
			"every": "1s", "overlap": "allow", "catch_up": "all"})
	}
}

// receive is every target. Now and then it takes long, so that faults find calls out.
func (f *faults) receive(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	began, takes := time.Now(), time.Duration(rand.IntN(10))*time.Millisecond
	if rand.IntN(40) == 0 {
		takes = time.Duration(rand.IntN(2000)) * time.Millisecond
	}
	id := r.Header.Get("webhook-id")
	f.mu.Lock()
	f.last[r.URL.Path] = began
	f.agents[r.UserAgent()]++
	f.calls[id] = append(f.calls[id], arrival{from: began})
	n := len(f.calls[id]) - 1
	f.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
	}
	f.mu.Lock()
	f.calls[id][n].to = time.Now()
	f.mu.Unlock()
}

// run lets the clients work while faults happen.
func (f *faults) run(happen func()) {
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range faultClients {
		clients.Go(func() { f.load(stop) })
	}
	f.flows(time.Now(), patience)
	happen()
	close(stop)
	clients.Wait()
}

func (f *faults) load(stop <-chan struct{}) {
	pause := time.NewTicker(15 * time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pause.C:
		}
		if f.backlog() < faultBacklog {
			f.create(int(f.next.Add(1)), stop)
		}
	}
}

func (f *faults) backlog() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.accepted) - len(f.calls)
}

// jobOf is the request of the nth job: the same key finds what another node has made.
func jobOf(n int) map[string]any {
	return map[string]any{"target": fmt.Sprint("t", n%faultTargets), "payload": map[string]int{"n": n}, "key": fmt.Sprint("k", n)}
}

// create asks one node after another until one has answered: the same key finds what another has made.
func (f *faults) create(n int, stop <-chan struct{}) {
	for {
		var made jobRow
		status, err := f.ask(http.MethodPost, jobsPath, jobOf(n), &made)
		switch {
		case err == nil && status < 300:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.accepted[made.ID] = n
			return
		case err == nil && status != http.StatusServiceUnavailable:
			f.t.Errorf("POST %s: status %d", jobsPath, status)
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ask makes a request to any node.
func (f *faults) ask(method, path string, body, answer any) (int, error) {
	m := f.nodes[rand.IntN(len(f.nodes))]
	base := m.base.Load()
	if base == nil {
		return 0, errors.New("no node there")
	}
	return f.askAt(*base, method, path, body, answer)
}

func (f *faults) askAt(base, method, path string, body, answer any) (int, error) {
	var raw []byte
	if body != nil {
		raw = encode(body)
	}
	req, err := http.NewRequest(method, base+path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode < 300 && answer != nil {
		err = json.Unmarshal(raw, answer)
	}
	if err == nil && resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		f.t.Error("503 without Retry-After")
	}
	return resp.StatusCode, err
}

// must makes a request that must succeed, at once or soon.
func (f *faults) must(method, path string, body any) (answer object) {
	f.t.Helper()
	status, err := 0, error(nil)
	if until(func() bool {
		answer = object{}
		status, err = f.ask(method, path, body, &answer)
		return err == nil && status < 300
	}) != nil {
		f.t.Fatalf("%s %s: status %d, %v", method, path, status, err)
	}
	return answer
}

// straggle is how long after a fault a call may arrive that left before it.
const straggle = 300 * time.Millisecond

// flows waits until every target has received a call after since, and gives how long that took.
func (f *faults) flows(since time.Time, most time.Duration) time.Duration {
	f.t.Helper()
	var when time.Time
	if err := until(func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		when = since
		for i := range faultTargets {
			last := f.last[fmt.Sprint("/t", i)]
			if !last.After(since.Add(straggle)) {
				return false
			}
			if last.After(when) {
				when = last
			}
		}
		return true
	}); err != nil {
		f.tell()
		f.t.Fatalf("some targets are called no more: %v", err)
	}
	took := time.Since(since)
	if took > most {
		f.t.Errorf("the work went on after %v, want %v at most", took, most)
	}
	return took
}

// force notes that a node was stopped by force for a while.
func (f *faults) force(from time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forced = append(f.forced, stretch{from, time.Now()})
}

// settle waits until no job is unfinished. The schedules are paused for that.
func (f *faults) settle() {
	f.t.Helper()
	for i := range 3 {
		f.must(http.MethodPost, schedulesPath+fmt.Sprintf("/s%d/pause", i), map[string]any{})
	}
	if err := until(func() bool {
		var answer object
		status, err := f.ask(http.MethodGet, jobsPath+"?state=scheduled&state=running&limit=1", nil, &answer)
		return err == nil && status == http.StatusOK && string(answer["items"]) == "[]"
	}); err != nil {
		f.tell()
		f.t.Fatalf("some jobs do not end: %v", err)
	}
}

// tell prints what may help to find out why something does not happen.
func (f *faults) tell() {
	for _, state := range []string{"scheduled", "running"} {
		var rows struct{ Items []jobRow }
		status, err := f.ask(http.MethodGet, jobsPath+"?limit=5&state="+state, nil, &rows)
		f.t.Logf("%s: status %d, %v: %+v", state, status, err, rows.Items)
	}
	for i, m := range f.nodes {
		f.t.Logf("node %d:\n%s", i, m.process.out)
	}
}

// check holds the three histories against each other, and prints what it found.
func (f *faults) check() {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost, calls, again := 0, 0, 0
	for id, n := range f.accepted {
		if len(f.calls[id]) == 0 {
			lost++
			f.t.Errorf("%s was accepted for payload %d and never received", id, n)
		}
	}
	var wg sync.WaitGroup
	work := make(chan string)
	var onRecord atomic.Int64
	for range 8 {
		wg.Go(func() {
			for id := range work {
				onRecord.Add(int64(f.checkRecord(id)))
			}
		})
	}
	for id, all := range f.calls {
		calls += len(all)
		again += len(all) - 1
		f.checkOverlap(id, all)
		work <- id
	}
	close(work)
	wg.Wait()
	runs := f.checkSchedules()
	f.t.Logf("jobs accepted %d, lost %d; calls %d, of them again %d; attempts lost on record %d; occurrences %d, all once",
		len(f.accepted), lost, calls, again, onRecord.Load(), runs)
}

// checkOverlap looks for two calls of one job at the same time.
func (f *faults) checkOverlap(id string, all []arrival) {
	slices.SortFunc(all, func(a, b arrival) int { return a.from.Compare(b.from) })
	for i := 1; i < len(all); i++ {
		before, after := all[i-1], all[i]
		forced := slices.ContainsFunc(f.forced, func(s stretch) bool { return before.from.Before(s.to) && after.from.After(s.from) })
		if after.from.Before(before.to) && !forced {
			f.t.Errorf("%s: a call at %v while the one of %v was out, until %v", id, after.from, before.from, before.to)
		}
	}
}

// checkRecord looks at the history of a job that was received, and gives how many attempts are lost on record.
func (f *faults) checkRecord(id string) (lost int) {
	var history struct{ Items []attemptRow }
	var job jobRow
	status, err := f.ask(http.MethodGet, jobsPath+"/"+id+"/attempts", nil, &history)
	if err != nil || status != http.StatusOK {
		f.t.Errorf("%s was received and has no history: status %d, %v", id, status, err)
		return 0
	}
	var outcomes []string
	for i, a := range history.Items {
		if outcomes = append(outcomes, a.Outcome); a.Number != i+1 {
			f.t.Errorf("%s: attempt %d stands at place %d", id, a.Number, i+1)
		}
		if a.Outcome == "lost" {
			lost++
		}
	}
	if len(outcomes) < len(f.calls[id]) {
		f.t.Errorf("%s was received %d times and has %v on record", id, len(f.calls[id]), outcomes)
	}
	if status, err := f.ask(http.MethodGet, jobsPath+"/"+id, nil, &job); err != nil || status != http.StatusOK ||
		job.State != "succeeded" {
		f.t.Errorf("%s: status %d, %v, %s after %v", id, status, err, because(job.State, job.Reason), outcomes)
	}
	return lost
}

// checkSchedules looks whether each second has its run, and each run its second.
func (f *faults) checkSchedules() (runs int) {
	for i := range 3 {
		path := schedulesPath + fmt.Sprintf("/s%d/occurrences?limit=500", i)
		var times []time.Time
		jobs := map[string]bool{}
		for cursor := ""; ; {
			var page struct {
				Items []struct {
					At      time.Time
					Until   time.Time
					Count   int
					Outcome string
					Job     *struct{ ID string }
				}
				NextCursor string `json:"next_cursor"`
			}
			if status, err := f.ask(http.MethodGet, path+cursor, nil, &page); err != nil || status != http.StatusOK {
				f.t.Fatalf("%s: status %d, %v", path, status, err)
			}
			for _, o := range page.Items {
				switch {
				case o.Outcome != "job":
					continue
				case o.Job == nil || jobs[o.Job.ID]:
					f.t.Errorf("s%d: the occurrence of %v has no job of its own", i, o.At)
					continue
				case len(f.calls[o.Job.ID]) == 0:
					f.t.Errorf("s%d: the job of %v, %s, was never received", i, o.At, o.Job.ID)
				}
				jobs[o.Job.ID] = true
				times = append(times, o.At)
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		for k := 1; k < len(times); k++ {
			if gap := times[k-1].Sub(times[k]); gap != time.Second {
				f.t.Errorf("s%d: %v between the occurrences of %v and %v", i, gap, times[k], times[k-1])
			}
		}
		runs += len(times)
	}
	return runs
}

// faultRounds is how often each fault is to happen.
func faultRounds(t *testing.T) int {
	t.Helper()
	set := os.Getenv("PUNCTUAL_FAULT_ROUNDS")
	if set == "" {
		t.Skip("takes minutes: set PUNCTUAL_FAULT_ROUNDS=1")
	}
	rounds, err := strconv.Atoi(set)
	if err != nil {
		t.Fatal(err)
	}
	return rounds
}

// freshPostgres starts a durable server that listens on a port.
func freshPostgres(t *testing.T, settings map[string]string) (*postgres.Server, string) {
	t.Helper()
	server := postgres.New(t, postgres.Options{Durable: true, Port: postgres.FreePort(t), Settings: settings})
	return server, server.Database(t)
}
