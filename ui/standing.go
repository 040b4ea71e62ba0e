package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// Sign is a small picture with a meaning: its colour is never the only difference.
type Sign struct {
	Name string // of the symbol in frame.html, and of the colour in parts.css
	Word string // beside it
}

// Standing is where a job stands, in one word. A scheduled job is queued when it is due, retrying when an attempt was made.
func Standing(j *models.Job, now time.Time) Sign {
	switch j.State {
	case models.Running:
		if !j.CancelRequestedAt.IsZero() {
			return Sign{"run", "canceling"}
		}
		return Sign{"run", "running"}
	case models.Succeeded:
		return Sign{"ok", "succeeded"}
	case models.Failed:
		return Sign{"bad", "failed"}
	case models.Canceled:
		return Sign{"off", "canceled"}
	}
	switch {
	case j.Held:
		return Sign{"hold", "in line"}
	case j.Attempts > 0:
		return Sign{"again", "retrying"}
	case j.RunAt.After(now):
		return Sign{"later", "scheduled"}
	}
	return Sign{"due", "queued"}
}

// StateSign is the sign of a state alone, for jobs of which nothing else is known. "" is a job no longer kept.
func StateSign(s models.State) Sign {
	signs := map[models.State]Sign{models.Scheduled: {"later", "scheduled"}, models.Running: {"run", "running"},
		models.Succeeded: {"ok", "succeeded"}, models.Failed: {"bad", "failed"}, models.Canceled: {"off", "canceled"}}
	if sign, ok := signs[s]; ok {
		return sign
	}
	return Sign{"off", "no longer kept"}
}

// OutcomeSign is what came of an attempt.
func OutcomeSign(o models.Outcome) Sign {
	signs := map[models.Outcome]string{models.Calling: "run", models.Success: "ok", models.Retryable: "again",
		models.Failure: "bad", models.Aborted: "off", models.Interrupted: "hold", models.Lost: "lost"}
	return Sign{signs[o], string(o)}
}

// why explains the reason that a job ended for.
func why(reason string) string {
	return map[string]string{
		models.ReasonExpired:    "Its expiry came before an attempt could succeed.",
		models.ReasonSuperseded: "The next occurrence of its schedule took its place.",
		models.ReasonLost:       "Its node died while the call was out. The call may have arrived.",
		models.ReasonRejected:   "The target's answer said that trying again would not help.",
		models.ReasonGone:       "The target answered 410 Gone.",
		models.ReasonBlocked:    "The guard does not allow calls to this address.",
		models.ReasonExhausted:  "No attempt is left.",
		models.ReasonCanceled:   "Somebody asked for it.",
	}[reason]
}

// Reasons for a due job not to run, as the API's held_by spells them.
const (
	HeldPaused   = "paused"
	HeldInFlight = "in_flight"
	HeldRate     = "rate"
	HeldOverlap  = "overlap"
	HeldNode     = "node"
)

// heldWords says why a due job is not running; target is the job's, as it stands.
func heldWords(held string, target *models.Target) string {
	name := "its target"
	if target != nil {
		name = target.Name
	}
	switch held {
	case "":
		return ""
	case HeldPaused:
		return name + " is paused"
	case HeldInFlight:
		if target != nil {
			return fmt.Sprintf("%s has its %d calls out", name, target.MaxInFlight)
		}
		return name + " has as many calls out as it may"
	case HeldRate:
		return name + " has used up its rate for now"
	case HeldOverlap:
		return "another run of its schedule is unfinished"
	case HeldNode:
		return "this node has no slot free for it"
	}
	return held
}

// heldShort is heldWords for a list, where the target stands beside it.
func heldShort(held string) string {
	words := map[string]string{HeldPaused: "target paused", HeldInFlight: "at its limit", HeldRate: "at its rate",
		HeldNode: "node is full", HeldOverlap: ""}
	if w, ok := words[held]; ok {
		return w
	}
	return held
}

// skipWords explains why an occurrence was skipped.
func skipWords(reason string) string {
	words := map[string]string{
		models.SkipOverlap: "the run before it was unfinished",
		models.SkipPaused:  "the schedule was paused",
		models.SkipMissed:  "nothing was there to settle it in time",
		models.SkipLimit:   "1,000 runs were unfinished",
	}
	if w, ok := words[reason]; ok {
		return w
	}
	return reason
}
