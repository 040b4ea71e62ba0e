package models

import (
	"testing"
	"time"
)

// The clock of a node is never ahead of the database's, however its questions and answers were held up.
func TestNextReading(t *testing.T) {
	start := time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	const ms = time.Millisecond
	first := &reading{at(0), at(0)}
	for _, c := range []struct {
		name               string
		last               *reading
		asked, here, there time.Duration
		want               time.Duration
	}{
		{"the first one counts as it is", nil, 0, 9 * ms, 2 * ms, 2 * ms},
		{"an answer at once", first, 5000 * ms, 5000 * ms, 5000 * ms, 5000 * ms},
		{"an answer that was long under way", first, 5000 * ms, 5040 * ms, 5000 * ms, 5040*ms - 504*time.Microsecond},
		{"a question that was long under way", first, 5000 * ms, 5040 * ms, 5040 * ms, 5040 * ms},
		{"a clock set forward", first, 5000 * ms, 5002 * ms, 7000 * ms, 7000 * ms},
		{"a clock set back", first, 5000 * ms, 5002 * ms, 4900 * ms, 4902 * ms},
		{"a clock set far back", first, 5000 * ms, 5002 * ms, -9000 * ms, -8998 * ms},
		{"a reading that was ahead", &reading{at(0), at(23 * ms)}, 5000 * ms, 5001 * ms, 5000 * ms, 5001 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.last.next(at(c.asked), at(c.here), at(c.there))
			if !got.here.Equal(at(c.here)) || !got.there.Equal(at(c.want)) {
				t.Errorf("shows %v at %v, want %v at %v", got.there.Sub(start), got.here.Sub(start), c.want, c.here)
			}
		})
	}
}
