package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// What lives in memory is small, and each call leaves garbage behind: collecting it less often than Go would saves a
// tenth of the CPU. But a share of what lives is the wrong measure once thousands of calls are out, so that the room for
// garbage is bounded in bytes, too.
const (
	gcMost  = 400      // percent of what lives, at most
	gcLeast = 100      // and at least, which is Go's own measure
	gcRoom  = 16 << 20 // bytes of garbage, where that lies between the two
)

// gcPercent is how much garbage may come to what lives before it is collected.
func gcPercent(live uint64) int {
	if live == 0 {
		return gcMost
	}
	return int(min(max(gcRoom*100/live, gcLeast), gcMost))
}

// gcPacer sets the percentage after each collection. The runtime calls it, one call at a time.
type gcPacer struct {
	percent int
	live    []metrics.Sample
}

// setGC paces the collector, unless GOGC says how.
func (a *app) setGC() {
	if a.env("GOGC") != "" {
		return
	}
	p := &gcPacer{live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.adjust()
	p.arm()
}

// arm leaves something behind that the next collection finds dead.
func (p *gcPacer) arm() {
	type sentinel struct{ _ *gcPacer }
	runtime.SetFinalizer(&sentinel{p}, func(*sentinel) {
		p.adjust()
		p.arm()
	})
}

// adjust changes the percentage if it is far off: the change itself stops the world for a moment.
func (p *gcPacer) adjust() {
	metrics.Read(p.live)
	percent := gcMost
	if p.live[0].Value.Kind() == metrics.KindUint64 {
		percent = gcPercent(p.live[0].Value.Uint64())
	}
	if off := percent - p.percent; off > p.percent/8 || -off > p.percent/8 {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
}
