package dispatcher

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/models"
)

// Hints for the other nodes are gathered for a moment and told together. They are hints: one that gets lost costs what
// the next look into the book does not find sooner.

const (
	postEvery    = 20 * time.Millisecond // hints are told at most that often
	postMost     = 10_000                // hints that wait; more are dropped
	jobsOneByOne = 64                    // jobs owed that are told one by one; of more only their targets
	seenAtOnce   = 500                   // jobs, and attempts, that are read at once to show them
	ackPatience  = 2 * time.Second       // for the other nodes to see that a target is paused
)

// outbox gathers hints.
type outbox struct {
	mu    sync.Mutex // protects hints
	hints []models.Hint
	wake  chan struct{} // holds a token when there are hints
}

// post passes a hint on to the other nodes, if there are any.
func (d *Dispatcher) post(h models.Hint) {
	if !d.cluster.shared {
		return
	}
	o := &d.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.hints) >= postMost {
		return
	}
	o.hints = append(o.hints, h)
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// postman tells the hints until ctx ends.
func (d *Dispatcher) postman(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.outbox.wake:
		}
		d.outbox.mu.Lock()
		hints := d.outbox.hints
		d.outbox.hints = nil
		d.outbox.mu.Unlock()
		if err := d.book.Tell(ctx, d.cfg.Node, gist(hints)); err != nil && ctx.Err() == nil {
			d.log.Warn("hints not told", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(postEvery):
		}
	}
}

// gist drops hints that say the same, and of many jobs owed tells only the targets.
func gist(hints []models.Hint) (out []models.Hint) {
	owed := 0
	for _, h := range hints {
		if h.Kind == models.HintOwed {
			owed++
		}
	}
	said := map[string]bool{}
	for _, h := range hints {
		if h.Kind == models.HintOwed && owed > jobsOneByOne {
			h.Kind, h.ID = models.HintMore, h.Target
		}
		key := string(h.Kind) + h.ID + h.Token
		if h.Kind == models.HintMore {
			key += strconv.Itoa(int(h.Priority))
		}
		if !said[key] {
			said[key] = true
			out = append(out, h)
		}
	}
	return out
}

// tellOwed tells the owner of a job that it is owed soon; what is due later the owner finds in the book by itself.
func (d *Dispatcher) tellOwed(j *models.Job, now time.Time) {
	if j.State == models.Scheduled && !j.Held && j.RunAt.Sub(now) <= horizon {
		d.post(models.Hint{Kind: models.HintOwed, ID: j.ID, Target: j.TargetID, Priority: j.Priority, At: j.RunAt})
	}
}

// heard acts on what another node has told.
func (d *Dispatcher) heard(hints []models.Hint) {
	var mine hinted
	var events seen
	var schedules []string
	for _, h := range hints {
		switch h.Kind {
		case models.HintOwed, models.HintMore:
			if d.owns(h.Target) {
				mine.owed = append(mine.owed, h)
			}
		case models.HintSchedule:
			schedules = append(schedules, h.ID)
		case models.HintTarget:
			d.ears.Go(func() { d.heardTarget(h) })
		case models.HintDone:
			d.acks.note(h.ID)
		case models.HintCancel:
			if c := d.calls.ofJob(h.ID); c != nil {
				c.cut(errCanceled)
			}
		case models.HintNodes:
			d.lookSoon()
		case models.HintJob:
			events.jobs = append(events.jobs, h.ID)
		case models.HintAttempt:
			events.attempts = append(events.attempts, h.ID)
		}
	}
	if len(mine.owed) > 0 {
		d.mail.put(mine)
	}
	if len(schedules) > 0 {
		d.ears.Go(func() { d.heardSchedules(schedules) })
	}
	if len(events.jobs)+len(events.attempts) > 0 && d.hub.count() > 0 {
		d.sights.add(events)
	}
}

// missed is called when hints may have got lost.
func (d *Dispatcher) missed() {
	d.lookSoon()
	d.mail.put(regrouped{})
	d.ears.Go(func() { d.learnAnew(d.limits.ids()) })
}

// learnAnew reads the settings of targets that may have changed unheard.
func (d *Dispatcher) learnAnew(ids []string) {
	ctx, done := context.WithTimeout(d.callCtx, readPatience)
	defer done()
	for some := range slices.Chunk(ids, loadsAtOnce) {
		found, err := d.book.TargetsByID(ctx, some)
		if err != nil {
			d.complain("read targets", err)
			return
		}
		for _, t := range found {
			d.mail.put(changed{t})
		}
	}
}

func (d *Dispatcher) lookSoon() {
	select {
	case d.cluster.look <- struct{}{}:
	default:
	}
}

// hinted is the notice of work that another node has told of.
type hinted struct{ owed []models.Hint }

// heedHinted takes up work that another node has told of. Of a target whose settings are not known yet nothing could be
// called: then the book is asked, which tells them too.
func (l *loop) heedHinted(e *edit, n hinted) {
	for _, h := range n.owed {
		if h.Kind == models.HintOwed && l.limits.known(h.Target) {
			if !l.busy[h.ID] {
				e.offer(call{ID: h.ID, Target: h.Target, Priority: h.Priority, RunAt: h.At})
			}
			continue
		}
		t := e.target(h.Target)
		t.More[h.Priority] = e.mark()
		e.put(t)
	}
}

// heardSchedules looks how schedules stand that have changed elsewhere.
func (d *Dispatcher) heardSchedules(ids []string) {
	ctx, done := context.WithTimeout(d.callCtx, readPatience)
	defer done()
	for _, id := range ids {
		s, err := d.book.ScheduleByID(ctx, id)
		switch {
		case err == nil:
			d.mail.put(scheduled{[]*models.Schedule{s}})
		case errors.Is(err, models.ErrNotFound):
			d.mail.put(scheduled{[]*models.Schedule{{ID: id}}})
		default:
			d.complain("read a schedule", err)
		}
	}
}

