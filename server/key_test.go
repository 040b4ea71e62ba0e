package server

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEmptyIdempotencyKeyIsRefused holds to: a key that was lost on the way must not pass for none.
func TestEmptyIdempotencyKeyIsRefused(t *testing.T) {
	h := open(t)
	h.target("billing")
	r := httptest.NewRequest("POST", "http://localhost/v1/jobs", strings.NewReader(`{"target":"billing"}`))
	r.Header["Idempotency-Key"] = []string{""}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	if w.Code != 422 || !strings.Contains(w.Body.String(), "header.Idempotency-Key") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
