package main

import (
	"encoding/json"
	"testing"
	"time"

	"punctual/models"
)

// TestKeysAreAuditedAsTheAPIShowsThem looks at a key that never ends and reaches all.
func TestKeysAreAuditedAsTheAPIShowsThem(t *testing.T) {
	k, text, err := models.NewKey(models.KeySpec{Name: "boss", Scope: models.ScopeAdmin, By: "console"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var shown map[string]any
	if err := json.Unmarshal(encode(keyShown(k)), &shown); err != nil {
		t.Fatal(err)
	}
	if at, isThere := shown["expires_at"]; !isThere || at != nil || shown["rate_limit"] != nil || shown["state"] != "active" {
		t.Errorf("it is shown as %v", shown)
	}
	for _, v := range shown {
		if v == text {
			t.Error("its text is shown")
		}
	}
}
