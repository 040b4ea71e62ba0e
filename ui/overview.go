package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// Overview is the first page: is all well, and if not, what is it?
type Overview struct {
	Frame
	Targets     int    // registered, up to a page of them
	InFlight    int    // calls out now
	Window      string // of Stats, as in the address
	Stats       *models.Stats
	FailedDay   int           // jobs that failed in the last 24 hours
	Attention   []Attention   // the worst first; AttentionShown of them are drawn
	Coming      []Upcoming    // within the next hour, soonest first
	MoreComing  bool          // not all of them are shown
	Failures    []*models.Job // newest first; FailuresShown at most
	HasSchedule bool          // there is a schedule at all
}

func (*Overview) template() string { return "overview" }

// Upcoming is one coming run of a schedule.
type Upcoming struct {
	Schedule string
	Target   string
	At       Moment
	Note     string // why it may come to nothing
}

// How much of each the page shows: failed jobs, coming runs, and targets to look at.
const (
	FailuresShown  = 8
	ComingShown    = 10
	AttentionShown = 12
)

// Worst are the targets to look at first.
func (p *Overview) Worst() []Attention { return p.Attention[:min(len(p.Attention), AttentionShown)] }

// Others is how many more there are to look at, in words; "" is none.
func (p *Overview) Others() string {
	if n := len(p.Attention) - AttentionShown; n > 0 {
		return count(n, "other", "others")
	}
	return ""
}

// late is how long a job may have been due before the page calls it late.
const late = time.Minute

// Verdict is the state of things in a sentence.
func (p *Overview) Verdict() Sign {
	failing, paused := Failing(p.Attention), 0
	for _, a := range p.Attention {
		if a.Target.Paused() {
			paused++
		}
	}
	switch {
	case p.Targets == 0:
		return Sign{"later", "Nothing to do yet."}
	case failing > 0:
		return Sign{"bad", count(failing, "target is", "targets are") + " failing."}
	case p.FailedDay > 0:
		return Sign{"again", count(p.FailedDay, "job", "jobs") + " failed in the last 24 hours."}
	case paused > 0:
		return Sign{"hold", count(paused, "target is", "targets are") + " paused, else all is well."}
	}
	return Sign{"ok", "All is well."}
}

// Story is what happened in the window, in a sentence.
func (p *Overview) Story() string {
	h := p.Stats.Total
	made := h.Calls.Succeeded + h.Calls.Retryable + h.Calls.Failed + h.Calls.Lost
	if made == 0 {
		return "No call in " + p.windowWords() + "."
	}
	s := fmt.Sprintf("%s in %s, %s of them well", count(made, "call", "calls"), p.windowWords(), share(h.Calls.Succeeded, made))
	if h.Latency.Known {
		s += fmt.Sprintf("; half were answered within %s, 99 of 100 within %s", Took(h.Latency.P50), Took(h.Latency.P99))
	}
	return s + "."
}

func (p *Overview) windowWords() string {
	return map[string]string{"1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days"}[p.Window]
}

// share is part of all in per cent; it is 100% only if nothing is missing, and 0% only if nothing is there.
func share(part, all int) string {
	if part == all {
		return "100%"
	}
	v := 100 * float64(part) / float64(all)
	if part > 0 {
		v = max(v, 0.1)
	}
	return fmt.Sprintf("%.1f%%", min(v, 99.9))
}

// Windows are the stretches of time to choose from.
func (p *Overview) Windows() []Entry {
	var all []Entry
	for _, w := range models.Windows {
		href := "/?window=" + w.Name
		if w == models.Hour {
			href = "/"
		}
		all = append(all, Entry{Name: w.Name, Href: href, Lit: w.Name == p.Window})
	}
	return all
}

// Tile is a figure that leads to what it counts.
type Tile struct {
	N, Word, Href, Class string
	Since                Moment // the oldest of them; empty: not told
}

// Tiles are the figures.
func (p *Overview) Tiles() []Tile {
	jobs, due := p.Stats.Jobs, Count{p.Stats.Due, !p.Stats.DueExact}
	tiles := []Tile{
		{N: due.String(), Word: "due now", Href: SearchURL("state:scheduled due:<now")},
		{N: thousands(jobs.Running), Word: "running", Href: SearchURL("state:running")},
		{N: thousands(jobs.Scheduled), Word: "scheduled", Href: SearchURL("state:scheduled")},
		{N: thousands(jobs.Retrying), Word: "retrying", Href: SearchURL("state:retrying")},
		{N: thousands(p.FailedDay), Word: "failed in 24 h", Href: SearchURL("state:failed created:>24h")},
	}
	if oldest := p.Stats.OldestDue; !oldest.IsZero() && p.Now.Sub(oldest) > late {
		tiles[0].Class, tiles[0].Since = "warn", p.At(oldest)
	}
	if jobs.Retrying > 0 {
		tiles[3].Class = "warn"
	}
	if p.FailedDay > 0 {
		tiles[4].Class, tiles[4].Href = "bad", SearchURL("state:failed")
	}
	return tiles
}

// Charts are the pictures of the window.
func (p *Overview) Charts() []Chart {
	return []Chart{p.CallsChart(p.Stats), p.LatencyChart(p.Stats), p.LatenessChart(p.Stats)}
}

// Rows are the latest failures.
func (p *Overview) Rows() []Row { return p.rows(p.Failures, nil) }

// Empty tells whether nothing has been registered yet.
func (p *Overview) Empty() bool { return p.Targets == 0 }

// count is "1 job" or "3 jobs".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}
