package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// receiver is a fake sender and the target behind it: it remembers every call.
type receiver struct {
	mu     sync.Mutex
	answer func(r webhooks.Request) (status int, takes time.Duration)
	calls  []received
}

// received is a call as the target saw it.
type received struct {
	job, attempt string
	at           time.Time
}

// Send implements Sender.
func (f *receiver) Send(ctx context.Context, r webhooks.Request) webhooks.Result {
	start := time.Now()
	f.mu.Lock()
	f.calls = append(f.calls, received{r.ID, r.AttemptID, start})
	status, takes := f.answer(r)
	f.mu.Unlock()
	out := webhooks.Result{Started: start}
	timer := time.NewTimer(min(takes, r.Timeout))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		out.Aborted = true
	case <-timer.C:
		if out.StatusCode = status; takes > r.Timeout {
			out.StatusCode = 0
			out.Err = &webhooks.Error{Kind: webhooks.KindTimeout, Message: "timeout"}
		}
	}
	out.Duration = time.Since(start)
	return out
}

func (f *receiver) seen() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received(nil), f.calls...)
}

// engine is a book and a dispatcher at work on it.
type engine struct {
	*Dispatcher
	store *models.Store
	stop  func() // gracefully
}

// start opens the book at path and runs a dispatcher on it; it must be called and stopped in a bubble.
func start(t testing.TB, path string, send Sender, wrap func(*models.Store) Book) *engine {
	t.Helper()
	return startAt(t, path, send, wrap, usual)
}

func startAt(t testing.TB, path string, send Sender, wrap func(*models.Store) Book, how pace) *engine {
	t.Helper()
	return startWith(t, path, send, wrap, how, func(*Config) {})
}

