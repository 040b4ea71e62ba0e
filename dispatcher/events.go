package dispatcher

import (
	"slices"
	"sync"
	"time"

	"punctual/models"
)

const (
	eventsKept   = 1000 // for watchers that come back
	eventsBehind = 256  // how far a watcher may lag before it is dropped
)

// The kinds of events.
const (
	EventJob     = "job"     // a job was made or changed
	EventAttempt = "attempt" // an attempt has ended
)

// Event is a change that watchers may want to see. Job and Attempt must not be changed.
type Event struct {
	ID       uint64 // grows, also from one process to the next
	Kind     string // EventJob or EventAttempt
	At       time.Time
	TargetID string
	Target   string
	JobID    string          // "" for a test call
	Job      *models.Job     // of an EventJob
	Attempt  *models.Attempt // of an EventAttempt
}

// Filter chooses events; the zero value of each field chooses all.
type Filter struct {
	TargetID, JobID string
	Targets         []string // names; only events of these
}

func (f Filter) passes(e Event) bool {
	return (f.TargetID == "" || f.TargetID == e.TargetID) && (f.JobID == "" || f.JobID == e.JobID) &&
		(f.Targets == nil || slices.Contains(f.Targets, e.Target))
}

// Watcher is somebody who watches events.
type Watcher struct {
	Reset bool // events after the one named are no longer kept: look at everything anew

	hub    *hub
	filter Filter
	events chan Event // closed when the watcher is dropped
}

// Events gives the events in order. It is closed when the watcher was too slow, was closed, or the dispatcher ends.
func (w *Watcher) Events() <-chan Event { return w.events }

// Close ends the watching. It may be called more than once.
func (w *Watcher) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.hub.drop(w)
}

// hub passes events to watchers. A slow watcher is dropped, never waited for.
type hub struct {
	mu       sync.Mutex // protects the fields below
	last     uint64     // id of the newest event
	kept     []Event    // a ring of the last eventsKept; next is where the next goes
	next     int
	watchers map[*Watcher]bool
	closed   bool
	relay    func(Event) // passes an event of this node's on to the others; nil: there are none
}

// count is how many watch.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers)
}

// init starts the ids at a number that no earlier process can have reached.
func (h *hub) init(now time.Time) {
	h.last = uint64(now.UnixMicro())
	h.watchers = map[*Watcher]bool{}
}

func (h *hub) publishJob(j *models.Job, at time.Time) {
	h.publish(Event{Kind: EventJob, At: at, TargetID: j.TargetID, Target: j.Of.Name, JobID: j.ID, Job: j}, h.relay)
}

func (h *hub) publishAttempt(j *models.Job, a *models.Attempt, at time.Time) {
	e := Event{Kind: EventAttempt, At: at, TargetID: a.TargetID, Target: a.Target, JobID: a.JobID, Attempt: a}
	if j != nil {
		e.Target = j.Of.Name
	}
	h.publish(e, h.relay)
}

func (h *hub) publish(e Event, relay func(Event)) {
	if relay != nil {
		relay(e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e.ID = h.last
	if len(h.kept) < eventsKept {
		h.kept = append(h.kept, e)
	} else {
		h.kept[h.next] = e
	}
	h.next = (h.next + 1) % eventsKept
	for w := range h.watchers {
		if !w.filter.passes(e) {
			continue
		}
		select {
		case w.events <- e:
		default:
			h.drop(w)
		}
	}
}

// drop closes a watcher's channel; the caller holds mu.
func (h *hub) drop(w *Watcher) {
	if h.watchers[w] {
		delete(h.watchers, w)
		close(w.events)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for w := range h.watchers {
		h.drop(w)
	}
}

// Watch begins to watch. With after, the id of the last event seen, it begins with those that came since; if they are
// no longer kept, Reset is set and it begins now, as it does with 0.
func (d *Dispatcher) Watch(after uint64, f Filter) *Watcher {
	h := &d.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &Watcher{hub: h, filter: f, events: make(chan Event, eventsKept+eventsBehind)}
	if after != 0 {
		w.Reset = after > h.last || after < h.last-uint64(len(h.kept))
	}
	if after != 0 && !w.Reset {
		for i := range h.kept {
			e := h.kept[(h.next+i)%len(h.kept)]
			if len(h.kept) < eventsKept {
				e = h.kept[i]
			}
			if e.ID > after && f.passes(e) {
				w.events <- e
			}
		}
	}
	if h.watchers[w] = true; h.closed {
		h.drop(w)
	}
	if d.cluster.shared && !d.cluster.shown.Load() {
		select {
		case d.cluster.beat <- struct{}{}:
		default:
		}
	}
	return w
}
