package dispatcher

import (
	"testing"
	"testing/synctest"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// TestSecretHeadersAreTheSameEverywhere holds the two rooms that mask headers, and may not import each other, to one
// rule: what reads back as *** in a target's settings is *** in its attempts.
func TestSecretHeadersAreTheSameEverywhere(t *testing.T) {
	for name, secret := range map[string]bool{
		"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie": true, "X-Api-Key": true,
		"X_Auth": true, "Api-Key": true, "Key": true, "X-Amz-Security-Token": true, "Webhook-Signature": true, "X-Session-Id": true,
		"Session-Id": true, "X-Jwt-Assertion": true, "X-Pass": true,
		"Content-Type": false, "Webhook-Id": false, "X-Request-Id": false, "Traceparent": false, "X-Keyboard": false,
		"Idempotency-Key": false, "X-Passenger": false, "Author": false, "Punctual-Attempt": false,
	} {
		if got := models.SecretHeader(name); got != secret {
			t.Errorf("models.SecretHeader(%q) = %v", name, got)
		}
		if got := webhooks.SecretHeader(name); got != secret {
			t.Errorf("webhooks.SecretHeader(%q) = %v", name, got)
		}
	}
}

// TestExpiryCutsTheCall: a call that is out is given no longer than until its job expires, and the record says so.
func TestExpiryCutsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(time.Minute)}
		e := start(t, path, f, nil)
		defer e.stop()
		short := e.jobs(t, e.target(t, "short"), 1, func(s *models.JobSpec) { s.ExpiresIn = 2 * time.Second })[0]
		long := e.jobs(t, e.target(t, "long"), 1, func(s *models.JobSpec) { s.ExpiresIn = time.Hour })[0]
		time.Sleep(40 * time.Second)
		synctest.Wait()
		got := e.job(t, short.ID)
		if got.State != models.Failed || got.Reason != models.ReasonExpired || got.Last.ErrorMessage != "timeout, when the job expired" {
			t.Errorf("the job is %s, %q: %q", got.State, got.Reason, got.Last.ErrorMessage)
		}
		if got := e.job(t, long.ID); got.Last == nil || got.Last.ErrorMessage != "timeout" {
			t.Errorf("a call that its own timeout ended: %+v", got.Last)
		}
	})
}
