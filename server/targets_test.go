package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"punctual/models"
	"punctual/webhooks"
)

func TestTargetDefaults(t *testing.T) {
	h := open(t)
	made := h.target("billing")
	made.is("method", `"POST"`, "headers", `{}`, "timeout", `"30s"`, "max_in_flight", `100`, "rate_limit", `null`,
		"retry", `{"max_attempts":10,"min_backoff":"5s","max_backoff":"6h","factor":3,"jitter":0.2,"fail_on":[400,413,415,422,501]}`,
		"on_lost", `"retry"`, "on_gone", `"pause"`, "description", `""`, "paused", `false`, "paused_at", `null`,
		"paused_reason", `""`)
	if !strings.HasPrefix(made.text("secret"), "whsec_") || made.header.Get("Location") != "/v1/targets/billing" {
		t.Errorf("secret %s, location %s", made.raw("secret"), made.header.Get("Location"))
	}
	got := h.do(200, "GET", "/v1/targets/billing", "")
	if got.raw("secret") != "" {
		t.Error("GET shows the secret")
	}
	if h.do(200, "GET", "/v1/targets/billing/secret", "").text("secret") != made.text("secret") {
		t.Error("/secret shows another one")
	}
	own := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	if h.target("own", `,"secret":"`+own+`"`).text("secret") != own {
		t.Error("a secret that was brought along is not kept")
	}
}

// PUT takes what GET gave, and changes nothing then.
func TestTargetPutWhatGetGave(t *testing.T) {
	h := open(t)
	h.do(201, "POST", "/v1/targets", `{"name":"billing","url":"https://example.com","headers":{"authorization":"Bearer s3cret","x-plain":"p"},
		"rate_limit":"5/m","max_in_flight":7,"description":"d","paused":true,"paused_reason":"why","retry":{"fail_on":[]},"timeout":"1m30s"}`).
		is("headers", `{"Authorization":"***","X-Plain":"p"}`, "rate_limit", `"5/m"`, "paused", `true`, "paused_reason", `"why"`)
	before := h.raw("GET", "/v1/targets/billing", nil).Body.String()
	secret := h.do(200, "GET", "/v1/targets/billing/secret", "").text("secret")
	h.do(200, "PUT", "/v1/targets/billing", before)
	after := h.raw("GET", "/v1/targets/billing", nil).Body.String()
	cut := func(doc string) string { return doc[:strings.Index(doc, `"updated_at"`)] }
	if diff := cmp.Diff(cut(before), cut(after)); diff != "" {
		t.Error(diff)
	}
	stored, err := h.store.Target(t.Context(), "billing")
	if err != nil || stored.Headers["Authorization"] != "Bearer s3cret" {
		t.Errorf("the masked header became %q", stored.Headers["Authorization"])
	}
	if h.do(200, "GET", "/v1/targets/billing/secret", "").text("secret") != secret {
		t.Error("the secret changed")
	}
}

func TestTargetPut(t *testing.T) {
	h := open(t)
	made := h.do(201, "PUT", "/v1/targets/billing", `{"url":"https://example.com","timeout":"5s","paused":true}`)
	if made.text("secret") == "" || made.header.Get("Location") == "" {
		t.Error("a PUT that creates answers as POST does")
	}
	// Absent paused and secret leave both; the rest gets its default.
	put := h.do(200, "PUT", "/v1/targets/billing", `{"name":"billing","url":"https://example.com/2"}`)
	put.is("url", `"https://example.com/2"`, "timeout", `"30s"`, "paused", `true`, "secret", ``)
	own := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	h.do(200, "PUT", "/v1/targets/billing", `{"url":"https://example.com","paused":false,"secret":"`+own+`"}`).is("paused", `false`)
	h.do(200, "GET", "/v1/targets/billing/secret", "").is("secret", `"`+own+`"`)
	h.do(200, "PUT", "/v1/targets/billing", `{"url":"https://example.com","secret":"***"}`)
	h.do(200, "GET", "/v1/targets/billing/secret", "").is("secret", `"`+own+`"`)
}

