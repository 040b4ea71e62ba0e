package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"punctual/models"
)

// keyring knows who holds which key. Looking one up costs a hash and a map; the book is asked again after keyFresh, so
// that a key that was made or revoked elsewhere, by the command line or another node, is seen in time. Hashes are
// looked up, never texts: how long that takes tells nothing that brings anybody nearer to a key.
type keyring struct {
	store     *models.Store
	bootstrap [sha256.Size]byte // of the admin key that the server was started with
	boot      *holder           // of that key; nil: there is none
	held      cache[[sha256.Size]byte, *holder]

	mu    sync.Mutex // protects the field below
	usage map[string]*usage
}

// keyFresh bounds how long a revoked key opens doors; the contract says 5 s.
const keyFresh = 2 * time.Second

// holder is whoever has a key.
type holder struct {
	viewer
	key   *models.Key // nil: the admin key of the command line
	usage *usage      // nil for that one
	guess bool        // somebody may have thought the key up, so that trying may find it
}

// usage is what is remembered of a key between two looks into the book.
type usage struct {
	limit   *rate.Limiter // nil: none
	rule    string        // what limit was made of
	touched atomic.Int64  // Unix seconds of the last note in the book that it was used
}

// bootstrapName is what the audit calls whoever has the admin key of the command line.
const bootstrapName = "admin-key"

func newKeyring(store *models.Store, adminKey string) *keyring {
	r := &keyring{store: store, bootstrap: sha256.Sum256([]byte(adminKey)), usage: map[string]*usage{}}
	if adminKey != "" {
		r.boot = &holder{viewer: viewer{name: bootstrapName, scope: models.ScopeAdmin}, guess: !models.IsKeyText(adminKey)}
	}
	r.held = cache[[sha256.Size]byte, *holder]{find: r.look, fresh: keyFresh}
	return r
}

// byText is whoever holds the key of that text; nil if there is no such key, or no longer.
func (r *keyring) byText(ctx context.Context, text string, now time.Time) (*holder, error) {
	hash := sha256.Sum256([]byte(text))
	if !models.IsKeyText(text) && !r.isBootstrap(hash) {
		return nil, nil
	}
	return r.byHash(ctx, hash, now)
}

// byHash is byText by the hash alone, as sessions have it.
func (r *keyring) byHash(ctx context.Context, hash [sha256.Size]byte, now time.Time) (*holder, error) {
	if r.isBootstrap(hash) {
		return r.boot, nil
	}
	h, err := r.held.get(ctx, hash, now)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case subtle.ConstantTimeCompare(h.key.Hash, hash[:]) != 1 || !h.key.Living(now):
		return nil, nil
	}
	r.touch(h, now)
	return h, nil
}

func (r *keyring) isBootstrap(hash [sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(hash[:], r.bootstrap[:]) == 1 && r.boot != nil
}

// look asks the book.
func (r *keyring) look(ctx context.Context, hash [sha256.Size]byte) (*holder, error) {
	k, err := r.store.KeyByHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	h := &holder{key: k, usage: r.usageOf(k)}
	h.viewer = viewer{name: k.Name, scope: k.Scope, limit: h.usage.limit}
	if len(k.Targets) > 0 {
		h.targets = k.Targets
	}
	return h, nil
}

func (r *keyring) usageOf(k *models.Key) *usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.usage) >= cacheKept {
		clear(r.usage)
	}
	u := r.usage[k.ID]
	if u == nil || u.rule != k.RateLimit {
		u = &usage{rule: k.RateLimit}
		if count, per, err := models.ParseRate(k.RateLimit); err == nil && count > 0 {
			u.limit = rate.NewLimiter(rate.Limit(float64(count)/per.Seconds()), count)
		}
		r.usage[k.ID] = u
	}
	return u
}

// touchEvery is how old the note of a key's last use may be.
const touchEvery = 60 // seconds

// touch has the book note that the key is in use, once a minute and without waiting for it.
func (r *keyring) touch(h *holder, now time.Time) {
	last := h.usage.touched.Load()
	if now.Unix()-last >= touchEvery && h.usage.touched.CompareAndSwap(last, now.Unix()) {
		_ = r.store.TouchKey(h.key.ID, now) // a book that is closed has nothing to note
	}
}

// forget drops a key that has changed.
func (r *keyring) forget(k *models.Key) {
	r.held.forget([sha256.Size]byte(k.Hash))
}
