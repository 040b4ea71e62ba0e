package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
)

// view is how things of one kind are listed.
type view[T any] struct {
	titles []string
	row    func(item T, now time.Time) []string
	name   func(item T) string // what --quiet prints: id or name
}

// table writes items as aligned columns.
func (v view[T]) table(w io.Writer, items []T, now time.Time, titles bool) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if titles {
		fmt.Fprintln(tw, strings.Join(v.titles, "\t"))
	}
	for _, item := range items {
		cells := v.row(item, now)
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// decode reads the items of a page.
func (v view[T]) decode(raws []json.RawMessage) ([]T, error) {
	items := make([]T, len(raws))
	for i, raw := range raws {
		if err := json.Unmarshal(raw, &items[i]); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
	}
	return items, nil
}

// cell is a value as it stands in a column: "-" when there is none, and never wider than one line.
func cell(s string) string {
	if s == "" {
		return "-"
	}
	return plain(strings.ReplaceAll(s, "\t", " "))
}

// opened are the members of an object that are shown one by one; every other object is shown as JSON.
var opened = []string{"retry", "last_attempt", "last_job", "job", "timing", "request", "response", "error",
	"backlog", "jobs", "calls", "ended", "latency", "lateness"}

// describe writes an object one member a line, in the order in which they came.
func describe(w io.Writer, raw json.RawMessage, now time.Time) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if err := describeUnder(tw, "", raw, now); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return tw.Flush()
}

func describeUnder(w io.Writer, prefix string, raw json.RawMessage, now time.Time) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil { // {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		key := fmt.Sprint(name)
		if slices.Contains(opened, key) && value[0] == '{' && string(value) != "{}" {
			if err := describeUnder(w, prefix+key+".", value, now); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", plain(prefix+key), cell(scalar(value, now)))
	}
	return nil
}

// scalar is a JSON value as a person reads it: text without quotes, times with their distance from now.
func scalar(raw json.RawMessage, now time.Time) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return text + " (" + distance(t, now) + ")"
		}
		return strings.ReplaceAll(text, "\n", "⏎")
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil || compact.String() == "null" {
		return ""
	}
	return compact.String()
}

// ago is a time as it stands in a table.
func ago(t *time.Time, now time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return distance(*t, now)
}

func distance(t, now time.Time) string { return humanize.RelTime(t, now, "ago", "from now") }

// indent writes JSON as it came, but with one member a line.
func indent(w io.Writer, raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// plain makes control characters of strangers harmless to a terminal.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\t' || unicode.Is(unicode.Cf, c) {
			return '\uFFFD'
		}
		return c
	}, s)
}

// plainLines is plain, but leaves line breaks.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}
