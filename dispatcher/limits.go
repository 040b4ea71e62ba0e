package dispatcher

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"punctual/models"
)

// limits says how many calls may be out: of each target and of the whole node. The loop alone takes and gives back;
// anybody may look.
type limits struct {
	mu      sync.Mutex // protects the fields below
	slots   int        // calls out at once, whole node
	used    int
	lanes   map[string]*lane // by target id
	out     int              // lanes with a call out
	waiting int              // targets with a call due and none out, as the loop last counted them
}

// lane is what is known of a target.
type lane struct {
	max      int // calls out at once; 0: not known yet
	version  int64
	inFlight int // asked for or out
	asked    int // of these: asked for, and not answered yet
	paused   bool
	rule     string        // the rate limit that bucket keeps; "": none
	bucket   *rate.Limiter // nil: no rate limit
	credit   [3]int        // of the weighted turn between priorities, see pick
}

// Why a call of a target may not be taken; held is none of these.
const (
	held           = ""
	parkedPaused   = "paused"    // until it is resumed
	parkedInFlight = "in_flight" // until one of its calls ends
	parkedRate     = "rate"      // until its bucket has a token
	parkedShare    = "share"     // until any call ends: slots are short, and it has its share
	parkedNode     = "node"      // until any call ends: no slot is free
)

func newLimits(slots int) *limits { return &limits{slots: slots, lanes: map[string]*lane{}} }

// learn takes a target's settings, and tells whether it did: those that were read before the ones it knows may be told of
// after them.
func (l *limits) learn(t *models.Target, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(t.ID)
	if n.max > 0 && t.Version < n.version {
		return false
	}
	n.max, n.version, n.paused = t.MaxInFlight, t.Version, t.Paused()
	if n.rule == t.RateLimit {
		return true
	}
	before := n.bucket
	n.rule, n.bucket = t.RateLimit, nil
	if count, per, err := models.ParseRate(t.RateLimit); err == nil && count > 0 {
		n.bucket = rate.NewLimiter(rate.Limit(float64(count)/per.Seconds()), count)
		spent := 0
		if before != nil { // a change of the rate grants nothing beside it
			spent = count - min(count, max(0, int(before.TokensAt(now))))
		}
		n.bucket.AllowN(now, spent)
	}
	return true
}

// known tells whether a target's settings were learned.
func (l *limits) known(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lanes[id]
	return n != nil && n.max > 0
}

// ids are the targets whose settings are known.
func (l *limits) ids() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, n := range l.lanes {
		if n.max > 0 {
			all = append(all, id)
		}
	}
	return all
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

// expect counts the targets that have a call due, for the shares, and puts those with nothing out in front: a flood
// elsewhere, however old, does not keep them waiting.
func (l *limits) expect(due []*target) []*target {
	l.mu.Lock()
	defer l.mu.Unlock()
	ordered := make([]*target, 0, len(due))
	var busy []*target
	for _, t := range due {
		if n := l.lanes[t.ID]; n == nil || n.inFlight == 0 {
			ordered = append(ordered, t)
		} else {
			busy = append(busy, t)
		}
	}
	l.waiting = len(ordered)
	return append(ordered, busy...)
}

// room is how many calls may leave now, whatever their targets.
func (l *limits) room() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slots - l.used
}

// take gives a target's next call a slot and a token of its rate, or says why not; of parkedRate it says until when.
// A token is spent even if the claim is refused: the limit is then kept with something to spare.
func (l *limits) take(id string, now time.Time) (why string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	if why, until = l.why(n, now); why != held {
		return why, until
	}
	if n.bucket != nil {
		n.bucket.AllowN(now, 1)
	}
	if n.inFlight == 0 {
		l.out++
		l.waiting = max(l.waiting-1, 0)
	}
	n.inFlight++
	l.used++
	return held, time.Time{}
}

// why says what holds the next call of a lane up. No target starves another: when fewer than a quarter of the slots
// are free, a target holds at most its share, the slots divided by the targets with work; and the last tenth goes
// only to targets with nothing out. The caller holds mu.
func (l *limits) why(n *lane, now time.Time) (string, time.Time) {
	free := l.slots - l.used
	share := max(l.slots/max(l.out+l.waiting, 1), 1)
	switch {
	case n.paused:
		return parkedPaused, time.Time{}
	case n.inFlight >= n.max:
		return parkedInFlight, time.Time{}
	case free <= 0:
		return parkedNode, time.Time{}
	case 4*free < l.slots && n.inFlight >= share, 10*free <= l.slots && n.inFlight > 0:
		return parkedShare, time.Time{}
	}
	if n.bucket != nil {
		if missing := 1 - n.bucket.TokensAt(now); missing > 0 {
			wait := time.Duration(missing / float64(n.bucket.Limit()) * float64(time.Second))
			return parkedRate, now.Add(wait + time.Microsecond)
		}
	}
	return held, time.Time{}
}

// asking counts calls whose claims are asked for.
func (l *limits) asking(calls []call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		l.lane(c.Target).asked++
	}
}

// answered counts calls whose claims were asked for and answered, before their slots are given back.
func (l *limits) answered(calls []call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		l.lane(c.Target).asked--
	}
}

// unanswered is how many claims of a target are asked for.
func (l *limits) unanswered(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.lanes[id]; n != nil {
		return n.asked
	}
	return 0
}

// give takes a slot back.
func (l *limits) give(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	n.inFlight--
	l.used--
	if n.inFlight > 0 {
		return
	}
	l.out--
	if n.max == 0 {
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

// heldBy says why a due call of a target waits, in the words of the API; "" if nothing holds it here.
func (l *limits) heldBy(id string, now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lanes[id]
	if n == nil || n.max == 0 {
		return held
	}
	why, _ := l.why(n, now)
	if why == parkedShare {
		return parkedNode
	}
	return why
}
