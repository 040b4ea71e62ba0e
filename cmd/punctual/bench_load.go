package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"punctual/webhooks"
)

const (
	batchSize    = 1000        // jobs of one batch request, if they fit
	batchBytes   = 8 << 20     // of one batch request
	jobBytes     = 256         // of one job in it, at most, beside the payload
	batchClients = 4           // batches under way at once
	requestTime  = time.Minute // for one request; beyond it the server hangs
)

// loadOrder is one run of the clients.
type loadOrder struct {
	Kind    string // limit, post, batch or pace
	URL     string // of the sink for limit, else of the server
	Key     string // of the server
	Secret  string // what limit signs with
	Targets int    // jobs go to bench-0, bench-1 and so on in turn
	Count   int    // jobs
	Clients int    // requests under way at once
	Payload int    // bytes

	Rate int           // of pace: jobs a second, whether or not the one before is answered
	Lead time.Duration // of pace: jobs are due so long after they are asked for; 0: at once
	Due  time.Time     // of batch: when all jobs are due; zero: at once
}

// loadReport is what came of it. A run in which any request failed has none.
type loadReport struct {
	Took     time.Duration // from the first request to the last answer
	Sum      uint64        // of the ids of all jobs, see sumOf
	Answered []int64       // µs that each request took; in no order
}

// load is a run under way.
type load struct {
	loadOrder
	client http.Client

	mu     sync.Mutex // protects the field below
	report loadReport
}

// obeyLoad carries out a run.
func obeyLoad(ctx context.Context, o loadOrder) (loadReport, error) {
	// Tuned: a connection for each client that is kept, and nothing that a POST of this kind does not need.
	tr := &http.Transport{MaxIdleConns: o.Clients, MaxIdleConnsPerHost: o.Clients, MaxConnsPerHost: o.Clients,
		DisableCompression: true}
	defer tr.CloseIdleConnections()
	l := &load{loadOrder: o, client: http.Client{Transport: tr, Timeout: requestTime}}
	run := map[string]func(context.Context) error{"limit": l.limit, "post": l.post, "batch": l.batch, "pace": l.pace}
	if run[o.Kind] == nil {
		return loadReport{}, fmt.Errorf("no such run: %q", o.Kind)
	}
	begin := time.Now()
	if err := run[o.Kind](ctx); err != nil {
		return loadReport{}, err
	}
	l.report.Took = time.Since(begin)
	return l.report, nil
}

// limit is what the machine can do at all: the calls that Punctual would make, signed, with nothing behind them.
func (l *load) limit(ctx context.Context) error {
	prefix := "job_" + rand.Text()
	return spread(ctx, l.Count, l.Clients, func(ctx context.Context, i int) error {
		id, now := prefix+strconv.Itoa(i), time.Now()
		body := appendPayload(nil, now, l.Payload)
		signature, err := webhooks.Sign(l.Secret, id, now, body)
		if err != nil {
			return err
		}
		header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Punctual/limit"}, "Webhook-Id": {id},
			"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature}}
		if _, err := l.send(ctx, l.URL, header, body, http.StatusOK); err != nil {
			return err
		}
		l.note(now, id)
		return nil
	})
}

// post asks for jobs that are due at once, one a request.
func (l *load) post(ctx context.Context) error {
	return spread(ctx, l.Count, l.Clients, func(ctx context.Context, i int) error { return l.one(ctx, i, time.Time{}) })
}

// one asks for one job.
func (l *load) one(ctx context.Context, i int, due time.Time) error {
	now := time.Now()
	return l.ask(ctx, jobsPath, l.appendJob(nil, i, now, due), now, 1)
}

// batch asks for jobs by the thousand.
func (l *load) batch(ctx context.Context) error {
	size := max(1, min(batchSize, batchBytes/(l.Payload+jobBytes)))
	batches := (l.Count + size - 1) / size
	return spread(ctx, batches, min(l.Clients, batchClients), func(ctx context.Context, b int) error {
		now, first, end := time.Now(), b*size, min((b+1)*size, l.Count)
		body := []byte(`{"jobs":[`)
		for i := first; i < end; i++ {
			body = append(l.appendJob(body, i, now, l.Due), ',')
		}
		body = append(body[:len(body)-1], "]}"...)
		return l.ask(ctx, jobsPath+"/batch", body, now, end-first)
	})
}

// pace asks for jobs at an even rate: each leaves at its time, also when those before it have no answer yet.
func (l *load) pace(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var out sync.WaitGroup
	defer out.Wait()
	begin := time.Now()
	for i := range l.Count {
		select {
		case <-time.After(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(l.Rate)))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		out.Go(func() {
			var due time.Time
			if l.Lead > 0 {
				due = time.Now().Add(l.Lead).Truncate(time.Millisecond) // what the API keeps of a time
			}
			if err := l.one(ctx, i, due); err != nil {
				stop(err)
			}
		})
	}
	out.Wait()
	return context.Cause(ctx)
}

// appendJob writes the i-th job. The time in its payload is when it is due, or else now.
func (l *load) appendJob(to []byte, i int, now, due time.Time) []byte {
	to = append(to, `{"target":"`...)
	to = append(to, benchTarget(i%l.Targets)...)
	to = append(to, '"')
	if !due.IsZero() {
		to = append(to, `,"run_at":"`...)
		to = due.UTC().AppendFormat(to, "2006-01-02T15:04:05.000Z")
		to, now = append(to, '"'), due
	}
	to = append(to, `,"payload":`...)
	return append(appendPayload(to, now, l.Payload), '}')
}

// benchTarget is the name of the n-th target.
func benchTarget(n int) string { return "bench-" + strconv.Itoa(n) }

// ask makes a request of the server, which must make so many jobs.
func (l *load) ask(ctx context.Context, path string, body []byte, begin time.Time, jobs int) error {
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + l.Key}}
	answer, err := l.send(ctx, l.URL+path, header, body, http.StatusCreated)
	if err != nil {
		return err
	}
	ids := jobIDs(answer)
	if len(ids) != jobs {
		return fmt.Errorf("%d ids in an answer about %d jobs", len(ids), jobs)
	}
	l.note(begin, ids...)
	return nil
}

// jobIDs finds the ids in an answer by their looks: decoding it would take the machine from what is measured.
func jobIDs(answer []byte) (ids []string) {
	const before, length = `"id":"job_`, len("job_") + 26
	for {
		_, rest, found := bytes.Cut(answer, []byte(before))
		if !found || len(rest) < length {
			return ids
		}
		ids = append(ids, "job_"+string(rest[:length-len("job_")]))
		answer = rest
	}
}

// send makes one POST and reads its answer to the end.
func (l *load) send(ctx context.Context, url string, header http.Header, body []byte, want int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("answered %d: %.200s", resp.StatusCode, answer)
	}
	return answer, err
}

// note counts what was answered.
func (l *load) note(begin time.Time, ids ...string) {
	took, sum := time.Since(begin).Microseconds(), uint64(0)
	for _, id := range ids {
		sum += sumOf(id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Sum += sum
	l.report.Answered = append(l.report.Answered, took)
}

// spread calls do for 0 to n-1, so many at a time. The first error ends it and is returned.
func spread(ctx context.Context, n, atOnce int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, atOnce) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
