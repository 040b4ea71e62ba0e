package ui

import (
	"slices"

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
	Loads   map[string]Load // by target id
	Next    string          // cursor of the next page, "" at the end
	Older   bool            // this is not the first page
}

func (*Targets) template() string { return "targets" }

// TargetRow is a target in a list.
type TargetRow struct {
	*models.Target
	Sign Sign
	Why  string
	Load Load
}

// Rows are the targets as they are drawn.
func (p *Targets) Rows() []TargetRow {
	out := make([]TargetRow, len(p.Targets))
	for i, t := range p.Targets {
		out[i] = targetRow(t, p.Loads[t.ID])
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
func (p *Target) Row() TargetRow { return targetRow(p.Target, p.Load) }

// Headers are what every call carries, secret values masked.
func (p *Target) Headers() []Line { return headerLines(p.Target.Headers.Mask()) }

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
