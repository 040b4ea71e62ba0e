package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of one batch: whichever is reached first closes it.
const (
	batchOps   = 500
	batchBytes = 4 << 20
	batchTime  = 20 * time.Millisecond
)

// lane is a waiting line of the writer. The lanes take turns, so that a flood in one does not hold the other up.
type lane int

const (
	asked  lane = iota // by a person or program that waits for an answer
	owed               // by calls: claims and finishes
	swept              // by the clock: turns of schedules, expiry, pruning, mending
	lanes  = 3
	weight = 512 // bytes that a piece of work counts as, beside its bodies
)

// work is one unit of work: its statements become durable together, or none of them does.
type work struct {
	act    string          // "create jobs": what an error is wrapped in
	lane   lane            //
	size   int64           // bytes it brings along
	hot    bool            // runs without a savepoint of its own; if it fails the whole batch runs again with savepoints
	ending *ending         // of a call: many are put on record together where that pays; nil: it is no such work
	run    func(*tx) error // may run more than once: it must set its results anew and find its own work done
	hand   func()          // called before done if the work is durable; must not block; nil: nothing to hand over
	done   func(error)     // called once by the writer, in order of commit; must not block

	taken int32 // atomic: waiting → taken by the writer, or → left by a caller that went away
}

const (
	waiting int32 = iota
	taken
	left
)

// writer is the group commit: one goroutine gathers what waits at that moment, of all kinds and callers, into one
// transaction, commits once, then answers each caller. There is no timer: while one commit syncs, the next gathers.
type writer struct {
	log     *slog.Logger
	dialect dialect
	max     int64 // bytes that may wait

	mu     sync.Mutex // protects the fields below
	lines  [lanes][]*work
	bytes  int64
	closed bool
	wake   chan struct{} // holds one token when there may be work, closed never

	hands  sync.WaitGroup // the goroutines
	away   atomic.Bool    // the last batch could not be committed: the next ones are not run again for long
	listen atomic.Pointer[Listener]
}

// hand is one goroutine of the writer with its connection. An engine that many share has more than one, which take
// from the same lines: a second hand helps as soon as more waits than one batch should hold.
type hand struct {
	*writer
	tx *tx
}

func newWriter(cfg Config, d dialect, txs []*tx) *writer {
	w := &writer{log: cfg.Log, dialect: d, max: cfg.MaxWaiting, wake: make(chan struct{}, 1)}
	for _, tx := range txs {
		h := &hand{w, tx}
		w.hands.Go(h.loop)
	}
	return w
}

// inLine is how much work waits: pieces, and the bytes they hold.
func (w *writer) inLine() (pieces int, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		pieces += len(line)
	}
	return pieces, w.bytes
}

// enqueue hands over a piece of work; its done will be called unless an error is returned here.
func (w *writer) enqueue(op *work) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return fmt.Errorf("%s: %w", op.act, ErrClosed)
	case op.lane == asked && w.bytes+op.size > w.max:
		return fmt.Errorf("%s: %w", op.act, ErrBusy)
	}
	op.size += weight
	w.bytes += op.size
	w.lines[op.lane] = append(w.lines[op.lane], op)
	w.poke()
	return nil
}

// write runs op and waits until it is durable, or until ctx ends before the writer has begun with it.
func (s *Store) write(ctx context.Context, op work) error {
	answer := make(chan error, 1)
	op.done = func(err error) { answer <- err }
	if err := s.writer.enqueue(&op); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return wrap(op.act, err)
	case <-ctx.Done():
		if atomic.CompareAndSwapInt32(&op.taken, waiting, left) {
			return wrap(op.act, ctx.Err())
		}
		return wrap(op.act, <-answer)
	}
}

// wrap adds the act to an error that is not an answer in itself.
func wrap(act string, err error) error {
	var conflict *Conflict
	var one *Invalid
	var many Invalids
	if err == nil || errors.As(err, &conflict) || errors.As(err, &one) || errors.As(err, &many) {
		return err
	}
	return fmt.Errorf("%s: %w", act, err)
}

// close lets the goroutine finish what waits, then closes its connection.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.poke()
	w.hands.Wait()
	return nil
}

func (w *hand) loop() {
	defer w.tx.close()
	for {
		<-w.wake
		for w.turn() {
		}
		w.mu.Lock()
		end := w.closed && w.waiting() == 0
		w.mu.Unlock()
		if end {
			w.poke() // the next hand ends too
			return
		}
	}
}

