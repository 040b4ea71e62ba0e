package dispatcher

import (
	"testing"

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
