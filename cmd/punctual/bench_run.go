package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"punctual/webhooks"
)

const (
	warmUp    = 1000                   // jobs of a run that nobody counts
	limitTime = 400 * time.Millisecond // how long a run of the limit takes at least: shorter ones scatter
	pollEvery = time.Millisecond       // how often it is asked whether the last attempt is on record
)

// bench is a bench under way.
type bench struct {
	benchOptions
	sink, load, server *worker
	api                *client
	secret             string // of all targets
	calls              int    // of a run of the limit
	tallied            tally  // of the sink, as it was last
}

// measure starts the processes and runs the rounds.
func measure(ctx context.Context, o benchOptions, database string, progress io.Writer) (f *figures, err error) {
	b := &bench{benchOptions: o}
	for _, hand := range []struct {
		role string
		at   **worker
	}{{"sink", &b.sink}, {"load", &b.load}, {"server", &b.server}} {
		if *hand.at, err = hire(ctx, hand.role, progress); err != nil {
			return nil, err
		}
		defer func() {
			if bad := (*hand.at).dismiss(); err == nil {
				err = bad
			}
		}()
	}
	if err := b.prepare(ctx, database); err != nil {
		return nil, err
	}
	if err := b.layDown(ctx, progress); err != nil {
		return nil, err
	}
	return b.rounds(ctx)
}

// prepare brings the server up, with the sink as all of its targets.
func (b *bench) prepare(ctx context.Context, database string) error {
	key := rand.Text()
	up, err := ask[serverReport](b.server, serverOrder{Database: database, Sync: b.Sync, Key: key, Allow: "127.0.0.0/8"})
	if err != nil {
		return err
	}
	if b.api, err = newClient(up.URL, key); err != nil {
		return err
	}
	if idle, err := b.idle(ctx); err != nil || !idle {
		return errors.Join(err, errUnfinished)
	}
	if b.secret, err = webhooks.NewSecret(); err != nil {
		return err
	}
	if err := b.reset(false); err != nil {
		return err
	}
	err = b.eachTarget(ctx, func(ctx context.Context, name string) error {
		_, err := b.api.do(ctx, request{method: http.MethodPut, path: targetsPath + "/" + name, body: encode(map[string]any{
			"url": b.tallied.URL + name, "secret": b.secret, "max_in_flight": b.InFlight, "paused": false})})
		return err
	})
	if err != nil {
		return err
	}
	return b.warmUp(ctx)
}

// warmUp has every process do some work, and finds out how many calls the limit needs.
func (b *bench) warmUp(ctx context.Context) error {
	jobs := min(warmUp, b.Posts)
	if _, err := b.run(ctx, loadOrder{Kind: "post", Count: jobs}); err != nil {
		return err
	}
	done, err := b.run(ctx, loadOrder{Kind: "limit", Count: jobs})
	if err == nil {
		b.calls = max(b.Posts, int(float64(jobs)/done.Took.Seconds()*limitTime.Seconds()))
	}
	return err
}

var errUnfinished = errors.New("--database holds unfinished jobs: the bench needs one that is empty or of its own")

// eachTarget does something about each target, a few at a time.
func (b *bench) eachTarget(ctx context.Context, do func(ctx context.Context, name string) error) error {
	return spread(ctx, b.Targets, batchClients, func(ctx context.Context, i int) error { return do(ctx, benchTarget(i)) })
}

// layDown runs the jobs that are to be in the database before anything is measured.
func (b *bench) layDown(ctx context.Context, progress io.Writer) error {
	const slice = 50_000
	for done := 0; done < b.Finished; done += slice {
		fmt.Fprintf(progress, "bench: %s of %s finished jobs are there\n", figure(float64(done)), figure(float64(b.Finished)))
		if _, err := b.run(ctx, loadOrder{Kind: "batch", Count: min(slice, b.Finished-done)}); err != nil {
			return err
		}
	}
	return nil
}