func startWith(t testing.TB, path string, send Sender, wrap func(*models.Store) Book, how pace, change func(*Config)) *engine {
	t.Helper()
	node := models.NewNodeID()
	store, err := models.Open(context.Background(), models.Config{Database: databaseAt(path), Node: node, Sync: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	var book Book = store
	if wrap != nil {
		book = wrap(store)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	const ever = 1000 * 24 * time.Hour // so that all can be judged at the end
	cfg := Config{Node: node, Grace: 10 * time.Second, Retention: ever, RetentionFailed: ever, RetentionOccurrences: ever,
		Random: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random.Float64()
		}}
	change(&cfg)
	d := New(cfg, book, send)
	d.pace = how
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.Run(ctx); err != nil && !errors.Is(err, errCrashed) { // a process may die before it has begun
			t.Errorf("run: %v", err)
		}
	}()
	return &engine{d, store, func() {
		cancel()
		<-ended
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}}
}

// databaseAt is the setting for a book in a file, or for one that path names wholly.
func databaseAt(path string) string {
	if strings.Contains(path, "://") {
		return path
	}
	return "sqlite:" + path
}

func (e *engine) target(t testing.TB, name string, change ...func(*models.Target)) *models.Target {
	t.Helper()
	spec := models.DefaultTarget()
	spec.Name, spec.URL = name, "http://example.com/"+name
	for _, c := range change {
		c(&spec)
	}
	target := models.NewTarget(spec, time.Now())
	if err := e.store.CreateTarget(context.Background(), target, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"); err != nil {
		t.Fatal(err)
	}
	return target
}

// schedule creates a schedule of the target's name and offers it to nobody.
func (e *engine) schedule(t testing.TB, target *models.Target, timing func(*models.Schedule)) *models.Schedule {
	t.Helper()
	s := models.DefaultSchedule()
	s.Name = target.Name
	timing(&s)
	row, err := models.NewSchedule(s, target, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.store.CreateSchedule(context.Background(), row, time.Now()); err != nil {
		t.Fatal(err)
	}
	return row
}

// jobs creates n jobs and offers them.
func (e *engine) jobs(t testing.TB, target *models.Target, n int, change ...func(*models.JobSpec)) []*models.Job {
	t.Helper()
	jobs := make([]*models.Job, n)
	for i := range jobs {
		spec := models.JobSpec{Priority: models.Normal, BodyForm: models.BodyPayload, Body: fmt.Appendf(nil, "%d", i)}
		for _, c := range change {
			c(&spec)
		}
		var err error
		if jobs[i], err = models.NewJob(spec, target, models.FromAPI, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	made, err := e.store.CreateJobs(context.Background(), jobs, nil, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	e.Offer(made.Jobs...)
	return made.Jobs
}

func (e *engine) job(t testing.TB, id string) *models.Job {
	t.Helper()
	j, err := e.store.Job(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// ok answers 200 after a while.
func ok(takes time.Duration) func(webhooks.Request) (int, time.Duration) {
	return func(webhooks.Request) (int, time.Duration) { return 200, takes }
}

// bubble runs a test with a clock of its own and a place for a book.
func bubble(t *testing.T, f func(t *testing.T, path string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "book.db")
	synctest.Test(t, func(t *testing.T) { f(t, path) })
}

func TestJobsAreCalledWhenDue(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(10 * time.Millisecond)}
		e := start(t, path, f, nil)
		defer e.stop()
		target := e.target(t, "billing")
		now := e.jobs(t, target, 300)
		later := e.jobs(t, target, 1, func(s *models.JobSpec) { s.Delay = 10 * time.Minute })[0]
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(f.seen()); got != 300 {
			t.Fatalf("%d calls after a second, want 300", got)
		}
		for _, j := range now {
			if got := e.job(t, j.ID); got.State != models.Succeeded {
				t.Fatalf("job %s is %s", j.ID, got.State)
			}
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		calls := f.seen()
		if got := len(calls); got != 301 {
			t.Fatalf("%d calls after ten minutes, want 301", got)
		}
		if late := calls[300].at.Sub(later.RunAt); late < 0 || late > 50*time.Millisecond {
			t.Errorf("the delayed job came %v late", late)
		}
	})
}

// TestSchedulesStandStillWithoutRoom fills the disk under a schedule: it makes nothing, its target's jobs go on, and
// every occurrence is on record when there is room again.
func TestSchedulesStandStillWithoutRoom(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		var isFull atomic.Bool
		f := &receiver{answer: ok(time.Millisecond)}
		e := startWith(t, path, f, nil, usual, func(c *Config) { c.Room = func() bool { return !isFull.Load() } })
		defer e.stop()
		target := e.target(t, "tick")
		row := e.schedule(t, target, func(s *models.Schedule) { s.Every, s.CatchUp = 10*time.Second, "last" })
		e.OfferSchedule(row)
		time.Sleep(35 * time.Second)
		if n := len(f.seen()); n != 3 {
			t.Fatalf("%d calls in 35 s of every ten", n)
		}
		isFull.Store(true)
		time.Sleep(2 * time.Second)
		e.jobs(t, target, 1)
		time.Sleep(10*time.Minute - 2*time.Second)
		if n := len(f.seen()); n != 4 {
			t.Errorf("%d calls while the disk was full, want that of the job that was owed", n-3)
		}
		isFull.Store(false)
		time.Sleep(20 * time.Second)
		if n := len(f.seen()); n < 6 {
			t.Errorf("%d calls since there is room", n-4)
		}
		settled, _, err := e.store.Occurrences(context.Background(), "tick", models.Page{Limit: 100}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all := 0
		for _, o := range settled {
			all += o.Count
		}
		if want := int(time.Since(row.CreatedAt) / (10 * time.Second)); all != want {
			t.Errorf("%d occurrences are on record, want %d", all, want)
		}
	})
}

// TestForgottenScheduleIsMended drops a schedule from the queue behind the dispatcher's back: the sweep finds it, and
// counts it.
func TestForgottenScheduleIsMended(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(time.Millisecond)}
		e := start(t, path, f, nil)
		defer e.stop()
		row := e.schedule(t, e.target(t, "tick"), func(s *models.Schedule) { s.Every = 10 * time.Second })
		e.OfferSchedule(row)
		time.Sleep(time.Second)
		lost := *row
		lost.DueAt = time.Time{}
		e.OfferSchedule(&lost) // a hint that is wrong: the schedule has a turn to come
		time.Sleep(30 * time.Second)
		if got := e.Snapshot().Counts.Mended; got != 1 {
			t.Errorf("%d schedules mended, want 1", got)
		}
		if calls := f.seen(); len(calls) < 2 {
			t.Errorf("%d calls in half a minute of every ten seconds", len(calls))
		}
	})
}
