package models

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// TestVectors asks for the first occurrence at or after an instant, across changes of clocks.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/cron-dst.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Expr, Timezone string
			From, Next     time.Time
			Inclusive      bool
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 90 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		timing := Timing{Cron: c.Expr, Timezone: c.Timezone, DayMatch: "all"}
		coming, _, err := timing.Preview(c.From, c.Inclusive, 1)
		if err != nil {
			t.Errorf("%s: %v", c.Expr, err)
			continue
		}
		if len(coming) != 1 || !coming[0].At.Equal(c.Next) {
			t.Errorf("%s in %s after %s (inclusive %v): %+v, want %s", c.Expr, c.Timezone, c.From, c.Inclusive, coming, c.Next)
		}
	}
}
