package server

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

// Bounds that Config may change.
const (
	maxRequests = 2048      // answered at once, without streams
	maxStreams  = 1000      // of events, open at once; a key may have a quarter of them
	minFreeDisk = 512 << 20 // bytes
)

// crowd counts those who are inside at once.
type crowd struct {
	all atomic.Int64

	mu    sync.Mutex // protects the field below
	byKey map[string]int
}

// enter lets one in unless there are most already; the caller leaves by leave.
func (c *crowd) enter(most int) bool {
	if c.all.Add(1) > int64(most) {
		c.all.Add(-1)
		return false
	}
	return true
}

func (c *crowd) leave() { c.all.Add(-1) }

// enterAs is enter for one of at most share with the same name.
func (c *crowd) enterAs(name string, share int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[name] >= share {
		return false
	}
	if c.byKey == nil {
		c.byKey = map[string]int{}
	}
	c.byKey[name]++
	return true
}

func (c *crowd) leaveAs(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[name]--; c.byKey[name] <= 0 {
		delete(c.byKey, name)
	}
}

// admitted bounds how many requests are answered at once. Health checks are let in, or a busy server would be taken for
// a dead one; streams are counted by streamEvents.
func (s *Server) admitted(c *gin.Context) {
	switch c.Request.URL.Path {
	case "/healthz", "/readyz", eventsPath:
		return
	}
	if !s.requests.enter(s.cfg.MaxRequests) {
		refuse(c, unavailable("More requests are under way than the server takes on.", nil))
		return
	}
	defer s.requests.leave()
	c.Next()
}

// openStream counts a stream of events; the caller closes it by the function it gets.
func (s *Server) openStream(v *viewer) (closeStream func(), err error) {
	if !s.streams.enter(s.cfg.MaxStreams) {
		return nil, unavailable("More streams of events are open than the server serves.", nil)
	}
	share := s.cfg.MaxStreams
	if !s.cfg.Dev {
		share = max(share/4, 1)
	}
	if !s.streams.enterAs(v.name, share) {
		s.streams.leave()
		return nil, tooMany429("This key has as many streams of events open as it may.", streamBeat)
	}
	return func() {
		s.streams.leaveAs(v.name)
		s.streams.leave()
	}, nil
}

func tooMany429(detail string, wait time.Duration) *problem {
	p := newProblem(http.StatusTooManyRequests, detail)
	p.retryAfter = max(int(math.Ceil(wait.Seconds())), 1)
	return p
}

// paced holds a key to its rate, and tells how much of it is left as draft-ietf-httpapi-ratelimit-headers has it.
func (s *Server) paced(c *gin.Context) {
	limit := viewerOf(c.Request.Context()).limit
	if limit == nil {
		return
	}
	now := time.Now()
	passes := limit.AllowN(now, 1)
	left := max(limit.TokensAt(now), 0)
	full := time.Duration((float64(limit.Burst()) - left) / float64(limit.Limit()) * float64(time.Second))
	c.Header("RateLimit-Policy", fmt.Sprintf(`"key";q=%d;w=%d`, limit.Burst(), window(limit)))
	c.Header("RateLimit", fmt.Sprintf(`"key";r=%d;t=%d`, int(left), int(math.Ceil(full.Seconds()))))
	if !passes {
		wait := time.Duration((1 - left) / float64(limit.Limit()) * float64(time.Second))
		refuse(c, tooMany429("This key's rate is used up.", wait))
	}
}

// window is in how many seconds a limit's burst grows back.
func window(limit *rate.Limiter) int {
	return int(math.Round(float64(limit.Burst()) / float64(limit.Limit())))
}

// disk knows whether the database's disk is nearly full. It looks every diskFresh.
type disk struct {
	free func() (bytes int64, isKnown bool)
	min  int64

	mu     sync.Mutex // protects the fields below
	looked time.Time
	isLow  bool
}

const (
	diskFresh = 2 * time.Second
	diskRetry = 30 // seconds
)

func (d *disk) low(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.looked) >= diskFresh || now.Before(d.looked) {
		free, isKnown := d.free()
		d.looked, d.isLow = now, isKnown && free < d.min
	}
	return d.isLow
}

// roomy refuses to make what would be kept while the disk is nearly full. What was promised is still done and recorded:
// that is what the rest of the disk is for. The dispatcher holds the schedules meanwhile.
func (s *Server) roomy() error {
	if !s.disk.low(time.Now()) {
		return nil
	}
	p := unavailable("The disk is nearly full: nothing new is accepted.", nil)
	p.retryAfter = diskRetry
	return p
}

// kept applies roomy to the routes that make things.
func (s *Server) kept(c *gin.Context) {
	if !s.needOf(c).makes {
		return
	}
	if err := s.roomy(); err != nil {
		c.Abort()
		s.lost(c, problemOf(err))
	}
}

// diskWarning is what /readyz says of a disk that is nearly full.
func (s *Server) diskWarning() []string {
	if !s.disk.low(time.Now()) {
		return nil
	}
	return []string{"the disk has less than " + strconv.FormatInt(s.cfg.MinFreeDisk>>20, 10) +
		" MiB free: nothing new is accepted, and schedules stand still, until there is more"}
}
