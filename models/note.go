package models

import "time"

// Note says what a rule about daylight saving did to make, move, choose or repeat the occurrence at an instant; ""
// if no rule had a hand in it, or if the instant is no occurrence.
func (r *Recurrence) Note(at time.Time) string {
	instant := at.Unix()
	if r.calendar == nil || !r.occurs(at) {
		return ""
	}
	span := r.zone.at(instant)
	naive := instant + span.offset
	switch {
	case instant == span.start && r.madeUp(span):
		return r.noteGap(span)
	case instant >= span.end-span.behind():
		return r.noteRepeat(naive, span.behind(), false)
	case instant < span.start-span.ahead():
		return r.noteRepeat(naive, -span.ahead(), true)
	}
	return ""
}

// occurs says whether an instant is an occurrence.
func (r *Recurrence) occurs(at time.Time) bool {
	next, ok := r.Next(at.Add(-1))
	return ok && next.Equal(at)
}

// noteGap tells which local times the run at the start of a span stands for.
func (r *Recurrence) noteGap(span zoneSpan) string {
	end := span.start + span.offset
	first, _ := r.calendar.next(span.start + span.before)
	last, count := first, 0
	for naive := first; naive < end; count++ {
		last = naive
		if later, ok := r.calendar.next(naive + 1); ok {
			naive = later
		} else {
			naive = end
		}
	}
	run := wallClock(end)
	if day := wallDay(end); day != wallDay(first) {
		run += " on " + day
	}
	missing := wallClock(first) + " does not exist"
	if count > 1 {
		missing = wallClock(first) + " to " + wallClock(last) + " do not exist"
	}
	verb := "runs at "
	switch natural, ok := r.calendar.next(end); {
	case ok && natural == end:
		verb = "made up for by the run at "
	case count > 1:
		verb = "runs once, at "
	}
	return missing + " on " + wallDay(first) + ": " + verb + run
}

// noteRepeat tells which one of two instants with the same local time a run is. jump is how far the clocks went back.
func (r *Recurrence) noteRepeat(naive, jump int64, second bool) string {
	twice := wallClock(naive) + " comes twice on " + wallDay(naive) + ": "
	chosen := jump > longestJump || r.timing.DSTRepeat != "both"
	switch {
	case r.interval && !second:
		return "" // it would have run here anyway
	case r.interval:
		return twice + "this is the second time"
	case chosen && second:
		return twice + "runs the second time only"
	case chosen:
		return twice + "runs the first time only"
	case second:
		return twice + "this is the second run"
	}
	return twice + "this is the first run of two"
}

// wallClock shows a naive time of day, the seconds only where there are some.
func wallClock(naive int64) string {
	t := time.Unix(naive, 0).UTC()
	if t.Second() != 0 {
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// wallDay shows the date of a naive time.
func wallDay(naive int64) string { return time.Unix(naive, 0).UTC().Format("2 January 2006") }
