package models

import (
	"strings"
	"time"
)

// MaxPreview is the most occurrences that a preview shows.
const MaxPreview = 100

// Coming is one occurrence as a preview shows it.
type Coming struct {
	At    time.Time // UTC
	Local string    // the same by the clocks of the timing's zone, RFC 3339 with offset
	Note  string    // what a rule about daylight saving did, "" if nothing; see Recurrence.Note
}

// Preview lists the next count occurrences later than after, or, if inclusive, not earlier, with what may surprise
// the timing's author. A timing without Anchor counts as made at after.
func (t Timing) Preview(after time.Time, inclusive bool, count int) ([]Coming, []string, error) {
	if t.Anchor.IsZero() {
		t.Anchor = after
	}
	r, err := t.Compile()
	var wrong Invalids
	wrong.under("", err)
	if count < 1 || count > MaxPreview {
		wrong.add("count", "must be between 1 and 100")
	}
	if len(wrong) > 0 {
		return nil, nil, wrong
	}
	if inclusive {
		after = after.Add(-1)
	}
	began, coming := after, make([]Coming, 0, count)
	for range count {
		at, ok := r.Next(after)
		if !ok {
			break
		}
		coming = append(coming, Coming{At: at, Local: at.In(r.Location()).Format(time.RFC3339Nano), Note: r.Note(at)})
		after = at
	}
	return coming, append(t.leftOut(r, began, after), r.Warnings()...), nil
}

// maxLeftOut is the most runs left out that a preview tells of.
const maxLeftOut = 5

// leftOut tells which runs dst_gap skip leaves out after one time and before another: those that would be there with
// run_after. r is the compiled timing.
func (t Timing) leftOut(r *Recurrence, after, before time.Time) (all []string) {
	if t.Cron == "" || t.DSTGap != "skip" {
		return nil
	}
	t.DSTGap = "run_after"
	with, err := t.Compile()
	if err != nil {
		return nil // it cannot fail where the other one did not
	}
	for at, ok := with.Next(after); ok && at.Before(before) && len(all) < maxLeftOut; at, ok = with.Next(at) {
		if !r.occurs(at) {
			missing, _, _ := strings.Cut(with.Note(at), ": ")
			all = append(all, missing+": skipped")
		}
	}
	return all
}
