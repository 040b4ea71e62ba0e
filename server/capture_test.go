package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"punctual/webhooks"
)

func TestCaptureAndKeepSettings(t *testing.T) {
	h := open(t)
	const unset = `{"request_body":"0B","response_body":null,"redact_headers":[]}`
	h.target("billing").is("capture", unset, "keep", `{"succeeded":null,"failed":null}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"capture":{"request_body":"1KiB","redact_headers":["x-b","X-A","x-B"]},"keep":{"failed":"36h"}}`).
		is("capture", `{"request_body":"1KiB","response_body":null,"redact_headers":["X-A","X-B"]}`, "keep", `{"succeeded":null,"failed":"1d12h"}`)
	// A patch changes what it names, and PUT what it leaves out, too.
	h.do(200, "PATCH", "/v1/targets/billing", `{"capture":{"response_body":"0B"},"keep":{"succeeded":"1m"}}`).
		is("capture", `{"request_body":"1KiB","response_body":"0B","redact_headers":["X-A","X-B"]}`, "keep", `{"succeeded":"1m","failed":"1d12h"}`)
	whole := h.raw("GET", "/v1/targets/billing", nil).Body.String()
	h.do(200, "PUT", "/v1/targets/billing", whole).is("keep", `{"succeeded":"1m","failed":"1d12h"}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"capture":{"response_body":null}}`).is("capture.response_body", "null")
	h.do(200, "PUT", "/v1/targets/billing", `{"url":"https://example.com"}`).is("capture", unset, "keep", `{"succeeded":null,"failed":null}`)
	for body, where := range map[string]string{
		`{"capture":{"request_body":"2MiB"}}`:        "body.capture.request_body",
		`{"capture":{"response_body":"much"}}`:       "body.capture.response_body",
		`{"capture":{"response_body":16}}`:           "body.capture.response_body",
		`{"capture":{"redact_headers":["a b"]}}`:     "body.capture.redact_headers",
		`{"capture":{"nothing":1}}`:                  "body.capture.nothing",
		`{"keep":{"succeeded":"0s"}}`:                "body.keep.succeeded",
		`{"keep":{"succeeded":"59s"}}`:               "body.keep.succeeded",
		`{"keep":{"failed":"3661d"}}`:                "body.keep.failed",
		`{"capture":[],"keep":{"failed":"forever"}}`: "body.capture",
	} {
		if got := h.do(422, "PATCH", "/v1/targets/billing", body).raw("errors"); !strings.Contains(got, `"location":"`+where+`"`) {
			t.Errorf("%s: %s, want %s", body, got, where)
		}
	}
}

// What is asked for reaches the sender, and what was sent is on record.
func TestCapture(t *testing.T) {
	h := open(t)
	calls := make(chan webhooks.Request, 10)
	h.sender.will(func(ctx context.Context, r webhooks.Request) webhooks.Result {
		calls <- r
		return answers(http.StatusOK)(ctx, r)
	})
	h.target("billing")
	attempt := func() object {
		t.Helper()
		id := h.do(201, "POST", "/v1/jobs", `{"target":"billing","payload":"éé-and-more"}`).text("id")
		h.ended(id)
		return h.do(200, "GET", "/v1/jobs/"+id+"/attempts", "").items()[0]
	}
	attempt().is("request.body", "null", "request.body_truncated", "false")
	if r := <-calls; r.Capture != 0 || r.Redact != nil {
		t.Errorf("without settings: capture %d, redact %v", r.Capture, r.Redact)
	}
	h.do(200, "PATCH", "/v1/targets/billing", `{"capture":{"request_body":"100B","response_body":"0B","redact_headers":["x-customer"]}}`)
	attempt().is("request.body", `"\"éé-and-more\""`, "request.body_truncated", "false")
	if r := <-calls; r.Capture >= 0 || !slices.Equal(r.Redact, []string{"X-Customer"}) {
		t.Errorf("no answer wanted: capture %d, redact %v", r.Capture, r.Redact)
	}
	h.do(200, "PATCH", "/v1/targets/billing", `{"capture":{"request_body":"4B","response_body":"9B"}}`)
	attempt().is("request.body", "\"\\\"é\ufffd\"", "request.body_truncated", "true") // cut in the middle of a character
	if r := <-calls; r.Capture != 9 {
		t.Errorf("capture %d, want 9", r.Capture)
	}
	h.do(200, "POST", "/v1/targets/billing/test", ``).is("request.body", `"{\"te"`, "request.body_truncated", "true")
}
