package dispatcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// laneOf makes a lane with settings.
func laneOf(l *limits, id string, max int, rate string) {
	l.learn(&models.Target{ID: id, MaxInFlight: max, RateLimit: rate}, noon)
}

func TestShares(t *testing.T) {
	l := newLimits(100)
	for _, id := range []string{"a", "b", "c"} {
		laneOf(l, id, 1000, "")
	}
	l.expect([]*target{{ID: "a"}, {ID: "b"}, {ID: "c"}})
	takeAll := func(id string) (n int, why string) {
		for {
			if why, _ = l.take(id, noon); why != held {
				return n, why
			}
			n++
		}
	}
	// Alone, a takes until a quarter is left; then its share, a third, is long exceeded.
	if n, why := takeAll("a"); n != 76 || why != parkedShare {
		t.Errorf("a took %d, then %q; want 76, then its share", n, why)
	}
	// b may have its third, but the last tenth is for those with nothing out.
	if n, why := takeAll("b"); n != 14 || why != parkedShare {
		t.Errorf("b took %d, then %q; want 14, then its share", n, why)
	}
	if n, why := takeAll("c"); n != 1 || why != parkedShare {
		t.Errorf("c took %d, then %q; want one of the last tenth", n, why)
	}
	// Neither is at its own limit: it is the node that holds them, as it does when no slot is free at all.
	for _, id := range []string{"a", "b"} {
		if got := l.heldBy(id, noon); got != "node" {
			t.Errorf("%s is held by %q, want node", id, got)
		}
	}
	laneOf(l, "a", 76, "")
	if got := l.heldBy("a", noon); got != "in_flight" {
		t.Errorf("at its own limit a is held by %q", got)
	}
	laneOf(l, "a", 1000, "")
	for range 70 {
		l.give("a")
	}
	if n, _ := takeAll("b"); n < 30 {
		t.Errorf("b took %d more when slots were free again", n)
	}
}

func TestRate(t *testing.T) {
	l := newLimits(100)
	laneOf(l, "a", 1000, "5/s")
	for i := range 5 {
		if why, _ := l.take("a", noon); why != held {
			t.Fatalf("call %d of a bucket of five: %q", i, why)
		}
	}
	why, until := l.take("a", noon)
	if why != parkedRate || until.Sub(noon).Round(time.Millisecond) != 200*time.Millisecond {
		t.Errorf("with an empty bucket: %q until %v; want the rate for 200ms", why, until.Sub(noon))
	}
	if why, _ := l.take("a", until); why != held {
		t.Errorf("at the time given: %q", why)
	}
	if got := l.heldBy("a", until); got != "rate" {
		t.Errorf("held by %q, want rate", got)
	}
	laneOf(l, "a", 1000, "2/s")
	if why, again := l.take("a", until); why != parkedRate || again.Sub(noon).Round(time.Millisecond) != 500*time.Millisecond {
		t.Errorf("a rate that is new at noon, with an empty bucket: %q until %v; want the rate for 500ms", why, again.Sub(noon))
	}
	laneOf(l, "a", 1000, "")
	if why, _ := l.take("a", until); why != held {
		t.Errorf("without a limit: %q", why)
	}
	laneOf(l, "a", 1000, "3/s")
	for i := range 4 {
		if why, _ := l.take("a", until); (why == held) != (i < 3) {
			t.Errorf("call %d of a bucket that is new: %q", i, why)
		}
	}
}

func TestPriorities(t *testing.T) {
	l := newLimits(1)
	laneOf(l, "a", 1, "")
	count := [3]int{}
	for range 1300 {
		count[l.pick("a", [3]bool{true, true, true})]++
	}
	if count != [3]int{800, 400, 100} {
		t.Errorf("high, normal and low had %v of 1300 turns", count)
	}
}

// TestNoTargetStarvesAnother floods 50 targets that accept and hang, beside a healthy one: its calls must leave on time.
func TestNoTargetStarvesAnother(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		var late []time.Duration
		f := &receiver{}
		f.answer = func(r webhooks.Request) (int, time.Duration) {
			if !strings.HasSuffix(r.URL, "/healthy") {
				return 200, time.Hour
			}
			late = append(late, time.Since(r.ScheduledFor))
			return 200, 10 * time.Millisecond
		}
		e := start(t, path, f, nil)
		stop := func() { e.cutCalls(errShutdown); e.stop() }
		for i := range 50 {
			e.jobs(t, e.target(t, "hanging-"+string(rune('a'+i%26))+string(rune('a'+i/26))), 300)
		}
		healthy := e.target(t, "healthy", func(t *models.Target) { t.MaxInFlight = 7 })
		for range 1200 {
			e.jobs(t, healthy, 1)
			time.Sleep(50 * time.Millisecond)
		}
		stop()
		slices.Sort(late)
		if n := len(late); n < 1190 || late[n*99/100] > 250*time.Millisecond {
			t.Errorf("%d of 1200 calls, p99 %v late; want at most 250ms", n, late[max(n*99/100-1, 0)])
		}
	})
}

// TestRateIsKept holds a flooded target to its rate, and its calls to the first moment that the rate allows.
func TestRateIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(10 * time.Millisecond)}
		e := start(t, path, f, nil)
		defer e.stop()
		e.jobs(t, e.target(t, "slow", func(t *models.Target) { t.RateLimit = "10/s" }), 300)
		time.Sleep(20*time.Second + 50*time.Millisecond)
		calls := f.seen()
		if n := len(calls); n < 205 || n > 211 {
			t.Errorf("%d calls in 20 s of ten a second with a bucket of ten", n)
		}
		for i := 10; i < len(calls); i++ {
			if within := calls[i].at.Sub(calls[i-10].at); within < 900*time.Millisecond && i >= 20 {
				t.Errorf("calls %d to %d came within %v", i-10, i, within)
			}
		}
	})
}

// TestLowPriorityAdvances keeps a target busy with a flood of high priority: low must go on beside it.
func TestLowPriorityAdvances(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(100 * time.Millisecond)}
		e := start(t, path, f, nil)
		defer func() { e.cutCalls(errShutdown); e.stop() }()
		target := e.target(t, "busy", func(t *models.Target) { t.MaxInFlight = 4 })
		e.jobs(t, target, 2000, func(s *models.JobSpec) { s.Priority = models.High })
		low := e.jobs(t, target, 10, func(s *models.JobSpec) { s.Priority = models.Low })
		time.Sleep(10 * time.Second)
		done := 0
		for _, j := range low {
			if e.job(t, j.ID).State == models.Succeeded {
				done++
			}
		}
		if done < 9 {
			t.Errorf("%d of 10 low jobs done in ten seconds beside a flood of high ones", done)
		}
	})
}
