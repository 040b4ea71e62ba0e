package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests of this file take minutes and judge by the clock, so that they run only when they are asked for: on a machine
// that does nothing else, with PUNCTUAL_LONG=1, or PUNCTUAL_SOAK=10m for the soak.

// arrivals is a target that remembers how late each call came after the time it was for.
type arrivals struct {
	mu   sync.Mutex // protects late
	late []time.Duration
}

// ServeHTTP notes a call.
func (a *arrivals) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	at, err := time.Parse(time.RFC3339, r.Header.Get("punctual-scheduled-for"))
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.late = append(a.late, now.Sub(at))
}

// take gives the latenesses since the last take, sorted.
func (a *arrivals) take() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := a.late
	a.late = nil
	slices.Sort(late)
	return late
}

// lateBy is the value below which the share q of sorted values lies; 0 of none.
func lateBy(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// station is a server under test with what is needed to load and to watch it.
type station struct {
	t   *testing.T
	dir string
	p   *process
	c   *client
}

func openStation(t *testing.T, dir string) *station {
	t.Helper()
	p := start(t, dir, nil, binary(t), "dev", "--addr", "127.0.0.1:0", "--log-level", "warn")
	url, err := p.url()
	if err != nil {
		t.Fatal(err)
	}
	return &station{t, dir, p, &client{base: url}}
}

func (s *station) post(path, body string) {
	s.t.Helper()
	if _, err := s.c.do(s.t.Context(), request{method: http.MethodPost, path: path, body: []byte(body)}); err != nil {
		s.t.Fatal(err)
	}
}

// lay creates n equal jobs, a thousand in a request.
func (s *station) lay(n int, job string) {
	s.t.Helper()
	for ; n > 0; n -= 1000 {
		s.post(jobsPath+"/batch", `{"jobs":[`+strings.TrimSuffix(strings.Repeat(job+",", min(n, 1000)), ",")+`]}`)
	}
}

// feed creates jobs of a target at an even rate for a while.
func (s *station) feed(target string, perSecond int, d time.Duration) {
	s.t.Helper()
	body := []byte(`{"target":"` + target + `","payload":{"n":1}}`)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	var out sync.WaitGroup
	for began, n := time.Now(), 0; time.Since(began) < d; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))))
		out.Go(func() {
			resp, err := client.Post(s.c.base+jobsPath, "application/json", bytes.NewReader(body))
			if err != nil {
				s.t.Error(err)
				return
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusCreated {
				s.t.Errorf("create a job: %s, %v", resp.Status, err)
			}
		})
	}
	out.Wait()
}

// ticksPerSecond is the unit of CPU time in /proc; Linux has told it as 100 for ever.
const ticksPerSecond = 100

// cpu is the time that the server has spent on processors so far.
func (s *station) cpu() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.p.cmd.Process.Pid))
	if err != nil {
		s.t.Skip("there is no /proc here: ", err)
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticksPerSecond
}

// busy is the share of one processor that the server takes over d.
func (s *station) busy(d time.Duration) float64 {
	before := s.cpu()
	time.Sleep(d)
	return float64(s.cpu()-before) / float64(d)
}

// resident is the server's memory in MiB.
func (s *station) resident() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.p.cmd.Process.Pid))
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(size)[0])
			return kib / 1024
		}
	}
	return 0
}

var goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

func (s *station) goroutines() int {
	resp, err := http.Get(s.c.base + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	n, _ := strconv.Atoi(string(goroutines.FindSubmatch(text)[1]))
	return n
}

func (s *station) descriptors() int {
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.p.cmd.Process.Pid))
	return len(open)
}

// wal is the size of the write-ahead log in MiB.
func (s *station) wal() int {
	info, err := os.Stat(filepath.Join(s.dir, "punctual.db-wal"))
	if err != nil {
		return 0
	}
	return int(info.Size() >> 20)
}

func onlyLong(t *testing.T) {
	if os.Getenv("PUNCTUAL_LONG") == "" {
		t.Skip("takes minutes of a quiet machine: set PUNCTUAL_LONG=1")
	}
}

// TestHangingTargetsStarveNobody lets 50 targets with 3,000 jobs each accept calls and hang, beside a healthy one.
func TestHangingTargetsStarveNobody(t *testing.T) {
	onlyLong(t)
	end := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-end:
		}
	}))
	defer hang.Close()
	defer close(end)
	got := &arrivals{}
	hooks := httptest.NewServer(got)
	defer hooks.Close()
	s := openStation(t, t.TempDir())
	s.post(targetsPath, `{"name":"healthy","url":"`+hooks.URL+`"}`)
	for i := range 50 {
		name := fmt.Sprintf("hang-%d", i)
		s.post(targetsPath, `{"name":"`+name+`","url":"`+hang.URL+`"}`)
		s.lay(3000, `{"target":"`+name+`"}`)
	}
	s.feed("healthy", 20, time.Minute)
	late := got.take()
	t.Logf("%d calls of the healthy target: p50 %v, p99 %v, worst %v late; server %d MiB", len(late), lateBy(late, .5),
		lateBy(late, .99), lateBy(late, 1), s.resident())
	if p99 := lateBy(late, .99); len(late) < 1190 || p99 > 250*time.Millisecond {
		t.Errorf("%d calls, p99 %v, want 1,200 and at most 250ms", len(late), p99)
	}
}

