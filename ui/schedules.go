package ui

import (
	"net/url"
	"slices"

	"punctual/models"
)

// Schedules is the list of schedules, the one that runs next first.
type Schedules struct {
	Frame
	Schedules []*models.Schedule      // of this page, in order
	Search    string                  // part of a name, or of the target's
	State     string                  // those in it; "": all
	ByName    bool                    // in the order of their names
	Counts    map[string]int          // by state, of those that the search finds
	Past      map[string][]models.Run // by schedule id: its newest runs, oldest first
	More      string                  // cursor of the next page, "" at the end
	Older     bool                    // this is not the first page
}

func (*Schedules) template() string { return "schedules" }

// ScheduleList is the address of a page of the list.
func ScheduleList(search, state string, byName bool, cursor string) string {
	v := url.Values{"q": {search}, "state": {state}}
	if byName {
		v.Set("sort", "name")
	}
	return withCursor("/schedules", v, cursor)
}

// NextURL is the address of the next page.
func (p *Schedules) NextURL() string { return ScheduleList(p.Search, p.State, p.ByName, p.More) }

// FirstURL is the address of the first page.
func (p *Schedules) FirstURL() string { return ScheduleList(p.Search, p.State, p.ByName, "") }

// NameURL and SoonestURL are the same list in another order.
func (p *Schedules) NameURL() string { return ScheduleList(p.Search, p.State, true, "") }

// SoonestURL is NameURL for the order of the next runs.
func (p *Schedules) SoonestURL() string { return ScheduleList(p.Search, p.State, false, "") }

// Searched tells whether the list shows less than all.
func (p *Schedules) Searched() bool { return p.Search != "" || p.State != "" }

// Tabs are the states to choose from.
func (p *Schedules) Tabs() []Tab {
	total := 0
	for _, n := range p.Counts {
		total += n
	}
	tabs := []Tab{{Entry{Name: "all", Href: ScheduleList(p.Search, "", p.ByName, ""), Lit: p.State == ""}, thousands(total)}}
	for _, state := range []string{models.ScheduleActive, models.SchedulePaused, models.ScheduleEnded} {
		tabs = append(tabs, Tab{Entry{Name: state, Href: ScheduleList(p.Search, state, p.ByName, ""), Lit: p.State == state},
			thousands(p.Counts[state])})
	}
	return tabs
}

// Pick tells whether rows can be selected.
func (p *Schedules) Pick() bool { return p.May.Write && len(p.Schedules) > 0 }

// ScheduleRow is a schedule in a list.
type ScheduleRow struct {
	*models.Schedule
	Sign Sign
	When string // the cron line, or "every 5m"
	Next Moment // empty when it has ended or is paused
	Last Sign   // of its newest job
	Past Spark  // of its newest runs
}

// Rows are the schedules as they are drawn.
func (p *Schedules) Rows() []ScheduleRow {
	var out []ScheduleRow
	for _, s := range p.Schedules {
		row := p.scheduleRow(s)
		var signs []Sign
		for _, run := range slices.Backward(p.Past[s.ID]) {
			signs = append(signs, StateSign(run.State))
		}
		row.Past = sparkOf(signs)
		out = append(out, row)
	}
	return out
}

func (f *Frame) scheduleRow(s *models.Schedule) ScheduleRow {
	row := ScheduleRow{Schedule: s, When: s.Cron, Sign: Sign{"ok", s.Status()}}
	if s.Every > 0 {
		row.When = "every " + models.FormatDuration(s.Every)
	}
	switch s.Status() {
	case models.SchedulePaused:
		row.Sign.Name = "hold"
	case models.ScheduleEnded:
		row.Sign.Name = "off"
	default:
		row.Next = f.At(s.NextAt)
	}
	if s.LastJob != nil {
		row.Last = Standing(s.LastJob, f.Now)
	}
	return row
}
