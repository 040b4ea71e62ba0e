package dispatcher

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// crowd is a sender that remembers when each schedule and each other job was called.
type crowd struct {
	mu        sync.Mutex // protects the fields below
	schedules map[string]int
	late      []time.Duration // of the other jobs
}

// Send implements Sender.
func (c *crowd) Send(_ context.Context, r webhooks.Request) webhooks.Result {
	now := time.Now()
	c.mu.Lock()
	if r.Schedule != "" {
		c.schedules[r.Schedule]++
	} else {
		c.late = append(c.late, now.Sub(r.ScheduledFor))
	}
	c.mu.Unlock()
	time.Sleep(2 * time.Millisecond)
	return webhooks.Result{Started: now, Duration: time.Since(now), StatusCode: 200}
}

// TestManySchedules lets 20,000 of 100,000 schedules come due in the same second, in real time, while other jobs are
// created. It judges that none is lost or doubled, and prints the figures without judging them: no test may depend on the
// speed of a machine. It runs with PUNCTUAL_LARGE=1 only, since it takes two minutes.
func TestManySchedules(t *testing.T) {
	if os.Getenv("PUNCTUAL_LARGE") == "" {
		t.Skip("takes two minutes: set PUNCTUAL_LARGE=1")
	}
	const all, crowded = 100_000, 20_000
	send := &crowd{schedules: map[string]int{}}
	e := start(t, filepath.Join(t.TempDir(), "book.db"), send, nil)
	defer e.stop()
	targets := make([]*models.Target, 50)
	for i := range targets {
		targets[i] = e.target(t, fmt.Sprintf("target-%d", i))
	}
	due := time.Now().UTC().Truncate(time.Minute).Add(2 * time.Minute)
	began := time.Now()
	e.laySchedules(t, targets, all, func(i int) string {
		if i < crowded {
			return fmt.Sprintf("0 %d %d * * *", due.Minute(), due.Hour())
		}
		return fmt.Sprintf("0 %d %d * * *", i%60, (due.Hour()+2+i%20)%24)
	})
	t.Logf("%d schedules laid down in %v, %v before they come due", all, time.Since(began).Round(time.Millisecond), time.Until(due).Round(time.Second))
	if time.Now().After(due) {
		t.Fatal("laying the schedules down took until they came due")
	}
	other := e.target(t, "other")
	time.Sleep(time.Until(due.Add(-2 * time.Second)))
	var peak uint64
	var called time.Time
	for range 600 {
		e.createAsTheServerDoes(t, other)
		time.Sleep(20 * time.Millisecond)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.Sys)
		send.mu.Lock()
		if len(send.schedules) == crowded && called.IsZero() {
			called = time.Now()
		}
		send.mu.Unlock()
	}
	settled, last := e.settled(t, due)
	for _, n := range send.schedules {
		if n != 1 {
			t.Errorf("a schedule was called %d times", n)
		}
	}
	if settled != crowded || len(send.schedules) != crowded {
		t.Errorf("%d occurrences settled, %d called, want %d", settled, len(send.schedules), crowded)
	}
	slices.Sort(send.late)
	t.Logf("last settled %v, last called %v after they came due", last.Sub(due), called.Sub(due).Round(time.Millisecond))
	t.Logf("%d other jobs meanwhile: p50 %v, p99 %v, worst %v late", len(send.late), send.late[len(send.late)/2],
		send.late[len(send.late)*99/100], send.late[len(send.late)-1])
	t.Logf("memory from the system: Go %d MiB, whole process %s", peak>>20, resident())
	if s := e.Snapshot(); s.Counts.Mended+s.Counts.Orphans != 0 {
		t.Errorf("mended: %+v", s.Counts)
	}
}

// createAsTheServerDoes creates a job that is born claimed if it may leave at once.
func (e *engine) createAsTheServerDoes(t *testing.T, target *models.Target) {
	t.Helper()
	now := time.Now()
	job, err := models.NewJob(models.JobSpec{Priority: models.Normal}, target, models.FromAPI, now)
	if err != nil {
		t.Fatal(err)
	}
	reserved := e.Reserve(job, now)
	made, err := e.store.CreateJobs(context.Background(), []*models.Job{job}, nil, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if reserved && made.Jobs[0].State != models.Running {
		e.Release(job)
	}
	e.Offer(made.Jobs...)
}

// laySchedules creates n schedules from many goroutines.
func (e *engine) laySchedules(t *testing.T, targets []*models.Target, n int, cron func(i int) string) {
	t.Helper()
	var hands sync.WaitGroup
	for hand := range 256 {
		hands.Go(func() {
			for i := hand; i < n; i += 256 {
				s := models.DefaultSchedule()
				s.Name, s.Cron = fmt.Sprintf("schedule-%d", i), cron(i)
				row, err := models.NewSchedule(s, targets[i%len(targets)], time.Now())
				if err == nil {
					err = e.store.CreateSchedule(context.Background(), row, time.Now())
				}
				if err != nil {
					t.Error(err)
					return
				}
				e.OfferSchedule(row)
			}
		})
	}
	hands.Wait()
}

// settled counts the jobs for one occurrence, and tells when the last of them was made.
func (e *engine) settled(t *testing.T, at time.Time) (n int, last time.Time) {
	t.Helper()
	for page := (models.Page{Limit: models.MaxPage}); ; {
		jobs, next, err := e.store.Jobs(context.Background(), models.JobFilter{Origin: models.FromSchedule}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if j.ScheduledFor.Equal(at) {
				n++
			}
			if j.CreatedAt.After(last) {
				last = j.CreatedAt
			}
		}
		if page.Cursor = next; next == "" {
			return n, last
		}
	}
}

// resident is the peak resident size of this process as Linux tells it; "unknown" elsewhere.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(size)
		}
	}
	return "unknown"
}
