package dispatcher

import (
	"time"

	"punctual/models"
)

// A job that is due at once can be born claimed: created as running in the same commit and sent without a second one. That
// saves a commit of latency and half of the writing. It is done only while the job would have been next anyway: the
// dispatcher runs, nothing of its target waits, the target is not paused, and a slot and a token of its rate are free.

// Reserve takes a slot for a job that is about to be created and claims it, if it may leave at once. The caller creates the
// job, and calls Release if it was not born running after all.
func (d *Dispatcher) Reserve(j *models.Job, now time.Time) bool {
	if j.RunAt.After(now) || !d.owns(j.TargetID) || !d.mayCall() || !d.limits.known(j.TargetID) || d.waits(j.TargetID, now) {
		return false
	}
	d.gate.RLock()
	defer d.gate.RUnlock()
	if !d.running.Load() {
		return false
	}
	if why, _ := d.limits.take(j.TargetID, now); why != held {
		return false
	}
	d.hands.Add(1)
	j.Claim(d.cfg.Node, now)
	return true
}

// waits tells whether work of a target is due before a job that comes now.
func (d *Dispatcher) waits(targetID string, now time.Time) bool {
	o := must(d.queue.db.Txn(false).First("target", "id", targetID))
	if o == nil {
		return false
	}
	t := o.(*target)
	return t.Parked != held || t.More != [3]uint64{} || !t.HeadAt.IsZero() && !t.HeadAt.After(now)
}

// Release gives back what Reserve took for a job that was not born running.
func (d *Dispatcher) Release(j *models.Job) {
	defer d.hands.Done()
	d.mail.put(released{j.TargetID})
}

// born sends a job that was created under a claim. The writer calls it: it must not block.
func (d *Dispatcher) born(c models.Claimed) {
	defer d.hands.Done()
	d.counts.claimed.Add(1)
	j := c.Job
	d.start(call{ID: j.ID, Target: j.TargetID, Priority: j.Priority, RunAt: j.RunAt}, c)
}
