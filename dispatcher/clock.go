package dispatcher

import (
	"context"
	"runtime"
	"slices"
	"time"

	"punctual/models"
)

const (
	maxAsked  = 512                  // calls whose claims the book owes an answer to: more would only stand in the way of others
	askAtOnce = 128                  // calls in one request for claims: small ones let other work in between
	quantum   = 16                   // calls that one target may take before the next one's turn
	turnsOut  = 1000                 // turns that the book may owe an answer to
	ahead     = 2 * time.Millisecond // a call is asked for so long before it is due, and leaves when it is
	again     = time.Second          // before something that failed is asked again
)

// pace is how often the dispatcher looks around.
type pace struct {
	sleep time.Duration // the longest at a stretch: wall clocks jump
	mend  time.Duration // the most that a lost hint may cost
	prune time.Duration
	turns time.Duration // schedules due later stay in the book; more than twice sleep
}

// usual is the pace of every dispatcher but those of tests that live through months.
var usual = pace{sleep: time.Second, mend: 5 * time.Second, prune: time.Minute, turns: time.Minute}

// loop is the one goroutine that owns the due queue. It wakes for the head of the queue, for mail or after a second,
// and takes what is due and allowed.
func (d *Dispatcher) loop(ctx context.Context, loads chan<- reading) {
	l := &loop{Dispatcher: d, busy: map[string]bool{}, short: map[string]bool{}, again: map[string]*models.Schedule{}, loads: loads}
	l.sweepTargets(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.mail.wake:
		case <-timer.C:
		}
		runtime.Gosched() // what else has ended in this moment brings its mail, too: one beat for many
		l.beat(ctx, d.now())
		sleep := d.pace.sleep
		if at := d.queue.wakeAt(); !at.IsZero() && !l.stuck(at) {
			sleep = min(max(at.Sub(d.now()), 0), d.pace.sleep)
		}
		timer.Reset(sleep)
	}
}

// loop is the loop's own state: nobody else touches it.
type loop struct {
	*Dispatcher
	busy     map[string]bool             // jobs that were asked for or are out, schedules whose turn is under way: hints about them are old
	short    map[string]bool             // targets that are parked for their share
	again    map[string]*models.Schedule // schedules that changed while their turn was under way
	loads    chan<- reading
	loading  []reading            // what waits for a loader
	turning  int                  // turns that the book owes an answer to
	until    time.Time            // schedules due before this are in the queue
	strange  map[string]time.Time // schedules that the last sweep did not find in the queue, by when they were due
	sweeping bool                 // the book is asked for all that is owed
	reading  bool                 // the next schedules are being read
	readAt   time.Time            // they are not read before: the last reading failed
	upTo     time.Time            // of which due time; schedules that change meanwhile and are due before it are taken up, too
	anew     bool                 // turns were dropped meanwhile: they are to be read once more
	full     bool                 // no slot was free at the last beat
	turnHigh bool                 // no turn could be taken at the last beat
	roomAt   time.Time            // when Config.Room was last asked
	noRoom   bool                 // what it said: schedules stand still
}

// beat does all that can be done at now, as one batch of changes to the queue.
func (l *loop) beat(ctx context.Context, now time.Time) {
	e := l.queue.edit(now)
	for _, notice := range l.mail.take() {
		l.heed(ctx, e, notice)
	}
	l.extend(ctx, now)
	l.takeTurns(e)
	asks := l.takeCalls(e)
	for some := range slices.Chunk(asks, askAtOnce) {
		l.ask(some, now)
	}
	l.askBook(e)
	e.commit()
}

// stuck tells whether what is due at at must wait for mail: then the loop must not spin.
func (l *loop) stuck(at time.Time) bool {
	return (l.full || l.turnHigh || len(l.loading) > 0) && !at.After(l.now())
}

// heed acts on one notice.
func (l *loop) heed(ctx context.Context, e *edit, notice any) {
	switch n := notice.(type) {
	case offered:
		for _, j := range n.jobs {
			l.heedJob(e, j)
		}
	case scheduled:
		for _, s := range n.schedules {
			l.heedSchedule(e, s)
		}
	case changed:
		l.heedTarget(e, n.target)
	case refused:
		l.heedRefused(e, n)
	case released:
		l.giveSlot(e, n.target)
	case freed:
		delete(l.busy, n.call.ID)
		l.giveSlot(e, n.call.Target)
		if n.job != nil {
			l.heedJob(e, n.job)
		}
	case loaded:
		l.heedLoaded(e, n)
	case heads:
		l.heedHeads(e, n.heads)
	case turned:
		l.heedTurned(ctx, e, n)
	case regrouped:
		l.regroup(e)
	case swept:
		l.sweeping = false
	case hinted:
		l.heedHinted(e, n)
	case window:
		l.heedWindow(e, n)
	}
}

// heedJob takes up a job, or lets go of one that is not owed.
func (l *loop) heedJob(e *edit, j *models.Job) {
	switch {
	case l.busy[j.ID]: // its end will bring it back
	case !l.owns(j.TargetID):
		l.tellOwed(j, e.now)
	case j.State != models.Scheduled || j.Held:
		if j.State != models.Running {
			e.forget(j.ID, j.TargetID)
		}
	default:
		l.learn(e, j.Of)
		e.offer(call{ID: j.ID, Target: j.TargetID, Priority: j.Priority, RunAt: j.RunAt})
	}
}

