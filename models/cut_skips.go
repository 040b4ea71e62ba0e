package models

import (
	"slices"
	"time"
)

// cutSkips takes the range [from, to), whose occurrences all have jobs now, out of the stretches of skips that reach
// into it; filled are those occurrences that had none before. What remains of a stretch on either side keeps its part
// of the count, so that the skips still add up.
func (t *tx) cutSkips(s *Schedule, rule *Recurrence, filled []time.Time, from, to time.Time) error {
	var cut []*Occurrence
	if err := t.each(`SELECT at, until, count, reason FROM occurrences WHERE schedule_id = ?1 AND at < ?3 AND at >= coalesce(
		(SELECT max(at) FROM occurrences WHERE schedule_id = ?1 AND at <= ?2), ?2) AND until >= ?2 AND outcome = 'skipped'`,
		[]any{s.ID, from.UnixMicro(), to.UnixMicro()}, func(scan func(...any) error) error {
			o := &Occurrence{ScheduleID: s.ID, Outcome: OccurrenceSkipped}
			var at, until maybeMicro
			err := scan(&at, &until, &o.Count, &o.Reason)
			o.At, o.Until = at.Time, until.Time
			cut = append(cut, o)
			return err
		}); err != nil {
		return err
	}
	for _, o := range cut {
		rest := o.without(rule, s.TimingSince, filled, from, to)
		if rest == nil {
			continue
		}
		if _, err := t.exec(`DELETE FROM occurrences WHERE schedule_id = ? AND at = ?`, s.ID, o.At.UnixMicro()); err != nil {
			return err
		}
		for _, part := range rest {
			if _, err := t.addOccurrence(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// without gives what remains of a stretch of skips once the filled ones in [from, to) are taken out; nil: all of it,
// for none of them was part of it. The rule holds since a time; where the stretch reaches back behind it, nobody knows
// any more which occurrences it had: those that the rule names are taken for them, and what remains goes up to the
// very edge of the range.
func (o *Occurrence) without(rule *Recurrence, since time.Time, filled []time.Time, from, to time.Time) []*Occurrence {
	count := o.Count
	for _, at := range filled {
		if !at.Before(o.At) && !at.After(o.Until) {
			count--
		}
	}
	if count == o.Count {
		return nil
	}
	left, right := *o, *o
	left.Until = lastBefore(rule, from, o.At)
	if edge := from.Add(-time.Millisecond); !o.At.After(since) && edge.After(left.Until) {
		left.Until = latest(left.Until, earliest(since, edge))
	}
	if first, ok := rule.Next(to.Add(-1)); !to.After(since) {
		right.At = to
	} else if ok {
		right.At = earliest(first, o.Until)
	}
	switch before, after := o.At.Before(from), !o.Until.Before(to); {
	case before && after && !o.At.After(since): // the side on which the rule held is counted, the other has the rest
		right.Count = o.share(rule, to, o.Until.Add(1), count)
		left.Count = count - right.Count
	case before && after:
		left.Count = o.share(rule, o.At, from, count)
		right.Count = count - left.Count
	case before:
		left.Count, right.Count = count, 0
	case after:
		left.Count, right.Count = 0, count
	default:
		left.Count, right.Count = 0, 0
	}
	rest := []*Occurrence{&left, &right}
	return slices.DeleteFunc(rest, func(o *Occurrence) bool { return o.Count <= 0 })
}

// share is how many of count lie in [from, to), a part of the stretch: counted, or in proportion if that takes long.
func (o *Occurrence) share(rule *Recurrence, from, to time.Time, count int) int {
	const most = 20_000
	n := len(between(rule, from, to, most))
	if n == most {
		n = int(float64(o.Count) * float64(to.Sub(from)) / float64(o.Until.Sub(o.At)))
	}
	return min(n, max(count, 0))
}

// lastBefore is the last occurrence in [floor, end), or floor if there is none.
func lastBefore(rule *Recurrence, end, floor time.Time) time.Time {
	last, none := floor, end // none: no occurrence is in (none, end)
	for {
		at, ok := rule.Next(last)
		if !ok || !at.Before(end) {
			return last
		}
		last = at
		if middle := last.Add(none.Sub(last) / 2); middle.After(last) {
			if at, ok := rule.Next(middle); ok && at.Before(end) {
				last = at
			} else {
				none = middle
			}
		}
	}
}
