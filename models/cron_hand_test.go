package models

import (
	"strconv"
	"strings"
	"time"
)

// byHand is the rule of cron and daylight saving once more, slowly: it looks at every second or minute in turn,
// reads the fields anew for each value, and knows nothing of sets, spans or the parser.
type byHand struct {
	second, minute, hour, day, month, weekday string
	gap, repeat                               string
	interval, both                            bool
	matched                                   map[int64]bool // by day
	times                                     [3][60]bool    // seconds, minutes, hours
}

// readByHand takes an expression apart. It does not know H, and takes for granted that the expression is right.
func readByHand(t Timing) (*byHand, bool) {
	text := strings.ToUpper(strings.TrimSpace(t.Cron))
	for macro, spelt := range map[string]string{"@YEARLY": "0 0 1 1 *", "@ANNUALLY": "0 0 1 1 *", "@MONTHLY": "0 0 1 * *",
		"@WEEKLY": "0 0 * * 0", "@DAILY": "0 0 * * *", "@MIDNIGHT": "0 0 * * *", "@HOURLY": "0 * * * *"} {
		if text == macro {
			text = spelt
		}
	}
	if strings.Contains(strings.ReplaceAll(text, "THU", ""), "H") {
		return nil, false
	}
	f := strings.Fields(text)
	if len(f) == 5 {
		f = append([]string{"0"}, f...)
	}
	h := &byHand{second: f[0], minute: f[1], hour: f[2], day: f[3], month: f[4], weekday: f[5],
		gap: t.DSTGap, repeat: t.DSTRepeat, matched: map[int64]bool{}}
	unrestricted := func(field string) bool {
		for item := range strings.SplitSeq(field, ",") {
			base, step, stepped := strings.Cut(item, "/")
			if (base == "*" || base == "?") && (!stepped || named(step, 0, "") == 1) {
				return true
			}
		}
		return false
	}
	h.both = t.DayMatch == "all" || unrestricted(h.day) || unrestricted(h.weekday)
	for _, field := range f[:3] {
		if field[0] == '*' || strings.Contains(field, "-") || strings.Contains(field, "/") {
			h.interval = true
		}
	}
	for v := range 60 {
		h.times[0][v] = listed(h.second, v, 0, 59, "")
		h.times[1][v] = listed(h.minute, v, 0, 59, "")
		h.times[2][v] = listed(h.hour, v, 0, 23, "")
	}
	return h, true
}

const monthNames = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
const weekdayNames = "SUN MON TUE WED THU FRI SAT"

// named reads a number or a name.
func named(text string, low int, names string) int {
	for i, name := range strings.Fields(names) {
		if name == text {
			return i + low
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("not a number: " + text)
	}
	return n
}

// listed says whether a list of numbers, ranges and steps names a value, by counting through each range.
func listed(field string, value, low, high int, names string) bool {
	for item := range strings.SplitSeq(field, ",") {
		base, stepText, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			step = named(stepText, 0, "")
		}
		from, to := low, high
		if base != "*" && base != "?" {
			first, last, ranged := strings.Cut(base, "-")
			from = named(first, low, names)
			switch {
			case ranged:
				to = named(last, low, names)
			case !stepped:
				to = from
			}
		}
		if low == 0 && high == 7 { // days of the week
			if base == "*" || base == "?" {
				to = 6
			}
			if to < from {
				to += 7
			}
			for i := from; i <= to; i += step {
				if i%7 == value {
					return true
				}
			}
			continue
		}
		if to < from {
			to += high - low + 1
		}
		for i := from; i <= to; i += step {
			if i == value || i-(high-low+1) == value {
				return true
			}
		}
	}
	return false
}

// onDay says whether the day, month and weekday fields match a date.
func (h *byHand) onDay(date time.Time) bool {
	if !listed(h.month, int(date.Month()), 1, 12, monthNames) {
		return false
	}
	day, weekday := false, false
	for item := range strings.SplitSeq(h.day, ",") {
		day = day || h.dayItem(item, date)
	}
	for item := range strings.SplitSeq(h.weekday, ",") {
		name, nth, special := strings.Cut(item, "#")
		switch {
		case !special:
			weekday = weekday || listed(item, int(date.Weekday()), 0, 7, weekdayNames)
		case named(name, 0, weekdayNames)%7 != int(date.Weekday()):
		case nth == "L":
			weekday = weekday || date.AddDate(0, 0, 7).Month() != date.Month()
		default:
			n := named(nth, 0, "")
			weekday = weekday || date.AddDate(0, 0, -7*(n-1)).Month() == date.Month() &&
				date.AddDate(0, 0, -7*n).Month() != date.Month()
		}
	}
	if h.both {
		return day && weekday
	}
	return day || weekday
}

