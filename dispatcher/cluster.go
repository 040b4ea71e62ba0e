package dispatcher

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"punctual/models"
)

// Where many nodes share the book, each shard belongs to one of those alive: the owner refills, turns and claims. Who
// owns what follows from the list of nodes alone, so that all who know the same list agree; for a moment after a change
// two nodes may both take a shard for theirs, and the book decides claim by claim.
//
// A node's right to its claims ends with its lease. It counts that from before it asked for it, and ends the calls that
// are out a while before the others may take the claims: so no job is called from two nodes at once, whatever became of
// the connection, unless the process was stopped by force and could not look at its clock.

// cluster is what a node knows of itself among the others.
type cluster struct {
	shared bool
	right  atomic.Pointer[time.Time]           // until when calls may be out, by the monotonic clock; nil: not yet
	owned  atomic.Pointer[[models.Shards]bool] // nil: nothing yet
	others atomic.Pointer[[]string]            // ids of the other live nodes
	skew   atomic.Int64                        // nanoseconds by which this machine's clock is ahead
	watch  atomic.Bool                         // watchers elsewhere want to hear of events
	shown  atomic.Bool                         // the others know from the last beat that somebody watches here
	beat   chan struct{}                       // holds a token when the next beat should not wait
	leaves atomic.Bool                         // this node ends: its shards are for others
	look   chan struct{}                       // holds a token when the list of nodes should be read at once
}

// The times of the cluster, beside those of the lease.
const (
	nodesEvery = time.Second            // the list of nodes is read, give or take a fifth
	beatAgain  = 500 * time.Millisecond // after a heartbeat that failed
	fenceEvery = 50 * time.Millisecond  // a node without a right looks whether it has one again
)

// errLease is why calls are cut off when this node's right to them ends.
var errLease = errors.New("the lease has ended")

// owns tells whether a target's work is this node's to do.
func (d *Dispatcher) owns(targetID string) bool {
	if !d.cluster.shared {
		return true
	}
	owned := d.cluster.owned.Load()
	return owned != nil && owned[models.ShardOf(targetID)]
}

// mayCall tells whether this node's right lasts.
func (d *Dispatcher) mayCall() bool {
	if !d.cluster.shared {
		return true
	}
	until := d.cluster.right.Load()
	return until != nil && time.Now().Before(*until)
}

// pulse tells the book that this node is alive, and renews its right.
func (d *Dispatcher) pulse(ctx context.Context) error {
	asked, watchers := time.Now(), d.hub.count()
	skew, err := d.book.Beat(ctx, models.Node{ID: d.cfg.Node, Version: d.cfg.Version, InFlight: d.calls.count(),
		Slots: d.cfg.MaxInFlight, Watchers: watchers, Draining: d.cluster.leaves.Load(),
		Skew: time.Duration(d.cluster.skew.Load())}, asked)
	if err != nil || !d.cluster.shared {
		return err
	}
	until := asked.Add(models.Lease - models.LeaseGuard)
	d.cluster.right.Store(&until)
	d.cluster.shown.Store(watchers > 0)
	if before := time.Duration(d.cluster.skew.Swap(int64(skew))); skew.Abs() > models.SkewMost && before.Abs() <= models.SkewMost {
		d.log.Warn("this machine's clock is not the database's, which the nodes go by", "ahead", skew)
	}
	return nil
}

// join makes this node one of the cluster, and returns when it knows the others.
func (d *Dispatcher) join(ctx context.Context) error {
	if err := d.pulse(ctx); err != nil {
		return err
	}
	if !d.cluster.shared {
		return nil
	}
	d.post(models.Hint{Kind: models.HintNodes, ID: d.cfg.Node})
	return d.lookAround(ctx)
}

// member keeps this node one of the cluster until ctx ends: its heart beats, and its fence closes when it does not.
func (d *Dispatcher) member(ctx context.Context) {
	if !d.cluster.shared {
		return
	}
	var hands sync.WaitGroup
	hands.Go(func() { d.heart(ctx) })
	hands.Go(func() { d.fence(ctx) })
	hands.Go(func() { d.lookout(ctx) })
	hands.Go(func() { d.postman(ctx) })
	hands.Go(func() { d.guide(ctx) })
	hands.Go(func() { d.complain("hear other nodes", d.book.Hear(ctx, d.cfg.Node, d.heard, d.missed)) })
	hands.Wait()
	d.ears.Wait()
}

