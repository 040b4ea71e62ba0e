package ui

import (
	"net/url"
	"slices"
	"strings"

	"punctual/models"
)

// Load is what a target's calls are doing now.
type Load struct {
	InFlight, Queued int
	Held             string // why what is due waits, as held_by spells it
}

// Targets is the list of targets, by name.
type Targets struct {
	Frame
	Targets []*models.Target
	Loads   map[string]Load             // by target id
	Health  map[string]*models.Health   // by target id
	Counts  map[string]models.JobCounts // by target id
	Next    string                      // cursor of the next page, "" at the end
	Older   bool                        // this is not the first page
}

func (*Targets) template() string { return "targets" }

// TargetRow is a target in a list.
type TargetRow struct {
	*models.Target
	Sign  Sign
	Why   string
	Load  Load
	Spark Spark  // the last 24 hours, one bar for each
	Well  string // share of calls that came to something; "" without calls
	Bad   bool   // that share is low
	P95   string // how long 95 of 100 calls took in the last hour; "" without calls
	Meter Meter  // calls out against the limit
	Owed  Count  // jobs that are scheduled
}

// low is the share of calls in a hundred below which a target is marked.
const low = 90

// drawHealth adds what is known of the target's calls.
func (r *TargetRow) drawHealth(h *models.Health, owed int) {
	r.Meter, r.Owed = meterOf(float64(r.Load.InFlight), float64(r.MaxInFlight)), Count{N: owed}
	if h == nil {
		return
	}
	c := h.Total.Calls
	if made := c.Succeeded + c.Retryable + c.Failed + c.Lost; made > 0 {
		r.Well, r.Bad = share(c.Succeeded, made), 100*c.Succeeded < low*made
	}
	if h.Total.Latency.Known {
		r.P95 = Took(h.Total.Latency.P95)
	}
	r.Spark = sparkOfHours(h.Hours[:])
	if made, failed := lately(h); r.Sign.Name == "ok" && made >= minCalls && 2*failed >= made {
		r.Sign = Sign{"bad", "failing"}
	}
}

// Rows are the targets as they are drawn.
func (p *Targets) Rows() []TargetRow {
	out := make([]TargetRow, len(p.Targets))
	for i, t := range p.Targets {
		out[i] = targetRow(t, p.Loads[t.ID])
		out[i].drawHealth(p.Health[t.ID], p.Counts[t.ID].Scheduled)
	}
	return out
}

func targetRow(t *models.Target, load Load) TargetRow {
	row := TargetRow{Target: t, Sign: Sign{"ok", "active"}, Load: load}
	switch {
	case t.Paused():
		row.Sign, row.Why = Sign{"hold", "paused"}, pauseWords(t.PausedReason)
	case load.Held != "" && load.Queued > 0:
		row.Sign, row.Why = Sign{"due", "waiting"}, heldWords(load.Held, t)
	}
	return row
}

// pauseWords explains the reason for a pause that Punctual itself gave.
func pauseWords(reason string) string {
	if reason == models.ReasonGone {
		return "it answered 410 Gone"
	}
	return reason
}

// NextURL is the address of the next page.
func (p *Targets) NextURL() string { return withCursor("/targets", nil, p.Next) }

// TargetForm is the form for a new target, or for changing one.
type TargetForm struct {
	Frame
	Form Form
	Name string // of the target to change; "": a new one
}

func (*TargetForm) template() string { return "target_form" }

// Action is where the form goes.
func (p *TargetForm) Action() string {
	if p.Name == "" {
		return "/targets/new"
	}
	return Link("targets", p.Name, "edit")
}

// Target is one target.
type Target struct {
	Frame
	Target  *models.Target
	Load    Load
	Health  *models.Health
	Counts  models.JobCounts
	Stats   *models.Stats     // of the last 24 hours; nil: not asked for
	Tested  *models.Attempt   // the test call just made; nil: none
	Recent  []*models.Attempt // newest first
	Secrets []string          // shown because somebody asked; nil: not shown
	// PublicKeys are the keys that verify v1a signatures, newest first; nil: there are none.
	PublicKeys []models.PublicKey
	Pause      Form // reason
	Rotate     Form // overlap
	Delete     Form // delete_schedules, cancel_jobs
}

func (*Target) template() string { return "target" }

// Row is the target as lists draw it.
func (p *Target) Row() TargetRow {
	row := targetRow(p.Target, p.Load)
	row.drawHealth(p.Health, p.Counts.Scheduled)
	return row
}

// Charts are the pictures of its day.
func (p *Target) Charts() []Chart {
	if p.Stats == nil {
		return nil
	}
	return []Chart{p.CallsChart(p.Stats), p.LatencyChart(p.Stats)}
}

// Tiles are its figures.
func (p *Target) Tiles() []Tile {
	row, named := p.Row(), models.JobFilter{Target: p.Target.Name}.Search()
	latency := "–"
	if row.P95 != "" {
		latency = row.P95
	}
	well := Tile{N: "–", Word: "of calls well in 24 h", Href: "/attempts?target=" + url.QueryEscape(p.Target.Name)}
	if row.Well != "" {
		if well.N = row.Well; row.Bad {
			well.Class = "bad"
		}
	}
	failed := Tile{N: thousands(p.Counts.Failed), Word: "failed jobs", Href: SearchURL(named + " state:failed")}
	if p.Counts.Failed > 0 {
		failed.Class = "bad"
	}
	return []Tile{well, {N: latency, Word: "p95 in the last hour", Href: "#charts"},
		{N: thousands(p.Load.InFlight), Word: "out of " + thousands(p.Target.MaxInFlight), Href: SearchURL(named + " state:running")},
		{N: thousands(p.Counts.Scheduled), Word: "scheduled", Href: SearchURL(named + " state:scheduled")}, failed}
}

// Headers are what every call carries, secret values masked.
func (p *Target) Headers() []Line { return headerLines(p.Target.Headers.Mask()) }

// Records says what is kept of each call, as far as the target has settings of its own; "" if it has none.
func (p *Target) Records() string {
	var all []string
	c := p.Target.Capture
	if c.ResponseBody != nil {
		all = append(all, models.FormatSize(int64(*c.ResponseBody))+" of an answer")
	}
	if c.RequestBody > 0 {
		all = append(all, models.FormatSize(int64(c.RequestBody))+" of a request")
	}
	if len(c.RedactHeaders) > 0 {
		all = append(all, "not the values of "+strings.Join(c.RedactHeaders, ", "))
	}
	return strings.Join(all, "; ")
}

// Calls are the recent attempts.
func (p *Target) Calls() []Call { return p.calls(p.Recent, false) }

// Strip is the picture of the recent attempts.
func (p *Target) Strip() Strip { return stripOf(p.Recent) }

// Test is the test call as it is drawn.
func (p *Target) Test() Call { return p.call(p.Tested, false) }

// Backoff is the waits between attempts, in the middle of their jitter.
func (p *Target) Backoff() []string {
	var waits []string
	for used := 1; used < p.Target.Retry.MaxAttempts; used++ {
		waits = append(waits, span(p.Target.Retry.Delay(used, 0.5)))
	}
	if len(waits) > 6 {
		waits = slices.Concat(waits[:5], []string{"…"}, waits[len(waits)-1:])
	}
	return waits
}

// Example is a line for the shell that makes a job for the target.
func (p *Target) Example() string {
	return p.Curl("/v1/jobs", `{"target":"`+p.Target.Name+`","payload":{"hello":"world"}}`)
}