// dayItem says whether one item of the day field matches a date.
func (h *byHand) dayItem(item string, date time.Time) bool {
	working := func(t time.Time) bool { return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday }
	last := time.Date(date.Year(), date.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	switch {
	case item == "LW":
		for !working(last) {
			last = last.AddDate(0, 0, -1)
		}
		return date.Day() == last.Day()
	case strings.HasSuffix(item, "W"):
		n := named(strings.TrimSuffix(item, "W"), 0, "")
		if n > last.Day() {
			return false
		}
		best, least := 0, 100
		for d := 1; d <= last.Day(); d++ { // the working day of the month that is nearest to n
			candidate := time.Date(date.Year(), date.Month(), d, 0, 0, 0, 0, time.UTC)
			if distance := max(d-n, n-d); working(candidate) && distance < least {
				best, least = d, distance
			}
		}
		return date.Day() == best
	case item == "L":
		return date.Day() == last.Day()
	case strings.HasPrefix(item, "L-"):
		return date.Day() == last.Day()-named(item[2:], 0, "")
	}
	return listed(item, date.Day(), 1, 31, "")
}

// matches says whether a naive time matches.
func (h *byHand) matches(naive int64) bool {
	t := time.Unix(naive, 0).UTC()
	if !h.times[0][t.Second()] || !h.times[1][t.Minute()] || !h.times[2][t.Hour()] {
		return false
	}
	key := naive - int64(t.Hour()*3600+t.Minute()*60+t.Second())
	matched, known := h.matched[key]
	if !known {
		matched = h.onDay(time.Unix(key, 0).UTC())
		h.matched[key] = matched
	}
	return matched
}

// tick is a moment, what the clocks of a zone show, and when they show the same for the first and the last time.
type tick struct{ instant, naive, first, last int64 }

// ticks looks at the clocks of a zone at every step from one instant to another.
func ticks(location *time.Location, from, to, step int64) []tick {
	var all []tick
	first, last := map[int64]int64{}, map[int64]int64{}
	for instant := from; instant <= to; instant += step {
		_, offset := time.Unix(instant, 0).In(location).Zone()
		naive := instant + int64(offset)
		if _, seen := first[naive]; !seen {
			first[naive] = instant
		}
		last[naive] = instant
		all = append(all, tick{instant: instant, naive: naive})
	}
	for i := range all {
		all[i].first, all[i].last = first[all[i].naive], last[all[i].naive]
	}
	return all
}

// runs lists the instants from one to another at which the expression runs. The ticks must reach beyond both ends
// by more than the longest jump among them.
func (h *byHand) runs(all []tick, step, from, to int64) []int64 {
	var runs []int64
	for i, now := range all {
		if now.instant < from || now.instant > to {
			continue
		}
		run := h.matches(now.naive) && h.chosen(now)
		missing := now.naive - all[max(i-1, 0)].naive - step
		if i > 0 && missing > 0 && missing <= 3*3600 && h.gap != "skip" {
			run = run || h.anyMatch(now.naive-missing, now.naive, step) &&
				(!h.interval || !h.anyMatch(now.naive, now.naive+missing, step))
		}
		if run {
			runs = append(runs, now.instant)
		}
	}
	return runs
}

// chosen says whether a match runs at this of the instants that show the same local time.
func (h *byHand) chosen(now tick) bool {
	switch {
	case h.interval || now.first == now.last:
		return true
	case now.last-now.first > 3*3600, h.repeat == "", h.repeat == "first":
		return now.instant == now.first
	case h.repeat == "last":
		return now.instant == now.last
	}
	return true
}

func (h *byHand) anyMatch(from, to, step int64) bool {
	for naive := from; naive < to; naive += step {
		if h.matches(naive) {
			return true
		}
	}
	return false
}