// heardTarget takes notice of a target that was changed elsewhere, and answers when that holds here.
func (d *Dispatcher) heardTarget(h models.Hint) {
	ctx, done := context.WithTimeout(d.callCtx, readPatience)
	defer done()
	found, err := d.book.TargetsByID(ctx, []string{h.ID})
	if err != nil || found[h.ID] == nil {
		d.complain("read a target", err)
		return
	}
	d.targetChanged(ctx, found[h.ID])
	if h.Token != "" {
		d.post(models.Hint{Kind: models.HintDone, ID: h.Token})
	}
}

// answers counts the nodes that have answered a token.
type answers struct {
	mu      sync.Mutex // protects the fields below
	last    int
	missing map[string]int           // by token: how many are to answer
	all     map[string]chan struct{} // by token: closed when all have
}

// expect gives a token that n nodes are to answer, and what is closed when they have.
func (a *answers) expect(node string, n int) (token string, all <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	token = strings.Join([]string{node, strconv.Itoa(a.last)}, ".")
	if a.all == nil {
		a.missing, a.all = map[string]int{}, map[string]chan struct{}{}
	}
	done := make(chan struct{})
	a.missing[token], a.all[token] = n, done
	return token, done
}

// note counts an answer. Every node hears every answer: those to another's token, and to one that nobody waits for any
// more, are nothing.
func (a *answers) note(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all[token] == nil {
		return
	}
	if a.missing[token]--; a.missing[token] == 0 {
		close(a.all[token])
		delete(a.all, token)
		delete(a.missing, token)
	}
}

func (a *answers) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.missing, token)
	delete(a.all, token)
}

// tellTarget tells the other nodes of a target that has changed, and waits until each has seen that, if it matters:
// one that is dead does not call any more, and one that does not answer is not waited for long.
func (d *Dispatcher) tellTarget(ctx context.Context, t *models.Target) {
	if !d.cluster.shared {
		return
	}
	others := d.cluster.others.Load()
	if others == nil || len(*others) == 0 || !t.Paused() && !t.Deleted() {
		d.post(models.Hint{Kind: models.HintTarget, ID: t.ID})
		return
	}
	token, all := d.acks.expect(d.cfg.Node, len(*others))
	defer d.acks.forget(token)
	d.post(models.Hint{Kind: models.HintTarget, ID: t.ID, Token: token})
	select {
	case <-all:
	case <-ctx.Done():
	case <-time.After(ackPatience):
		d.log.Warn("other nodes have not said yet that they saw a target paused", "target", t.Name)
	}
}

// relay passes an event on to the nodes where somebody watches.
func (d *Dispatcher) relay(e Event) {
	switch {
	case !d.cluster.watch.Load():
	case e.Kind == EventJob:
		d.post(models.Hint{Kind: models.HintJob, ID: e.JobID})
	case e.Attempt != nil:
		d.post(models.Hint{Kind: models.HintAttempt, ID: e.Attempt.ID})
	}
}

// seen are events of other nodes: the ids of what they are about.
type seen struct{ jobs, attempts []string }

// sights gathers events of other nodes until they are shown. What is heard beside them does not wait for that: work that is
// owed, a call to be cut off, or a target that is paused while somebody waits for the answer.
type sights struct {
	mu   sync.Mutex // protects seen
	seen seen
	wake chan struct{} // holds a token when there are events
}

// add drops what is too much: whoever watches is that far behind already.
func (s *sights) add(more seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen.jobs)+len(s.seen.attempts) >= postMost {
		return
	}
	s.seen.jobs = append(s.seen.jobs, more.jobs...)
	s.seen.attempts = append(s.seen.attempts, more.attempts...)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// guide shows events of other nodes until ctx ends.
func (d *Dispatcher) guide(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.sights.wake:
		}
		d.sights.mu.Lock()
		all := d.sights.seen
		d.sights.seen = seen{}
		d.sights.mu.Unlock()
		for len(all.jobs)+len(all.attempts) > 0 && ctx.Err() == nil {
			j, a := min(len(all.jobs), seenAtOnce), min(len(all.attempts), seenAtOnce)
			d.showSeen(seen{all.jobs[:j], all.attempts[:a]})
			all = seen{all.jobs[j:], all.attempts[a:]}
		}
	}
}

// showSeen reads what events of other nodes are about, and shows them to those who watch here.
func (d *Dispatcher) showSeen(s seen) {
	ctx, done := context.WithTimeout(d.callCtx, readPatience)
	defer done()
	jobs, attempts, err := d.book.Seen(ctx, s.jobs, s.attempts)
	if err != nil {
		d.complain("read events of other nodes", err)
		return
	}
	now := d.now()
	for _, a := range attempts {
		d.hub.publish(Event{Kind: EventAttempt, At: now, TargetID: a.TargetID, Target: a.Target, JobID: a.JobID, Attempt: a}, nil)
	}
	for _, j := range jobs {
		d.hub.publish(Event{Kind: EventJob, At: now, TargetID: j.TargetID, Target: j.Of.Name, JobID: j.ID, Job: j}, nil)
	}
}

// cancelElsewhere has another node cut off a call, and waits until its end is on record or ctx ends.
func (d *Dispatcher) cancelElsewhere(ctx context.Context, job *models.Job) {
	d.post(models.Hint{Kind: models.HintCancel, ID: job.ID})
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
		if now, err := d.book.Job(ctx, job.ID); err != nil || now.ClaimID != job.ClaimID {
			return
		}
	}
}
