package models

import (
	"encoding/base64"
	"strings"
	"time"
)

// Page asks for one stretch of a list. Paging is by key, never by number: it stays correct while rows are added and
// costs the same on every page.
type Page struct {
	Limit  int    // 1–MaxPage; 0 is DefaultPage
	Cursor string // what the page before gave; "" is the first page
}

// Sizes of pages.
const (
	DefaultPage = 50
	MaxPage     = 500
)

func (p Page) limit() int {
	if p.Limit == 0 {
		return DefaultPage
	}
	return min(max(p.Limit, 1), MaxPage)
}

// key reads the key behind which the page begins, "" for the first. kind keeps a cursor of one list out of another.
func (p Page) key(kind string) (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	key, ok := strings.CutPrefix(string(raw), kind+":")
	if err != nil || !ok || len(key) > 128 || key == "" {
		return "", &Invalid{"cursor", "must be a next_cursor of the same list"}
	}
	return key, nil
}

func cursor(kind, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + key))
}

// cut shortens rows, which hold one more than the page if there is a next page, and gives the cursor of that page.
func cut[T any](p Page, kind string, rows []T, key func(T) string) ([]T, string) {
	if len(rows) <= p.limit() {
		return rows, ""
	}
	rows = rows[:p.limit()]
	return rows, cursor(kind, key(rows[len(rows)-1]))
}

// JobFilter chooses jobs; the zero value of each field chooses all.
type JobFilter struct {
	Target, Schedule            string // names
	States                      []State
	Origin                      Origin
	LabelKey, LabelValue        string
	CreatedAfter, CreatedBefore time.Time // after ≤ t < before
	DueBefore                   time.Time // run_at < t
	Prefix                      string    // of the id, with or without "job_"
}

// AttemptFilter chooses attempts; the zero value of each field chooses all.
type AttemptFilter struct {
	Target     string // name
	Job        string // id
	Outcome    Outcome
	StatusCode int
}
