package models

import (
	"fmt"
	"strings"
	"testing"
)

// TestSchedulesBySoonest pages through more schedules than one page holds, of which some are paused and ended.
func TestSchedulesBySoonest(t *testing.T) {
	s := openStore(t)
	billing, mail := newTarget(t, s, "billing"), newTarget(t, s, "mail_er")
	for i := range 12 {
		of := billing
		if i%4 == 3 {
			of = mail
		}
		newSchedule(t, s, of, fmt.Sprintf("s-%02d", i), func(sc *Schedule) {
			sc.StartAt = minute(float64(60 - i)) // the last one made is the next to run
			if i == 5 {
				sc.PausedAt = t0
			}
		})
	}
	all := func(f ScheduleFilter, limit int) string {
		t.Helper()
		var names []string
		for p := (Page{Limit: limit}); ; {
			rows, next, err := s.SchedulesBySoonest(t.Context(), f, p)
			if err != nil || len(rows) > limit {
				t.Fatal(len(rows), err)
			}
			for _, r := range rows {
				names = append(names, strings.TrimPrefix(r.Name, "s-"))
			}
			if p.Cursor = next; next == "" {
				return strings.Join(names, " ")
			}
		}
	}
	const want = "11 10 09 08 07 06 04 03 02 01 00 05"
	for limit := 1; limit <= 13; limit++ {
		if got := all(ScheduleFilter{}, limit); got != want {
			t.Errorf("by %d: %s", limit, got)
		}
	}
	for _, c := range []struct {
		f    ScheduleFilter
		want string
	}{
		{ScheduleFilter{State: SchedulePaused}, "05"},
		{ScheduleFilter{State: ScheduleEnded}, ""},
		{ScheduleFilter{Match: "0"}, "10 09 08 07 06 04 03 02 01 00 05"},
		{ScheduleFilter{Match: "MAIL"}, "11 07 03"},
		{ScheduleFilter{Match: "l_e"}, "11 07 03"},
		{ScheduleFilter{Match: "s_0"}, ""}, // an underscore is no wildcard
		{ScheduleFilter{Match: "%"}, ""},
		{ScheduleFilter{Match: `\`}, ""},
		{ScheduleFilter{Target: "mail_er", State: ScheduleActive, Match: "7"}, "07"},
	} {
		if got := all(c.f, 5); got != c.want {
			t.Errorf("%+v: %q, want %q", c.f, got, c.want)
		}
	}
	counts, err := s.CountSchedules(t.Context(), ScheduleFilter{State: SchedulePaused, Match: "0"})
	if err != nil || counts[ScheduleActive] != 10 || counts[SchedulePaused] != 1 || counts[ScheduleEnded] != 0 {
		t.Errorf("%v, %v", counts, err)
	}
	if _, _, err := s.SchedulesBySoonest(t.Context(), ScheduleFilter{}, Page{Cursor: cursor("soonest", "x")}); err != error(errCursor) {
		t.Errorf("a cursor that says nothing: %v", err)
	}
}
