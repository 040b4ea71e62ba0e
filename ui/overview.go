package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// Overview is the first page: is all well, and if not, what is it?
type Overview struct {
	Frame
	InFlight, Slots int              // calls out now, and how many may be
	Queued          int              // jobs due and waiting in memory
	Targets         []*models.Target // up to a page of them
	Loads           map[string]Load  // by target id
	Schedules       []*models.Schedule
	Failures        []*models.Job     // newest first; FailuresShown at most
	Recent          []*models.Attempt // newest first
}

func (*Overview) template() string { return "overview" }

// FailuresShown is how many failed jobs the page shows; ComingShown how many coming runs.
const (
	FailuresShown = 8
	ComingShown   = 8
)

// Attention is a target that somebody should look at.
type Attention struct {
	Target *models.Target
	Sign   Sign
	Why    string
	Since  Moment // empty: not known
}

// minCalls is how many of the recent calls a target must have made to be judged by them.
const minCalls = 3

// Attention lists the targets that are paused, or at least half of whose recent calls failed.
func (p *Overview) Attention() []Attention {
	made, failed := map[string]int{}, map[string]int{}
	for _, a := range p.Recent {
		if a.Outcome == models.Calling {
			continue
		}
		made[a.TargetID]++
		if a.Outcome != models.Success {
			failed[a.TargetID]++
		}
	}
	var out []Attention
	for _, t := range p.Targets {
		row := targetRow(t, p.Loads[t.ID])
		switch bad, all := failed[t.ID], made[t.ID]; {
		case t.Paused():
			out = append(out, Attention{t, row.Sign, row.Why, p.At(t.PausedAt)})
		case all >= minCalls && 2*bad >= all:
			why := fmt.Sprintf("%d of its last %d calls failed", bad, all)
			out = append(out, Attention{t, Sign{"bad", "failing"}, why, Moment{}})
		}
	}
	return out
}

// FailedToday counts the failures shown that happened within a day; more tells that there may be others.
func (p *Overview) FailedToday() (n int, more bool) {
	for _, j := range p.Failures {
		if p.Now.Sub(j.FinishedAt) < 24*time.Hour {
			n++
		}
	}
	return n, n == FailuresShown
}

// Verdict is the state of things in a sentence.
func (p *Overview) Verdict() Sign {
	n, more := p.FailedToday()
	failing, paused := 0, 0
	for _, a := range p.Attention() {
		if a.Target.Paused() {
			paused++
		} else {
			failing++
		}
	}
	switch {
	case len(p.Targets) == 0:
		return Sign{"later", "Nothing to do yet."}
	case failing > 0:
		return Sign{"bad", count(failing, "target is", "targets are") + " failing."}
	case n > 0 && more:
		return Sign{"again", fmt.Sprintf("%d jobs or more failed in the last 24 hours.", n)}
	case n > 0:
		return Sign{"again", count(n, "job", "jobs") + " failed in the last 24 hours."}
	case paused > 0:
		return Sign{"hold", count(paused, "target is", "targets are") + " paused, else all is well."}
	}
	return Sign{"ok", "All is well."}
}

// FailedText is the number of failures for a tile.
func (p *Overview) FailedText() string {
	n, more := p.FailedToday()
	if more {
		return fmt.Sprintf("%d+", n)
	}
	return fmt.Sprint(n)
}

// Rows are the latest failures.
func (p *Overview) Rows() []Row { return p.rows(p.Failures, nil) }

// Strip is the picture of the latest calls.
func (p *Overview) Strip() Strip { return stripOf(p.Recent) }

// Coming are the schedules that run next.
func (p *Overview) Coming() []ScheduleRow {
	next := soonest(p.Schedules)
	var out []ScheduleRow
	for _, s := range next[:min(len(next), ComingShown)] {
		out = append(out, p.scheduleRow(s))
	}
	return out
}

// Empty tells whether nothing has been registered yet.
func (p *Overview) Empty() bool { return len(p.Targets) == 0 }

// count is "1 job" or "3 jobs".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