// TestAPausedBacklogCostsNothing lays a million due jobs behind a paused target, then lets them go.
func TestAPausedBacklogCostsNothing(t *testing.T) {
	onlyLong(t)
	const backlog = 1_000_000
	got, gone := &arrivals{}, &arrivals{}
	hooks, drain := httptest.NewServer(got), httptest.NewServer(gone)
	defer hooks.Close()
	defer drain.Close()
	dir := t.TempDir()
	s := openStation(t, dir)
	s.post(targetsPath, `{"name":"paused","url":"`+drain.URL+`"}`)
	s.post(targetsPath, `{"name":"healthy","url":"`+hooks.URL+`"}`)
	s.post(targetsPath+"/paused/pause", `{}`)
	s.lay(backlog, `{"target":"paused","payload":{"n":1}}`)
	s.p.kill()
	s = openStation(t, dir)
	idle := s.busy(time.Minute)
	s.feed("healthy", 20, 30*time.Second)
	late := got.take()
	t.Logf("idle %.2f%% of a processor; healthy p50 %v, p99 %v; server %d MiB", 100*idle, lateBy(late, .5), lateBy(late, .99), s.resident())
	if idle > 0.005 || lateBy(late, .99) > 250*time.Millisecond {
		t.Errorf("idle at %.2f%%, p99 %v; want under 0.5%% and 250ms", 100*idle, lateBy(late, .99))
	}
	began, before, peak, seen := time.Now(), s.cpu(), 0, 0
	s.post(targetsPath+"/paused/resume", `{}`)
	for seen < backlog && time.Since(began) < 20*time.Minute {
		time.Sleep(time.Second)
		seen += len(gone.take())
		peak = max(peak, s.resident())
		if int(time.Since(began).Seconds())%20 == 0 {
			t.Logf("%v: %d drained, %d MiB, log %d MiB", time.Since(began).Round(time.Second), seen, s.resident(), s.wal())
		}
	}
	took := time.Since(began)
	t.Logf("%d drained in %v: %.0f jobs/s, %.0f CPU-ms per 1,000, peak %d MiB", seen, took.Round(time.Second),
		float64(seen)/took.Seconds(), float64((s.cpu()-before).Milliseconds())/float64(seen)*1000, peak)
	if seen != backlog {
		t.Errorf("%d calls for %d jobs", seen, backlog)
	}
}

// TestIdle measures a server with much to do some other day.
func TestIdle(t *testing.T) {
	onlyLong(t)
	s := openStation(t, t.TempDir())
	s.post(targetsPath, `{"name":"later","url":"http://127.0.0.1:9"}`)
	s.lay(100_000, `{"target":"later","delay":"20h"}`)
	at := time.Now().UTC().Add(-time.Hour)
	for i := range 1000 {
		s.post(schedulesPath, fmt.Sprintf(`{"name":"s-%d","target":"later","cron":"%d %d * * *"}`, i, i%60, at.Hour()))
	}
	time.Sleep(10 * time.Second)
	idle := s.busy(2 * time.Minute)
	t.Logf("idle %.3f%% of a processor, %d MiB", 100*idle, s.resident())
	if idle > 0.005 {
		t.Errorf("idle at %.2f%% of a processor, want under 0.5%%", 100*idle)
	}
}

// TestSoak loads a server evenly for PUNCTUAL_SOAK at PUNCTUAL_SOAK_RATE jobs a second (2000) and holds its memory, goroutines,
// descriptors and latency of the last third against those of the middle one.
func TestSoak(t *testing.T) {
	run, err := time.ParseDuration(os.Getenv("PUNCTUAL_SOAK"))
	if err != nil {
		t.Skip("takes minutes of a quiet machine: set PUNCTUAL_SOAK=10m")
	}
	rate := 2000
	if set := os.Getenv("PUNCTUAL_SOAK_RATE"); set != "" {
		if rate, err = strconv.Atoi(set); err != nil {
			t.Fatal(err)
		}
	}
	got := &arrivals{}
	hooks := httptest.NewServer(got)
	defer hooks.Close()
	s := openStation(t, t.TempDir())
	s.post(targetsPath, `{"name":"soak","url":"`+hooks.URL+`"}`)
	ctx, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	type sample struct {
		memory, goroutines, descriptors, wal int
		p99                                  time.Duration
		calls                                int
	}
	var samples []sample
	watch.Go(func() {
		tick := time.NewTicker(run / 30)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			late := got.take()
			samples = append(samples, sample{s.resident(), s.goroutines(), s.descriptors(), s.wal(), lateBy(late, .99), len(late)})
			t.Logf("%+v", samples[len(samples)-1])
		}
	})
	s.feed("soak", rate, run)
	stop()
	watch.Wait()
	third := len(samples) / 3
	median := func(some []sample, of func(sample) int) int {
		values := make([]int, len(some))
		for i, x := range some {
			values[i] = of(x)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	for what, of := range map[string]func(sample) int{
		"memory":      func(x sample) int { return x.memory },
		"goroutines":  func(x sample) int { return x.goroutines },
		"descriptors": func(x sample) int { return x.descriptors },
		"latency":     func(x sample) int { return int(x.p99) },
	} {
		middle, last := median(samples[third:2*third], of), median(samples[2*third:], of)
		t.Logf("%s: %d in the middle third, %d in the last", what, middle, last)
		if float64(last) > 1.3*float64(middle)+5 {
			t.Errorf("%s grows: %d in the middle third, %d in the last", what, middle, last)
		}
	}
	if wal := median(samples[2*third:], func(x sample) int { return x.wal }); wal > 64 {
		t.Errorf("the write-ahead log stands at %d MiB", wal)
	}
}
