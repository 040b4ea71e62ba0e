package models

import (
	"context"
	"sync/atomic"
	"time"
)

// nodeClock tells the time by the database's clock where many nodes share one: their own may be seconds apart. It never runs
// ahead of the database's: what it is told is as old as the answer took, and from there it counts by this machine's
// monotonic clock, which no adjustment of the wall clock moves.
type nodeClock struct {
	last atomic.Pointer[reading]
	skew atomic.Int64 // nanoseconds by which this machine's clock was ahead when the database's was last heard
}

// reading is what the database's clock showed at some moment.
type reading struct {
	here  time.Time // this machine's clock when the answer had come, with its monotonic reading
	there time.Time
}

// Now is the time by which this book is kept: the machine's, or the database's once that has been heard.
func (c *nodeClock) Now() time.Time {
	r := c.last.Load()
	if r == nil {
		return time.Now()
	}
	return r.there.Add(time.Since(r.here))
}

// lookAtClock reads the clock of a shared book, before anything is dated by it.
func (s *Store) lookAtClock(ctx context.Context) error {
	if !s.manner.shared {
		return nil
	}
	asked, micros := time.Now(), int64(0)
	if err := s.readDB.QueryRowContext(ctx, "SELECT "+s.manner.clock).Scan(&micros); err != nil {
		return err
	}
	s.clock.set(asked, micros)
	return nil
}

// set notes what the database's clock showed in an answer to a question that was sent at asked. It tells by how much
// this machine's clock is ahead.
func (c *nodeClock) set(asked time.Time, micros int64) (skew time.Duration) {
	here := time.Now()
	there := time.UnixMicro(micros).UTC()
	if r := c.last.Load(); r != nil {
		// Of two readings the one that shows more was under way for less; but the older one may have drifted.
		const drift = 10_000 // one part in, which no clock exceeds
		if older := r.there.Add(time.Since(r.here) - time.Since(r.here)/drift); older.After(there) && older.Sub(there) < time.Second {
			there = older
		}
	}
	c.last.Store(&reading{here, there})
	skew = asked.Add(here.Sub(asked) / 2).Sub(time.UnixMicro(micros)).Round(time.Millisecond)
	c.skew.Store(int64(skew))
	return skew
}
