package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// System is how Punctual itself is doing, and how it was set up.
type System struct {
	Frame
	Node      string
	StartedAt time.Time
	GoVersion string
	Memory    uint64 // bytes that the process got from the system
	InFlight  int    // calls that are out
	Slots     int    // that may be out
	Queued    int    // jobs in the due queue
	Turns     int    // schedules in it
	Watchers  int    // streams of events
	Book      models.Condition
	Counts    []Line // since the start, in the order to be shown
	Settings  []Line
	Nodes     []Member // that share the work, the oldest first
	Faults    uint64   // of ours: claims forgotten and schedules fallen out of the queue; 0 unless there is a bug or the database broke off within a commit
	Trouble   string   // why it is not ready; "": it is
}

func (*System) template() string { return "system" }

// Member is a node and how many shards are its own.
type Member struct {
	models.Node
	Shards int
}

// Sign is its state.
func (m Member) Sign() Sign {
	switch state := m.State(); state {
	case "dead":
		return Sign{"bad", state}
	case "draining":
		return Sign{"again", state}
	default:
		return Sign{"ok", state}
	}
}

// Clock says by how much its clock differs from the database's, if that is worth a word.
func (m Member) Clock() string {
	if m.Skew.Abs() < time.Second {
		return ""
	}
	return fmt.Sprintf("%+.1f s", m.Skew.Seconds())
}

// Uptime is how long the process has run.
func (p *System) Uptime() string { return span(p.Now.Sub(p.StartedAt)) }

// Health is the state of Punctual itself in a sentence.
func (p *System) Health() Sign {
	switch {
	case p.Trouble != "":
		return Sign{"bad", "Not ready: " + p.Trouble + "."}
	case p.Faults > 0:
		return Sign{"again", count(int(p.Faults), "fault", "faults") + " mended since the start. Please report it, unless the database broke off meanwhile."}
	case p.Book.WaitingBytes > p.Book.MaxWaiting/2:
		return Sign{"again", "The database is slower than what comes in."}
	}
	return Sign{"ok", "Punctual is well."}
}

// InUse is the share of the slots for calls that is taken.
func (p *System) InUse() Meter { return meterOf(float64(p.InFlight), float64(p.Slots)) }

// Line is the share of the writer's waiting line that is taken.
func (p *System) Line() Meter {
	return meterOf(float64(p.Book.WaitingBytes), float64(p.Book.MaxWaiting))
}

// Space says how large the database is.
func (p *System) Space() string {
	if p.Book.Free < p.Book.Bytes/100 {
		return Size(int(p.Book.Bytes))
	}
	return fmt.Sprintf("%s, %s of it free for rows to come", Size(int(p.Book.Bytes)), Size(int(p.Book.Free)))
}

// Meter is a share of a whole, in a hundred parts.
type Meter struct {
	W    int    // filled
	Sign string // "accent", or "bad" near the end
}

// meterOf shows the least bit of anything above 0.
func meterOf(used, all float64) Meter {
	const nearEnd = 90
	if all <= 0 || used <= 0 {
		return Meter{Sign: "accent"}
	}
	m := Meter{W: min(max(int(100*used/all), 1), 100), Sign: "accent"}
	if m.W >= nearEnd {
		m.Sign = "bad"
	}
	return m
}
