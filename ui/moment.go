package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Moment is a time as people read it. The zero value is no time at all.
type Moment struct {
	Words string // "12 s ago", "in 3 min", "2026-03-01"; "" for no time
	UTC   string // "2026-03-01 09:00:00.123 UTC"
	Full  string // "2026-03-01 09:00:00 UTC"
	Clock string // "09:00:00"
	ISO   string // RFC 3339, for machines
}

// far is how far from now a time is named by its date.
const far = 60 * 24 * time.Hour

// MomentOf is t as seen from now.
func MomentOf(t, now time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	t = t.UTC()
	return Moment{Words: relative(t, now), UTC: t.Format("2006-01-02 15:04:05.000 UTC"),
		Full:  t.Format("2006-01-02 15:04:05 UTC"),
		Clock: t.Format(time.TimeOnly), ISO: t.Format("2006-01-02T15:04:05.000Z")}
}

// relative is kept in step with assets/times.js, which counts on while the page stands.
func relative(t, now time.Time) string {
	d := t.Sub(now)
	if d.Abs() >= far {
		return t.Format("2006-01-02")
	}
	words := coarse(d.Abs())
	switch {
	case words == "":
		return "now"
	case d > 0:
		return "in " + words
	}
	return words + " ago"
}

// coarse is d in at most two units, "" below a second.
func coarse(d time.Duration) string {
	seconds := int(d / time.Second)
	minutes, hours, days := seconds/60, seconds/3600, seconds/86400
	switch {
	case seconds < 1:
		return ""
	case minutes < 1:
		return fmt.Sprintf("%d s", seconds)
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case hours < 10 && minutes%60 > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes%60)
	case hours < 48:
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d d", days)
}

// span is the time between two moments in words, for "after 3 h".
func span(d time.Duration) string {
	if words := coarse(d.Abs()); words != "" {
		return words
	}
	return Took(d.Abs())
}

// Took is a measured duration with about three digits: "0.4 ms", "12.4 ms", "1.24 s", "2 min 3 s".
func Took(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case d <= 0:
		return "0 ms"
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case d < time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// Size is a number of bytes in the largest unit that leaves a whole part.
func Size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// thousands is n with a comma between each three digits.
func thousands(n int) string {
	text := strconv.Itoa(n)
	var b strings.Builder
	for i, c := range text {
		if i > 0 && c != '-' && (len(text)-i)%3 == 0 && text[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
