package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
	"punctual/webhooks"
)

// The crash test: many clients create jobs while the server is killed and started again. Afterwards
//
//   - every job that was answered with a 2xx has succeeded and was received,
//   - every call that was received has an attempt on record, also those of jobs whose 2xx got lost,
//   - all calls for one payload carried the same webhook-id, also where a client had to ask more than once.
//
// PUNCTUAL_CRASH_ROUNDS says how often the server is killed.
const (
	crashRounds  = 2
	crashClients = 16
	crashBacklog = 400 // jobs accepted and not yet received, beyond which the clients pause
	crashSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func TestNothingIsLostWhenTheProcessIsKilled(t *testing.T) {
	rounds := crashRounds
	if set := os.Getenv("PUNCTUAL_CRASH_ROUNDS"); set != "" {
		var err error
		if rounds, err = strconv.Atoi(set); err != nil {
			t.Fatal(err)
		}
	}
	c := newCrash(t, binary(t))
	c.prepare()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range crashClients {
		clients.Go(func() { c.load(stop) })
	}
	for round := range rounds {
		c.round(round)
	}
	c.server = c.launch()
	c.announce(c.server)
	close(stop)
	clients.Wait()
	c.settle()
	c.check()
	if code, err := c.server.stop(syscall.SIGTERM); code != exitDone || err != nil {
		t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, c.server.out)
	}
}

// crash is one crash test under way.
type crash struct {
	t        *testing.T
	bin      string
	dir      string
	database string
	hooks    string // URL of the receiver
	server   *process
	base     atomic.Pointer[string] // URL of the server; nil while there is none
	next     atomic.Int64           // number of the next payload
	events   chan struct{}          // one for each call received and each job accepted, as far as it holds them

	mu       sync.Mutex             // protects the fields below
	accepted map[int]string         // payload → job, of those answered with a 2xx
	received map[string]map[int]int // webhook-id → payload → calls
	calls    int
}

func newCrash(t *testing.T, bin string) *crash {
	c := &crash{t: t, bin: bin, dir: t.TempDir(), events: make(chan struct{}, 1<<16),
		accepted: map[int]string{}, received: map[string]map[int]int{}}
	if c.database = "sqlite:punctual.db"; postgres.Asked() {
		c.database = postgres.Database(t)
	}
	hooks := httptest.NewServer(http.HandlerFunc(c.receive))
	t.Cleanup(hooks.Close)
	c.hooks = hooks.URL
	return c
}

func (c *crash) launch() *process {
	return start(c.t, c.dir, nil, c.bin, "dev", "--addr", "127.0.0.1:0", "--log-level", "warn", "--database", c.database,
		"--shutdown-grace", "1h") // so long that a stop which needs it fails
}

// announce tells the clients where the server is now.
func (c *crash) announce(p *process) {
	c.t.Helper()
	url, err := p.url()
	if err != nil {
		c.t.Fatal(err)
	}
	c.base.Store(&url)
}

// prepare makes the target, whose jobs may fail often and are tried again soon.
func (c *crash) prepare() {
	p := c.launch()
	c.announce(p)
	_, err := c.api(http.MethodPost, targetsPath, map[string]any{"name": "sink", "url": c.hooks, "secret": crashSecret,
		"max_in_flight": 16, "retry": map[string]any{"max_attempts": 100, "min_backoff": "10ms", "max_backoff": "100ms"}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.base.Store(nil)
	p.kill()
}

// round starts the server and kills it: now and then while it starts, else after some events. These are announced
// from within the calls, so that many a kill finds calls out.
func (c *crash) round(number int) {
	p := c.launch()
	if number > 0 && rand.IntN(4) == 0 {
		select {
		case <-time.After(time.Duration(rand.IntN(60)) * time.Millisecond):
		case <-p.exited:
			c.t.Fatalf("round %d: the server does not start:\n%s", number, p.out)
		}
		p.kill()
		return
	}
	c.announce(p)
	enough := time.NewTimer(patience)
	defer enough.Stop()
	for range 1 + rand.IntN(600) {
		select {
		case <-c.events:
		case <-p.exited:
			c.t.Fatalf("round %d: the server has ended by itself:\n%s", number, p.out)
		case <-enough.C:
			c.t.Fatalf("round %d: nothing happens any more:\n%s", number, p.out)
		}
	}
	c.base.Store(nil)
	p.kill()
}

// event may be dropped: rounds only need many of them.
func (c *crash) event() {
	select {
	case c.events <- struct{}{}:
	default:
	}
}

// receive is the target: it refuses one call in ten.
func (c *crash) receive(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed while it was sent: a call that did not arrive
	}
	var payload struct{ N int }
	if err := json.Unmarshal(raw, &payload); err != nil {
		c.t.Errorf("received %q: %v", raw, err)
	}
	if err := webhooks.Verify(crashSecret, r.Header, raw); err != nil {
		c.t.Errorf("received a call that does not verify: %v", err)
	}
	c.mu.Lock()
	id := r.Header.Get("webhook-id")
	if c.received[id] == nil {
		c.received[id] = map[int]int{}
	}
	c.received[id][payload.N]++
	c.calls++
	c.mu.Unlock()
	c.event()
	if rand.IntN(10) == 0 {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// backlog is how many accepted jobs have not been received.
func (c *crash) backlog() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.accepted) - len(c.received)
}

// load is one client.
func (c *crash) load(stop <-chan struct{}) {
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		for c.base.Load() == nil || c.backlog() > crashBacklog {
			select {
			case <-pause.C:
			case <-stop:
				return
			}
		}
		select {
		case <-stop:
			return
		default:
			c.create(int(c.next.Add(1)), pause, stop)
		}
	}
}

