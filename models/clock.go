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
	c.last.Store(c.last.Load().next(asked, here, there))
	skew = asked.Add(here.Sub(asked) / 2).Sub(there).Round(time.Millisecond)
	c.skew.Store(int64(skew))
	return skew
}

// next is the reading after r, which may be nil, from an answer that came at here to a question of asked: of two readings
// the one that shows more was under way for less. But the older one may have drifted, and the database's clock may have
// been set back since: now it shows no more than there and the time from question to answer.
func (r *reading) next(asked, here, there time.Time) *reading {
	const drift = 10_000 // one part in, which no clock exceeds
	shown := there
	if r != nil {
		since := here.Sub(r.here)
		if older := r.there.Add(since - since/drift); older.After(shown) {
			shown = older
		}
		if most := there.Add(here.Sub(asked)); shown.After(most) {
			shown = most
		}
	}
	return &reading{here, shown}
}
