package models

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// firings lists the next occurrences after an instant, by the clocks of the timing's zone.
func firings(t *testing.T, timing Timing, after string, count int) []string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, after)
	if err != nil {
		t.Fatal(err)
	}
	coming, _, err := timing.Preview(at, false, count)
	if err != nil {
		t.Fatalf("%q: %v", timing.Cron, err)
	}
	all := []string{}
	for _, c := range coming {
		all = append(all, c.Local)
	}
	return all
}

func TestCronGrammar(t *testing.T) {
	const from = "2027-01-01T00:00:00Z" // a Friday
	for _, c := range []struct {
		cron, match string
		want        string // what comes after from: month-day, and hour:minute:second where the day is no matter
	}{
		{"* * * * *", "", "00:01:00 00:02:00 00:03:00"},
		{"* * * * * *", "", "00:00:01 00:00:02 00:00:03"},
		{"5 * * * * *", "", "00:00:05 00:01:05 00:02:05"},
		{"  0\t*  * * * ", "", "01:00:00 02:00:00 03:00:00"},
		{"@hourly", "", "01:00:00 02:00:00 03:00:00"},
		{"*/25 * * * *", "", "00:25:00 00:50:00 01:00:00"},
		{"*/60 * * * *", "", "01:00:00 02:00:00 03:00:00"}, // the parser alone refuses it
		{"50/45 * * * *", "", "00:50:00 01:50:00 02:50:00"},
		{"0/20 * * * *", "", "00:20:00 00:40:00 01:00:00"},
		{"58-2/2 * * * *", "", "00:02:00 00:58:00 01:00:00"},
		{"55-5/5,7,07 0 * * *", "", "00:05:00 00:07:00 00:55:00"},
		{"0 22-1 * * *", "", "01:00:00 22:00:00 23:00:00"},
		{"0 22-2/2 * * *", "", "02:00:00 22:00:00 00:00:00"},
		{"0 */23 * * *", "", "23:00:00 00:00:00 23:00:00"},
		{"1,01,1-1,1-2/2 0 * * *", "", "00:01:00 00:01:00 00:01:00"},

		{"@yearly", "", "01-01 01-01 01-01"},
		{"@annually", "", "01-01 01-01 01-01"},
		{"@Monthly", "", "02-01 03-01 04-01"},
		{"@weekly", "", "01-03 01-10 01-17"},
		{"@daily", "", "01-02 01-03 01-04"},
		{"@midnight", "", "01-02 01-03 01-04"},
		{"0 0 * jan-MAR/2 *", "", "01-02 01-03 01-04"},
		{"0 0 1 NOV-FEB *", "", "02-01 11-01 12-01"},
		{"0 0 1 NOV-FEB/3 *", "", "02-01 11-01 02-01"},
		{"0 0 1 1/5 *", "", "06-01 11-01 01-01"},
		{"0 0 30-2 * *", "", "01-02 01-30 01-31"},
		{"0 0 30-4/3 * *", "", "01-02 01-30 02-02"},
		{"0 0 31 * *", "", "01-31 03-31 05-31"},
		{"0 0 29 2 *", "", "02-29 02-29 02-29"},
		{"0 0 L * *", "", "01-31 02-28 03-31"},
		{"0 0 l-1 * *", "", "01-30 02-27 03-30"},
		{"0 0 L-30 * *", "", "03-01 05-01 07-01"}, // of February nothing
		{"0 0 LW * *", "", "01-29 02-26 03-31"},
		{"0 0 1W 5,8 *", "", "05-03 08-02 05-01"},  // a Saturday, a Sunday, a Monday
		{"0 0 31W 1-6 *", "", "01-29 03-31 05-31"}, // a Sunday, and never in short months
		{"0 0 15W,L * *", "", "01-15 01-31 02-15"},
		{"0 0 1,15,L-2 * *", "", "01-15 01-29 02-01"},

		{"0 0 * * 0", "", "01-03 01-10 01-17"},
		{"0 0 * * 7", "", "01-03 01-10 01-17"},
		{"0 0 * * 7-7", "", "01-03 01-10 01-17"},
		{"0 0 * * 7-1", "", "01-03 01-04 01-10"},
		{"0 0 ? * sat-sun", "", "01-02 01-03 01-09"},
		{"0 0 * * SAT-TUE/2", "", "01-02 01-04 01-09"}, // the parser alone takes Saturday, Sunday, Tuesday
		{"0 0 * * 7-2/2", "", "01-03 01-05 01-10"},
		{"0 0 * * FRI-MON/3", "", "01-04 01-08 01-11"},
		{"0 0 * * */3", "", "01-02 01-03 01-06"},
		{"0 0 * * 5-7", "", "01-02 01-03 01-08"},
		{"0 0 * * 1/3", "", "01-03 01-04 01-07"}, // to the end of the week: Monday, Thursday, Sunday
		{"0 0 * * MON#2", "", "01-11 02-08 03-08"},
		{"0 0 * * 7#1,FRI#L", "", "01-03 01-29 02-07"},
		{"0 0 * * MON#5", "", "03-29 05-31 08-30"},
		{"0 0 * * Tue#5,wed", "", "01-06 01-13 01-20"},

		{"0 0 13 * FRI", "", "01-08 01-13 01-15"},
		{"0 0 13 * FRI", "any", "01-08 01-13 01-15"},
		{"0 0 13 * FRI", "all", "08-13 10-13 04-13"}, // of three years
		{"0 0 ? * FRI", "any", "01-08 01-15 01-22"},
		{"0 0 13 * ?", "any", "01-13 02-13 03-13"},
		{"0 0 */1 * FRI", "any", "01-08 01-15 01-22"},
		{"0 0 *,3 * FRI", "any", "01-08 01-15 01-22"},
		{"0 0 31 2 FRI", "any", "02-05 02-12 02-19"}, // one field that never matches leaves the other
		{"0 0 29 2 SUN", "all", "02-29 02-29 02-29"},
	} {
		layout := "01-02"
		if strings.Contains(c.want, ":") {
			layout = "15:04:05"
		}
		var got []string
		for _, at := range firings(t, Timing{Cron: c.cron, DayMatch: c.match}, from, 3) {
			parsed, _ := time.Parse(time.RFC3339, at)
			got = append(got, parsed.Format(layout))
		}
		if joined := strings.Join(got, " "); joined != c.want {
			t.Errorf("%q %s: %s, want %s", c.cron, c.match, joined, c.want)
		}
	}
}

