package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/webhooks"
)

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{7}, 0.99, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 2, 3}, 0.5, 2.5},
		{[]float64{4, 1, 2, 3}, 0, 1},
		{[]float64{4, 1, 2, 3}, 1, 4},
		{[]float64{0, 100}, 0.99, 99},
	} {
		if got := quantile(test.values, test.q); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("quantile(%v, %v) = %v, want %v", test.values, test.q, got, test.want)
		}
	}
}

// benchRound is a round in which the parts ran at a third, half and four times of what the limit was beside them.
func benchRound(first, second, third float64) round {
	return round{
		limits:   []float64{first, second, third},
		drain:    burst{rate: (first + second) / 4, cpu: 100, peak: 1 << 20},
		batch:    burst{rate: (first + second) * 2, cpu: 10, peak: 2 << 20},
		endToEnd: burst{rate: (second + third) / 6, cpu: 200, peak: 3 << 20},
		late:     []int64{1000, 3000}, arrival: []int64{500}, accept: []int64{400}, acceptBusy: []int64{9000},
	}
}

func TestBenchRatiosAreToTheLimitBesideThem(t *testing.T) {
	f := &figures{rounds: []round{benchRound(1000, 1100, 900), benchRound(2000, 1900, 2100), benchRound(500, 500, 600)}}
	r := f.report(benchOptions{MaxScatter: 10})
	for name, got := range map[string][2]float64{
		"drain":      {r.Drain.Ratio.Median, 1. / 2},
		"end to end": {r.EndToEnd.Ratio.Median, 1. / 3},
		"batch":      {r.Batch.Ratio.Median, 4},
		"spread":     {r.Drain.Ratio.Max - r.Drain.Ratio.Min, 0},
		"limit":      {r.Limit.Median, 1000},
		"rate":       {r.Drain.Rate.Median, 525},
		"memory":     {r.EndToEnd.Peak, 3 << 20},
		"lateness":   {r.Lateness.P50, 2},
	} {
		if math.Abs(got[0]-got[1]) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got[0], got[1])
		}
	}
	if r.Lateness.Samples != 6 {
		t.Errorf("lateness of %d samples, want those of all rounds: 6", r.Lateness.Samples)
	}
}

func TestBenchRefusesWhatScatters(t *testing.T) {
	steady := &figures{rounds: []round{benchRound(1000, 1010, 990), benchRound(1000, 1005, 9000)}}
	wild := &figures{rounds: []round{benchRound(1000, 3000, 500), benchRound(200, 1700, 900)}}
	if r := steady.report(benchOptions{MaxScatter: 0.25}); !r.Reliable || strings.Contains(r.table(), "UNRELIABLE") {
		t.Errorf("steady but for one outlier: scatter %v, want it reliable:\n%s", r.Scatter, r.table())
	}
	r := wild.report(benchOptions{MaxScatter: 0.25})
	if r.Reliable || !strings.HasPrefix(r.table(), "UNRELIABLE: the middle half") || !strings.Contains(r.table(), "drain") {
		t.Errorf("wild: scatter %v, want raw figures marked unreliable:\n%s", r.Scatter, r.table())
	}
}

func TestTallyKnowsWhatIsWrong(t *testing.T) {
	sum := sumOf("job_a") + sumOf("job_b")
	for want, tally := range map[string]tally{
		"":                               {Calls: 2, IDs: 2, Sum: sum},
		"1 of 2 jobs never arrived":      {Calls: 1, IDs: 1, Sum: sumOf("job_a")},
		"2 of 2 jobs never arrived":      {},
		"1 of 2 jobs arrived twice":      {Calls: 3, IDs: 2, Sum: sum},
		"jobs arrived that nobody asked": {Calls: 2, IDs: 2, Sum: sumOf("job_a") + sumOf("job_c")},
		"1 calls of a sample":            {Calls: 2, IDs: 2, Sum: sum, Forged: 1},
	} {
		err := tally.check(2, sum)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", tally, err, want)
		}
	}
	more := tally{Calls: 3, IDs: 3, Sum: sum + sumOf("job_c")}
	if more.check(2, sum) == nil {
		t.Error("a call more than was asked for is not seen")
	}
}