// A mask stands for what is stored: a new target has nothing yet.
func TestNewTargetWithMaskedSecret(t *testing.T) {
	h := open(t)
	want := `[{"location":"body.secret","message":"has no stored value that *** could keep"}]`
	h.do(422, "POST", "/v1/targets", `{"name":"billing","url":"https://example.com","secret":"***"}`).is("errors", want)
	h.do(422, "PUT", "/v1/targets/billing", `{"url":"https://example.com","secret":"***"}`).is("errors", want)
	h.do(404, "GET", "/v1/targets/billing", "")
}

// A GET has no body to put a schedule's payload into.
func TestTargetBecomesGet(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"bare","target":"billing","every":"1h"}`)
	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","every":"1h","payload":{}}`)
	h.do(422, "PATCH", "/v1/targets/billing", `{"method":"GET"}`).
		is("errors", `[{"location":"body.method","message":"must not be GET while schedules have a payload: report"}]`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"method":"PUT"}`)
	h.do(204, "DELETE", "/v1/schedules/report", "")
	h.do(200, "PATCH", "/v1/targets/billing", `{"method":"GET"}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"timeout":"5s"}`)
}

func TestTargetPatch(t *testing.T) {
	h := open(t)
	h.do(201, "POST", "/v1/targets", `{"name":"billing","url":"https://example.com","timeout":"5s","rate_limit":"1/s",
		"headers":{"X-A":"1","X-B":"2","Cookie":"c=1"},"retry":{"max_attempts":3,"factor":2},"description":"d"}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"headers":{"X-A":null,"X-C":"3"},"retry":{"factor":null,"jitter":0}}`).
		is("headers", `{"Cookie":"***","X-B":"2","X-C":"3"}`, "timeout", `"5s"`,
			"retry", `{"max_attempts":3,"min_backoff":"5s","max_backoff":"6h","factor":3,"jitter":0,"fail_on":[400,413,415,422,501]}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"headers":{"x-c":null,"x-b":"3","cookie":"***","\u0058-d":"4"}}`).
		is("headers", `{"Cookie":"***","X-B":"3","X-D":"4"}`)
	h.do(422, "PATCH", "/v1/targets/billing", `{"headers":{"x-b":7}}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"timeout":null,"rate_limit":null,"description":null,"paused":true}`).
		is("timeout", `"30s"`, "rate_limit", `null`, "description", `""`, "paused", `true`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"paused":null,"headers":null}`).is("paused", `false`, "headers", `{}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{}`).is("url", `"https://example.com"`)
	h.do(404, "PATCH", "/v1/targets/nobody", `{}`)
}

func TestTargetActions(t *testing.T) {
	h := open(t)
	secret := h.target("billing").text("secret")
	first := h.do(200, "POST", "/v1/targets/billing/pause", `{"reason":"maintenance"}`).is("paused", `true`, "paused_reason", `"maintenance"`)
	h.do(200, "POST", "/v1/targets/billing/pause", ``).is("paused_at", first.raw("paused_at"), "paused_reason", `"maintenance"`)
	job := h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).is("held_by", `"paused"`)
	h.do(200, "POST", "/v1/targets/billing/test", `{}`).is("job_id", `null`, "number", `0`, "outcome", `"succeeded"`, "status_code", `200`)
	h.do(200, "POST", "/v1/targets/billing/resume", ``).is("paused", `false`, "paused_reason", `""`)
	h.ended(job.text("id")).is("state", `"succeeded"`, "held_by", `null`)

	rotated := h.do(200, "POST", "/v1/targets/billing/rotate-secret", `{"overlap":"1h"}`).is("name", `"billing"`)
	target, err := h.store.Target(t.Context(), "billing")
	if err != nil {
		t.Fatal(err)
	}
	live, err := h.store.Secrets(t.Context(), target.ID, target.UpdatedAt)
	if diff := cmp.Diff([]string{rotated.text("secret"), secret}, live); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// The public keys of a target appear when it first asks for them, and old ones stay while they sign.