// TestRareDates holds that dates which are years apart are found, and found right.
func TestRareDates(t *testing.T) {
	for _, c := range []struct {
		cron, from string
		want       []string
	}{
		{"0 0 13 * FRI", "2027-01-01T00:00:00Z", []string{
			"2027-08-13T00:00:00Z", "2028-10-13T00:00:00Z", "2029-04-13T00:00:00Z"}},
		{"0 0 29 2 *", "2096-02-29T00:00:00Z", []string{"2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"}},
		{"0 0 29 2 SUN", "2088-02-29T00:00:00Z", []string{"2128-02-29T00:00:00Z", "2156-02-29T00:00:00Z"}},
		{"0 0 31 12 *", "9998-12-31T00:00:00Z", []string{"9999-12-31T00:00:00Z"}},
		{"0 0 1 1 *", "9999-01-01T00:00:00Z", []string{}},
	} {
		got := firings(t, Timing{Cron: c.cron, DayMatch: "all", Anchor: time.Unix(1, 0)}, c.from, max(len(c.want), 1))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.cron, diff)
		}
	}
}

func TestCronRefusals(t *testing.T) {
	for _, text := range []string{
		"", " ", "*", "* * * *", "* * * * * * *", "every day at nine", "@every 1h", "@reboot", "@triggered", "@",
		"@daily x", "TZ=Europe/Berlin 0 9 * * *", "CRON_TZ=UTC * * * * *", "0 9 * * * TZ=UTC", "60 * * * *",
		"* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 8", "60 * * * * *",
		"-1 * * * *", "+1 * * * *", "1.5 * * * *", "1_0 * * * *", "0x1 * * * *", "٣ * * * *", "* * * * fr\u0131",
		"*\u00a0* * * *", "\xff * * * *", "99999999999999999999 * * * *", ", * * * *", "1,,2 * * * *", ",1 * * * *",
		"1, * * * *", "*-5 * * * *", "1-* * * * *", "1-2-3 * * * *", "1- * * * *", "-2 * * * *", "70-5 * * * *",
		"5-70 * * * *", "70/5 * * * *", "*/0 * * * *", "*/ * * * *", "*/-1 * * * *", "*/61 * * * *", "* */25 * * *",
		"1/2/3 * * * *", "*/*  * * * *", "/5 * * * *", "*5 * * * *", "** * * * *", "? * * * *", "* ? * * *",
		"* * * ? *", "* * ?/2 * *", "* * ?-3 * *", "* * L-0 * *", "* * L-31 * *", "* * L-+3 * *", "* * L/2 * *",
		"* * 1-L * *", "* * 0W * *", "* * 32W * *", "* * W * *", "* * 1-5W * *", "* * WL * *", "* * * * L",
		"* * * * 5L", "* * * * MON#0", "* * * * MON#6", "* * * * #2", "* * * * MON#", "* * * * 8#1",
		"* * * * MON-FRI#2", "* * * * *#2", "* * * * MON#2#3", "L * * * *", "* * 1#2 * *", "* * * FEBRUARY *",
		"* * * * MONDAY", "* * * MON *", "* JAN * * *", "H() * * * *", "H(5) * * * *", "H(1-2 * * * *",
		"H(0-60) * * * *", "H(0-9)/11 * * * *", "H/61 * * * *", "H/0 * * * *", "* * H/29 * *", "H5 * * * *",
		"1-H * * * *", "HH * * * *", "H(1-2)x * * * *", "H(1-2,5) * * * *", "H(*) * * * *", "0 0 30 2 *",
		"0 0 31 4,6,9,11 *", "0 0 L-29 2 *", "0 0 31W 2,4,6,9,11 ?", "0 0 30W 2 *",
		strings.Repeat("0,", 130) + "1 * * * *",
	} {
		_, err := Timing{Name: "report", Cron: text}.Compile()
		var wrong Invalids
		if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Field != "cron" {
			t.Errorf("%q: %v, want one refusal of cron", text, err)
			continue
		}
		if len(text) > 9 && strings.Contains(wrong[0].Why, text) {
			t.Errorf("%q is shown: %s", text, wrong[0].Why)
		}
	}
	if _, err := (Timing{Cron: "0 0 29 2 MON#1", DayMatch: "all"}).Compile(); err == nil {
		t.Error("the 29th is never the first Monday, but was accepted")
	}
}

