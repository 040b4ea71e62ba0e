package dispatcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"punctual/models"
)

// errCrashed is what a process that has died would have said.
var errCrashed = errors.New("the process has crashed")

// frail is a book whose process dies at a random step: before what was asked for is done, or after it is durable and
// before anybody hears of it. From then on nothing gets through.
type frail struct {
	*models.Store
	mu      sync.Mutex // protects the fields below
	random  *rand.Rand
	odds    float64 // of dying at each step
	crashed bool
	died    chan struct{} // closed when crashed becomes true
}

func newFrail(s *models.Store, random *rand.Rand, odds float64) *frail {
	return &frail{Store: s, random: random, odds: odds, died: make(chan struct{})}
}

// step throws the dice: before means that the step is not done, after that nobody hears of it.
func (f *frail) step() (before, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return true, true
	}
	if f.random.Float64() >= f.odds {
		return false, false
	}
	f.crashed = true
	close(f.died)
	before = f.random.IntN(2) == 0
	return before, true
}

// do runs a step that answers with a value and an error.
func do[T any](f *frail, step func() (T, error)) (T, error) {
	var none T
	before, after := f.step()
	if before {
		return none, errCrashed
	}
	got, err := step()
	if after {
		return none, errCrashed
	}
	return got, err
}

func (f *frail) Reclaim(ctx context.Context, node string, now time.Time, random func() float64) (int, error) {
	return do(f, func() (int, error) { return f.Store.Reclaim(ctx, node, now, random) })
}

func (f *frail) Finish(m models.Finish) (*models.Finished, error) {
	return do(f, func() (*models.Finished, error) { return f.Store.Finish(m) })
}

func (f *frail) Expire(ctx context.Context, now time.Time) ([]*models.Job, error) {
	return do(f, func() ([]*models.Job, error) { return f.Store.Expire(ctx, now) })
}

func (f *frail) Claim(node string, asks []models.Ask, now time.Time, hand func(models.Claims)) error {
	before, after := f.step()
	if before {
		return errCrashed
	}
	return f.Store.Claim(node, asks, now, func(c models.Claims) {
		if after {
			c = models.Claims{Err: errCrashed}
		}
		hand(c)
	})
}

func (f *frail) Turn(ask models.TurnAsk, now time.Time, done func(models.Turned, error)) {
	before, after := f.step()
	if before {
		done(models.Turned{}, errCrashed)
		return
	}
	f.Store.Turn(ask, now, func(got models.Turned, err error) {
		if after {
			got, err = models.Turned{}, errCrashed
		}
		done(got, err)
	})
}
