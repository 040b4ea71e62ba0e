package server

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// guesses counts wrong keys by the address they come from, so that trying them out takes for ever.
type guesses struct {
	mu     sync.Mutex // protects the fields below
	wrongs map[netip.Addr]*rate.Limiter
	noted  map[netip.Addr]time.Time // when a refused sign-in from there was last put on record
}

// An address may be wrong so often at once, and once more every guessEvery.
const (
	guessBurst   = 20
	guessEvery   = 3 * time.Second
	guessNoted   = 10 * time.Minute // a refused sign-in is put on record once in so long for an address
	guessersKept = 10_000           // addresses; beyond, those that have been good longest are forgotten, then any
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

// note tells whether a refused sign-in is to be put on record: not each, or who guesses would write the audit full.
func (g *guesses) note(from string, now time.Time) bool {
	at := network(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if last, isKnown := g.noted[at]; isKnown && now.Sub(last) < guessNoted {
		return false
	}
	if len(g.noted) >= guessersKept {
		for old, last := range g.noted {
			if now.Sub(last) >= guessNoted {
				delete(g.noted, old)
			}
		}
		if len(g.noted) >= guessersKept {
			return false // so many at once are told by the log
		}
	}
	if g.noted == nil {
		g.noted = map[netip.Addr]time.Time{}
	}
	g.noted[at] = now
	return true
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
