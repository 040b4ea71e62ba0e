package dispatcher

import (
	"context"
	"time"

	"punctual/models"
)

const (
	operationRest = 5 * time.Millisecond // between two steps, at least
	operationWait = time.Second          // for the queue to run short, at most
)

// OperationChanged takes notice of an operation that a commit made or ended.
func (d *Dispatcher) OperationChanged() {
	select {
	case d.operations <- struct{}{}:
	default:
	}
}

// operate does the operations that are not over, a step of each in turn, until ctx ends. Where each goes on stands in
// the book: a new process goes on where the last one ended.
func (d *Dispatcher) operate(ctx context.Context) {
	wait := time.NewTimer(0) // one may be left from before
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		case <-d.operations:
		}
		for again := true; again; {
			again = d.stepAll(ctx)
		}
		wait.Reset(d.pace.mend)
	}
}

// stepAll does a step of each operation and tells whether there is more to do at once.
func (d *Dispatcher) stepAll(ctx context.Context) (again bool) {
	ids, err := d.book.RunningOperations(ctx)
	if err != nil {
		d.complain("read operations", err)
		return false
	}
	for _, id := range ids {
		began := time.Now()
		step, err := d.book.StepOperation(ctx, id, d.now())
		if err != nil {
			d.complain("step "+id, err)
			continue
		}
		again = true
		d.Offer(step.Jobs...)
		if o := step.Operation; o.State != models.OperationRunning {
			d.log.Info("operation over", "operation", o.ID, "action", string(o.Action), "state", string(o.State),
				"done", o.Done, "failed", o.Failed)
			continue
		}
		if !d.restFrom(ctx, step, max(time.Since(began), operationRest)) {
			return false
		}
	}
	return again
}

// restFrom leaves the book to others for as long as the step took. If the step made jobs due it then waits until the
// windows of their targets hold all that is due there: else new jobs of these targets would stand behind all of the
// operation's, where they now stand behind a step of it. It returns false when ctx ends.
func (d *Dispatcher) restFrom(ctx context.Context, step *models.OperationStep, rest time.Duration) bool {
	targets := map[string]bool{}
	for _, j := range step.Jobs {
		if j.State == models.Scheduled {
			targets[j.TargetID] = true
		}
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	for until := time.Now().Add(operationWait); ; timer.Reset(operationRest) {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
		if step.Due == 0 || time.Now().After(until) || !d.crowded(targets) {
			return true
		}
	}
}

// crowded tells whether one of the targets has more due than its windows hold. One that is paused never runs short.
func (d *Dispatcher) crowded(targets map[string]bool) bool {
	txn := d.queue.db.Txn(false)
	for id := range targets {
		o := must(txn.First("target", "id", id))
		if o == nil {
			continue
		}
		if t := o.(*target); t.Parked != parkedPaused && t.More != [3]uint64{} {
			return true
		}
	}
	return false
}
