package ui

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"punctual/models"
)

// Audit is the record of who changed what.
type Audit struct {
	Frame
	Lines  []*models.Audit
	Filter Form   // who, action, kind, name
	Next   string // cursor of the next page, "" at the end
	Older  bool   // this is not the first page
}

func (*Audit) template() string { return "audit" }

// AuditRow is a line of the audit as it is drawn.
type AuditRow struct {
	*models.Audit
	At      Moment
	Href    string // of the thing, "" if it has no page
	IsID    bool   // it is called by its id
	Changes []Change
}

// Change is one setting that changed: as JSON, "" where there was or is none.
type Change struct{ Name, Before, After string }

// Rows are the lines.
func (p *Audit) Rows() []AuditRow {
	out := make([]AuditRow, len(p.Lines))
	for i, l := range p.Lines {
		out[i] = AuditRow{Audit: l, At: p.At(l.At), Changes: changes(l.Before, l.After)}
		switch l.Kind {
		case "target", "schedule":
			out[i].Href = Link(l.Kind+"s", l.Name)
		case "job", "operation":
			out[i].Href, out[i].IsID = Link(l.Kind+"s", l.Name), true
		}
	}
	return out
}

// changes puts what was beside what is. What a new thing has none of, and what a deleted one had none of, is left out.
func changes(before, after string) (all []Change) {
	was, is := settingsIn(before), settingsIn(after)
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c := Change{name, string(was[name]), string(is[name])}
		if c.Before == "" && none(c.After) || c.After == "" && none(c.Before) {
			continue
		}
		all = append(all, c)
	}
	return all
}

// none tells whether a setting, as JSON, has no value.
func none(value string) bool {
	return slices.Contains([]string{"", "null", "false", "0", `""`, "{}", "[]"}, value)
}

// settingsIn reads what the book keeps as JSON; nil for none.
func settingsIn(text string) (m map[string]json.RawMessage) {
	if text != "" {
		_ = json.Unmarshal([]byte(text), &m) // it was written by us
	}
	return m
}

// Verb is what was done, in words.
func (r AuditRow) Verb() string { return strings.ReplaceAll(r.Action, "-", " ") }

// Filtered tells whether lines are left out.
func (p *Audit) Filtered() bool { return len(p.Filter.Values) > 0 }

// NewestURL is the address of the first page, with the same filters.
func (p *Audit) NewestURL() string { return withCursor("/audit", p.query(), "") }

// NextURL is the address of the next page.
func (p *Audit) NextURL() string { return withCursor("/audit", p.query(), p.Next) }

func (p *Audit) query() url.Values { return p.Filter.Values }
