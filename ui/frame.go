package ui

import (
	"net/url"
	"strings"
	"time"

	"punctual/models"
)

// Frame is what every page has around its content. Each page embeds one.
type Frame struct {
	Title   string    // of the window and the heading
	Tab     string    // the lit entry of the navigation, one of the Tab constants
	Now     time.Time // relative times count from here
	Theme   string    // "light", "dark" or "": as the system says
	Clock   string    // "utc", or "": times of day are shown by the reader's own clock
	Here    string    // path and query of this page: forms about the frame come back to it
	Origin  string    // scheme://host by which the user reached us, for lines to copy
	Version string
	Dev     bool   // no login: lines to copy need no key
	Who     string // name of the key that the viewer signed in with; "": there is no login
	May     May    // what the viewer may do: pages leave out what would be refused
	Bare    bool   // without navigation: for those who have not signed in
	Alarm   string // what somebody should look at, in two or three words; "": all is well
	Flash   *Flash // what came of the last form; nil: nothing to say
	Watch   Watch
}

// May is what a viewer may do beside looking. A button or link that needs more than the viewer has is left out, not
// greyed out. The zero value may only look.
type May struct {
	Write bool // make, change and end jobs and schedules
	Admin bool // register, change, test and delete targets, and see their secrets
	Whole bool // see and touch what belongs to no single target: the system, and operations on many jobs
	Rule  bool // make and revoke keys, read the audit
}

// Entries of the navigation.
const (
	TabOverview  = "overview"
	TabJobs      = "jobs"
	TabSchedules = "schedules"
	TabTargets   = "targets"
	TabAttempts  = "attempts"
	TabSystem    = "system"
)

// Flash is one line about what a form just did.
type Flash struct {
	Good bool
	Text string
}

// Watch says which events make a page draw itself again. The zero value: none.
type Watch struct {
	On     bool
	Target string // name; "": all targets
	Job    string // id; "": all jobs
	Every  int    // seconds between two looks without an event; 0: what is usual
}

// URL is where the events come from, "" when the page is not live.
func (w Watch) URL() string {
	if !w.On {
		return ""
	}
	q := url.Values{}
	if w.Target != "" {
		q.Set("target", w.Target)
	}
	if w.Job != "" {
		q.Set("job", w.Job)
	}
	if len(q) == 0 {
		return "/v1/events"
	}
	return "/v1/events?" + q.Encode()
}

// Entry is one link of the navigation.
type Entry struct {
	Name, Href, Key string // Key is pressed after g
	Lit             bool
}

// Entries is the navigation.
func (f *Frame) Entries() []Entry {
	all := []Entry{
		{Name: "Overview", Href: "/", Key: "o"},
		{Name: "Jobs", Href: "/jobs", Key: "j"},
		{Name: "Schedules", Href: "/schedules", Key: "s"},
		{Name: "Targets", Href: "/targets", Key: "t"},
		{Name: "Attempts", Href: "/attempts", Key: "a"},
	}
	if f.May.Whole {
		all = append(all, Entry{Name: "System", Href: "/system", Key: "y"})
	}
	for i := range all {
		all[i].Lit = strings.ToLower(all[i].Name) == f.Tab
	}
	return all
}

// Themes are the choices of the theme switch.
func (f *Frame) Themes() []Option {
	return []Option{{"", "System", f.Theme == ""}, {"light", "Light", f.Theme == "light"},
		{"dark", "Dark", f.Theme == "dark"}}
}

// Clocks are the choices of the clock switch.
func (f *Frame) Clocks() []Option {
	return []Option{{"", "Local", f.Clock == ""}, {"utc", "UTC", f.Clock == "utc"}}
}

// Styles are the style sheets, in the order in which they build on each other.
func (*Frame) Styles() []string {
	return []string{"base.css", "frame.css", "parts.css", "lists.css", "forms.css", "calls.css", "charts.css"}
}

// Scripts are the modules. Every page works without them.
func (*Frame) Scripts() []string {
	return []string{"times.js", "live.js", "keys.js", "copy.js", "search.js", "select.js", "editor.js", "preview.js"}
}

// At is t as this page shows it.
func (f *Frame) At(t time.Time) Moment { return MomentOf(t, f.Now) }

// Duration is a setting as the API writes it.
func (f *Frame) Duration(d time.Duration) string { return models.FormatDuration(d) }

// Head is an id without its last characters, for narrow screens to leave out; Tail is those.
func (f *Frame) Head(id string) string { return id[:max(len(id)-tailLength, 0)] }

// Tail is the end of an id that Head leaves out.
func (f *Frame) Tail(id string) string { return id[max(len(id)-tailLength, 0):] }

// tailLength is how many characters of an id tell those of one day apart.
const tailLength = 8

// Curl is a line for the shell that sends body to a path of the API. It is quoted for POSIX shells.
func (f *Frame) Curl(path, body string) string {
	key := ""
	if !f.Dev {
		key = `-H "Authorization: Bearer $PUNCTUAL_KEY" `
	}
	if body == "" {
		return "curl " + key + shellQuote(f.Origin+path)
	}
	return "curl " + key + "-d " + shellQuote(body) + " " + shellQuote(f.Origin+path)
}

// shellQuote puts s between single quotes unless it needs none.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/:._-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// base gives Render the frame of any page.
func (f *Frame) base() *Frame { return f }
