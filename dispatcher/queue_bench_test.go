package dispatcher

import (
	"fmt"
	"testing"
	"time"

	"punctual/models"
)

// BenchmarkQueue measures a call's way through the due queue: offered in one batch with 63 others, taken in the next.
func BenchmarkQueue(b *testing.B) {
	for _, targets := range []int{1, 64} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			q, now := newQueue(65536), time.Now()
			ids := make([]string, 64)
			for i := range ids {
				ids[i] = models.NewAttemptID()
			}
			b.ReportAllocs()
			for b.Loop() {
				e := q.edit(now)
				for i, id := range ids {
					e.offer(call{ID: id, Target: fmt.Sprint(i % targets), Priority: models.Normal, RunAt: now})
				}
				e.commit()
				e = q.edit(now)
				taken := 0
				for _, head := range e.due() {
					t := *head
					for c := e.next(&t, models.Normal); c != nil; c = e.next(&t, models.Normal) {
						e.take(c, &t)
						taken++
					}
					e.put(t)
				}
				e.commit()
				if taken != len(ids) {
					b.Fatalf("%d taken of %d", taken, len(ids))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/call")
		})
	}
}