// poke wakes one hand.
func (w *writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// waiting counts what waits. The caller holds mu.
func (w *writer) waiting() (n int) {
	for _, line := range w.lines {
		n += len(line)
	}
	return n
}

// turn commits one batch and tells whether there was one.
func (w *hand) turn() bool {
	runtime.Gosched() // those that the last batch has answered, and all that is ready beside them, may bring more
	batch := w.gather()
	if len(batch) == 0 {
		return false
	}
	errs, rest := w.commit(batch)
	var size int64
	for i, op := range batch[:len(batch)-len(rest)] {
		size += op.size
		if op.hand != nil && errs[i] == nil {
			op.hand()
		}
		op.done(errs[i])
	}
	w.mu.Lock()
	w.bytes -= size
	w.mu.Unlock()
	w.putBack(rest)
	w.tell()
	return true
}

// tell passes on the hints of the last batch.
func (w *hand) tell() {
	jobs, schedules := w.tx.owedJobs, w.tx.owedSchedules
	w.tx.owedJobs, w.tx.owedSchedules = nil, nil
	if to := w.listen.Load(); to != nil && len(jobs)+len(schedules) > 0 {
		to.Due(jobs, schedules)
	}
}

// Listener hears what commits bring beside the answers to their callers. The writer calls it: it must not block.
type Listener struct {
	// Due tells of jobs and schedules that a commit made due beside what it was asked for: jobs released from a line,
	// schedules woken.
	Due func([]*Job, []*Schedule)
	// Born tells of a job that was created under a claim: it must be called, whoever has gone meanwhile.
	Born func(Claimed)
}

// Listen sets the listener; nil stops it.
func (s *Store) Listen(to *Listener) { s.writer.listen.Store(to) }

// gather takes from the lanes in turn, by what each piece weighs, up to the bounds of a batch.
func (w *writer) gather() (batch []*work) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var took [lanes]int64
	var size int64
	for len(batch) < batchOps && size < batchBytes {
		l := w.lightest(took)
		if l < 0 {
			break
		}
		op := w.lines[l][0]
		w.lines[l][0] = nil
		w.lines[l] = w.lines[l][1:]
		took[l] += op.size
		if atomic.LoadInt32(&op.taken) == taken || atomic.CompareAndSwapInt32(&op.taken, waiting, taken) {
			batch, size = append(batch, op), size+op.size
		} else {
			w.bytes -= op.size
		}
	}
	if w.waiting() >= batchOps/4 {
		w.poke() // another hand, if there is one
	}
	return batch
}

// lightest is the lane with work of which the least was taken; negative when nothing waits. The caller holds mu.
func (w *writer) lightest(took [lanes]int64) lane {
	best := lane(-1)
	for l := range lane(lanes) {
		if len(w.lines[l]) > 0 && (best < 0 || took[l] < took[best]) {
			best = l
		}
	}
	return best
}

// putBack returns what did not fit into a batch to the head of its lane.
func (w *writer) putBack(rest []*work) {
	if len(rest) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var back [lanes][]*work
	for _, op := range rest {
		back[op.lane] = append(back[op.lane], op)
	}
	for l := range w.lines {
		w.lines[l] = append(back[l], w.lines[l]...)
	}
}

// commitTries is how often a batch runs at once before its callers are told that the book is in trouble.
const commitTries = 5

// again tells whether a batch that failed at its try is run again, after a rest if that may help.
func (w *hand) again(try int, since time.Time) bool {
	switch {
	case w.tx.insist == 0:
		return try < commitTries
	case w.away.Load() || time.Since(since) > w.tx.insist:
		return false
	case try > 1:
		<-time.After(min(time.Duration(try)*10*time.Millisecond, 200*time.Millisecond))
	}
	return true
}

// commit makes the batch durable and gives each piece's own error, and what it had no time for.
func (w *hand) commit(batch []*work) (errs []error, rest []*work) {
	careful, since := false, time.Now()
	for try := 1; ; try++ {
		errs, n, err := w.attempt(batch, careful)
		switch {
		case err == nil:
			w.away.Store(false)
			return errs, batch[n:]
		case errors.Is(err, errHot):
			careful = true
			continue
		case w.dialect.transient(err) && w.again(try, since):
			continue
		}
		w.away.Store(true)
		w.log.Error("commit", "err", err, "ops", len(batch), "try", try)
		errs = make([]error, len(batch))
		for i := range errs {
			errs[i] = err
		}
		return errs, nil
	}
}

// endingsFirst brings the ends of calls to the front of a batch, and tells how many there are.
func endingsFirst(batch []*work) (n int) {
	for _, op := range batch {
		if op.ending != nil {
			n++
		}
	}
	slices.SortStableFunc(batch, func(a, b *work) int {
		switch {
		case a.ending != nil && b.ending == nil:
			return -1
		case a.ending == nil && b.ending != nil:
			return 1
		}
		return 0
	})
	return n
}

// errHot says that a piece of work without a savepoint failed.
var errHot = errors.New("failed without a savepoint")

// attempt runs the batch once: n pieces were run and are durable if err is nil.
func (w *hand) attempt(batch []*work, careful bool) (errs []error, n int, err error) {
	if err := w.tx.begin(); err != nil {
		w.tx.rollback()
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			w.tx.rollback()
		}
	}()
	start := time.Now()
	errs = make([]error, 0, len(batch))
	if !careful && w.tx.shared {
		if n = endingsFirst(batch); n > 0 {
			if failed := w.tx.finishTogether(batch[:n]); failed != nil {
				return nil, 0, errors.Join(errHot, failed)
			}
			errs = append(errs, make([]error, n)...)
		}
	}
	for _, op := range batch[n:] {
		if n > 0 && time.Since(start) > batchTime {
			break
		}
		var failed error
		if op.hot && !careful {
			if failed = op.run(w.tx); failed != nil {
				return nil, 0, errors.Join(errHot, failed)
			}
		} else if failed, err = w.tx.savepoint(op.run); err != nil {
			return nil, 0, err
		} else if failed != nil && w.dialect.transient(failed) {
			return nil, 0, failed
		}
		errs = append(errs, failed)
		n++
	}
	return errs, n, w.tx.commit()
}

// stopwatch begins to measure and gives how long it has.
func stopwatch() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}
