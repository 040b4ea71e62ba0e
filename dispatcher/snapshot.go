package dispatcher

import (
	"time"
)

// Snapshot is what UI and metrics may see of the dispatcher at one moment.
type Snapshot struct {
	Node      string
	StartedAt time.Time
	InFlight  int // calls that are out
	Slots     int // calls that may be out
	Queued    int // calls in the due queue, not all that is owed: the rest is in the book
	Turns     int // schedules in the due queue
	Watchers  int
	Targets   map[string]TargetLoad // by id, those with work
	Counts    Counts
}

// TargetLoad is how busy a target is.
type TargetLoad struct {
	InFlight, MaxInFlight int
	Queued                int
	HeldBy                string // why its due calls wait; "" if they do not
}

// Counts are totals since the process started.
type Counts struct {
	Claimed  uint64 // claims granted
	Refused  uint64 // claims refused: hints that were old
	Finished uint64 // attempts recorded
	Turns    uint64 // turns of schedules
	Orphans  uint64 // claims that nobody had in hand and were given back: 0 unless there is a bug or the book broke off within a commit
	Mended   uint64 // schedules that were not in the queue: 0 unless there is a bug
	Lost     uint64 // calls that were out when the process before ended
	Expired  uint64
	Pruned   uint64 // rows
}

// Snapshot gives a view of the dispatcher. The queue's part is one consistent moment: memdb's snapshots need no lock.
func (d *Dispatcher) Snapshot() Snapshot {
	s := Snapshot{Node: d.cfg.Node, StartedAt: d.startedAt, Targets: map[string]TargetLoad{}, Counts: d.counts.read()}
	txn := d.queue.db.Txn(false)
	queued := map[string]int{}
	it := must(txn.Get("target", "id"))
	for o := it.Next(); o != nil; o = it.Next() {
		t := o.(*target)
		queued[t.ID] = t.Count[0] + t.Count[1] + t.Count[2]
		s.Queued += queued[t.ID]
	}
	for o, turns := any(nil), must(txn.Get("turn", "id")); ; s.Turns++ {
		if o = turns.Next(); o == nil {
			break
		}
	}
	d.limits.mu.Lock()
	s.InFlight, s.Slots = d.limits.used, d.limits.slots
	for id, n := range d.limits.lanes {
		if n.inFlight > 0 || queued[id] > 0 {
			s.Targets[id] = TargetLoad{InFlight: n.inFlight, MaxInFlight: n.max, Queued: queued[id]}
		}
	}
	d.limits.mu.Unlock()
	for id, load := range s.Targets {
		load.HeldBy = d.limits.heldBy(id, d.now())
		s.Targets[id] = load
	}
	d.hub.mu.Lock()
	s.Watchers = len(d.hub.watchers)
	d.hub.mu.Unlock()
	return s
}

func (c *counters) read() Counts {
	return Counts{Claimed: c.claimed.Load(), Refused: c.refused.Load(), Finished: c.finished.Load(), Turns: c.turns.Load(),
		Orphans: c.orphans.Load(), Mended: c.mended.Load(), Lost: c.lost.Load(), Expired: c.expired.Load(),
		Pruned: c.pruned.Load()}
}

// HeldBy says why a due job of a target is not running: "paused" while it is paused, "in_flight" while its limit is
// reached, "node" while this node has no slot free for it, "rate" while its bucket is empty, "" if nothing holds it here.
func (d *Dispatcher) HeldBy(targetID string) string { return d.limits.heldBy(targetID, d.now()) }