// TestNeverFires knows a time that no year has any more: the second Sunday of March at 02:30 in New York.
func TestNeverFires(t *testing.T) {
	timing := Timing{Cron: "30 2 8-14 3 SUN", DayMatch: "all", Timezone: "America/New_York", DSTGap: "skip",
		Anchor: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := timing.Compile(); err == nil || err.Error() != "cron: never fires" {
		t.Errorf("refused with %v", err)
	}
	timing.DSTGap = "run_after"
	want := []string{"2027-03-14T03:00:00-04:00", "2028-03-12T03:00:00-04:00"}
	if diff := cmp.Diff(want, firings(t, timing, "2027-01-01T00:00:00Z", 2)); diff != "" {
		t.Error(diff)
	}
}

func TestTimingRefusals(t *testing.T) {
	early, late := time.Unix(1000, 0), time.Unix(2000, 0)
	far := time.Unix(lastSecond+1, 0)
	for _, c := range []struct {
		timing Timing
		fields string
	}{
		{Timing{}, "cron"},
		{Timing{Cron: "* * * * *", Every: time.Hour}, "every"},
		{Timing{Every: time.Second - 1}, "every"},
		{Timing{Every: -time.Hour}, "every"},
		{Timing{Every: MaxEvery + time.Millisecond}, "every"},
		{Timing{Every: time.Second + time.Microsecond}, "every"},
		{Timing{Cron: "* * * * *", Timezone: "Local"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "local"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "localtime"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "right/UTC"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "posix/Europe/Berlin"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "Europe/Atlantis"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "../zoneinfo/UTC"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: "/etc/localtime"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: " UTC"}, "timezone"},
		{Timing{Cron: "* * * * *", Timezone: strings.Repeat("a", 5000)}, "timezone"},
		{Timing{Cron: "* * * * *", DayMatch: "Either"}, "day_match"},
		{Timing{Cron: "* * * * *", DSTGap: "Forward"}, "dst_gap"},
		{Timing{Cron: "* * * * *", DSTRepeat: "Twice"}, "dst_repeat"},
		{Timing{Cron: "* * * * *", StartAt: &late, EndAt: &early}, "end_at"},
		{Timing{Cron: "* * * * *", StartAt: &late, EndAt: &late}, "end_at"},
		{Timing{Cron: "* * * * *", StartAt: &far}, "start_at"},
		{Timing{Every: time.Hour, EndAt: &far}, "end_at"},
		{Timing{Cron: "never", Timezone: "Mars", DayMatch: "Either"}, "timezone day_match cron"},
	} {
		_, err := c.timing.Compile()
		var wrong Invalids
		errors.As(err, &wrong)
		var fields []string
		for _, one := range wrong {
			fields = append(fields, one.Field)
		}
		if strings.Join(fields, " ") != c.fields {
			t.Errorf("%+v: %v, want %s", c.timing, err, c.fields)
		}
		for _, shown := range []string{"Atlantis", "Mars", "Either", "Forward", "Twice", "never", "aaa", "0001"} {
			if err != nil && strings.Contains(err.Error(), shown) {
				t.Errorf("%v shows what it refuses", err)
			}
		}
	}
}

// TestInterval knows which expressions mean "every so often".
func TestInterval(t *testing.T) {
	for text, want := range map[string]bool{
		"* * * * *": true, "0 * * * *": true, "30 2 * * *": false, "0,30 1,2 * * *": false, "*/30 2 * * *": true,
		"0/30 2 * * *": true, "0-10 2 * * *": true, "30 2-3 * * *": true, "0 0 1-5 1-3 MON-FRI": false,
		"0 0 */2 */3 */2": false, "* 30 2 * * *": true, "0-1 30 2 * * *": true, "5 30 2 * * *": false,
		"5,* 2 * * *": false, "*,5 2 * * *": true, "@daily": false, "@hourly": true, "@weekly": false, "@yearly": false,
		"H 2 * * *": false, "H(0-29) 2 * * *": false, "H H(1-5) * * *": false, "H/15 2 * * *": true,
		"H(0-29)/5 2 * * *": true, "H(0-9),30-40 2 * * *": true, "H(0-9),H(30-40) 2 * * *": false, "H * * * *": true,
	} {
		read, err := readCron(text, "report")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := read.interval(); got != want {
			t.Errorf("%q: interval %v", text, got)
		}
	}
}

// TestHash holds that H stays within its range, does not change, and fills the range from many names.
func TestHash(t *testing.T) {
	for _, c := range []struct {
		cron   string
		layout string
		count  int // occurrences looked at
		want   int // different ones, over all names
	}{
		{"H * * * *", "04", 1, 60},
		{"H * * * * *", "05", 1, 60},
		{"0 H * * *", "15", 1, 24},
		{"H H * * *", "15:04", 1, 1440},
		{"0 0 H * *", "02", 1, 28},
		{"0 0 1 H *", "01", 1, 12},
		{"0 0 * * H", "Mon", 1, 7},
		{"H(10-19) * * * *", "04", 1, 10},
		{"H(55-4) * * * *", "04", 1, 10},
		{"0 0 * * H(MON-FRI)", "Mon", 1, 5},
		{"0 0 * H(nov-feb) *", "Jan", 1, 4},
		{"0 0 H(29-31) * *", "02", 1, 3},
		{"H/15 * * * *", "04", 4, 60},
		{"H(0-29)/10 * * * *", "04", 3, 30},
		{"H(50-9)/10 * * * *", "04", 2, 20},
		{"0 0 * * H(SAT-TUE)/2", "Mon", 2, 4},
		{"0 H/24 * * *", "15", 1, 24},
	} {
		seen := map[string]bool{}
		for i := range 15 * c.want {
			timing := Timing{Name: fmt.Sprintf("job-%d", i), Cron: c.cron}
			r, err := timing.Compile()
			if err != nil {
				t.Fatalf("%q: %v", c.cron, err)
			}
			at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
			for range c.count {
				at, _ = r.Next(at)
				seen[at.Format(c.layout)] = true
			}
		}
		if len(seen) != c.want {
			t.Errorf("%q: %d different values of %d: %v", c.cron, len(seen), c.want, seen)
		}
	}
	got := firings(t, Timing{Name: "report", Cron: "H H H H *"}, "2027-01-01T00:00:00Z", 1)
	if want := "2027-12-19T18:48:00Z"; got[0] != want { // else schedules would move with an upgrade
		t.Errorf("report is spread to %s, was %s", got[0], want)
	}
}
