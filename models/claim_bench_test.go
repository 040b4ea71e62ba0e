package models

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// BenchmarkClaimAndFinish measures the writing of one call: a claim, asked for 128 at a time as the dispatcher does, and
// the end of its attempt, put on record by as many callers at once.
func BenchmarkClaimAndFinish(b *testing.B) {
	const atOnce = 128
	s := openStore(b)
	target := newTarget(b, s, "billing")
	headers := fmt.Appendf(nil, `{"User-Agent":"%0600d"}`, 0)
	b.ReportAllocs()
	calls := 0
	for b.Loop() {
		b.StopTimer()
		jobs := newJobs(b, s, target, atOnce)
		asks := make([]Ask, atOnce)
		for i, j := range jobs {
			asks[i] = Ask{j.ID, NewAttemptID()}
		}
		b.StartTimer()
		granted := make(chan Claims, 1)
		if err := s.Claim("node_test", asks, t0, func(c Claims) { granted <- c }); err != nil {
			b.Fatal(err)
		}
		var out sync.WaitGroup
		for _, c := range (<-granted).Granted {
			calls++
			out.Go(func() {
				a := &Attempt{ID: c.Job.ClaimID, StartedAt: t0, Node: "node_test", Method: "POST", URL: target.URL,
					StatusCode: 200, ReqHeaders: headers}
				f := Finish{Job: c.Job.Settle(a, AnsweredOK, t0.Add(time.Millisecond), 0, 0), Attempt: a}
				if _, err := s.Finish(f); err != nil {
					b.Error(err)
				}
			})
		}
		out.Wait()
	}
	if calls != b.N*atOnce {
		b.Fatalf("%d calls of %d", calls, b.N*atOnce)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(calls), "µs/call")
}
