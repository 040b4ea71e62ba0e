package dispatcher

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// TestControlRoom retries all failed jobs of the big book that the models' test of this name leaves at
// PUNCTUAL_LARGE_BOOK, while a new job is made each 10 ms at the same targets. It prints how late those left, and judges
// nothing but that all is done.
func TestControlRoom(t *testing.T) {
	path := os.Getenv("PUNCTUAL_LARGE_BOOK")
	if path == "" {
		t.Skip("needs the big book: set PUNCTUAL_LARGE_BOOK")
	}
	var mu sync.Mutex
	var late []time.Duration
	fresh := map[string]bool{}
	send := senderFunc(func(ctx context.Context, r webhooks.Request) webhooks.Result {
		began := time.Now()
		mu.Lock()
		if fresh[r.ID] {
			late = append(late, began.Sub(r.ScheduledFor))
		}
		mu.Unlock()
		return webhooks.Result{Started: began, Duration: time.Millisecond, StatusCode: 200}
	})
	e := start(t, path, send, nil)
	defer e.stop()
	ctx := context.Background()
	targets, _, err := e.store.Targets(ctx, models.Page{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := models.NewOperation(models.ActRetry, models.JobFilter{States: []models.State{models.Failed}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := e.store.MatchOperation(ctx, o); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d matched in %v", o.Matched, time.Since(began).Round(time.Millisecond))
	if _, _, err := e.store.CreateOperation(ctx, o, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	e.OperationChanged()
	made := 0
	for {
		time.Sleep(10 * time.Millisecond)
		spec := models.JobSpec{Priority: models.Normal, BodyForm: models.BodyPayload, Body: []byte("1")}
		j, err := models.NewJob(spec, targets[made%len(targets)], models.FromAPI, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		fresh[j.ID] = true
		mu.Unlock()
		made++
		if e.Reserve(j, time.Now()) {
			if _, err := e.store.CreateJobs(ctx, []*models.Job{j}, nil, nil, time.Now()); err != nil {
				t.Fatal(err)
			}
		} else if _, err := e.store.CreateJobs(ctx, []*models.Job{j}, nil, nil, time.Now()); err != nil {
			t.Fatal(err)
		} else {
			e.Offer(j)
		}
		if made%200 == 0 {
			if o, err = e.store.Operation(ctx, o.ID); err != nil {
				t.Fatal(err)
			}
			t.Logf("%6v: %d of %d done", time.Since(began).Round(time.Second), o.Done, o.Matched)
			if o.State != models.OperationRunning || time.Since(began) > 10*time.Minute {
				break
			}
		}
	}
	time.Sleep(2 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(late)
	t.Logf("%d done, %d failed in %v; %d new jobs, %d called: late p50 %v p99 %v max %v", o.Done, o.Failed,
		o.FinishedAt.Sub(o.CreatedAt).Round(time.Millisecond), made, len(late), late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
	if o.State != models.OperationDone || o.Done != o.Matched || len(late) != made {
		t.Errorf("%+v, %d of %d called", o, len(late), made)
	}
}

type senderFunc func(context.Context, webhooks.Request) webhooks.Result

func (f senderFunc) Send(ctx context.Context, r webhooks.Request) webhooks.Result { return f(ctx, r) }