func TestTargetKeys(t *testing.T) {
	h := open(t)
	h.target("billing").is("signing", `"v1"`)
	h.do(200, "GET", "/v1/targets/billing/keys", "").is("items", `[]`)
	h.do(422, "PATCH", "/v1/targets/billing", `{"signing":"v2"}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"signing":"v1a"}`).is("signing", `"v1a"`)
	first := h.do(200, "GET", "/v1/targets/billing/keys", "").items()
	if len(first) != 1 || !strings.HasPrefix(first[0].text("public_key"), "whpk_") || first[0].raw("expires_at") != "null" {
		t.Fatalf("keys: %v", first)
	}
	// What is signed with is what the keys verify, and no more.
	calls := make(chan webhooks.Request, 1)
	h.sender.will(func(ctx context.Context, r webhooks.Request) webhooks.Result {
		calls <- r
		return answers(200)(ctx, r)
	})
	signedBy := func(keys ...object) {
		t.Helper()
		h.do(200, "POST", "/v1/targets/billing/test", ``)
		r := <-calls
		for _, secret := range r.Secrets {
			signature, err := webhooks.Sign(secret, "x", now(), nil)
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{"Webhook-Id": {"x"}, "Webhook-Timestamp": {strconv.FormatInt(now().Unix(), 10)}, "Webhook-Signature": {signature}}
			if !slices.ContainsFunc(keys, func(k object) bool { return webhooks.Verify(k.text("public_key"), header, nil) == nil }) {
				t.Errorf("none of %d keys verifies a signature of %.5s…", len(keys), secret)
			}
		}
		if len(r.Secrets) != len(keys) {
			t.Errorf("%d signatures, want %d", len(r.Secrets), len(keys))
		}
	}
	signedBy(first...)
	h.do(200, "POST", "/v1/targets/billing/rotate-secret", `{"overlap":"1h"}`)
	both := h.do(200, "GET", "/v1/targets/billing/keys", "").items()
	if len(both) != 2 || both[1].text("public_key") != first[0].text("public_key") || both[1].raw("expires_at") == "null" {
		t.Fatalf("keys after a rotation: %v", both)
	}
	signedBy(both...)
	h.do(200, "PATCH", "/v1/targets/billing", `{"signing":null}`).is("signing", `"v1"`)
	h.do(404, "GET", "/v1/targets/nobody/keys", "")
}

func TestRotateAtOnce(t *testing.T) {
	h := open(t)
	h.target("billing")
	secret := h.do(200, "POST", "/v1/targets/billing/rotate-secret", `{"overlap":"0s"}`).text("secret")
	target, err := h.store.Target(t.Context(), "billing")
	if err != nil {
		t.Fatal(err)
	}
	if live, _ := h.store.Secrets(t.Context(), target.ID, now()); !slices.Equal(live, []string{secret}) {
		t.Errorf("%d secrets sign without an overlap", len(live))
	}
}

func TestTargetTestFails(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.sender.will(func(context.Context, webhooks.Request) webhooks.Result {
		return webhooks.Result{Started: now(), Err: &webhooks.Error{Kind: webhooks.KindConnect, Message: "refused"}}
	})
	h.do(200, "POST", "/v1/targets/billing/test", ``).is("outcome", `"failed"`, "status_code", `null`, "response", `null`,
		"error", `{"kind":"connect","message":"refused"}`)
	h.do(404, "POST", "/v1/targets/nobody/test", ``)
}

func TestTargetDelete(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.sender.will(hangs)
	waits := h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`).text("id")
	runs := h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).text("id")
	h.until(runs, "running")
	h.do(409, "DELETE", "/v1/targets/billing", ``)
	h.do(204, "DELETE", "/v1/targets/billing?cancel_jobs=true", ``)
	for _, id := range []string{waits, runs} {
		h.do(200, "GET", "/v1/jobs/"+id, "").is("state", `"canceled"`, "target", `"billing"`)
	}
	h.do(404, "GET", "/v1/targets/billing", ``)
	h.do(404, "DELETE", "/v1/targets/billing", ``)
	h.do(422, "POST", "/v1/jobs", `{"target":"billing"}`)
	h.do(409, "POST", "/v1/jobs/"+waits+"/rerun", ``)
	h.target("billing") // a new thing
	h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`)
	if n := len(h.do(200, "GET", "/v1/jobs?target=billing", "").items()); n != 3 {
		t.Errorf("history shows %d jobs, want 3", n)
	}
}

