package models

import "time"

// longestJump is the longest jump of a zone's offset, in seconds, that counts as a change of clocks. Beyond it lie
// moves across the date line and the like.
const longestJump = 3 * 3600

// reach bounds, in seconds, how far an occurrence can be from the naive time to which it is due: an offset stays
// within ±25 h.
const reach = 26 * 3600

// mostSpans bounds a search: 400 years hold no more, and nothing new comes after them.
const mostSpans = 2048

// Recurrence is a Timing made ready to be asked. It never changes and may be shared.
type Recurrence struct {
	timing   Timing
	zone     *zone
	calendar *calendar // nil: every
	interval bool      // the expression means "every so often", not "at these times of day"
	warnings []string
}

// Next finds the first occurrence later than after, in UTC. There is none when EndAt or the year 9999 is reached.
// Occurrences of cron are whole seconds; those of Every keep the fraction of their start down to microseconds.
func (r *Recurrence) Next(after time.Time) (time.Time, bool) {
	var next time.Time
	var ok bool
	if r.calendar == nil {
		next, ok = r.nextEvery(after)
	} else {
		var second int64
		second, ok = r.nextCron(r.notBefore(min(after.Unix(), lastSecond) + 1))
		next = time.Unix(second, 0).UTC()
	}
	if !ok || r.timing.EndAt != nil && !next.Before(*r.timing.EndAt) {
		return time.Time{}, false
	}
	return next, true
}

// Location is the zone by whose clocks a cron expression is read.
func (r *Recurrence) Location() *time.Location { return r.zone.location }

// notBefore moves an instant up to StartAt, in whole seconds, if it lies before.
func (r *Recurrence) notBefore(instant int64) int64 {
	if start := r.timing.StartAt; start != nil {
		second := start.Unix()
		if start.Nanosecond() > 0 {
			second++
		}
		instant = max(instant, second)
	}
	return max(instant, firstSecond)
}

// nextEvery counts elapsed time, in microseconds since 1970.
func (r *Recurrence) nextEvery(after time.Time) (time.Time, bool) {
	first, every := r.timing.Anchor.UnixMicro()+r.timing.Every.Microseconds(), r.timing.Every.Microseconds()
	if start := r.timing.StartAt; start != nil {
		first = start.Add(time.Microsecond - 1).UnixMicro() // not before it
	}
	next := first
	if past := min(max(after.Unix(), firstSecond), lastSecond)*1e6 + int64(after.Nanosecond())/1e3; past >= first {
		next = first + ((past-first)/every+1)*every
	}
	return time.UnixMicro(next).UTC(), next <= lastSecond*1e6
}

// nextCron finds the first run at or after an instant. It goes from one span of the zone to the next, leaping over
// those that no match of the calendar can be in.
func (r *Recurrence) nextCron(from int64) (int64, bool) {
	for range mostSpans {
		naive, ok := r.calendar.next(from - reach)
		if !ok {
			return 0, false
		}
		from = max(from, naive-reach)
		span := r.zone.at(from)
		if from == span.start && r.madeUp(span) {
			return from, true
		}
		begin, end := r.shown(span)
		if naive, ok = r.calendar.next(max(from, begin) + span.offset); ok && naive-span.offset < end {
			return naive - span.offset, naive-span.offset <= lastSecond
		}
		from = span.end
	}
	return 0, false
}

// madeUp says whether a run at the start of a span stands for local times that the jump there has left out.
func (r *Recurrence) madeUp(span zoneSpan) bool {
	gap := span.ahead()
	if gap <= 0 || gap > longestJump || r.timing.DSTGap == "skip" {
		return false
	}
	missing, end := span.start+span.before, span.start+span.offset
	if naive, ok := r.calendar.next(missing); !ok || naive >= end {
		return false
	}
	if !r.interval {
		return true
	}
	naive, ok := r.calendar.next(end)
	return !ok || naive >= end+gap
}

// shown narrows a span to the instants that count. Around a jump backwards a fixed time of the day has two instants,
// and DSTRepeat chooses; beyond longestJump it is always the first. An interval counts them all, since it would
// otherwise fall silent for as long as the jump.
func (r *Recurrence) shown(span zoneSpan) (begin, end int64) {
	begin, end = span.start, span.end
	if r.interval {
		return begin, end
	}
	if back := -span.ahead(); back > longestJump || back > 0 && r.repeat() == "first" {
		begin = min(begin+back, end)
	}
	if back := span.behind(); back > 0 && back <= longestJump && r.repeat() == "last" {
		end = max(end-back, begin)
	}
	return begin, end
}

func (r *Recurrence) repeat() string {
	if r.timing.DSTRepeat == "" {
		return "first"
	}
	return r.timing.DSTRepeat
}
