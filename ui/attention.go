package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// Attention is a target that somebody should look at.
type Attention struct {
	Target *models.Target
	Sign   Sign
	Why    string
	Since  time.Time // zero: not known
}

// minCalls is how many calls a target must have made of late to be judged by them.
const minCalls = 3

// AttentionOf lists the targets that are failing, at their limit or paused, the worst first. A target fails when at
// least half of its calls in this hour and the one before came to nothing.
func AttentionOf(targets []*models.Target, loads map[string]Load, health map[string]*models.Health) []Attention {
	var bad, waiting, paused []Attention
	for _, t := range targets {
		load := loads[t.ID]
		made, failed := lately(health[t.ID])
		switch {
		case t.Paused():
			paused = append(paused, Attention{t, Sign{"hold", "paused"}, pauseWords(t.PausedReason), t.PausedAt})
		case made >= minCalls && 2*failed >= made:
			bad = append(bad, Attention{Target: t, Sign: Sign{"bad", "failing"},
				Why: fmt.Sprintf("%s of its last %s calls failed", thousands(failed), thousands(made))})
		case load.Held != "" && load.Queued > 0:
			waiting = append(waiting, Attention{Target: t, Sign: Sign{"due", "waiting"},
				Why: count(load.Queued, "job waits: ", "jobs wait: ") + heldWords(load.Held, t)})
		}
	}
	return append(append(bad, waiting...), paused...)
}

// lately counts the calls of this hour and the one before, and those of them that came to nothing.
func lately(h *models.Health) (made, failed int) {
	if h == nil {
		return 0, 0
	}
	for _, c := range h.Hours[models.HealthHours-2:] {
		failed += c.Retryable + c.Failed + c.Lost
		made += c.Succeeded + c.Retryable + c.Failed + c.Lost
	}
	return made, failed
}

// Failing counts those whose calls fail.
func Failing(all []Attention) (n int) {
	for _, a := range all {
		if a.Sign.Name == "bad" {
			n++
		}
	}
	return n
}

// AlarmOf is what the frame of every page says about them; "" while none fails.
func AlarmOf(all []Attention) string {
	if n := Failing(all); n > 0 {
		return count(n, "target failing", "targets failing")
	}
	return ""
}