// wary refuses every URL with private in it.
type wary struct{}

func (wary) CheckURL(url string) error {
	if strings.Contains(url, "private") {
		return errors.New("leads to a private address")
	}
	return nil
}

func (wary) Warn(_ context.Context, url string) string {
	if strings.Contains(url, "doubtful") {
		return "doubtful leads to a private address"
	}
	return ""
}

// A name that leads astray now is accepted, since it may not tomorrow, with a warning.
func TestTargetWarning(t *testing.T) {
	h := open(t, func(c *Config) { c.Guard = wary{} })
	const want = `["as its name stands now, doubtful leads to a private address"]`
	made := h.do(201, "POST", "/v1/targets", `{"name":"billing","url":"https://doubtful.example.com"}`).is("warnings", want)
	if made.text("secret") == "" {
		t.Error("no secret")
	}
	h.do(200, "PATCH", "/v1/targets/billing", `{"timeout":"5s"}`).is("warnings", "")
	h.do(200, "PATCH", "/v1/targets/billing", `{"url":"https://doubtful.example.com/2"}`).is("warnings", want)
	h.do(200, "PUT", "/v1/targets/billing", `{"url":"https://doubtful.example.com/3","warnings":["old"]}`).is("warnings", want)
	h.do(200, "PUT", "/v1/targets/billing", `{"url":"https://example.com"}`).is("warnings", "")
	h.do(200, "GET", "/v1/targets/billing", "").is("warnings", "")
}

func TestTargetGuard(t *testing.T) {
	h := open(t, func(c *Config) { c.Guard = wary{} })
	h.do(422, "POST", "/v1/targets", `{"name":"billing","url":"https://private.example.com"}`).
		is("errors", `[{"location":"body.url","message":"leads to a private address"}]`)
	h.target("billing")
	h.do(422, "PATCH", "/v1/targets/billing", `{"url":"https://private.example.com"}`)
}

func TestTargetCache(t *testing.T) {
	h := open(t)
	h.target("billing")
	const post = `{"target":"billing","delay":"1h","payload":1}`
	h.do(201, "POST", "/v1/jobs", post).is("max_attempts", `10`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"retry":{"max_attempts":4}}`)
	h.do(201, "POST", "/v1/jobs", post).is("max_attempts", `4`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"method":"GET"}`)
	h.do(422, "POST", "/v1/jobs", post)
	h.do(200, "POST", "/v1/targets/billing/pause", ``)
	h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`).is("held_by", `"paused"`)
	if got := h.raw("GET", "/v1/targets/billing", nil); got.Code != http.StatusOK {
		t.Error(got.Code)
	}
}

// Another node gives the name of a target to a new one while this node still knows the old one by it.
func TestTargetMadeAnewElsewhere(t *testing.T) {
	for path, body := range map[string]string{
		"/v1/jobs":       `{"target":"billing","delay":"1h"}`,
		"/v1/jobs/batch": `{"jobs":[{"target":"other"},{"target":"billing","delay":"1h"}]}`,
		"/v1/schedules":  `{"name":"report","target":"billing","every":"1h"}`,
	} {
		t.Run(path, func(t *testing.T) {
			h := open(t)
			h.target("billing")
			h.target("other")
			h.do(201, "POST", "/v1/jobs", `{"target":"billing","delay":"1h"}`)
			old, err := h.store.Target(t.Context(), "billing")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.store.DeleteTarget(t.Context(), "billing", now(), models.DeleteTarget{CancelJobs: true}); err != nil {
				t.Fatal(err)
			}
			anew := models.NewTarget(*old, now())
			if err := h.store.CreateTarget(t.Context(), anew, makeSecret()); err != nil {
				t.Fatal(err)
			}
			h.do(201, "POST", path, body)
		})
	}
}
