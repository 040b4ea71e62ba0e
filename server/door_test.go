package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheDoorIsAudited signs in and out, wrongly too, and makes a test call: each is on record, but of many refused
// sign-ins only the first.
func TestTheDoorIsAudited(t *testing.T) {
	h := guarded(t)
	h.target("billing")
	key := h.key("ann", "admin")
	cookie := h.session(key)
	for range 3 {
		if w := h.raw("POST", "/login", []byte("key=wrong"), "Content-Type", "application/x-www-form-urlencoded", "Authorization", ""); w.Code != 403 {
			t.Fatal(w.Code)
		}
	}
	test := h.do(200, "POST", "/v1/targets/billing/test", "", "Authorization", "Bearer "+key).text("id")
	for range 2 { // the second ends nothing
		h.raw("POST", "/logout", nil, "Cookie", cookie, "Authorization", "")
	}
	var got []string
	for _, line := range h.do(200, "GET", "/v1/audit", "").items() {
		got = append(got, line.text("who")+" "+line.text("action")+" "+line.text("kind")+" "+line.text("name")+" "+line.raw("after"))
	}
	want := []string{"ann sign-out session  null", `ann test target billing {"attempt":"` + test + `","outcome":"succeeded"}`,
		"nobody sign-in-refused session  null", "ann sign-in session  null"}
	if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
		t.Error(diff)
	}
	h.do(202, "POST", "/v1/operations", `{"action":"run","filter":{"target":"billing"}}`)
	if lines := h.do(200, "GET", "/v1/audit?kind=operation", "").items(); len(lines) != 1 {
		t.Errorf("%d lines of operations", len(lines))
	}
}

// TestCredentialsInURLs warns of them, and of nothing else.
func TestCredentialsInURLs(t *testing.T) {
	h := open(t)
	for url, isWarned := range map[string]bool{"https://a.example.com/?token=x": true, "https://a.example.com/?API_KEY=x": true,
		"https://a.example.com/f?code=abc&x=1": true, "https://a.example.com/?customer=7&page=2": false, "https://a.example.com/token": false} {
		made := h.do(200+map[bool]int{true: 0, false: 1}[h.raw("GET", "/v1/targets/a", nil).Code == 200], "PUT", "/v1/targets/a", `{"url":"`+url+`"}`)
		if (made.raw("warnings") != "") != isWarned {
			t.Errorf("%s: warnings %s", url, made.raw("warnings"))
		}
	}
}
