package ui

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/models"
)

// Jobs is the list of jobs, newest first.
type Jobs struct {
	Frame
	Jobs      []*models.Job
	Held      map[string]string // by job id: why one that is due is not running, as held_by spells it
	Search    string            // what is searched for, as models.ParseSearch reads it
	Faults    []Fault           // of Search
	Filter    models.JobFilter  // what Search comes to
	Counts    map[string]Count  // of matching jobs by state, "" for all of them; one that is not there is not known
	Targets   []string          // for suggestions
	Schedules []string
	Next      string // cursor of the next page, "" at the end
	Older     bool   // this is not the first page
}

func (*Jobs) template() string { return "jobs" }

// Count is how many there are, as far as they were counted.
type Count struct {
	N    int
	More bool // there are more than N
}

// String is the count as it stands beside a word.
func (c Count) String() string {
	text := thousands(c.N)
	if c.More {
		text += "+"
	}
	return text
}

// Tab is a state to choose.
type Tab struct {
	Entry
	Count string // of jobs; "": not known
}

// tabStates are the tabs; "" is all.
var tabStates = []string{"", string(models.Scheduled), string(models.Retrying), string(models.Running),
	string(models.Succeeded), string(models.Failed), string(models.Canceled)}

// Tabs are the states to choose from.
func (p *Jobs) Tabs() []Tab {
	tabs := make([]Tab, len(tabStates))
	for i, state := range tabStates {
		tab := Tab{Entry: Entry{Name: state, Href: p.stateURL(state), Lit: len(p.Filter.States) == 0}}
		if state == "" {
			tab.Name = "all"
		} else {
			tab.Lit = slices.Contains(p.Filter.States, models.State(state))
		}
		if n, known := p.Counts[state]; known {
			tab.Count = n.String()
		}
		tabs[i] = tab
	}
	return tabs
}

func (p *Jobs) stateURL(state string) string {
	text := WithoutQualifier(p.Search, "state")
	if state != "" {
		text = strings.TrimSpace(text + " state:" + state)
	}
	return SearchURL(text)
}

// SearchURL is the list of the jobs that a search finds.
func SearchURL(search string) string {
	return withCursor("/jobs", url.Values{"q": {strings.TrimSpace(search)}}, "")
}

// WithoutQualifier drops the words of a search that begin with a qualifier. What stands in quotes is one word.
func WithoutQualifier(search, qualifier string) string {
	var kept []string
	for search = strings.TrimSpace(search); search != ""; search = strings.TrimSpace(search) {
		end, quoted := len(search), false
		for i, c := range search {
			if c == '"' && (i == 0 || search[i-1] != '\\') {
				quoted = !quoted
			} else if c == ' ' && !quoted {
				end = i
				break
			}
		}
		if !strings.HasPrefix(search, qualifier+":") {
			kept = append(kept, search[:end])
		}
		search = search[end:]
	}
	return strings.Join(kept, " ")
}

// Searched tells whether the list shows less than all.
func (p *Jobs) Searched() bool { return p.Search != "" }

// Rows are the jobs as they are drawn.
func (p *Jobs) Rows() []Row {
	rows := p.rows(p.Jobs, p.Held)
	for i := range rows {
		rows[i].Pick = p.May.Write
	}
	return rows
}

// Pick tells whether rows can be selected.
func (p *Jobs) Pick() bool { return p.May.Write && len(p.Jobs) > 0 }

// Matched is how many jobs the search finds.
func (p *Jobs) Matched() string {
	var sum Count
	for _, state := range p.counted() {
		n, known := p.Counts[state]
		if !known {
			return ""
		}
		sum.N, sum.More = sum.N+n.N, sum.More || n.More
	}
	return sum.String()
}

// counted are the tabs that the search is in.
func (p *Jobs) counted() []string {
	if len(p.Filter.States) == 0 {
		return []string{""}
	}
	var names []string
	for _, s := range p.Filter.States {
		names = append(names, string(s))
	}
	return names
}

// Acts are what can be done with the jobs of these states, the likeliest first.
func (p *Jobs) Acts() []Act {
	var out []Act
	for _, act := range Acts {
		if act.fits(p.Filter.States) {
			out = append(out, act)
		}
	}
	return out
}

// Qualifiers explains the words of a search.
func (*Jobs) Qualifiers() []Qualifier { return qualifiers }

// Qualifier is a word of a search.
type Qualifier struct{ Name, Example, Why string }

var qualifiers = []Qualifier{
	{"target:", "target:billing", "jobs for a target"},
	{"state:", "state:failed", "in a state; several as state:failed,canceled"},
	{"schedule:", "schedule:report", "made by a schedule"},
	{"label:", "label:customer=42", "with a label; repeatable"},
	{"status:", "status:503", "last answered with a status"},
	{"origin:", "origin:backfill", "made in this way"},
	{"created:", "created:>2h", "in the last two hours; <2026-11-01 for before that day"},
	{"due:", "due:<1h", "due within the hour; <now for due already"},
}

// Values suggests what may follow a qualifier.
func (p *Jobs) Values() []Names {
	out := []Names{{"values-target", p.Targets}, {"values-schedule", p.Schedules},
		{"values-state", tabStates[1:]}, {"values-status", []string{"200", "400", "404", "408", "422", "429", "500", "502", "503", "504"}},
		{"values-created", []string{">15m", ">1h", ">24h", ">7d", "<1h", "<24h"}}, {"values-due", []string{"<now", "<1h", "<24h"}}}
	origins := Names{ID: "values-origin"}
	for _, o := range models.Origins {
		origins.Names = append(origins.Names, string(o))
	}
	return append(out, origins)
}

// Names is a list of suggestions.
type Names struct {
	ID    string
	Names []string
}

// NextURL is the address of the next page.
func (p *Jobs) NextURL() string { return withCursor("/jobs", url.Values{"q": {p.Search}}, p.Next) }

// NewestURL is the address of the first page.
func (p *Jobs) NewestURL() string { return SearchURL(p.Search) }

// ExportURL is where the API gives the matching jobs as a file.
func (p *Jobs) ExportURL(format string) string {
	f, v := p.Filter, url.Values{"format": {format}}
	for _, s := range f.States {
		v.Add("state", string(s))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Labels)) {
		v.Add("label", key+":"+f.Labels[key])
	}
	if f.StatusCode != 0 {
		v.Set("status_code", strconv.Itoa(f.StatusCode))
	}
	for name, at := range map[string]time.Time{"created_after": f.CreatedAfter, "created_before": f.CreatedBefore,
		"due_before": f.DueBefore} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	for name, text := range map[string]string{"target": f.Target, "schedule": f.Schedule, "origin": string(f.Origin), "q": f.Prefix} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return "/v1/jobs/export?" + v.Encode()
}
