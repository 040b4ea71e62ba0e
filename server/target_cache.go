package server

import (
	"context"
	"sync"
	"time"

	"punctual/models"
)

// targetCache spares the making of jobs a look into the book for each. What it gives may be a second old where
// somebody else has changed a target (the dispatcher, which pauses one that is gone); that is harmless, because the
// book checks again whether the target lives when it records a job and whether it is paused when it grants a claim.
type targetCache struct {
	find func(ctx context.Context, name string) (*models.Target, error)

	mu     sync.Mutex // protects the fields below
	known  map[string]cachedTarget
	change int // counts forget: what was read before one is not kept after it
}

type cachedTarget struct {
	target *models.Target
	until  time.Time
}

const (
	targetFresh = time.Second
	targetsKept = 10_000
)

// get gives a target that must not be changed.
func (c *targetCache) get(ctx context.Context, name string, now time.Time) (*models.Target, error) {
	c.mu.Lock()
	known, change := c.known[name], c.change
	c.mu.Unlock()
	if now.Before(known.until) {
		return known.target, nil
	}
	t, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if change != c.change {
		return t, nil
	}
	if len(c.known) >= targetsKept || c.known == nil {
		c.known = make(map[string]cachedTarget)
	}
	c.known[name] = cachedTarget{t, now.Add(targetFresh)}
	return t, nil
}

// forget drops a target that has changed.
func (c *targetCache) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.change++
	delete(c.known, name)
}