func TestSinkCounts(t *testing.T) {
	secret, other := "whsec_"+strings.Repeat("A", 32), "whsec_"+strings.Repeat("B", 32)
	s := &sink{seen: map[string]bool{}}
	call := func(id, with string, due time.Time) {
		t.Helper()
		now, body := time.Now(), appendPayload(nil, due, 100)
		signature, err := webhooks.Sign(with, id, now, body)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("webhook-signature", signature)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("answered %d", w.Code)
		}
	}
	obey := func(o sinkOrder) tally {
		t.Helper()
		report, err := s.obey(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	obey(sinkOrder{Reset: true, Secret: secret, Timed: true})
	go func() {
		call("a", secret, time.Now().Add(-time.Hour))
		call("b", secret, time.Now().Add(time.Hour))
		call("b", secret, time.Now())
		call("c", secret, time.Now())
	}()
	got := obey(sinkOrder{Await: 3})
	if got.Calls != 4 || got.IDs != 3 || got.Sum != sumOf("a")+sumOf("b")+sumOf("c") {
		t.Errorf("%+v, want 4 calls of a, b and c", got)
	}
	if len(got.Late) != 3 || got.Late[0] < time.Hour.Microseconds() || got.Late[1] >= 0 {
		t.Errorf("late by %v µs, want an hour, an hour early, and now", got.Late)
	}
	if last := obey(sinkOrder{Reset: true, Secret: secret}); last.Calls != 4 {
		t.Errorf("a reset reports %d calls, want those until then: 4", last.Calls)
	}
	call("d", other, time.Now()) // the first of a tally is of the sample
	if got = obey(sinkOrder{}); got.Calls != 1 || got.Forged != 1 || got.Late != nil {
		t.Errorf("%+v, want 1 call, forged, and no times", got)
	}
}

func TestPayloadCarriesItsTime(t *testing.T) {
	at := time.UnixMicro(1_795_000_000_123_456)
	for size, want := range map[int]int{0: 32, 32: 32, 33: 33, 128: 128, 5000: 5000} {
		payload := appendPayload([]byte("before"), at, size)[len("before"):]
		if !json.Valid(payload) || len(payload) != want || benchTime(payload) != at.UnixMicro() {
			t.Errorf("size %d: %d bytes, time %d: %.60s", size, len(payload), benchTime(payload), payload)
		}
	}
	if got := benchTime([]byte("other")); got != 0 {
		t.Errorf("time %d of a body without one", got)
	}
}

func TestJobIDs(t *testing.T) {
	a, b := "job_"+strings.Repeat("a", 26), "job_"+strings.Repeat("b", 26)
	answer := `{"items":[{"id":"` + a + `","rerun_of":"job_x"},{"id":"` + b + `"},{"id":"job_cut`
	if diff := cmp.Diff([]string{a, b}, jobIDs([]byte(answer))); diff != "" {
		t.Error(diff)
	}
}

func TestOrdersAreTakenUntilTheirEnd(t *testing.T) {
	var out bytes.Buffer
	err := takeOrders(t.Context(), strings.NewReader("1\n2\n-1\n"), &out, func(_ context.Context, n int) (int, error) {
		if n < 0 {
			return 0, errors.New("too little")
		}
		return n * 10, nil
	})
	if want := "{\"Report\":10}\n{\"Report\":20}\n{\"Error\":\"too little\",\"Report\":0}\n"; err != nil || out.String() != want {
		t.Errorf("%v, reported %s; want %s", err, &out, want)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	open, _ := io.Pipe()
	if err := takeOrders(stopped, open, io.Discard, func(context.Context, int) (int, error) { return 0, nil }); err != nil {
		t.Errorf("stopped: %v", err)
	}
}

func TestSpreadEndsWithTheFirstError(t *testing.T) {
	bad, calls := errors.New("bad"), make([]int, 100)
	if err := spread(t.Context(), len(calls), 7, func(_ context.Context, i int) error { calls[i]++; return nil }); err != nil {
		t.Error(err)
	}
	for i, n := range calls {
		if n != 1 {
			t.Errorf("%d was called %d times", i, n)
		}
	}
	last := 0
	err := spread(t.Context(), 100, 1, func(_ context.Context, i int) error {
		if last = i; i == 3 {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) || last != 3 {
		t.Errorf("%v after %d, want bad after 3", err, last)
	}
}
