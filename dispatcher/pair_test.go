package dispatcher

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"punctual/models"
	"punctual/models/testdata/postgres"
	"punctual/webhooks"
)

// onlookers stand at every target, and count how many calls each has at once, and when each came.
type onlookers struct {
	mu    sync.Mutex // protects the fields below
	out   map[string]int
	most  map[string]int
	times map[string][]time.Time
}

// answer holds each call for a while.
func (c *onlookers) answer(r webhooks.Request) (status int, takes time.Duration) {
	return 200, 20 * time.Millisecond
}

func (c *onlookers) seen(url string) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out[url]++
	c.most[url] = max(c.most[url], c.out[url])
	c.times[url] = append(c.times[url], time.Now())
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.out[url]--
	}
}

// pair starts two nodes on one book, and returns when each knows of the other and which shards are its own.
func pair(t *testing.T, send func() Sender) [2]*engine {
	t.Helper()
	return pairOn(t, postgres.New(t, postgres.Options{}).Database(t), send)
}

func pairOn(t *testing.T, database string, send func() Sender) [2]*engine {
	t.Helper()
	var nodes [2]*engine
	for i := range nodes {
		nodes[i] = start(t, database, send(), nil)
		t.Cleanup(nodes[i].stop)
	}
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		a, b := nodes[0].cluster.owned.Load(), nodes[1].cluster.owned.Load()
		apart := a != nil && b != nil
		for i := 0; apart && i < models.Shards; i++ {
			apart = a[i] != b[i]
		}
		if apart {
			return nodes
		}
		if time.Now().After(until) {
			t.Fatal("two nodes do not agree on whose the shards are")
		}
	}
}

// TestLimitsHoldOverTwoNodes has jobs asked for on both nodes, for targets of either, and holds each target's limits
// to what it sees.
func TestLimitsHoldOverTwoNodes(t *testing.T) {
	const (
		targets = 6
		jobs    = 60 // of each target
		at      = 3  // calls of a target at once
		rate    = 15 // calls of a target in a second, as many of them at once
	)
	c := &onlookers{out: map[string]int{}, most: map[string]int{}, times: map[string][]time.Time{}}
	nodes := pair(t, func() Sender { return &counted{receiver{answer: c.answer}, c} })
	var all []*models.Target
	owners := map[bool]int{}
	for i := range targets {
		all = append(all, nodes[i%2].target(t, fmt.Sprint("t", i), func(spec *models.Target) {
			if i%2 == 0 {
				spec.MaxInFlight = at
			} else {
				spec.RateLimit = fmt.Sprint(rate, "/s")
			}
		}))
		owners[nodes[0].owns(all[i].ID)]++
	}
	began := time.Now()
	for i := range jobs * targets {
		e, target := nodes[i/targets%2], all[i%targets]
		job, err := models.NewJob(models.JobSpec{Priority: models.Normal}, target, models.FromAPI, e.now())
		if err != nil {
			t.Fatal(err)
		}
		reserved := e.Reserve(job, e.now())
		made, err := e.store.CreateJobs(t.Context(), []*models.Job{job}, nil, nil, e.now())
		if err != nil {
			t.Fatal(err)
		}
		if reserved && made.Jobs[0].State != models.Running {
			e.Release(job)
		}
		e.Offer(made.Jobs...)
	}
	for until := began.Add(patience); ; time.Sleep(20 * time.Millisecond) {
		n, err := nodes[0].store.CountJobs(t.Context(), models.JobFilter{States: []models.State{models.Succeeded}})
		if err != nil {
			t.Fatal(err)
		}
		if n == jobs*targets {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%d jobs have succeeded, want %d", n, jobs*targets)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, target := range all {
		if most := c.most[target.URL]; i%2 == 0 && most > at {
			t.Errorf("%s: %d calls at once, at most %d", target.Name, most, at)
		}
		if i%2 == 0 {
			continue
		}
		times := c.times[target.URL]
		slices.SortFunc(times, time.Time.Compare)
		for n, at := range times { // a call may come later than its token, never sooner
			if soonest := began.Add(time.Duration(math.Floor(float64(n+1-rate) / rate * float64(time.Second)))); at.Before(soonest) {
				t.Errorf("%s: call %d came %v before its token", target.Name, n, soonest.Sub(at))
			}
		}
	}
	t.Logf("%d targets of the one node, %d of the other; %d calls in %.1f s", owners[true], owners[false], jobs*targets,
		time.Since(began).Seconds())
}

// counted is a sender whose calls are watched.
type counted struct {
	receiver
	watched *onlookers
}

// Send implements Sender.
func (s *counted) Send(ctx context.Context, r webhooks.Request) webhooks.Result {
	defer s.watched.seen(r.URL)()
	return s.receiver.Send(ctx, r)
}

// TestAResumeThatNobodyHears pauses and resumes targets through a node that cannot tell the other one: those of the other go
// on nevertheless, and by their new limits.
func TestAResumeThatNobodyHears(t *testing.T) {
	f := &receiver{answer: ok(time.Millisecond)}
	database := postgres.NewPooler(t, postgres.New(t, postgres.Options{})).Database(t)
	nodes := pairOn(t, database, func() Sender { return f })
	here, there := nodes[0], nodes[1]
	var target *models.Target
	for i := 0; target == nil || !there.owns(target.ID); i++ {
		target = here.target(t, fmt.Sprint("t", i))
	}
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	calls := func(n int) func() bool { return func() bool { return len(f.seen()) == n } }
	there.jobs(t, target, 1)
	until("a job is not called", calls(1))
	paused, err := here.store.PauseTarget(t.Context(), target.Name, "", here.now())
	if err != nil {
		t.Fatal(err)
	}
	here.targetChanged(t.Context(), paused)
	there.jobs(t, target, 1)
	until("its owner does not see that the target is paused", func() bool { return there.limits.heldBy(target.ID, there.now()) == parkedPaused })
	resumed, err := here.store.UpdateTarget(t.Context(), target.Name, here.now(), func(t *models.Target) error {
		t.PausedAt, t.MaxInFlight = time.Time{}, 7
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	here.targetChanged(t.Context(), resumed)
	until("the job is not called after the target was resumed", calls(2))
	until("the owner goes by the old limit", func() bool {
		there.limits.mu.Lock()
		defer there.limits.mu.Unlock()
		return there.limits.lanes[target.ID].max == 7
	})
}
