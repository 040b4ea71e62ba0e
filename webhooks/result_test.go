package webhooks

import (
	"net/http"
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	failOn := []int{400, 413, 415, 422, 501}
	answer := func(code int) Result { return Result{StatusCode: code, Err: statusFault(code)} }
	refused := func(code int) Result { r := answer(code); r.NoRetry = true; return r }
	trouble := func(kind Kind) Result { return Result{Err: &Error{Kind: kind}} }
	for _, c := range []struct {
		name   string
		result Result
		want   Verdict
	}{
		{"200", Result{StatusCode: 200}, Succeeded},
		{"204", Result{StatusCode: 204}, Succeeded},
		{"299", Result{StatusCode: 299}, Succeeded},
		{"2xx whose body timed out", Result{StatusCode: 200, Err: &Error{Kind: KindTimeout}}, Succeeded},
		{"2xx aborted while the body was read", Result{StatusCode: 200, Aborted: true}, Succeeded},
		{"101", answer(101), Retry},
		{"302", answer(302), Retry},
		{"400 in fail_on", answer(400), Rejected},
		{"404 not in fail_on", answer(404), Retry},
		{"404 with no-retry", refused(404), Rejected},
		{"503 with no-retry", refused(503), Rejected},
		{"410", answer(410), Gone},
		{"410 with no-retry", refused(410), Gone},
		{"429", answer(429), Retry},
		{"500", answer(500), Retry},
		{"501 in fail_on", answer(501), Rejected},
		{"599", answer(599), Retry},
		{"blocked", trouble(KindBlocked), Blocked},
		{"timeout", trouble(KindTimeout), Retry},
		{"dns", trouble(KindDNS), Retry},
		{"connect", trouble(KindConnect), Retry},
		{"tls", trouble(KindTLS), Retry},
		{"protocol", trouble(KindProtocol), Retry},
		{"read", trouble(KindRead), Retry},
		{"aborted", Result{Aborted: true}, Aborted},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.result.Verdict(failOn); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := (Result{StatusCode: 410}).Verdict([]int{410}); got != Gone {
		t.Errorf("410 in fail_on: got %v, want gone", got)
	}
	if got := (Result{StatusCode: 400}).Verdict(nil); got != Retry {
		t.Errorf("400 without fail_on: got %v, want retry", got)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"1", time.Second},
		{" 120 ", 2 * time.Minute},
		{"007", 7 * time.Second},
		{"86400", 24 * time.Hour},
		{"86401", 24 * time.Hour},
		{"9223372036854775807", 24 * time.Hour},
		{"99999999999999999999999999", 24 * time.Hour},
		{"-1", 0},
		{"+5", 0},
		{"1.5", 0},
		{"1e3", 0},
		{"0x10", 0},
		{"10s", 0},
		{"10, 20", 0},
		{"soon", 0},
		{"٣", 0},
		{"Sun, 01 Mar 2026 12:01:30 GMT", 90 * time.Second},
		{"Sunday, 01-Mar-26 12:01:30 GMT", 90 * time.Second},
		{"Sun Mar  1 12:01:30 2026", 90 * time.Second},
		{"Sun, 01 Mar 2026 11:59:59 GMT", 0},
		{"Mon, 01 Mar 2055 12:00:00 GMT", 24 * time.Hour},
		{"2026-03-01T12:01:30Z", 0},
	} {
		h := http.Header{}
		if c.value != "" {
			h.Set("Retry-After", c.value)
		}
		if got := retryAfter(h, now); got != c.want {
			t.Errorf("%q: got %v, want %v", c.value, got, c.want)
		}
	}
}

func TestNoRetry(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "True": true, " true ": true, "false": false, "1": false, "": false} {
		if got := noRetry(http.Header{"Punctual-No-Retry": {value}}); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}
