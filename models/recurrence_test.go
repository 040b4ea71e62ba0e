package models

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func clock(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNotes follows runs across changes of clocks, with what is said about each.
func TestNotes(t *testing.T) {
	for _, c := range []struct {
		timing Timing
		after  string
		want   []string // local time, and the note behind it
	}{
		{Timing{Cron: "30 2 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00 02:30 does not exist on 14 March 2027: runs at 03:00",
			"2027-03-15T02:30:00-04:00"}},
		{Timing{Cron: "30 2 * * *", Timezone: "America/New_York", DSTGap: "skip"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-15T02:30:00-04:00"}},
		{Timing{Cron: "0,15,45 2 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00 02:00 to 02:45 do not exist on 14 March 2027: runs once, at 03:00"}},
		{Timing{Cron: "30 2,3 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00 02:30 does not exist on 14 March 2027: runs at 03:00",
			"2027-03-14T03:30:00-04:00"}},
		{Timing{Cron: "0 2,3 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00 02:00 does not exist on 14 March 2027: made up for by the run at 03:00",
			"2027-03-15T02:00:00-04:00"}},
		{Timing{Cron: "15 30 2 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00 02:30:15 does not exist on 14 March 2027: runs at 03:00"}},
		{Timing{Cron: "*/20 2 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00 02:00 to 02:40 do not exist on 14 March 2027: runs once, at 03:00",
			"2027-03-15T02:00:00-04:00"}},
		{Timing{Cron: "0 3 * * *", Timezone: "America/New_York"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T03:00:00-04:00"}},
		{Timing{Cron: "*/30 * * * *", Timezone: "America/New_York"}, "2027-03-14T06:29:00Z", []string{
			"2027-03-14T01:30:00-05:00", "2027-03-14T03:00:00-04:00"}},

		{Timing{Cron: "30 1 * * *", Timezone: "America/New_York"}, "2027-11-07T00:00:00Z", []string{
			"2027-11-07T01:30:00-04:00 01:30 comes twice on 7 November 2027: runs the first time only",
			"2027-11-08T01:30:00-05:00"}},
		{Timing{Cron: "30 1 * * *", Timezone: "America/New_York", DSTRepeat: "last"}, "2027-11-07T00:00:00Z", []string{
			"2027-11-07T01:30:00-05:00 01:30 comes twice on 7 November 2027: runs the second time only",
			"2027-11-08T01:30:00-05:00"}},
		{Timing{Cron: "30 1 * * *", Timezone: "America/New_York", DSTRepeat: "both"}, "2027-11-07T00:00:00Z", []string{
			"2027-11-07T01:30:00-04:00 01:30 comes twice on 7 November 2027: this is the first run of two",
			"2027-11-07T01:30:00-05:00 01:30 comes twice on 7 November 2027: this is the second run",
			"2027-11-08T01:30:00-05:00"}},
		{Timing{Cron: "30 * * * *", Timezone: "America/New_York"}, "2027-11-07T05:00:00Z", []string{
			"2027-11-07T01:30:00-04:00",
			"2027-11-07T01:30:00-05:00 01:30 comes twice on 7 November 2027: this is the second time",
			"2027-11-07T02:30:00-05:00"}},
		{Timing{Cron: "0 1,2 * * *", Timezone: "America/New_York"}, "2027-11-07T00:00:00Z", []string{
			"2027-11-07T01:00:00-04:00 01:00 comes twice on 7 November 2027: runs the first time only",
			"2027-11-07T02:00:00-05:00"}},

		// Backwards in winter by the zone's own book, forwards by its clocks.
		{Timing{Cron: "30 1 * * *", Timezone: "Europe/Dublin"}, "2027-03-28T00:00:00Z", []string{
			"2027-03-28T02:00:00+01:00 01:30 does not exist on 28 March 2027: runs at 02:00"}},
		// Midnight does not exist.
		{Timing{Cron: "@daily", Timezone: "Africa/Cairo"}, "2027-04-29T12:00:00Z", []string{
			"2027-04-30T01:00:00+03:00 00:00 does not exist on 30 April 2027: runs at 01:00",
			"2027-05-01T00:00:00+03:00"}},
		{Timing{Cron: "@daily", Timezone: "America/Havana"}, "2027-03-13T12:00:00Z", []string{
			"2027-03-14T01:00:00-04:00 00:00 does not exist on 14 March 2027: runs at 01:00"}},
		{Timing{Cron: "0 0 * * *", Timezone: "America/Sao_Paulo"}, "2018-11-03T12:00:00Z", []string{
			"2018-11-04T01:00:00-02:00 00:00 does not exist on 4 November 2018: runs at 01:00"}},
		{Timing{Cron: "30 23 * * *", Timezone: "America/Sao_Paulo", DSTRepeat: "both"}, "2018-02-17T12:00:00Z", []string{
			"2018-02-17T23:30:00-02:00 23:30 comes twice on 17 February 2018: this is the first run of two",
			"2018-02-17T23:30:00-03:00 23:30 comes twice on 17 February 2018: this is the second run"}},
		// The gap ends on the next day.
		{Timing{Cron: "45 23 * * *", Timezone: "America/Scoresbysund"}, "2024-03-30T12:00:00Z", []string{
			"2024-03-30T23:45:00-01:00", "2024-03-31T23:45:00-01:00"}},
		{Timing{Cron: "30 23 * * *", Timezone: "America/Nuuk"}, "2027-03-27T12:00:00Z", []string{
			"2027-03-28T00:00:00-01:00 23:30 does not exist on 27 March 2027: runs at 00:00 on 28 March 2027"}},
		// By 30 minutes, by 2 hours, and by 30 minutes without daylight saving.
		{Timing{Cron: "15 2 * * *", Timezone: "Australia/Lord_Howe"}, "2027-10-02T12:00:00Z", []string{
			"2027-10-03T02:30:00+11:00 02:15 does not exist on 3 October 2027: runs at 02:30"}},
		{Timing{Cron: "30 1,2 * * *", Timezone: "Antarctica/Troll"}, "2027-03-27T12:00:00Z", []string{
			"2027-03-28T03:00:00+02:00 01:30 to 02:30 do not exist on 28 March 2027: runs once, at 03:00"}},
		{Timing{Cron: "45 23 * * *", Timezone: "Asia/Pyongyang"}, "2018-05-04T12:00:00Z", []string{
			"2018-05-05T00:00:00+09:00 23:45 does not exist on 4 May 2018: runs at 00:00 on 5 May 2018"}},
		{Timing{Cron: "45 23 * * *", Timezone: "Asia/Pyongyang"}, "2015-08-14T12:00:00Z", []string{
			"2015-08-14T23:45:00+09:00 23:45 comes twice on 14 August 2015: runs the first time only",
			"2015-08-15T23:45:00+08:30"}},
		// A day that never was is not made up, a night of seven hours more is not repeated.
		{Timing{Cron: "0 12 * * *", Timezone: "Pacific/Apia"}, "2011-12-29T12:00:00Z", []string{
			"2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"}},
		{Timing{Cron: "0 0 30 12 *", Timezone: "Pacific/Apia"}, "2011-12-01T00:00:00Z", []string{
			"2012-12-30T00:00:00+14:00"}},
		{Timing{Cron: "0 20 * * *", Timezone: "Antarctica/Vostok", DSTRepeat: "both"}, "1994-01-31T00:00:00Z", []string{
			"1994-01-31T20:00:00+07:00 20:00 comes twice on 31 January 1994: runs the first time only",
			"1994-02-01T20:00:00Z"}},
		{Timing{Cron: "0 20 * * *", Timezone: "Antarctica/Vostok", DSTRepeat: "last"}, "1994-01-31T00:00:00Z", []string{
			"1994-01-31T20:00:00+07:00 20:00 comes twice on 31 January 1994: runs the first time only",
			"1994-02-01T20:00:00Z"}},
		{Timing{Cron: "0 17-23/3 * * *", Timezone: "Antarctica/Vostok"}, "1994-01-31T15:00:00Z", []string{
			"1994-01-31T23:00:00+07:00", "1994-01-31T17:00:00Z 17:00 comes twice on 31 January 1994: this is the second time"}},
		// 31 December of a leap year, on which the standard library loses its place.
		{Timing{Cron: "0 12 * * *", Timezone: "Europe/Berlin"}, "2040-12-30T12:00:00Z", []string{
			"2040-12-31T12:00:00+01:00", "2041-01-01T12:00:00+01:00"}},
		{Timing{Cron: "30 2 25-31 3 SUN", Timezone: "Europe/Berlin", DayMatch: "all"}, "2040-12-31T12:00:00Z", []string{
			"2041-03-31T03:00:00+02:00 02:30 does not exist on 31 March 2041: runs at 03:00"}},
		// Far beyond what a zone lists.
		{Timing{Cron: "30 2 25-31 3 SUN", Timezone: "Europe/Berlin", DayMatch: "all"}, "9998-12-31T00:00:00Z", []string{
			"9999-03-28T03:00:00+02:00 02:30 does not exist on 28 March 9999: runs at 03:00"}},
		{Timing{Cron: "30 2 * * *"}, "2027-03-13T12:00:00Z", []string{"2027-03-14T02:30:00Z"}},
	} {
		coming, _, err := c.timing.Preview(clock(t, c.after), false, len(c.want))
		if err != nil {
			t.Fatalf("%+v: %v", c.timing, err)
		}
		var got []string
		for _, one := range coming {
			line := one.Local
			if one.Note != "" {
				line += " " + one.Note
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v:\n%s", c.timing, diff)
		}
	}
}

// TestNoteOfNoRun holds that there is nothing to say about an instant at which nothing runs.
func TestNoteOfNoRun(t *testing.T) {
	r, err := Timing{Cron: "30 1 * * *", Timezone: "America/New_York"}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2027-11-07T01:30:00-04:00": true, "2027-11-07T01:30:00-05:00": false, "2027-11-07T01:30:00.5-04:00": false,
		"2027-11-07T01:31:00-04:00": false, "2027-03-14T03:00:00-04:00": false,
	} {
		if note := r.Note(clock(t, at)); (note != "") != want {
			t.Errorf("%s: %q", at, note)
		}
	}
}

func TestWarnings(t *testing.T) {
	const (
		anyDay   = "both day fields are restricted: runs on days that match either one of them (day_match any)"
		bothDays = "both day fields are restricted: runs only on days that match both of them (day_match all)"
		short    = "months without the day are skipped; L is the last day of every month"
	)
	for _, c := range []struct {
		cron, match string
		want        []string
	}{
		{"0 9 * * MON-FRI", "", nil},
		{"0 9 13 * FRI", "", []string{anyDay}},
		{"0 9 13 * FRI", "all", []string{bothDays}},
		{"0 9 L * MON#1", "any", []string{anyDay}},
		{"0 9 13 * ?", "", nil},
		{"0 9 ? * FRI", "", nil},
		{"0 9 */1 * FRI", "", nil},
		{"0 9 */2 * FRI", "", []string{anyDay}},
		{"0 9 1-31 * 0-6", "", []string{anyDay}},
		{"0 9 31 * *", "", []string{short}},
		{"0 9 29,30 2 *", "", []string{short}},
		{"0 9 30 4-7 *", "", nil},
		{"0 9 28-31 * *", "", nil},
		{"0 9 31,L * *", "", nil},
		{"*/15 * * * *", "", nil},
		{"*/60 * * * *", "", nil},
		{"*/45 * * * *", "", []string{"steps of 45 minutes begin anew with each hour: the last one is only 15 long"}},
		{"*/7 * */5 * * *", "", []string{
			"steps of 7 seconds begin anew with each minute: the last one is only 4 long",
			"steps of 5 hours begin anew with each day: the last one is only 4 long"}},
	} {
		r, err := Timing{Cron: c.cron, DayMatch: c.match}.Compile()
		if err != nil {
			t.Fatalf("%q: %v", c.cron, err)
		}
		if diff := cmp.Diff(c.want, r.Warnings()); diff != "" {
			t.Errorf("%q %s: %s", c.cron, c.match, diff)
		}
	}
}

func TestEvery(t *testing.T) {
	anchor := clock(t, "2027-01-01T00:00:00.25Z")
	start, end := clock(t, "2027-01-01T10:00:00Z"), clock(t, "2027-01-01T13:00:00Z")
	odd := start.Add(1)
	for name, c := range map[string]struct {
		timing Timing
		after  string
		want   string // "" is never again
	}{
		"one step after the anchor": {Timing{Every: time.Hour},
			"2027-01-01T00:00:00Z", "2027-01-01T01:00:00.25Z"},
		"also from long before": {Timing{Every: time.Hour},
			"1027-01-01T00:00:00Z", "2027-01-01T01:00:00.25Z"},
		"the anchor itself is none": {Timing{Every: time.Hour},
			"2027-01-01T00:00:00.24Z", "2027-01-01T01:00:00.25Z"},
		"strictly later": {Timing{Every: time.Hour},
			"2027-01-01T01:00:00.25Z", "2027-01-01T02:00:00.25Z"},
		"just before": {Timing{Every: time.Hour},
			"2027-01-01T01:00:00.249999999Z", "2027-01-01T01:00:00.25Z"},
		"just after": {Timing{Every: time.Hour},
			"2027-01-01T01:00:00.250000001Z", "2027-01-01T02:00:00.25Z"},
		"milliseconds": {Timing{Every: 1500 * time.Millisecond},
			"2027-01-01T00:00:02Z", "2027-01-01T00:00:03.25Z"},
		"at the start": {Timing{Every: time.Hour, StartAt: &start},
			"2027-01-01T00:00:00Z", "2027-01-01T10:00:00Z"},
		"steps from the start": {Timing{Every: 90 * time.Minute, StartAt: &start},
			"2027-01-01T10:00:00Z", "2027-01-01T11:30:00Z"},
		"never before the start": {Timing{Every: time.Hour, StartAt: &odd},
			"2027-01-01T00:00:00Z", "2027-01-01T10:00:00.000001Z"},
		"before the end": {Timing{Every: time.Hour, StartAt: &start, EndAt: &end},
			"2027-01-01T11:30:00Z", "2027-01-01T12:00:00Z"},
		"not at the end": {Timing{Every: time.Hour, StartAt: &start, EndAt: &end},
			"2027-01-01T12:00:00Z", ""},
		"elapsed time, whatever the zone": {Timing{Every: 24 * time.Hour, Timezone: "Europe/Berlin"},
			"2027-03-28T00:00:00.25Z", "2027-03-29T00:00:00.25Z"},
		"centuries": {Timing{Every: 366 * 24 * time.Hour},
			"3027-01-01T00:00:00Z", "3028-01-01T00:00:00.25Z"},
		"to the end of years": {Timing{Every: 366 * 24 * time.Hour}, "9999-12-30T00:00:00Z", ""},
	} {
		c.timing.Anchor = anchor
		r, err := c.timing.Compile()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		if next, ok := r.Next(clock(t, c.after)); ok {
			got = next.Format(time.RFC3339Nano)
		}
		if name == "centuries" { // a multiple of 366 days behind the anchor, and the first one
			next := clock(t, got)
			days := (next.Unix() - anchor.Unix()) / secondsPerDay
			if days%366 != 0 || next.Sub(clock(t, c.after)) > 366*24*time.Hour {
				t.Errorf("%s: %s, %d days", name, got, days)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestStartAndEnd holds that a cron schedule runs from its start, included, to its end, excluded, made-up runs too.
func TestStartAndEnd(t *testing.T) {
	for _, c := range []struct {
		start, end string
		want       []string
	}{
		{"2027-03-13T02:30:00-05:00", "2027-03-14T03:00:00-04:00", []string{"2027-03-13T02:30:00-05:00"}},
		{"2027-03-13T02:30:00.001-05:00", "2027-03-14T03:00:00.001-04:00", []string{"2027-03-14T03:00:00-04:00"}},
		{"2027-03-14T03:00:00-04:00", "2027-03-15T02:30:00-04:00", []string{"2027-03-14T03:00:00-04:00"}},
		{"2027-03-14T03:00:01-04:00", "2027-03-15T02:30:00-04:00", []string{}},
	} {
		start, end := clock(t, c.start), clock(t, c.end)
		timing := Timing{Cron: "30 2 * * *", Timezone: "America/New_York", StartAt: &start, EndAt: &end}
		if diff := cmp.Diff(c.want, firings(t, timing, "2020-01-01T00:00:00Z", 5)); diff != "" {
			t.Errorf("from %s to %s: %s", c.start, c.end, diff)
		}
	}
}

func TestPreview(t *testing.T) {
	at := clock(t, "2027-01-01T09:00:00Z")
	timing := Timing{Cron: "0 9 1 1 FRI"}
	for inclusive, want := range map[bool]string{false: "2027-01-08T09:00:00Z", true: "2027-01-01T09:00:00Z"} {
		coming, warnings, err := timing.Preview(at, inclusive, 1)
		if err != nil || len(coming) != 1 || !coming[0].At.Equal(clock(t, want)) || len(warnings) != 1 {
			t.Errorf("inclusive %v: %v %v %v, want %s", inclusive, coming, warnings, err, want)
		}
	}
	gap := Timing{Cron: "30 2 * * *", Timezone: "Europe/Berlin", DSTGap: "skip"}
	if _, warnings, err := gap.Preview(clock(t, "2027-03-27T12:00:00Z"), false, 2); err != nil ||
		!slices.Equal(warnings, []string{"02:30 does not exist on 28 March 2027: skipped"}) {
		t.Errorf("a gap that is skipped: %q, %v", warnings, err)
	}
	coming, _, err := Timing{Every: time.Hour}.Preview(at, false, 2)
	if err != nil || !coming[0].At.Equal(at.Add(time.Hour)) || !coming[1].At.Equal(at.Add(2*time.Hour)) {
		t.Errorf("every hour from now: %v %v", coming, err)
	}
	for _, count := range []int{-1, 0, MaxPreview + 1} {
		_, _, err := Timing{Cron: "x"}.Preview(at, false, count)
		var wrong Invalids
		if !errors.As(err, &wrong) || len(wrong) != 2 || wrong[0].Field != "cron" || wrong[1].Field != "count" {
			t.Errorf("%d: %v, want refusals of cron and count", count, err)
		}
	}
	if coming, _, err := timing.Preview(at, false, MaxPreview); err != nil || len(coming) != MaxPreview {
		t.Errorf("%d of %d: %v", len(coming), MaxPreview, err)
	}
}

// TestZoneTable compares the table of a zone with the standard library, at its changes and far beyond.
func TestZoneTable(t *testing.T) {
	for _, name := range append(slices.Clone(strange), "UTC", "") {
		z, err := loadZone(name)
		if err != nil {
			t.Logf("SKIPPED %s: not in the zone database of this machine", name)
			continue
		}
		offset := func(at int64) int64 {
			_, o := time.Unix(at, 0).In(z.location).Zone()
			return int64(o)
		}
		probes := []int64{firstSecond, rulesFrom - 1, rulesFrom, tableEnd - 1, tableEnd, lastSecond}
		for at := int64(firstSecond); at < lastSecond; at += 4_999_999 {
			probes = append(probes, at)
		}
		for _, at := range probes {
			s := z.at(at)
			if s.start > at || s.end <= at || s.offset != offset(at) {
				t.Fatalf("%s at %s: %+v, offset %d", name, time.Unix(at, 0).UTC(), s, offset(at))
			}
			if s.start != -forever &&
				(s.before != offset(s.start-1) || s.offset != offset(s.start) || s.before == s.offset) {
				t.Fatalf("%s: no change at the start of %+v", name, s)
			}
			if s.end != forever && (s.offset != offset(s.end-1) || s.after != offset(s.end) || s.after == s.offset) {
				t.Fatalf("%s: no change at the end of %+v", name, s)
			}
		}
	}
}
