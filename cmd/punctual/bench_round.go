package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	delayedRate = 100                    // delayed jobs a second, for lateness
	steadyRate  = 200                    // jobs a second, for arrival and accept
	delayedLead = 400 * time.Millisecond // how long before they are due delayed jobs are asked for
	maxPaused   = 100                    // so many targets are paused for a backlog; of more, all jobs are due later
)

// round measures each part once, with the limit before and after.
func (b *bench) round(ctx context.Context) (r *round, err error) {
	r = &round{}
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return b.limit(ctx, r) },
		func(ctx context.Context) error { return b.drain(ctx, r) },
		func(ctx context.Context) error { return b.limit(ctx, r) },
		func(ctx context.Context) error { return b.endToEnd(ctx, r) },
		func(ctx context.Context) error { return b.limit(ctx, r) },
		func(ctx context.Context) error { return b.delayed(ctx, r) },
		func(ctx context.Context) error { return b.steady(ctx, r) },
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return r, nil
}

func (b *bench) limit(ctx context.Context, r *round) error {
	done, err := b.run(ctx, loadOrder{Kind: "limit", Count: b.calls})
	if err == nil {
		r.limits = append(r.limits, float64(b.calls)/done.Took.Seconds())
	}
	return err
}

func (b *bench) endToEnd(ctx context.Context, r *round) error {
	stop := b.watch(time.Now())
	done, err := b.run(ctx, loadOrder{Kind: "post", Count: b.Posts})
	r.endToEnd, r.acceptBusy = stop(b.Posts, time.Now()), done.Answered
	return err
}

// drain lays a backlog down, which is the measure of batch, and lets it go.
func (b *bench) drain(ctx context.Context, r *round) error {
	order := loadOrder{Kind: "batch", Count: b.Jobs}
	release := func() error { return b.steer(ctx, "resume") }
	if b.Targets > maxPaused {
		// To resume so many would be part of what is measured. Leave time enough to lay the jobs down.
		order.Due = time.Now().Add(2*time.Second + time.Duration(b.Jobs)*time.Second/5000).Truncate(time.Millisecond)
		release = func() error { return sleepUntil(ctx, order.Due) }
	} else if err := b.steer(ctx, "pause"); err != nil {
		return err
	}
	if err := b.reset(false); err != nil {
		return err
	}
	stop := b.watch(time.Now())
	laid, err := ask[loadReport](b.load, b.complete(order))
	if err != nil {
		return err
	}
	begin := time.Now()
	r.batch = stop(b.Jobs, begin)

	if !order.Due.IsZero() {
		if begin.After(order.Due) {
			return errors.New("the backlog was due before it was there: give fewer --jobs")
		}
		begin = order.Due
	}
	stop = b.watch(begin)
	if err := release(); err != nil {
		return err
	}
	if err := b.settle(ctx, b.Jobs, laid.Sum); err != nil {
		return err
	}
	r.drain = stop(b.Jobs, time.Now())
	return nil
}

// watch begins a burst of the server; the function that it returns ends it.
func (b *bench) watch(begin time.Time) func(jobs int, end time.Time) burst {
	b.server.forgetPeak()
	cpu := b.server.cpu()
	return func(jobs int, end time.Time) burst {
		return burst{
			rate: float64(jobs) / end.Sub(begin).Seconds(),
			cpu:  (b.server.cpu() - cpu).Seconds() * 1e6 / float64(jobs),
			peak: float64(b.server.peak()),
		}
	}
}

func (b *bench) delayed(ctx context.Context, r *round) error {
	_, err := b.run(ctx, loadOrder{Kind: "pace", Rate: delayedRate, Lead: delayedLead})
	if err != nil {
		return err
	}
	r.late = b.tallied.Late
	if earliest := slices.Min(r.late); earliest < 0 {
		return fmt.Errorf("a job arrived %d µs before it was due", -earliest)
	}
	return nil
}

func (b *bench) steady(ctx context.Context, r *round) error {
	done, err := b.run(ctx, loadOrder{Kind: "pace", Rate: steadyRate})
	r.arrival, r.accept = b.tallied.Late, done.Answered
	return err
}
