package models

import "time"

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
	coming := make([]Coming, 0, count)
	for range count {
		at, ok := r.Next(after)
		if !ok {
			break
		}
		coming = append(coming, Coming{At: at, Local: at.In(r.Location()).Format(time.RFC3339Nano), Note: r.Note(at)})
		after = at
	}
	return coming, r.Warnings(), nil
}
