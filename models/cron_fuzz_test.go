package models

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzParseCron holds that reading any text ends in a recurrence or in a refusal of the field that does not show the
// text, and that what was read fires when the rule by hand says so.
func FuzzParseCron(f *testing.F) {
	for _, text := range slices.Concat(oracleMinutes, oracleSeconds, []string{
		"H H(0-7) H * *", "H/15 * * * *", "H(50-10)/7 * * * *", "@yearly", "0 0 L-30 2 *", "0 0 29 2 MON#5",
		"* * * * 7-2/2", "70-5 * * * *", "*/0 * * * *", "+5 * * * *", ", * * * *", "*-5 * * * *",
		"TZ=UTC * * * * *", "@every 1s", "0 0 30 2 *"}) {
		f.Add(text, "report", false)
		f.Add(text, "", true)
	}
	from := time.Date(2027, 2, 27, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, name string, all bool) {
		timing := Timing{Name: name, Cron: text}
		if all {
			timing.DayMatch = "all"
		}
		r, err := timing.Compile()
		if err != nil {
			if len(text) > 9 && strings.Contains(err.Error(), text) {
				t.Errorf("%v shows %q", err, text)
			}
			return
		}
		next, ok := r.Next(from)
		if !ok || !next.After(from) {
			t.Fatalf("%q fires at %s, %v", text, next, ok)
		}
		hand, ok := readByHand(timing)
		if !ok {
			return
		}
		if !hand.matches(next.Unix()) {
			t.Errorf("%q does not match %s", text, next)
		}
		for naive := from.Unix() + 1; naive < min(next.Unix(), from.Unix()+30*3600); naive++ {
			if hand.matches(naive) {
				t.Fatalf("%q matches %s before %s", text, time.Unix(naive, 0).UTC(), next)
			}
		}
	})
}

// FuzzNext holds that Next is later than its argument, within the bounds, the same from just before it, no earlier
// for later arguments, and what the rule by hand says for the hours around.
func FuzzNext(f *testing.F) {
	zones := zoneNames(f)
	for i, text := range slices.Concat(oracleMinutes, oracleSeconds) {
		f.Add(text, uint16(i*37), uint8(i), int64(1679187600+i*3600), int64(i), uint32(i*1000))
	}
	f.Add("0 0 29 2 MON", uint16(0), uint8(1), int64(-1<<62), int64(1<<62), uint32(1))
	f.Fuzz(func(t *testing.T, text string, zone uint16, option uint8, second, nano int64, later uint32) {
		timing := oracleOptions()[int(option)%len(oracleOptions())]
		timing.Cron, timing.Timezone = text, zones[int(zone)%len(zones)]
		r, err := timing.Compile()
		if err != nil {
			return
		}
		after := time.Unix(second, nano)
		next, ok := r.Next(after)
		if !ok {
			if second < lastSecond-41*gregorianCycle/400 && second > firstSecond && timing.DSTGap != "skip" {
				t.Fatalf("%+v: nothing after %s", timing, after)
			}
			return
		}
		if !next.After(after) {
			t.Fatalf("%+v: %s is not later than %s", timing, next, after)
		}
		if again, ok := r.Next(next.Add(-1)); !ok || !again.Equal(next) {
			t.Errorf("%+v: %s after %s, but %s from just before", timing, next, after, again)
		}
		if other, ok := r.Next(after.Add(time.Duration(later) * time.Second)); ok && other.Before(next) {
			t.Errorf("%+v: %s after %s, but %s from %d s later", timing, next, after, other, later)
		}
		r.Note(next)
		hand, ok := readByHand(timing)
		if from := after.Unix() + 1; ok && from > 0 && from < lastSecond-gregorianCycle/400 {
			window := ticks(r.Location(), from-7*3600-60, from+9*3600+60, 1)
			to := from + 2*3600
			if want, got := hand.runs(window, 1, from, to), runsBetween(r, from, to); !slices.Equal(want, got) {
				t.Errorf("%+v after %s:\n%s", timing, after, unlike(r.Location(), want, got))
			}
		}
	})
}
