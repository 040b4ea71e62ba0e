package dispatcher

import (
	"context"
	"errors"
	"time"

	"punctual/models"
)

// keepAudit is how long the audit is kept.
const keepAudit = 365 * 24 * time.Hour

// pruneRest is the time between two steps of pruning.
const pruneRest = 20 * time.Millisecond

// mend compares the queue and this node's claims with the book, and ends what has expired, until ctx ends.
func (d *Dispatcher) mend(ctx context.Context) {
	tick := time.NewTicker(d.pace.mend)
	defer tick.Stop()
	var strange map[string]bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := d.now()
		if !d.cluster.shared {
			d.complain("beat", d.pulse(ctx))
		}
		d.mendWishes(ctx)
		d.mendSettings(ctx, now)
		d.mendTargets(ctx)
		d.mendSchedules(ctx, now)
		strange = d.mendClaims(ctx, now, strange)
		d.expire(ctx, now)
	}
}

// complain logs an error unless the dispatcher is ending anyway.
func (d *Dispatcher) complain(act string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, models.ErrClosed) {
		d.log.Error(act, "err", err)
	}
}

// unheardFor bounds how long ago a target may have been changed whose change this node has not seen at its last look: a
// transaction ends sooner.
const unheardFor = time.Minute

// mendSettings learns of targets that were changed elsewhere, where no hint of that has come.
func (d *Dispatcher) mendSettings(ctx context.Context, now time.Time) {
	if !d.cluster.shared {
		return
	}
	changes, err := d.book.TargetsChanged(ctx, now.Add(-unheardFor))
	d.complain("look for targets that have changed", err)
	for _, t := range changes {
		if d.limits.known(t.ID) {
			d.mail.put(changed{t})
		}
	}
}

// mendTargets finds targets with work that no hint told of.
func (d *Dispatcher) mendTargets(ctx context.Context) {
	all, err := d.book.Heads(ctx)
	if err != nil {
		d.complain("look for forgotten jobs", err)
		return
	}
	d.mail.put(heads{all})
}

// mendSchedules finds active schedules whose turn is past and that are not in the queue.
func (d *Dispatcher) mendSchedules(ctx context.Context, now time.Time) {
	w := d.readSchedules(ctx, time.Time{}, now.Add(-d.pace.mend), windowsAsked)
	if w.err != nil {
		d.complain("look for forgotten schedules", w.err)
		return
	}
	w.sweep = true
	d.mail.put(w)
}

// mendClaims gives back claims that are in the book and not in this node's hands for two looks in a row; it returns
// those that were strange at this look. There are none unless a granted claim was dropped, which is a
// bug, or a claim was granted, or a job born claimed, by a commit that the book broke off in and never answered.
func (d *Dispatcher) mendClaims(ctx context.Context, now time.Time, before map[string]bool) map[string]bool {
	held, err := d.book.Claims(ctx, d.cfg.Node)
	if err != nil {
		d.complain("compare claims", err)
		return before
	}
	ours := d.calls.claims()
	strange := map[string]bool{}
	for _, id := range held {
		switch {
		case ours[id]:
		case !before[id]:
			strange[id] = true
		default:
			d.counts.orphans.Add(1)
			d.log.Error("a claim was forgotten", "claim", id)
			d.complain("give back a claim", d.book.GiveBack(ctx, d.cfg.Node, id, now))
		}
	}
	return strange
}

// mendWishes cuts off calls whose jobs somebody wants canceled, where no hint of that has come.
func (d *Dispatcher) mendWishes(ctx context.Context) {
	if !d.cluster.shared {
		return
	}
	wanted, err := d.book.Wishes(ctx, d.cfg.Node)
	d.complain("look for jobs to cancel", err)
	for _, id := range wanted {
		if c := d.calls.ofJob(id); c != nil {
			c.cut(errCanceled)
		}
	}
}

// expire ends jobs whose time has run out, also behind a paused target.
func (d *Dispatcher) expire(ctx context.Context, now time.Time) {
	for {
		ended, err := d.book.Expire(ctx, now)
		if err != nil {
			d.complain("expire jobs", err)
			return
		}
		if len(ended) == 0 {
			return
		}
		d.counts.expired.Add(uint64(len(ended)))
		d.Offer(ended...)
	}
}

// prune forgets what is kept no longer, in small steps, until ctx ends.
func (d *Dispatcher) prune(ctx context.Context) {
	wait := time.NewTimer(d.pace.prune)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		now := d.now()
		n, more, err := d.book.Prune(ctx, models.Keep{Ended: now.Add(-d.cfg.Retention), Failed: now.Add(-d.cfg.RetentionFailed),
			Occurrences: now.Add(-d.cfg.RetentionOccurrences), Audit: now.Add(-keepAudit), Now: now})
		d.counts.pruned.Add(uint64(n))
		d.complain("prune", err)
		if more && err == nil {
			wait.Reset(pruneRest)
		} else {
			wait.Reset(d.pace.prune)
		}
	}
}
