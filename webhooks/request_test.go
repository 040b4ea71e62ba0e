package webhooks

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequestHeader(t *testing.T) {
	now := time.Unix(1764979200, 999_000_000)
	secret, older := newSecret(t), newSecret(t)
	r := Request{
		ID: "job_1", AttemptID: "att_1", Body: []byte("{}"), Secrets: []string{secret, older},
		ContentType: "application/json", Attempt: 2, MaxAttempts: 3, Schedule: "report",
		ScheduledFor: time.Date(2026, 12, 6, 10, 0, 0, 5_600_000, time.FixedZone("", 3600)),
		Header:       http.Header{"X-Custom": {"a", "b"}, "authorization": {"Bearer x"}},
	}
	got, err := r.header(now, "Punctual/1")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := Sign(secret, "job_1", now, r.Body)
	second, _ := Sign(older, "job_1", now, r.Body)
	want := http.Header{
		"User-Agent": {"Punctual/1"}, "Content-Type": {"application/json"},
		"Webhook-Id": {"job_1"}, "Webhook-Timestamp": {"1764979200"}, "Webhook-Signature": {first + " " + second},
		"Punctual-Attempt": {"2"}, "Punctual-Max-Attempts": {"3"}, "Punctual-Schedule": {"report"},
		"Punctual-Scheduled-For": {"2026-12-06T09:00:00.005Z"}, "Traceparent": {traceparent("job_1", "att_1")},
		"X-Custom": {"a", "b"}, "Authorization": {"Bearer x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequestHeaderOfTheLastAttempt(t *testing.T) {
	r := Request{ID: "job_1", Attempt: 3, MaxAttempts: 3}
	got, err := r.header(time.Unix(1, 0), "Punctual/1")
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"User-Agent": {"Punctual/1"}, "Webhook-Id": {"job_1"}, "Webhook-Timestamp": {"1"},
		"Punctual-Attempt": {"3"}, "Punctual-Max-Attempts": {"3"}, "Punctual-Last-Attempt": {"true"},
		"Traceparent": {traceparent("job_1", "")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUserHeadersCannotOverrideOurs also tries names that are not in their canonical form.
func TestUserHeadersCannotOverrideOurs(t *testing.T) {
	r := Request{ID: "job_1", ContentType: "text/plain", Header: http.Header{}, Secrets: []string{newSecret(t)}}
	for _, name := range []string{"webhook-id", "WEBHOOK-SIGNATURE", "Webhook-Timestamp", "punctual-attempt", "Punctual-Schedule",
		"punctual-other", "traceparent", "content-type", "host", "content-length", "connection", "keep-alive",
		"transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "idempotency-key"} {
		r.Header[name] = []string{"evil"}
	}
	r.Header["user-agent"] = []string{"mine"}
	got, err := r.header(time.Unix(1, 0), "Punctual/1")
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range got {
		if values[0] == "evil" {
			t.Errorf("%s was taken from the user", name)
		}
	}
	if got.Get("User-Agent") != "mine" {
		t.Errorf("User-Agent is %q, the user's should win", got.Get("User-Agent"))
	}
	if len(r.Header) != 19 {
		t.Errorf("the user's headers were changed: %v", r.Header)
	}
}

func TestTraceparent(t *testing.T) {
	form := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
	first, second, other := traceparent("job_1", "att_1"), traceparent("job_1", "att_2"), traceparent("job_2", "att_1")
	for _, p := range []string{first, second, other} {
		if !form.MatchString(p) {
			t.Errorf("%q is no traceparent", p)
		}
	}
	if first[:35] != second[:35] {
		t.Error("two attempts of a job have different traces")
	}
	if first == second {
		t.Error("two attempts have the same span")
	}
	if first[:35] == other[:35] {
		t.Error("two jobs have the same trace")
	}
}
