package webhooks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretHeader(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "authorization": true, "Proxy-Authorization": true, "X-Forwarded-Authorization": true,
		"Cookie": true, "Set-Cookie": true, "X-Api-Key": true, "X-API-KEY": true, "Api-Key": true, "Apikey": true,
		"X_Api_Key": true, "Ocp-Apim-Subscription-Key": true, "X-Functions-Key": true, "X-Auth": true, "X-Auth-Email": true,
		"X-Auth-Token": true, "X-Csrf-Token": true, "X-Amz-Security-Token": true, "Webhook-Signature": true,
		"X-Hub-Signature-256": true, "X-Password": true, "X-Client-Secret": true, "X-Session-Id": true, "X-Jwt": true,
		"Content-Type": false, "User-Agent": false, "Webhook-Id": false, "Webhook-Timestamp": false, "Traceparent": false,
		"Idempotency-Key": false, "X-Author": false, "X-Monkey": false, "Keep-Alive": false, "Location": false, "": false,
	} {
		if got := SecretHeader(name); got != want {
			t.Errorf("SecretHeader(%q) = %v, want %v", name, got, want)
		}
	}
}

// Headers that a target wants hidden are, beside those that are anyway.
func TestRedact(t *testing.T) {
	s := open(t, Config{Guard: AllowAll()})
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-CUSTOMER"] = []string{"42"}
		w.Header().Set("X-Other", r.Header.Get("X-Customer"))
	}))
	defer target.Close()
	r := call(target.URL)
	r.Header = http.Header{"X-Customer": {"41"}, "X-Plain": {"1"}}
	r.Redact, r.Capture = []string{"X-Customer"}, -1
	res := s.Send(t.Context(), r)
	if res.RequestHeader.Get("X-Customer") != Mask || res.RequestHeader.Get("X-Plain") != "1" || res.ResponseHeader.Get("X-Customer") != Mask {
		t.Errorf("recorded %v, %v", res.RequestHeader, res.ResponseHeader)
	}
	if got := res.ResponseHeader.Get("X-Other"); got != "41" {
		t.Errorf("the target received %q", got)
	}
}

func TestMaskHeader(t *testing.T) {
	h := http.Header{"Set-Cookie": {"a=1", "b=2"}, "Authorization": {"Bearer x"}, "X-Plain": {"y", "z"}}
	got := MaskHeader(h)
	want := http.Header{"Set-Cookie": {"***", "***"}, "Authorization": {"***"}, "X-Plain": {"y", "z"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got["X-Plain"][0] = "changed"
	if h["X-Plain"][0] != "y" || h["Set-Cookie"][0] != "a=1" {
		t.Error("the copy shares memory with the original")
	}
}
