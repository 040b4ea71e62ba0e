package dispatcher

import (
	"context"
	"errors"
	"time"

	"punctual/models"
)

const (
	horizon      = 30 * time.Second // work due later stays in the book
	loaders      = 2                // goroutines that ask the book
	loadsAtOnce  = 64               // targets in one request to a loader
	windowsAsked = 1000             // schedules read at once
	readPatience = 10 * time.Second // deadline of one reading
)

// askBook passes the targets whose windows run low to a loader, if one is free.
func (l *loop) askBook(e *edit) {
	if len(l.loading) == 0 {
		if batch := e.loads(loadsAtOnce); len(batch) > 0 {
			for i := range batch {
				batch[i].Rows = windowSize + l.limits.unanswered(batch[i].ID)
			}
			l.loading = append(l.loading, reading{want: batch, mark: l.queue.marks})
		}
	}
	for len(l.loading) > 0 {
		select {
		case l.loads <- l.loading[0]:
			l.loading = l.loading[1:]
		default:
			return
		}
	}
}

// reading is a request to a loader.
type reading struct {
	want []wanted
	mark uint64 // the newest mark that it answers
}

// loader reads what the book has for targets until there are no more requests.
func (d *Dispatcher) loader(ctx context.Context, loads <-chan reading) {
	for r := range loads {
		specs, err := d.strangers(ctx, r.want)
		for _, w := range r.want {
			spec, strange := specs[w.ID]
			switch {
			case err != nil:
				d.mail.put(loaded{wanted: w, err: err})
			case strange && spec == nil:
				d.mail.put(loaded{wanted: w, err: models.ErrNotFound})
			default:
				d.mail.put(d.load(ctx, w, spec, r.mark, d.now()))
			}
		}
	}
}

