package dispatcher

import (
	"sync"

	"punctual/models"
)

// limits says how many calls may be out: of each target and of the whole node. The loop alone takes and gives back;
// anybody may look.
type limits struct {
	mu    sync.Mutex // protects the fields below
	slots int        // calls out at once, whole node
	used  int
	lanes map[string]*lane // by target id
}

// lane is what is known of a target.
type lane struct {
	max      int // calls out at once; 0: not known yet
	inFlight int // asked for or out
	paused   bool
	credit   [3]int // of the weighted turn between priorities, see pick
}

func newLimits(slots int) *limits { return &limits{slots: slots, lanes: map[string]*lane{}} }

// learn takes a target's settings.
func (l *limits) learn(t *models.Target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(t.ID)
	n.max, n.paused = t.MaxInFlight, t.Paused()
}

// known tells whether a target's settings were learned.
func (l *limits) known(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lanes[id]
	return n != nil && n.max > 0
}

// lane gives the lane of a target, a new one if there is none. The caller holds mu.
func (l *limits) lane(id string) *lane {
	n := l.lanes[id]
	if n == nil {
		n = &lane{}
		l.lanes[id] = n
	}
	return n
}

// free is how many calls of a target may leave now.
func (l *limits) free(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	if n.paused {
		return 0
	}
	return max(min(n.max-n.inFlight, l.slots-l.used), 0)
}

// room is how many calls may leave now, whatever their targets.
func (l *limits) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slots - l.used
}

func (l *limits) take(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lane(id).inFlight++
	l.used++
}

func (l *limits) give(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	n.inFlight--
	l.used--
	if n.max == 0 && n.inFlight == 0 {
		delete(l.lanes, id)
	}
}

// forget drops a target that was deleted, as soon as nothing of it is out.
func (l *limits) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.lanes[id]; n != nil {
		n.max = 0
		if n.inFlight == 0 {
			delete(l.lanes, id)
		}
	}
}

// weights are the shares of the priorities in a target's calls while all of them have work: eight, four and one of
// thirteen, so that low is slow beside a flood of high, and never starves.
var weights = [3]int{8, 4, 1}

// pick chooses the priority whose turn it is among those that have a call due: smooth weighted round robin, in which
// each earns its weight at every turn and the chosen one pays what all of them earned.
func (l *limits) pick(id string, has [3]bool) models.Priority {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	best, total := -1, 0
	for p := range has {
		if !has[p] {
			continue
		}
		n.credit[p] += weights[p]
		total += weights[p]
		if best < 0 || n.credit[p] > n.credit[best] {
			best = p
		}
	}
	n.credit[best] -= total
	return models.Priority(best)
}

// heldBy says why a due call of a target waits, "" if nothing holds it here.
func (l *limits) heldBy(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lanes[id]
	switch {
	case n == nil:
		return ""
	case n.paused:
		return parkedPaused
	case n.inFlight >= n.max || l.used >= l.slots:
		return parkedInFlight
	}
	return ""
}