// learn takes a target's settings the first time it is heard of.
func (l *loop) learn(e *edit, t *models.Target) {
	if l.limits.known(t.ID) {
		return
	}
	l.limits.learn(t, e.now)
	if t.Paused() {
		e.park(t.ID, parkedPaused, time.Time{})
	}
}

// heedTarget acts on a target's change, unless it knows of a later one.
func (l *loop) heedTarget(e *edit, t *models.Target) {
	if t.Deleted() {
		e.remove(t.ID)
		l.limits.forget(t.ID)
		return
	}
	switch {
	case !l.limits.learn(t, e.now):
	case t.Paused():
		e.park(t.ID, parkedPaused, time.Time{})
	default:
		e.unpark(t.ID)
	}
}

// heedRefused takes back claims that were not granted, and looks at those jobs as they stand.
func (l *loop) heedRefused(e *edit, n refused) {
	for _, c := range n.asks {
		delete(l.busy, c.ID)
		l.giveSlot(e, c.Target)
		if n.failed {
			// The book is in trouble: ask again in a while.
			c.RunAt = e.now.Add(again)
			e.offer(c)
		}
	}
	for _, j := range n.jobs {
		if j.Of.Paused() && l.limits.learn(j.Of, e.now) {
			e.park(j.TargetID, parkedPaused, time.Time{})
		}
		if j.State.Final() {
			l.hub.publishJob(j, e.now)
		}
		if j.Due(e.now) {
			// It should have been granted: whatever the reason, do not ask again in the same breath.
			j.RunAt = e.now.Add(again)
		}
		l.heedJob(e, j)
	}
}

// giveSlot frees what a call held: its own target may go on, and those that waited for their share.
func (l *loop) giveSlot(e *edit, targetID string) {
	l.limits.give(targetID)
	if e.target(targetID).Parked == parkedInFlight {
		e.unpark(targetID)
	}
	for id := range l.short {
		if e.target(id).Parked == parkedShare {
			e.unpark(id)
		}
	}
	clear(l.short)
}

// takeCalls takes what is due and allowed, in turns between targets: first those with nothing out, then the longest
// waiting.
func (l *loop) takeCalls(e *edit) (asks []call) {
	if !l.mayCall() {
		return nil
	}
	e.release()
	room := maxAsked - int(l.asked.Load())
	if room < askAtOnce {
		l.full = true // the walk over what is due is worth while for many only, and the book has enough to do
		return nil
	}
	due := l.limits.expect(e.due())
	for len(due) > 0 && len(asks) < room && l.limits.room() > 0 {
		more := due[:0]
		for _, t := range due {
			if len(asks) >= room || l.limits.room() == 0 {
				break
			}
			taken := l.takeFrom(e, e.target(t.ID))
			asks = append(asks, taken...)
			if len(taken) == quantum {
				more = append(more, t)
			}
		}
		due = more
	}
	l.full = l.limits.room() == 0 || len(asks) >= room
	return asks
}

// takeFrom takes a few calls of one target, and parks it when it may not have more.
func (l *loop) takeFrom(e *edit, t target) (taken []call) {
	why, until := held, time.Time{}
	for range quantum {
		var heads [3]*call
		var has [3]bool
		for _, p := range models.Priorities {
			heads[p] = e.next(&t, p)
			has[p] = heads[p] != nil
		}
		if has == [3]bool{} {
			break
		}
		if why, until = l.limits.take(t.ID, e.now); why != held {
			break
		}
		c := heads[l.limits.pick(t.ID, has)]
		e.take(c, &t)
		l.busy[c.ID] = true
		taken = append(taken, *c)
	}
	e.put(t)
	if why != held && why != parkedNode {
		e.park(t.ID, why, until)
		if why == parkedShare {
			l.short[t.ID] = true
		}
	}
	return taken
}

// ask requests claims. The book answers through granted and mail.
func (l *loop) ask(calls []call, now time.Time) {
	asks := make([]models.Ask, len(calls))
	byID := make(map[string]call, len(calls))
	for i, c := range calls {
		asks[i] = models.Ask{JobID: c.ID, AttemptID: models.NewAttemptID()}
		byID[c.ID] = c
		if c.RunAt.After(now) {
			now = c.RunAt // the claims are those of the moment at which the last of them is due
		}
	}
	l.hands.Add(1)
	l.asked.Add(int64(len(calls)))
	l.limits.asking(calls)
	err := l.book.Claim(l.cfg.Node, asks, now, func(got models.Claims) {
		defer l.hands.Done()
		l.granted(got, calls, byID)
	})
	if err != nil {
		l.hands.Done()
		l.asked.Add(-int64(len(calls)))
		l.limits.answered(calls)
		l.mail.put(refused{asks: calls, failed: true})
	}
}

// granted sends each granted claim on its way. The writer calls it: it must not block.
func (d *Dispatcher) granted(got models.Claims, calls []call, byID map[string]call) {
	d.asked.Add(-int64(len(calls)))
	d.limits.answered(calls)
	defer d.mail.poke()
	if got.Err != nil {
		d.log.Error("claim jobs", "err", got.Err)
		d.mail.put(refused{asks: calls, failed: true})
		return
	}
	for _, c := range got.Granted {
		asked := byID[c.Job.ID]
		delete(byID, c.Job.ID)
		d.start(asked, c)
	}
	d.counts.claimed.Add(uint64(len(got.Granted)))
	if len(byID) == 0 {
		return
	}
	d.counts.refused.Add(uint64(len(byID)))
	back := refused{jobs: got.Refused, gone: got.Gone}
	for _, c := range byID {
		back.asks = append(back.asks, c)
	}
	d.mail.put(back)
}