// strangers gives the settings of those targets that are not known yet, nil where there is no such target.
func (d *Dispatcher) strangers(ctx context.Context, want []wanted) (map[string]*models.Target, error) {
	var ids []string
	for _, w := range want {
		if !d.limits.known(w.ID) {
			ids = append(ids, w.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	specs, err := d.book.TargetsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if specs[id] == nil {
			specs[id] = nil
		}
	}
	return specs, nil
}

// load reads the windows of one target. What comes beyond the horizon is looked for only when all that is due fits in.
func (d *Dispatcher) load(ctx context.Context, w wanted, spec *models.Target, mark uint64, now time.Time) loaded {
	ctx, done := context.WithTimeout(ctx, readPatience)
	defer done()
	l := loaded{wanted: w, spec: spec, mark: mark}
	before, full := now.Add(horizon), false
	for _, p := range models.Priorities {
		if !w.Windows[p] {
			continue
		}
		if l.owed[p], l.err = d.book.Owed(ctx, w.ID, p, before, w.Rows); l.err != nil {
			return l
		}
		full = full || len(l.owed[p]) == w.Rows
	}
	if !full {
		l.later, l.err = d.book.NextAfter(ctx, w.ID, before)
	}
	return l
}

// heedLoaded fills the windows of a target with what the book has.
func (l *loop) heedLoaded(e *edit, n loaded) {
	t := e.target(n.ID)
	t.Loading = false
	if n.err != nil {
		if !errors.Is(n.err, context.Canceled) {
			l.log.Warn("read what is due", "target", n.ID, "err", n.err)
		}
		t.Later, t.LoadFrom = e.now.Add(horizon+again), e.now.Add(again)
		e.put(t)
		return
	}
	if !n.later.IsZero() && (t.Later.IsZero() || n.later.Before(t.Later)) {
		t.Later = n.later
	}
	for _, p := range models.Priorities {
		if n.Windows[p] && t.More[p] <= n.mark {
			t.More[p] = 0
		}
	}
	e.put(t)
	if n.spec != nil {
		l.learn(e, n.spec)
	}
	for _, p := range models.Priorities {
		for _, o := range n.owed[p] {
			if !l.busy[o.ID] {
				e.offer(call{ID: o.ID, Target: n.ID, Priority: p, RunAt: o.RunAt})
			}
		}
		if n.Windows[p] && len(n.owed[p]) == n.Rows {
			t := e.target(n.ID)
			t.More[p] = e.mark()
			e.put(t)
		}
	}
}

// sweepTargets asks the book once for all targets that are owed work. The loop calls it when it begins.
func (l *loop) sweepTargets(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, readPatience)
	defer done()
	all, err := l.book.Heads(ctx)
	if err != nil {
		l.complain("read who is owed what", err)
		return
	}
	e := l.queue.edit(l.now())
	l.heedHeads(e, all)
	e.commit()
}

// heedHeads looks for targets that are owed work which the queue does not know of.
func (l *loop) heedHeads(e *edit, all []models.Head) {
	for _, h := range all {
		if !l.owns(h.TargetID) {
			continue
		}
		t := e.target(h.TargetID)
		known := !t.HeadAt.IsZero() && !t.HeadAt.After(h.RunAt) || !t.LoadAt.IsZero() && !t.LoadAt.Add(horizon).After(h.RunAt)
		if known || t.Loading || t.Parked == parkedPaused {
			continue
		}
		if t.Later.IsZero() || h.RunAt.Before(t.Later) {
			t.Later = h.RunAt
			e.put(t)
		}
	}
}

// extend reads the schedules that come due next, long before the queue runs out of them.
func (l *loop) extend(ctx context.Context, now time.Time) {
	if l.reading || now.Before(l.readAt) || l.until.Sub(now) > l.pace.turns/2 {
		return
	}
	until := now.Add(l.pace.turns)
	l.reading, l.upTo = true, until
	l.out.Go(func() { l.mail.put(l.readSchedules(ctx, time.Time{}, until, l.cfg.QueueWindow)) })
}

// readSchedules reads the schedules due before until, at most limit: then the window ends with the last one.
func (d *Dispatcher) readSchedules(ctx context.Context, from, until time.Time, limit int) window {
	ctx, done := context.WithTimeout(ctx, readPatience)
	defer done()
	w := window{until: until}
	id := ""
	for len(w.due) < limit {
		some, err := d.book.DueSchedules(ctx, until, from, id, windowsAsked)
		if err != nil {
			w.err = err
			return w
		}
		w.due = append(w.due, some...)
		if len(some) < windowsAsked {
			return w
		}
		last := some[len(some)-1]
		from, id = last.DueAt, last.ID
	}
	w.until = from
	return w
}

// heedWindow takes up the schedules that were read.
func (l *loop) heedWindow(e *edit, w window) {
	if w.sweep {
		l.heedSweep(e, w.due)
		return
	}
	anew := l.anew
	l.reading, l.upTo, l.anew = false, time.Time{}, false
	if w.err != nil {
		l.readAt = e.now.Add(again)
		if !errors.Is(w.err, context.Canceled) {
			l.log.Warn("read schedules that come due", "err", w.err)
		}
		return
	}
	for _, s := range w.due {
		if !l.busy[s.ID] && !e.hasTurn(s.ID) && l.owns(s.TargetID) {
			e.schedule(turn{ID: s.ID, DueAt: s.DueAt, Version: s.Version})
		}
	}
	if !anew {
		l.until = w.until
	}
}

// heedSweep mends schedules whose turn is past and that are not in the queue, for two looks in a row: at the first one
// the reading may just be older than the turn.
func (l *loop) heedSweep(e *edit, due []models.DueSchedule) {
	strange := map[string]time.Time{}
	for _, s := range due {
		switch {
		case l.busy[s.ID] || e.hasTurn(s.ID) || !l.owns(s.TargetID):
		case !l.strange[s.ID].Equal(s.DueAt):
			strange[s.ID] = s.DueAt
		default:
			l.counts.mended.Add(1)
			l.log.Warn("a schedule was not in the queue", "schedule", s.ID)
			e.schedule(turn{ID: s.ID, DueAt: s.DueAt, Version: s.Version})
		}
	}
	l.strange = strange
}

// heedSchedule takes up a schedule's next turn, or lets go of a schedule that has none.
func (l *loop) heedSchedule(e *edit, s *models.Schedule) {
	switch {
	case l.busy[s.ID]: // its turn is under way and brings back how it stands
		l.again[s.ID] = s
	case s.DueAt.IsZero() || !s.DeletedAt.IsZero() || !s.DueAt.Before(l.until) && !s.DueAt.Before(l.upTo) || !l.owns(s.TargetID):
		e.unschedule(s.ID)
	default:
		e.schedule(turn{ID: s.ID, DueAt: s.DueAt, Version: s.Version})
	}
}

// takeTurns asks the book to settle the schedules that are due.
func (l *loop) takeTurns(e *edit) {
	if l.turnHigh = l.turning >= turnsOut || !l.hasRoom(e.now); l.turnHigh {
		return
	}
	for _, t := range e.turns(turnsOut - l.turning) {
		l.turning++
		l.busy[t.ID] = true
		l.hands.Add(1)
		l.book.Turn(models.TurnAsk{ID: t.ID, Version: t.Version}, e.now, func(got models.Turned, err error) {
			defer l.hands.Done()
			l.mail.put(turned{t, got, err})
		})
	}
}

// hasRoom asks whether there is room for what schedules make, unless it did within the last second.
func (l *loop) hasRoom(now time.Time) bool {
	if l.cfg.Room == nil || now.Before(l.roomAt.Add(again)) && !now.Before(l.roomAt) {
		return !l.noRoom
	}
	was := l.noRoom
	l.roomAt, l.noRoom = now, !l.cfg.Room()
	switch {
	case l.noRoom && !was:
		l.log.Warn("schedules stand still: the disk is nearly full")
	case was && !l.noRoom:
		l.log.Info("schedules go on: the disk has room again")
	}
	return !l.noRoom
}

// heedTurned takes up what came of a turn.
func (l *loop) heedTurned(ctx context.Context, e *edit, n turned) {
	l.turning--
	l.counts.turns.Add(1)
	delete(l.busy, n.asked.ID)
	newer := l.again[n.asked.ID]
	delete(l.again, n.asked.ID)
	if n.err != nil {
		l.log.Error("settle a schedule", "schedule", n.asked.ID, "err", n.err)
		n.asked.DueAt = e.now.Add(again)
		e.schedule(n.asked)
		return
	}
	for _, j := range append(n.got.Jobs, n.got.Ended...) {
		l.hub.publishJob(j, e.now)
		l.heedJob(e, j)
	}
	for _, j := range n.got.Cancel {
		l.cutOff(j)
	}
	for _, s := range []*models.Schedule{n.got.Schedule, newer} {
		if s != nil {
			l.heedSchedule(e, s)
		}
	}
}
