package dispatcher

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

func (f *frail) StepOperation(ctx context.Context, id string, now time.Time) (*models.OperationStep, error) {
	return do(f, func() (*models.OperationStep, error) { return f.Store.StepOperation(ctx, id, now) })
}

// fails lays down n jobs that have failed.
func (e *engine) fails(t *testing.T, target *models.Target, n int) {
	t.Helper()
	for left := n; left > 0; left -= 100 {
		e.jobs(t, target, min(left, 100))
	}
	for range 100 {
		time.Sleep(10 * time.Second)
		if c, err := e.store.JobCounts(context.Background(), ""); err != nil || c.Failed == n {
			return
		}
	}
	t.Fatal("they do not fail")
}

// TestOperationsOverCrashes lets processes die under operations, before and after each commit, and wants every job
// done once.
func TestOperationsOverCrashes(t *testing.T) {
	const n = 700
	path := filepath.Join(t.TempDir(), "book.db")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		send := &receiver{answer: func(webhooks.Request) (int, time.Duration) { return 400, time.Millisecond }}
		e := start(t, path, send, nil)
		target := e.target(t, "billing")
		e.fails(t, target, n)
		f := models.JobFilter{Target: "billing", States: []models.State{models.Failed}}
		for _, action := range []models.Action{models.ActRetry, models.ActRerun} {
			o, err := models.NewOperation(action, f, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if err := e.store.MatchOperation(ctx, o); err != nil || o.Matched != n {
				t.Fatalf("matched %d, %v", o.Matched, err)
			}
			e.stop() // nobody is there to begin with it
			random, lives := rand.New(rand.NewPCG(7, 7)), 0
			for over := false; !over && lives < 100; lives++ {
				var book *frail
				e = start(t, path, send, func(s *models.Store) Book {
					book = newFrail(s, rand.New(rand.NewPCG(random.Uint64(), 1)), 0)
					return book
				})
				synctest.Wait()
				book.mu.Lock()
				book.odds = 0.1
				book.mu.Unlock()
				if lives == 0 { // the engine looks for it in a while
					if _, _, err := e.store.CreateOperation(ctx, o, nil, time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				select {
				case <-book.died:
				case <-time.After(time.Minute):
				}
				now, err := e.store.Operation(ctx, o.ID)
				if err != nil {
					t.Fatal(err)
				}
				over = now.State != models.OperationRunning
				e.stop()
			}
			if lives < 3 {
				t.Errorf("%s was over after %d lives: nothing was tried", action, lives)
			}
			e = start(t, path, send, nil)
			time.Sleep(time.Minute)
			if o, err = e.store.Operation(ctx, o.ID); err != nil || o.State != models.OperationDone || o.Done != n || o.Failed != 0 {
				t.Errorf("%s after %d lives: %+v, %v", action, lives, o, err)
			}
		}
		counts, err := e.store.JobCounts(ctx, "billing")
		if err != nil || counts.Failed != 2*n || counts.Total() != 2*n {
			t.Errorf("%+v, %v; want %d and as many repeated", counts, err, n)
		}
		parents := map[string]int{}
		for page := (models.Page{Limit: models.MaxPage}); ; {
			jobs, next, err := e.store.Jobs(ctx, models.JobFilter{Origin: models.FromRerun}, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range jobs {
				parents[j.RerunOf]++
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
		for parent, children := range parents {
			if children != 1 {
				t.Errorf("%s was repeated %d times", parent, children)
			}
		}
		if len(parents) != n {
			t.Errorf("%d jobs were repeated, want %d", len(parents), n)
		}
		e.stop()
	})
}

// TestAnOperationCutsOffCalls cancels jobs that wait and jobs that run, and one that fits in neither.
func TestAnOperationCutsOffCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.db")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		send := &receiver{answer: func(webhooks.Request) (int, time.Duration) { return 200, 20 * time.Second }}
		e := start(t, path, send, nil)
		defer e.stop()
		target := e.target(t, "billing", func(t *models.Target) { t.MaxInFlight = 10 })
		e.jobs(t, target, 30)
		time.Sleep(time.Second)
		o, err := models.NewOperation(models.ActCancel, models.JobFilter{Target: "billing"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.store.CreateOperation(ctx, o, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		e.OperationChanged()
		time.Sleep(2 * time.Second)
		counts, err := e.store.JobCounts(ctx, "")
		if err != nil || counts.Canceled != 30 || len(send.seen()) != 10 {
			t.Errorf("%+v, %d calls, %v", counts, len(send.seen()), err)
		}
		if o, err = e.store.Operation(ctx, o.ID); err != nil || o.State != models.OperationDone || o.Done != 30 {
			t.Errorf("%+v, %v", o, err)
		}
	})
}