// create asks for the job of payload n. With a key of one kind or the other it asks until it is answered; without, an
// answer that got lost leaves it in the dark, and it goes on.
func (c *crash) create(n int, pause *time.Ticker, stop <-chan struct{}) {
	job := map[string]any{"target": "sink", "payload": map[string]int{"n": n}}
	header := http.Header{}
	switch n % 3 {
	case 0:
		header.Set("Idempotency-Key", fmt.Sprint("header-", n))
	case 1:
		job["key"] = fmt.Sprint("body-", n)
	}
	for {
		var made jobRow
		status, err := c.ask(http.MethodPost, jobsPath, header, job, &made)
		switch {
		case err == nil && status < 300:
			c.mu.Lock()
			c.accepted[n] = made.ID
			c.mu.Unlock()
			c.event()
			return
		case err == nil && status != http.StatusServiceUnavailable:
			c.t.Errorf("POST %s: status %d", jobsPath, status)
			return
		case n%3 == 2:
			return
		}
		select {
		case <-pause.C:
		case <-stop:
			return
		}
	}
}

// ask makes one request to the server, if there is one.
func (c *crash) ask(method, path string, header http.Header, body, answer any) (status int, err error) {
	base := c.base.Load()
	if base == nil {
		return 0, io.ErrClosedPipe
	}
	var raw []byte
	if body != nil {
		raw = encode(body)
	}
	req, err := http.NewRequest(method, *base+path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	maps.Copy(req.Header, header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode < 300 {
		err = json.Unmarshal(raw, answer)
	}
	return resp.StatusCode, err
}

// api makes a request that must succeed.
func (c *crash) api(method, path string, body any) (object, error) {
	answer := object{}
	status, err := c.ask(method, path, nil, body, &answer)
	if err == nil && status >= 300 {
		err = fmt.Errorf("%s %s: status %d", method, path, status)
	}
	return answer, err
}

// settle waits until no job is unfinished.
func (c *crash) settle() {
	c.t.Helper()
	err := until(func() bool {
		answer, err := c.api(http.MethodGet, jobsPath+"?state=scheduled&state=running&limit=1", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		return string(answer["items"]) == "[]"
	})
	if err != nil {
		c.t.Fatalf("some jobs do not end: %v", err)
	}
}

// check holds what the server says against what clients and receiver saw.
func (c *crash) check() {
	lost, of := 0, map[int]string{} // payload → webhook-id
	for id, payloads := range c.received {
		calls := 0
		for n, times := range payloads {
			calls += times
			if other, twice := of[n]; twice {
				c.t.Errorf("payload %d came as %s and as %s", n, id, other)
			}
			of[n] = id
		}
		if len(payloads) != 1 {
			c.t.Errorf("%s came with different payloads: %v", id, payloads)
		}
		lost += c.checkRecord(id, calls)
	}
	for n, id := range c.accepted {
		if got, received := of[n]; !received || got != id {
			c.t.Errorf("job %s was accepted for payload %d, which was received as %q", id, n, got)
		}
	}
	c.t.Logf("%d jobs accepted, %d received in %d calls, %d attempts lost", len(c.accepted), len(c.received), c.calls, lost)
	if len(c.accepted) == 0 || c.calls == 0 {
		c.t.Error("nothing happened at all")
	}
}

// checkRecord looks at the history of a job that was received that many times.
func (c *crash) checkRecord(id string, calls int) (lost int) {
	var history struct{ Items []attemptRow }
	if status, err := c.ask(http.MethodGet, jobsPath+"/"+id+"/attempts", nil, nil, &history); err != nil || status != 200 {
		c.t.Errorf("%s was received and has no history: status %d, %v", id, status, err)
		return 0
	}
	var outcomes []string
	for i, attempt := range history.Items {
		outcomes = append(outcomes, attempt.Outcome)
		if attempt.Number != i+1 {
			c.t.Errorf("%s: attempt %d stands at place %d", id, attempt.Number, i+1)
		}
		if attempt.Outcome == "lost" {
			lost++
		}
	}
	if len(outcomes) < calls {
		c.t.Errorf("%s was received %d times and has %d attempts on record", id, calls, len(outcomes))
	}
	var job jobRow
	if status, err := c.ask(http.MethodGet, jobsPath+"/"+id, nil, nil, &job); err != nil || status != 200 {
		c.t.Errorf("%s: status %d, %v", id, status, err)
	}
	// Three crashes in a row under calls of the same job end it: that is a rule, and the only way to fail here.
	thrice := len(outcomes) >= 3 && slices.Equal(outcomes[len(outcomes)-3:], []string{"lost", "lost", "lost"})
	if job.State != "succeeded" && !(job.State == "failed" && job.Reason == "lost" && thrice) {
		c.t.Errorf("%s is %s after %v", id, because(job.State, job.Reason), outcomes)
	}
	return lost
}
