package dispatcher

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// BenchmarkDrain measures jobs out of a backlog, over the real wire to a sink in the same process, every attempt
// recorded: one operation is one job.
func BenchmarkDrain(b *testing.B) {
	var got atomic.Int64
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
	}))
	defer sink.Close()
	sender := webhooks.NewSender(webhooks.Config{UserAgent: "Punctual/bench", Guard: webhooks.AllowAll()})
	defer sender.Close()
	store, err := models.Open(b.Context(), models.Config{Database: "sqlite:" + filepath.Join(b.TempDir(), "book.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	spec := models.DefaultTarget()
	spec.Name, spec.URL, spec.MaxInFlight = "sink", sink.URL, 64
	target := models.NewTarget(spec, time.Now())
	if err := store.CreateTarget(b.Context(), target, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"); err != nil {
		b.Fatal(err)
	}
	for left := b.N; left > 0; left -= models.MaxBatch {
		jobs := make([]*models.Job, min(left, models.MaxBatch))
		for i := range jobs {
			job := models.JobSpec{Priority: models.Normal, BodyForm: models.BodyPayload, Body: fmt.Appendf(nil, `{"n":%d}`, i)}
			if jobs[i], err = models.NewJob(job, target, models.FromAPI, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := store.CreateJobs(b.Context(), jobs, nil, nil, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	d := New(Config{}, store, sender)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	b.ResetTimer()
	go func() { ended <- d.Run(ctx) }()
	for int(d.counts.finished.Load()) < b.N {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	stop()
	if err := <-ended; err != nil || int(got.Load()) != b.N {
		b.Fatalf("%d of %d arrived, %v", got.Load(), b.N, err)
	}
}
