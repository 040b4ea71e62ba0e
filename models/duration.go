package models

import (
	"strconv"
	"strings"
	"time"
)

// day is the length of a "d" in a duration: elapsed time, never a calendar day.
const day = 24 * time.Hour

// ParseDuration reads a duration as the API writes it: Go's notation plus whole or broken days, "500ms",
// "1h30m", "7d", "1d12h". A sign is refused: no duration of the contract is negative; so is more than a hundred years.
func ParseDuration(s string) (time.Duration, bool) {
	if s == "" || len(s) > 64 || s[0] == '-' || s[0] == '+' {
		return 0, false
	}
	if s == "0" {
		return 0, true
	}
	head, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		d, err := time.ParseDuration(s)
		return d, err == nil && d <= longest
	}
	days, err := strconv.ParseFloat(head, 64)
	if err != nil || days > float64(longest/day) || strings.Trim(head, "0123456789.") != "" { // no "nan" and no "1e3"
		return 0, false
	}
	d := time.Duration(days * float64(day))
	if rest == "" {
		return d, true
	}
	if rest[0] == '-' || rest[0] == '+' {
		return 0, false
	}
	more, err := time.ParseDuration(rest)
	return d + more, err == nil && more <= longest-d
}

// longest is a little more than a hundred years.
const longest = 36600 * day

// FormatDuration writes d so that ParseDuration reads it back: whole days as "7d", otherwise Go's notation
// without trailing zero units ("1h30m", not "1h30m0s").
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	if d >= day {
		days := strconv.FormatInt(int64(d/day), 10) + "d"
		if d%day == 0 {
			return days
		}
		return days + FormatDuration(d%day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// ceilMilli rounds t up to the millisecond: a time that a user asked for is never moved earlier.
func ceilMilli(t time.Time) time.Time {
	cut := t.Truncate(time.Millisecond)
	if cut.Before(t) {
		cut = cut.Add(time.Millisecond)
	}
	return cut.UTC()
}

// Stamp is now as the book keeps it: UTC, cut to the microsecond.
func Stamp(now time.Time) time.Time { return now.UTC().Truncate(time.Microsecond) }
