package webhooks

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"
)

// bare returns pools whose transports never connect.
func bare(limit int) *pools {
	return &pools{limit: limit, open: map[string]*pool{}, build: func(origin string) *pool {
		return &pool{origin: origin, transport: &http.Transport{}}
	}}
}

func TestPoolsAreBounded(t *testing.T) {
	p := bare(100)
	now := time.Unix(0, 0)
	for i := range 10_000 {
		p.give(p.take(fmt.Sprint(i)), now)
		if len(p.open) > 100 || p.idle.Len() != len(p.open) {
			t.Fatalf("%d pools are open, %d of them idle", len(p.open), p.idle.Len())
		}
	}
	if p.open["9999"] == nil || p.open["0"] != nil {
		t.Error("the longest unused must go first")
	}
	p.give(p.take("9999"), now.Add(poolLinger))
	if len(p.open) != 1 {
		t.Errorf("%d pools are open after all but one were unused for long", len(p.open))
	}
}

func TestBusyPoolsStay(t *testing.T) {
	p := bare(1)
	var taken []*pool
	for i := range 10 {
		taken = append(taken, p.take(fmt.Sprint(i)))
	}
	if again := p.take("3"); again != taken[3] {
		t.Error("a pool in use was replaced")
	} else {
		p.give(again, time.Unix(0, 0))
	}
	if len(p.open) != 10 || p.idle.Len() != 0 {
		t.Errorf("%d open, %d idle; want 10, 0", len(p.open), p.idle.Len())
	}
	for _, pl := range taken {
		p.give(pl, time.Unix(0, 0))
	}
	if len(p.open) != 1 {
		t.Errorf("%d open, want 1", len(p.open))
	}
}

func TestForgetAll(t *testing.T) {
	p := bare(10)
	busy := p.take("a")
	p.forgetAll()
	if p.take("a") == busy {
		t.Error("a forgotten pool was handed out again")
	}
	p.give(busy, time.Unix(0, 0))
	p.forgetAll()
	p.forgetAll()
	if len(p.open) != 0 || p.idle.Len() != 0 {
		t.Errorf("%d open, %d idle", len(p.open), p.idle.Len())
	}
}

// TestManyOriginsLeaveNothing calls more origins than pools are kept for and
// looks at what is left.
func TestManyOriginsLeaveNothing(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(okAndOn)
	onPipes(t, p, func(t *testing.T, s *Sender) {
		before := runtime.NumGoroutine()
		for i := range DefaultMaxPools + 1000 {
			r := post()
			r.URL = fmt.Sprintf("http://h%d.example.com/", i)
			if res := s.Send(t.Context(), r); res.StatusCode != 200 {
				t.Fatal(res.Err)
			}
		}
		if n := len(s.pools.open); n != DefaultMaxPools {
			t.Errorf("%d pools are kept, want %d", n, DefaultMaxPools)
		}
		s.Close()
		p.wg.Wait()
		time.Sleep(time.Second)
		if after := runtime.NumGoroutine(); after > before+10 {
			t.Errorf("%d goroutines before, %d after", before, after)
		}
	})
}
