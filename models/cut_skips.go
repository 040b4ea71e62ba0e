package models

import "time"

// cutSkips takes the range [from, to), whose occurrences all have jobs now, out of the stretches of skips that reach
// into it; filled are those occurrences that had none before. What remains of a stretch on either side keeps its part
// of the count, so that the skips still add up.
func (t *tx) cutSkips(scheduleID string, rule *Recurrence, filled []time.Time, from, to time.Time) error {
	var cut []*Occurrence
	if err := t.each(`SELECT at, until, count, reason FROM occurrences WHERE schedule_id = ? AND at < ? AND until >= ?
		AND outcome = 'skipped'`, []any{scheduleID, to.UnixMicro(), from.UnixMicro()}, func(scan func(...any) error) error {
		o := &Occurrence{ScheduleID: scheduleID, Outcome: OccurrenceSkipped}
		var at, until maybeMicro
		err := scan(&at, &until, &o.Count, &o.Reason)
		o.At, o.Until = at.Time, until.Time
		cut = append(cut, o)
		return err
	}); err != nil {
		return err
	}
	for _, o := range cut {
		rest := o.without(rule, filled, from, to)
		if rest == nil {
			continue
		}
		if _, err := t.exec(`DELETE FROM occurrences WHERE schedule_id = ? AND at = ?`, scheduleID, o.At.UnixMicro()); err != nil {
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
// for none of them was part of it.
func (o *Occurrence) without(rule *Recurrence, filled []time.Time, from, to time.Time) []*Occurrence {
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
	left.Until, right.At = lastBefore(rule, from, o.At), o.Until
	if first, ok := rule.Next(to.Add(-1)); ok && first.Before(o.Until) {
		right.At = first
	}
	switch before, after := o.At.Before(from), !o.Until.Before(to); {
	case before && after:
		left.Count = o.share(rule, from, count)
		right.Count = max(count-left.Count, 1)
		return []*Occurrence{&left, &right}
	case before:
		left.Count = max(count, 1)
		return []*Occurrence{&left}
	case after:
		right.Count = max(count, 1)
		return []*Occurrence{&right}
	}
	return []*Occurrence{}
}

// share is how many of count lie before an instant within the stretch: counted, or in proportion if that takes long.
func (o *Occurrence) share(rule *Recurrence, before time.Time, count int) int {
	const most = 20_000
	n := len(between(rule, o.At, before, most))
	if n == most {
		n = int(float64(o.Count) * float64(before.Sub(o.At)) / float64(o.Until.Sub(o.At)))
	}
	return min(max(n, 1), max(count-1, 1))
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
