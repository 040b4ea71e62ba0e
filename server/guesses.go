package server

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// guesses counts wrong keys by the address they come from, so that trying them out takes for ever.
type guesses struct {
	mu     sync.Mutex // protects the field below
	wrongs map[netip.Addr]*rate.Limiter
}

// An address may be wrong so often at once, and once more every guessEvery.
const (
	guessBurst   = 20
	guessEvery   = 3 * time.Second
	guessersKept = 10_000 // addresses; beyond, those that have been good longest are forgotten, then any
)

// blocked tells whether so many wrong keys came from there that the next is not looked at.
func (g *guesses) blocked(from string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	wrong, isKnown := g.wrongs[network(from)]
	return isKnown && wrong.TokensAt(now) < 1
}

// wrong counts one.
func (g *guesses) wrong(from string, now time.Time) {
	at := network(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wrongs[at] == nil {
		g.makeRoom(now)
		g.wrongs[at] = rate.NewLimiter(rate.Every(guessEvery), guessBurst)
	}
	g.wrongs[at].AllowN(now, 1)
}

// makeRoom forgets addresses that have been good for long enough; if all are bad, any of them.
func (g *guesses) makeRoom(now time.Time) {
	if g.wrongs == nil {
		g.wrongs = map[netip.Addr]*rate.Limiter{}
	}
	if len(g.wrongs) < guessersKept {
		return
	}
	for at, wrong := range g.wrongs {
		if wrong.TokensAt(now) >= guessBurst {
			delete(g.wrongs, at)
		}
	}
	for at := range g.wrongs {
		if len(g.wrongs) < guessersKept {
			return
		}
		delete(g.wrongs, at)
	}
}

// network is what one guesser has: an IPv4 address, or the /64 of an IPv6 address.
func network(from string) netip.Addr {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		return netip.Addr{}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr
	}
	return netip.PrefixFrom(addr, 64).Masked().Addr()
}
