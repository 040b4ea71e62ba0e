package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/webhooks"
)

const listenSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// signed is a call as a target receives it.
func signed(t *testing.T, id, body string) *http.Request {
	t.Helper()
	now := time.Now()
	signature, err := webhooks.Sign(listenSecret, id, now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", signature)
	r.Header.Set("punctual-attempt", "2")
	r.Header.Set("punctual-max-attempts", "10")
	return r
}

// received gives a call to r and tells what it answered and printed.
func received(r *receiver, req *http.Request) (status int, printed string) {
	var out strings.Builder
	r.out = &out
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code, out.String()
}

func TestReceiverTellsWhetherACallIsGenuine(t *testing.T) {
	const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	forged := func() *http.Request {
		r := signed(t, "job_1", `{"n":1}`)
		r.Header.Set("webhook-id", "job_2")
		return r
	}
	tests := []struct {
		name    string
		secrets []string
		req     *http.Request
		want    string
	}{
		{"genuine", []string{listenSecret}, signed(t, "job_1", `{"n":1}`), "job_1  attempt 2/10  verified  → 200"},
		{"rotated", []string{other, listenSecret}, signed(t, "job_1", ``), "job_1  attempt 2/10  verified  → 200"},
		{"another secret", []string{other}, signed(t, "job_1", ``), "NOT VERIFIED: no signature fits"},
		{"another id", []string{listenSecret}, forged(), "NOT VERIFIED: no signature fits"},
		{"no headers", []string{listenSecret}, httptest.NewRequest("GET", "/x", nil), "no webhook-id  attempt -  NOT VERIFIED: webhook-id"},
		{"no secret", nil, signed(t, "job_1", ``), "NOT VERIFIED: no --secret"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &receiver{secrets: test.secrets, status: 200, calls: map[string]int{}}
			if status, printed := received(r, test.req); status != 200 || !strings.Contains(printed, test.want) {
				t.Errorf("%d, printed %q; want %q in it", status, printed, test.want)
			}
		})
	}
}

func TestReceiverFailsTheFirstCallsOfEachID(t *testing.T) {
	r := &receiver{status: 201, failFirst: 2, calls: map[string]int{}}
	var got []string
	for _, id := range []string{"job_a", "job_a", "job_b", "job_a", "job_b", "job_b"} {
		status, _ := received(r, signed(t, id, ""))
		got = append(got, strconv.Itoa(status))
	}
	if all := strings.Join(got, " "); all != "503 503 503 201 503 201" {
		t.Errorf("answers %s", all)
	}
}

func TestReceiverBoundsWhatItRemembers(t *testing.T) {
	r := &receiver{calls: map[string]int{}}
	for i := range 3 * maxSeen / 2 {
		r.count(strconv.Itoa(i))
	}
	if len(r.calls) > maxSeen {
		t.Errorf("%d ids remembered", len(r.calls))
	}
}

func TestReceiverRefusesEndlessBodies(t *testing.T) {
	r := &receiver{status: 200, calls: map[string]int{}}
	status, printed := received(r, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", maxReceived+1))))
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(printed, "NOT VERIFIED: the body is too long") {
		t.Errorf("%d, printed %.200q", status, printed)
	}
	if len(printed) > 2*maxPrinted {
		t.Errorf("printed %d bytes", len(printed))
	}
}

func TestBodiesAreShownHarmlessly(t *testing.T) {
	long := pretty([]byte(strings.Repeat("é", maxPrinted)))
	tests := []struct{ name, got, want string }{
		{"nothing", pretty(nil), `^$`},
		{"JSON", pretty([]byte(`{"a":[1,2.50],"b":"<"}`)), `(?s)^    \{\n      "a": \[\n.*2\.50\n.*"b": "<"\n    \}\n$`},
		{"text", pretty([]byte("one\r\ntwo\n")), `^    one\n    two\n$`},
		{"an escape", pretty([]byte("\x1b[2Jgone\u202e")), `^    �\[2Jgone�\n$`},
		{"binary", pretty([]byte{0xff, 0xfe, 0}), `^    3 B of binary data\n$`},
		{"long", long, `(?s)^    é+\n    … 2\.0 KiB more\n$`},
	}
	for _, test := range tests {
		if !regexp.MustCompile(test.want).MatchString(test.got) {
			t.Errorf("%s: %.200q does not match %s", test.name, test.got, test.want)
		}
	}
}