// heart renews the right until ctx ends. When the first one begins to watch here the others are told at once, so that they
// pass on what happens there.
func (d *Dispatcher) heart(ctx context.Context) {
	beats := time.NewTimer(models.LeaseBeat)
	defer beats.Stop()
	for {
		shown := true
		select {
		case <-ctx.Done():
			return
		case <-d.cluster.beat:
			shown = d.cluster.shown.Load()
		case <-beats.C:
		}
		err := d.pulse(ctx)
		d.complain("beat", err)
		if err != nil {
			beats.Reset(beatAgain)
			continue
		}
		beats.Reset(models.LeaseBeat)
		if !shown {
			d.post(models.Hint{Kind: models.HintNodes, ID: d.cfg.Node})
		}
	}
}

// fence cuts off what is out when the right ends, until ctx ends.
func (d *Dispatcher) fence(ctx context.Context) {
	lost := false
	for {
		wait := fenceEvery
		switch right := d.mayCall(); {
		case right:
			wait = time.Until(*d.cluster.right.Load())
			if lost {
				d.log.Info("the lease is renewed")
				d.mail.put(regrouped{})
			}
			lost = false
		case !lost:
			lost = true
			d.log.Error("the lease has ended: the database does not answer", "cut_off", d.calls.cutAll(errLease))
		default:
			d.calls.cutAll(errLease) // those that were granted meanwhile
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(wait, time.Millisecond)):
		}
	}
}

// lookout reads the list of nodes every now and then, until ctx ends.
func (d *Dispatcher) lookout(ctx context.Context) {
	for {
		wait := nodesEvery + time.Duration((rand.Float64()-0.5)*0.4*float64(nodesEvery))
		select {
		case <-ctx.Done():
			return
		case <-d.cluster.look:
		case <-time.After(wait):
		}
		d.complain("look at the nodes", d.lookAround(ctx))
	}
}

// lookAround reads the list of nodes, takes the shards that are this node's, and the claims of nodes that are dead.
func (d *Dispatcher) lookAround(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, readPatience)
	defer done()
	nodes, err := d.book.Nodes(ctx)
	if err != nil {
		return err
	}
	var others []string
	watch, dead := false, false
	for _, n := range nodes {
		switch {
		case !n.Live:
			dead = true
		case n.ID != d.cfg.Node:
			others, watch = append(others, n.ID), watch || n.Watchers > 0
		}
	}
	d.cluster.others.Store(&others)
	d.cluster.watch.Store(watch)
	d.takeShards(models.Owners(nodes))
	if !dead {
		return nil
	}
	lost, err := d.book.Reclaim(ctx, d.cfg.Node, d.book.Now(), d.cfg.Random)
	if d.counts.lost.Add(uint64(lost)); lost > 0 {
		d.log.Warn("a node died while calls were out", "lost", lost)
	}
	return err
}

// takeShards notes which shards are this node's, and tells the loop if that has changed.
func (d *Dispatcher) takeShards(owners [models.Shards]string) {
	var owned [models.Shards]bool
	count := 0
	for shard, owner := range owners {
		if owned[shard] = owner == d.cfg.Node; owned[shard] {
			count++
		}
	}
	if before := d.cluster.owned.Swap(&owned); before == nil || *before != owned {
		d.log.Info("shards", "owned", count, "of", models.Shards)
		d.mail.put(regrouped{})
	}
}

// leave hands this node's shards over: what is out may still end here.
func (d *Dispatcher) leave() {
	if !d.cluster.shared {
		return
	}
	d.cluster.leaves.Store(true)
	d.takeShards([models.Shards]string{})
	d.complain("leave", d.pulse(context.Background()))
	d.post(models.Hint{Kind: models.HintNodes, ID: d.cfg.Node})
}

// left says that this node holds no claims any more.
func (d *Dispatcher) left() {
	if !d.cluster.shared {
		return
	}
	ctx := context.Background()
	d.complain("leave", d.book.Leave(ctx, d.cfg.Node))
	d.complain("leave", d.book.Tell(ctx, d.cfg.Node, []models.Hint{{Kind: models.HintNodes, ID: d.cfg.Node}}))
}

// regrouped is the notice that this node's shards have changed, or that it may have missed what happened in them.
type regrouped struct{}

// regroup lets go of what is others' to do, and looks in the book for what is this node's.
func (l *loop) regroup(e *edit) {
	for _, id := range e.targets() {
		if !l.owns(id) {
			e.remove(id)
		}
	}
	l.until, l.anew = time.Time{}, l.reading // read the schedules anew
	e.unscheduleAll()
	if !l.sweeping {
		l.sweeping = true
		l.out.Go(func() {
			l.mendTargets(l.callCtx)
			l.mail.put(swept{})
		})
	}
}

// swept is the notice that a sweep after a regrouping has ended.
type swept struct{}
