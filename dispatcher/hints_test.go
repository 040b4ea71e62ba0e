package dispatcher

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/models"
)

// TestAnswers: a node hears the answers of all nodes to all nodes, and waits for those to itself.
func TestAnswers(t *testing.T) {
	var a answers
	a.note("node_other.1") // before it has ever asked
	token, all := a.expect("node_mine", 2)
	closed := func() bool {
		select {
		case <-all:
			return true
		default:
			return false
		}
	}
	a.note("node_other.1")
	a.note(token)
	if closed() {
		t.Error("one of two answers is enough")
	}
	a.note(token)
	if !closed() {
		t.Error("two of two answers are not enough")
	}
	a.note(token)
	a.forget(token)
	a.note(token)
	if len(a.missing)+len(a.all) != 0 {
		t.Errorf("kept: %v, %v", a.missing, a.all)
	}
}

// lone is the book of a node that speaks to others, and no more than that.
type lone struct {
	Book
	beats chan models.Node
	told  chan models.Hint
}

func (lone) Shared() bool   { return true }
func (lone) Now() time.Time { return time.Now() }

func (l lone) Beat(_ context.Context, n models.Node, _ time.Time) (time.Duration, error) {
	l.beats <- n
	return 0, nil
}

func (l lone) Tell(_ context.Context, _ string, hints []models.Hint) error {
	for _, h := range hints {
		l.told <- h
	}
	return nil
}

// Seen never has an answer.
func (lone) Seen(ctx context.Context, _, _ []string) ([]*models.Job, []*models.Attempt, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func newLone() (*Dispatcher, lone) {
	book := lone{beats: make(chan models.Node, 100), told: make(chan models.Hint, 100)}
	return New(Config{Node: "node_mine"}, book, nil), book
}

// TestHeardBesideEvents: what is heard is acted on while events of other nodes are still being read for those who watch.
func TestHeardBesideEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newLone()
		ctx, stop := context.WithCancel(t.Context())
		go d.guide(ctx)
		defer d.Watch(0, Filter{}).Close()
		token, all := d.acks.expect("node_mine", 1)
		began := time.Now()
		d.heard([]models.Hint{{Kind: models.HintJob, ID: "job_x"}})
		synctest.Wait() // the job is being read
		d.heard([]models.Hint{{Kind: models.HintAttempt, ID: "att_x"}, {Kind: models.HintDone, ID: token}})
		<-all
		if waited := time.Since(began); waited > 0 {
			t.Errorf("an answer waited %v behind events", waited)
		}
		stop()
		d.cutCalls(errShutdown)
	})
}

// TestWatchTold: the other nodes hear at once that somebody begins to watch here, but not of each watcher.
func TestWatchTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, book := newLone()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go d.heart(ctx)
		go d.postman(ctx)
		synctest.Wait()
		for range 3 {
			defer d.Watch(0, Filter{}).Close()
			synctest.Wait()
		}
		if len(book.beats) != 1 || (<-book.beats).Watchers != 1 {
			t.Error("no beat, or more than one, tells of the watcher")
		}
		time.Sleep(postEvery)
		synctest.Wait()
		if len(book.told) != 1 || (<-book.told).Kind != models.HintNodes {
			t.Error("the others are not told to look, or more than once")
		}
	})
}

// TestHintsOutOfTurn: of two changes of a target the later one holds, whichever is told of last.
func TestHintsOutOfTurn(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(time.Millisecond)}
		e := start(t, path, f, nil)
		defer e.stop()
		target := e.target(t, "billing")
		e.jobs(t, target, 1)
		time.Sleep(time.Second)
		paused, err := e.store.PauseTarget(t.Context(), "billing", "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		resumed, err := e.store.ResumeTarget(t.Context(), "billing", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		e.TargetChanged(t.Context(), resumed)
		e.TargetChanged(t.Context(), paused)
		e.jobs(t, target, 1)
		time.Sleep(10 * time.Second)
		if n := len(f.seen()); n != 2 {
			t.Errorf("%d calls, want 2: the target is not paused any more", n)
		}
	})
}

// tardy is a book whose first answer about schedules is old when it comes.
type tardy struct {
	*models.Store
	asked atomic.Bool
}

// DueSchedules implements Book.
func (b *tardy) DueSchedules(ctx context.Context, before, afterDue time.Time, afterID string, limit int) ([]models.DueSchedule, error) {
	due, err := b.Store.DueSchedules(ctx, before, afterDue, afterID, limit)
	if !b.asked.Swap(true) {
		time.Sleep(time.Second)
	}
	return due, err
}

// TestAScheduleMadeWhileTheyAreRead: the reading does not know of it, and need not.
func TestAScheduleMadeWhileTheyAreRead(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(time.Millisecond)}
		e := start(t, path, f, func(s *models.Store) Book { return &tardy{Store: s} })
		defer e.stop()
		target := e.target(t, "tick")
		time.Sleep(500 * time.Millisecond)
		e.OfferSchedule(e.schedule(t, target, func(s *models.Schedule) { s.Every = 10 * time.Second }))
		time.Sleep(11 * time.Second)
		if n, mended := len(f.seen()), e.Snapshot().Counts.Mended; n != 1 || mended != 0 {
			t.Errorf("%d calls in 11 s of every ten, %d schedules mended", n, mended)
		}
	})
}

// away is a book that cannot be asked for schedules for a while.
type away struct {
	*models.Store
	until time.Time
	asked atomic.Int64
}

// DueSchedules implements Book.
func (b *away) DueSchedules(ctx context.Context, before, afterDue time.Time, afterID string, limit int) ([]models.DueSchedule, error) {
	// A bubble's time stands still while somebody asks without a pause: such a one is let off in the end.
	if b.asked.Add(1) < 10_000 && time.Now().Before(b.until) {
		return nil, errors.New("the database is away")
	}
	return b.Store.DueSchedules(ctx, before, afterDue, afterID, limit)
}

// TestSchedulesAreAskedForInPeace: while the book does not answer it is asked now and then, and then all goes on.
func TestSchedulesAreAskedForInPeace(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(time.Millisecond)}
		var book *away
		e := start(t, path, f, func(s *models.Store) Book {
			book = &away{Store: s, until: time.Now().Add(time.Minute)}
			return book
		})
		defer e.stop()
		target := e.target(t, "tick")
		e.schedule(t, target, func(s *models.Schedule) { s.Every = 10 * time.Second })
		time.Sleep(time.Minute)
		if n := book.asked.Load(); n < 10 || n > 600 {
			t.Errorf("asked %d times in a minute", n)
		}
		called := len(f.seen())
		time.Sleep(time.Minute)
		if n := len(f.seen()) - called; n < 5 {
			t.Errorf("%d calls in the minute after", n)
		}
	})
}
