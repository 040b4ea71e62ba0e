package server

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// duration is a length of time as the API writes it: "500ms", "1h30m", "7d".
type duration string

// Schema describes durations in the OpenAPI document.
func (duration) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "A length of time: `500ms`, `90s`, `1h30m`, `7d`.",
		Examples: []any{"30s"}}
}

func (d duration) check() string {
	if _, ok := models.ParseDuration(string(d)); !ok {
		return "must be a length of time such as 500ms, 90s, 1h30m or 7d"
	}
	return ""
}

// value is 0 for a nil d. One that was asked to be zero is given as -1ns, which is outside all bounds, because
// models takes 0 as not given.
func (d *duration) value() time.Duration {
	if d == nil {
		return 0
	}
	v, _ := models.ParseDuration(string(*d))
	if v == 0 {
		return -1
	}
	return v
}

// orZero is value where zero is a length like any other.
func (d *duration) orZero() time.Duration { return max(d.value(), 0) }

func durationOf(d time.Duration) duration { return duration(models.FormatDuration(d)) }

// optionalDuration is nil for 0, which stands for none.
func optionalDuration(d time.Duration) *duration {
	if d == 0 {
		return nil
	}
	text := durationOf(d)
	return &text
}

// size is a number of bytes as the API writes it: "16KiB".
type size string

// Schema describes sizes in the OpenAPI document.
func (size) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "A size: `512B`, `16KiB`, `1MiB`.", Examples: []any{"16KiB"}}
}

func (s size) check() string {
	if _, ok := models.ParseSize(string(s)); !ok {
		return "must be a size such as 512B, 16KiB or 1MiB"
	}
	return ""
}

// value is 0 for a nil s.
func (s *size) value() int {
	if s == nil {
		return 0
	}
	n, _ := models.ParseSize(string(*s))
	return int(n)
}

func sizeOf(bytes int) size { return size(models.FormatSize(int64(bytes))) }

// moment is an instant as the API writes it: RFC 3339 in UTC, with milliseconds.
type moment string

// Schema describes instants in the OpenAPI document.
func (moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-12-06T09:00:00.000Z"}}
}

func (m moment) check() string {
	if _, err := time.Parse(time.RFC3339Nano, string(m)); err != nil {
		return "must be a time as RFC 3339 writes it, such as 2026-12-06T09:00:00Z"
	}
	return ""
}

// value is the zero time for a nil or empty m. What is finer than the API shows is rounded up, so that nothing
// happens earlier than it was asked for.
func (m *moment) value() time.Time {
	if m == nil || *m == "" {
		return time.Time{}
	}
	t, _ := time.Parse(time.RFC3339Nano, string(*m))
	if t.IsZero() {
		t = t.Add(1) // the zero time means none, and somebody has asked for one
	}
	if cut := t.Truncate(time.Millisecond); cut.Before(t) {
		t = cut.Add(time.Millisecond)
	}
	return t.UTC()
}

const momentLayout = "2006-01-02T15:04:05.000Z"

func momentOf(t time.Time) moment { return moment(t.UTC().Format(momentLayout)) }

// optionalMoment is nil for the zero time, which stands for none.
func optionalMoment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	m := momentOf(t)
	return &m
}

// page is one stretch of a list.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as ?cursor= to get the next page; absent at the end."`
}

// pageOf makes the answer of a list.
func pageOf[M, T any](rows []M, next string, view func(M) T) *ok[page[T]] {
	items := make([]T, len(rows))
	for i, row := range rows {
		items[i] = view(row)
	}
	return &ok[page[T]]{Body: page[T]{Items: items, NextCursor: next}}
}

// ok answers 200 with a body.
type ok[T any] struct{ Body T }

// done answers 200 with a body, or another status where the operation has more than one.
type done[T any] struct {
	Status int
	Body   T
}

// made answers 201 to a request that created something, or 200 to one that was answered before.
type made[T any] struct {
	Status   int
	Location string `header:"Location" doc:"Where the new object is."`
	Replayed string `header:"Idempotency-Replayed" doc:"true when an earlier request with this key did the work."`
	Body     T
}

// given sets to if from was given.
func given[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// orEmpty keeps a nil map from being written as null.
func orEmpty[M ~map[string]string](m M) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// jobRef names a job and tells its state.
type jobRef struct {
	ID    string  `json:"id"`
	State *string `json:"state" nullable:"true" doc:"null when the job is no longer kept."`
}

func refOf(id string, state models.State) *jobRef {
	if id == "" {
		return nil
	}
	r := &jobRef{ID: id}
	if state != "" {
		text := string(state)
		r.State = &text
	}
	return r
}

// optional is nil for "", which stands for none.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// orNull lets the named properties of an object's schema be null.
func orNull(s *huma.Schema, names ...string) *huma.Schema {
	for _, name := range names {
		s.Properties[name] = nullable(s.Properties[name])
	}
	return s
}

// nullable is a copy of p that also allows null.
func nullable(p *huma.Schema) *huma.Schema {
	c := *p
	switch {
	case p.AnyOf != nil: // allows null already
	case p.Type == "" || p.Type == huma.TypeObject || p.Type == huma.TypeArray || p.Enum != nil:
		c.Description, c.Default, c.ReadOnly = "", nil, false
		return &huma.Schema{Description: p.Description, Default: p.Default, ReadOnly: p.ReadOnly,
			AnyOf: []*huma.Schema{&c, {Type: "null"}}}
	default:
		c.Nullable = true
	}
	return &c
}

// raw is nil for an empty message, so that it is left out of an answer.
func raw(b []byte) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	return b
}
