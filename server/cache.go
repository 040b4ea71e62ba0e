package server

import (
	"context"
	"sync"
	"time"
)

// cache spares frequent questions a look into the book for each. What it gives may be up to fresh old, half as much
// again while somebody asks anew; each use says why that is harmless.
type cache[K comparable, V any] struct {
	find  func(ctx context.Context, key K) (V, error)
	fresh time.Duration

	mu     sync.Mutex // protects the fields below
	known  map[K]cached[V]
	change int // counts forget: what was read before one is not kept after it
}

type cached[V any] struct {
	value V
	until time.Time
}

// cacheKept is how many answers a cache keeps. When it is full it begins anew.
const cacheKept = 50_000

// get gives a value that must not be changed.
func (c *cache[K, V]) get(ctx context.Context, key K, now time.Time) (V, error) {
	c.mu.Lock()
	known, isKnown := c.known[key]
	if isKnown && now.Before(known.until) {
		c.mu.Unlock()
		return known.value, nil
	}
	change := c.change
	if isKnown && now.Before(known.until.Add(c.fresh/2)) {
		c.known[key] = cached[V]{known.value, known.until.Add(c.fresh / 2)} // so that one asks, and not everybody at once
	}
	c.mu.Unlock()
	v, err := c.find(ctx, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		delete(c.known, key)
	case change != c.change:
	case c.known == nil || !isKnown && len(c.known) >= cacheKept:
		c.known = map[K]cached[V]{key: {v, now.Add(c.fresh)}}
	default:
		c.known[key] = cached[V]{v, now.Add(c.fresh)}
	}
	return v, err
}

// forget drops what has changed. It tells whether there was anything.
func (c *cache[K, V]) forget(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, isKnown := c.known[key]
	c.change++
	delete(c.known, key)
	return isKnown
}