// rounds measures until the rounds or the time are over. A round that time cuts short does not count.
func (b *bench) rounds(ctx context.Context) (*figures, error) {
	f := &figures{}
	within, cancel := context.WithTimeout(ctx, b.Time)
	defer cancel()
	begin, longest := time.Now(), time.Duration(0)
	for len(f.rounds) < b.Rounds && (len(f.rounds) == 0 || time.Since(begin)+longest < b.Time) {
		last := time.Now()
		r, err := b.round(within)
		if err != nil && within.Err() != nil && ctx.Err() == nil {
			break
		}
		if err != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		f.rounds = append(f.rounds, *r)
		longest = max(longest, time.Since(last))
	}
	if len(f.rounds) == 0 {
		return nil, fmt.Errorf("not one round was done in %s: give more --time, or fewer --jobs and --posts", b.Time)
	}
	if fine, err := b.without(ctx, "failed", "canceled"); err != nil || !fine {
		return nil, errors.Join(err, errors.New("jobs failed, though the sink refused none"))
	}
	return f, nil
}

// run carries out an order of the clients, and waits until all of it has arrived and is on record.
func (b *bench) run(ctx context.Context, o loadOrder) (done loadReport, err error) {
	o = b.complete(o)
	if err := b.reset(o.Kind == "pace"); err != nil {
		return done, err
	}
	if done, err = ask[loadReport](b.load, o); err != nil {
		return done, err
	}
	return done, b.settle(ctx, o.Count, done.Sum)
}

// complete adds to an order what all have in common.
func (b *bench) complete(o loadOrder) loadOrder {
	o.URL, o.Key, o.Secret = b.api.base, b.api.key, b.secret
	if o.Kind == "limit" {
		o.URL = b.tallied.URL
	}
	if o.Kind == "pace" {
		o.Count = max(1, int(b.Paced*time.Duration(o.Rate)/time.Second))
	}
	o.Targets, o.Clients, o.Payload = b.Targets, b.Clients, b.Payload
	return o
}

// reset begins a new tally.
func (b *bench) reset(timed bool) (err error) {
	b.tallied, err = ask[tally](b.sink, sinkOrder{Reset: true, Secret: b.secret, Timed: timed})
	return err
}

// settle waits until the jobs have arrived and are on record, and checks that the sink has seen these and no others.
func (b *bench) settle(ctx context.Context, jobs int, sum uint64) (err error) {
	if _, err = ask[tally](b.sink, sinkOrder{Await: jobs}); err != nil {
		return err
	}
	for idle := false; !idle; {
		if idle, err = b.idle(ctx); err != nil {
			return err
		}
		if !idle {
			if err := sleepUntil(ctx, time.Now().Add(pollEvery)); err != nil {
				return err
			}
		}
	}
	if b.tallied, err = ask[tally](b.sink, sinkOrder{}); err != nil {
		return err
	}
	return b.tallied.check(jobs, sum)
}

// idle tells whether every job of the server is finished.
func (b *bench) idle(ctx context.Context) (bool, error) {
	return b.without(ctx, "scheduled", "running")
}

// without tells whether the server has no job in any of these states.
func (b *bench) without(ctx context.Context, states ...string) (bool, error) {
	answer, err := b.api.do(ctx, request{method: http.MethodGet, path: jobsPath,
		query: url.Values{"state": states, "limit": {"1"}}})
	if err != nil {
		return false, err
	}
	var page listing
	err = json.Unmarshal(answer.body, &page)
	return len(page.Items) == 0, err
}

// steer pauses or resumes the targets.
func (b *bench) steer(ctx context.Context, action string) error {
	return b.eachTarget(ctx, func(ctx context.Context, name string) error {
		_, err := b.api.do(ctx, request{method: http.MethodPost, path: targetsPath + "/" + name + "/" + action})
		return err
	})
}

// sleepUntil returns at a time, or when ctx ends.
func sleepUntil(ctx context.Context, at time.Time) error {
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
