package models

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNewSchedule(t *testing.T) {
	target := NewTarget(Target{Name: "billing", URL: "http://example.com", Method: "GET", Retry: DefaultRetry()}, t0)
	for _, c := range []struct {
		name   string
		change func(*Schedule)
		next   float64 // minutes; -1: ended
		bad    string  // fields refused
	}{
		{"cron", func(s *Schedule) { s.Cron = "30 12 * * *" }, 30, ""},
		{"strictly after now", func(s *Schedule) { s.Cron = "0 12 * * *" }, 24 * 60, ""},
		{"every, one step after creation", func(s *Schedule) { s.Every = 5 * time.Minute }, 5, ""},
		{"every, at its start", func(s *Schedule) { s.Every, s.StartAt = time.Hour, minute(7) }, 7, ""},
		{"every, from a start in the past", func(s *Schedule) { s.Every, s.StartAt = time.Hour, minute(-20) }, 40, ""},
		{"ended before it began", func(s *Schedule) { s.Every, s.EndAt = time.Hour, minute(10) }, -1, ""},
		{"nothing that says when", func(s *Schedule) {}, 0, "cron"},
		{"many mistakes", func(s *Schedule) {
			s.Cron, s.Timezone, s.Overlap, s.CatchUp, s.Jitter = "61 * * * *", "Mars/Phobos", "maybe", "some", -1
			s.BodyForm, s.Body, s.Name = BodyPayload, []byte("1"), "No Name"
		}, 0, "name timezone cron payload jitter overlap catch_up"},
	} {
		spec := DefaultSchedule()
		spec.Name = "report"
		c.change(&spec)
		s, err := NewSchedule(spec, target, t0)
		var bad Invalids
		var fields []string
		if errors.As(err, &bad) {
			for _, b := range bad {
				fields = append(fields, b.Field)
			}
		}
		if got := strings.Join(fields, " "); got != c.bad {
			t.Errorf("%s: refused [%s], want [%s]: %v", c.name, got, c.bad, err)
		}
		switch {
		case c.bad != "":
		case c.next < 0:
			if s.Status() != ScheduleEnded || !s.DueAt.IsZero() {
				t.Errorf("%s: %+v", c.name, s)
			}
		case !s.NextAt.Equal(minute(c.next)) || !s.DueAt.Equal(s.NextAt):
			t.Errorf("%s: first at %v, due %v, want %v", c.name, s.NextAt, s.DueAt, minute(c.next))
		}
	}
}

func TestSchedulesInTheBook(t *testing.T) {
	s := openStore(t)
	billing, mail := newTarget(t, s, "billing"), newTarget(t, s, "mail")
	attempts := 3
	row := newSchedule(t, s, billing, "b", func(s *Schedule) {
		s.Retry, s.Headers, s.Jitter = &RetryOver{MaxAttempts: &attempts}, Headers{"x-a": "1"}, time.Second
		s.BodyForm, s.Body, s.Description, s.EndAt = BodyText, []byte("hello"), "daily", minute(99)
	})
	newSchedule(t, s, mail, "a")
	newSchedule(t, s, billing, "c")
	kept, err := s.Schedule(t.Context(), "b")
	row.Target = "billing"
	if err != nil || cmp.Diff(row, kept) != "" || kept.Headers["X-A"] != "1" {
		t.Errorf("read back (%v):\n%s", err, cmp.Diff(row, kept))
	}
	twin, err := NewSchedule(*row, billing, t0)
	if err != nil {
		t.Fatal(err)
	}
	var conflict *Conflict
	if err := s.CreateSchedule(t.Context(), twin, t0); !errors.As(err, &conflict) {
		t.Errorf("a second schedule of the same name: %v", err)
	}
	names := func(p Page, target string) string {
		rows, next, err := s.Schedules(t.Context(), ScheduleFilter{Target: target}, p)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, r := range rows {
			all = append(all, r.Target+"/"+r.Name)
		}
		if next != "" {
			more, _, err := s.Schedules(t.Context(), ScheduleFilter{Target: target}, Page{Limit: p.Limit, Cursor: next})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range more {
				all = append(all, "then "+r.Name)
			}
		}
		return strings.Join(all, " ")
	}
	if got := names(Page{}, ""); got != "mail/a billing/b billing/c" {
		t.Errorf("all: %s", got)
	}
	if got := names(Page{Limit: 1}, "billing"); got != "billing/b then c" {
		t.Errorf("of billing, by one: %s", got)
	}
	due, err := s.DueSchedules(t.Context(), minute(1), time.Time{}, "", 2)
	if err != nil || len(due) != 2 {
		t.Fatalf("due: %+v, %v", due, err)
	}
	rest, err := s.DueSchedules(t.Context(), minute(1), due[1].DueAt, due[1].ID, 2)
	if err != nil || len(rest) != 1 || rest[0].ID == due[0].ID || rest[0].ID == due[1].ID || rest[0].DueAt.Before(due[1].DueAt) {
		t.Errorf("due after those: %+v, %v", rest, err)
	}
	if early, err := s.DueSchedules(t.Context(), t0, time.Time{}, "", 2); err != nil || len(early) != 0 {
		t.Errorf("due too early: %+v, %v", early, err)
	}
	if _, err := s.DeleteTarget(t.Context(), "billing", t0, DeleteTarget{Schedules: true}); err != nil {
		t.Fatal(err)
	}
	if got := names(Page{}, ""); got != "mail/a" {
		t.Errorf("after their target was deleted: %s", got)
	}
	if _, err := s.ScheduleByID(t.Context(), row.ID); err != ErrNotFound {
		t.Errorf("a deleted schedule: %v", err)
	}
	if got := turnWith(t, s, TurnAsk{row.ID, row.Version + 1}, minute(1)); got.Schedule != nil {
		t.Errorf("a deleted schedule took a turn: %+v", got)
	}
}

// TestEdit: an edit counts for what is not settled yet and never looks back.
func TestEdit(t *testing.T) {
	hourly := func(s *Schedule) { s.Every, s.StartAt = time.Hour, t0 }
	for _, c := range []struct {
		name    string
		make    func(*Schedule)
		turn    float64 // minute of a turn before the edit
		edit    func(*Schedule)
		next    float64 // minute of the first occurrence after the edit at minute 10.5
		history string  // after turns at minutes 10.5 and 60
	}{
		{"nothing", hourly, 0, func(*Schedule) {}, 60, "job@0 job@60"},
		{"not the timing", hourly, 0, func(s *Schedule) { s.Overlap, s.Priority = OverlapQueue, Low }, 60, "job@0 job@60"},
		{"the timing", hourly, 0, func(s *Schedule) { s.Every = 20 * time.Minute }, 20, "job@0 missed@20 job@40 job@60"},
		{"to cron", hourly, 0, func(s *Schedule) { s.Every, s.Cron, s.StartAt = 0, "0 13 * * *", time.Time{} }, 60, "job@0 job@60"},
		{"what is due is settled first", hourly, -1, func(s *Schedule) { s.Every = 30 * time.Minute }, 30, "job@0 job@30 job@60"},
		{"also if it is skipped", func(s *Schedule) { s.Every, s.CatchUp = time.Minute, CatchUpNone }, -1,
			func(s *Schedule) { s.Every = time.Hour }, 60, "missed@0-9×10 job@10 job@60"},
		{"an end that is past", hourly, 0, func(s *Schedule) { s.EndAt = minute(5) }, -1, "job@0"},
		{"max_runs that is reached", hourly, 0, func(s *Schedule) { s.MaxRuns = 1 }, -1, "job@0"},
		{"max_runs that was reached", func(s *Schedule) { hourly(s); s.MaxRuns = 1 }, 0, func(s *Schedule) { s.MaxRuns = 3 }, 60, "job@0 job@60"},
		{"an end that was past", func(s *Schedule) { hourly(s); s.EndAt = minute(5) }, 0, func(s *Schedule) { s.EndAt = time.Time{} }, 60, "job@0 job@60"},
		{"pause", hourly, 0, func(s *Schedule) { s.PausedAt = t0 }, 60, "job@0 paused@60"},
	} {
		s := openStore(t)
		row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) { s.Overlap, s.CatchUpWindow = OverlapAllow, 30*time.Minute }, c.make)
		if c.turn >= 0 {
			turnOf(t, s, row.ID, minute(c.turn))
		}
		edited, err := s.UpdateSchedule(t.Context(), "report", minute(10.5), func(s *Schedule, target *Target) error {
			if target.Name != "billing" {
				t.Errorf("changed beside target %+v", target)
			}
			c.edit(s)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if want := minute(c.next); c.next >= 0 && !edited.NextAt.Equal(want) || c.next < 0 && edited.Status() != ScheduleEnded {
			t.Errorf("%s: next at %v, want %v", c.name, edited.NextAt, want)
		}
		kept, err := s.Schedule(t.Context(), "report")
		if err != nil || cmp.Diff(edited, kept) != "" || edited.Version <= row.Version {
			t.Errorf("%s: what is kept (%v):\n%s", c.name, err, cmp.Diff(edited, kept))
		}
		turnOf(t, s, row.ID, minute(10.5))
		turnOf(t, s, row.ID, minute(60))
		if got := history(t, s, "report", minute(60)); got != c.history {
			t.Errorf("%s: %s, want %s", c.name, got, c.history)
		}
	}
}

// TestEditWhileItWaitsForItsJitter: what has come and only waits for its jitter still runs, and nothing between it and
// the edit does.
func TestEditWhileItWaitsForItsJitter(t *testing.T) {
	for n := range 50 {
		s := minutely(func(s *Schedule) {
			s.ID, s.Every, s.Jitter = fmt.Sprint("sch_", n), 3*time.Hour, 2*time.Hour
			s.CatchUp, s.Overlap = CatchUpNone, OverlapAllow
		})
		for name, edit := range map[string]func(*Schedule){
			"timing":      func(s *Schedule) { s.Every = time.Minute },
			"its end":     func(s *Schedule) { s.EndAt = minute(1) },
			"jitter":      func(s *Schedule) { s.Jitter = 0 },
			"description": func(s *Schedule) { s.Description = "new" },
		} {
			after := *s
			edit(&after)
			rule, err := after.Timing().Compile()
			if err != nil {
				t.Fatal(err)
			}
			const at = 0.01 // some are due already then; they run all the same
			after.reckon(s, rule, minute(at))
			after.aimBy(rule, minute(at))
			next := map[string]float64{"timing": 1, "its end": 121, "jitter": 180, "description": 180}[name]
			if after.DueAt.Before(minute(at)) || !after.DueAt.Before(minute(next)) {
				t.Fatalf("%s: due %v after an edit at %v", name, after.DueAt, minute(at))
			}
			p := after.Plan(rule, nil, after.DueAt, time.Minute)
			if got := tell(p); got != "run@0" {
				t.Errorf("%s: at %v: %s", name, after.DueAt, got)
			}
		}
	}
}

func TestEditRefused(t *testing.T) {
	s := openStore(t)
	newTarget(t, s, "mail")
	before := newSchedule(t, s, newTarget(t, s, "billing"), "report")
	for name, c := range map[string]struct {
		change func(*Schedule)
		field  string
	}{
		"unknown target": {func(s *Schedule) { s.Target = "nobody" }, "target"},
		"bad cron":       {func(s *Schedule) { s.Every, s.Cron = 0, "x" }, "cron"},
		"past until":     {func(s *Schedule) { s.PausedAt, s.PausedUntil = t0, minute(-1) }, "until"},
	} {
		_, err := s.UpdateSchedule(t.Context(), "report", t0, func(s *Schedule, _ *Target) error { c.change(s); return nil })
		if err == nil || !strings.HasPrefix(err.Error(), c.field+":") {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine := errors.New("mine")
	if _, err := s.UpdateSchedule(t.Context(), "report", t0, func(*Schedule, *Target) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the change's own error: %v", err)
	}
	moved, err := s.UpdateSchedule(t.Context(), "report", t0.Add(-time.Second), func(s *Schedule, _ *Target) error {
		s.Target, s.ID, s.Runs, s.NextAt = "mail", "sch_other", 7, minute(99)
		return nil
	})
	if err != nil || moved.Target != "mail" || moved.TargetID == before.TargetID || moved.ID != before.ID || moved.Runs != 0 ||
		!moved.NextAt.Equal(t0) {
		t.Errorf("moved to another target: %+v, %v", moved, err)
	}
}

// TestPause: paused time is one entry, also over its hourly turns, and is never caught up.
func TestPause(t *testing.T) {
	s := openStore(t)
	row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) { s.Overlap, s.CatchUp = OverlapAllow, CatchUpAll })
	turnOf(t, s, row.ID, t0)
	paused, err := s.PauseSchedule(t.Context(), "report", "holiday", time.Time{}, minute(1.5)) // minute 1 is due already
	if err != nil || paused.Status() != SchedulePaused || paused.PausedReason != "holiday" || !paused.DueAt.Equal(minute(61.5)) {
		t.Fatalf("paused: %+v, %v", paused, err)
	}
	if got := history(t, s, "report", minute(3.5)); got != "job@0 job@1 paused@2-3×2" {
		t.Errorf("while paused: %s", got)
	}
	for n := 61.5; n < 400; n += 60 {
		turnOf(t, s, row.ID, minute(n))
	}
	again, err := s.PauseSchedule(t.Context(), "report", "longer", minute(500), minute(400))
	if err != nil || again.PausedReason != "longer" || !again.PausedAt.Equal(paused.PausedAt) {
		t.Errorf("paused again: %+v, %v", again, err)
	}
	for range 2 {
		row, err = s.ResumeSchedule(t.Context(), "report", minute(450.5))
		if err != nil || row.Status() != ScheduleActive || row.PausedReason != "" || !row.DueAt.Equal(minute(451)) {
			t.Errorf("resumed: %+v, %v", row, err)
		}
	}
	turnOf(t, s, row.ID, minute(451))
	if got := history(t, s, "report", minute(451)); got != "job@0 job@1 paused@2-450×449 job@451" {
		t.Errorf("history: %s", got)
	}
	if _, err := s.PauseSchedule(t.Context(), "report", "", minute(460), minute(451.5)); err != nil {
		t.Fatal(err)
	}
	if row = turnOf(t, s, row.ID, minute(460)).Schedule; row.Paused() || !row.DueAt.Equal(minute(461)) {
		t.Errorf("at its end: %+v", row)
	}
	if got := history(t, s, "report", minute(460)); got != "job@0 job@1 paused@2-450×449 job@451 paused@452-459×8 job@460" {
		t.Errorf("history: %s", got)
	}
}

func TestTrigger(t *testing.T) {
	s := openStore(t)
	row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) {
		s.BodyForm, s.Body, s.Labels = BodyPayload, []byte(`1`), Labels{"a": "b"}
		s.StartAt = minute(-MaxUnfinished)
	})
	if _, err := s.PauseSchedule(t.Context(), "report", "", time.Time{}, t0.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	idem := &Idempotency{Path: "/v1/schedules/report/trigger", Key: "k"}
	var ids []string
	for n := range 2 {
		made, err := s.Trigger(t.Context(), "report", &JobSpec{BodyForm: BodyText, Body: []byte("hi")}, idem, t0)
		if err != nil || len(made.Jobs) != 1 || made.Replayed != (n == 1) {
			t.Fatalf("trigger: %+v, %v", made, err)
		}
		ids = append(ids, made.Jobs[0].ID)
	}
	j, err := s.Job(t.Context(), ids[0])
	if err != nil || ids[0] != ids[1] || j.Origin != FromTrigger || string(j.Body) != "hi" || j.ContentType != "text/plain; charset=utf-8" ||
		j.Schedule != "report" || j.Labels["a"] != "b" || !j.Due(t0) {
		t.Errorf("triggered: %+v, %v", j, err)
	}
	if _, err := s.ResumeSchedule(t.Context(), "report", t0.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	turnOf(t, s, row.ID, t0)
	if got := history(t, s, "report", t0); got != "overlap@0" {
		t.Errorf("a triggered job is unfinished for the occurrence after it: %s", got)
	}
	if kept, _ := s.ScheduleByID(t.Context(), row.ID); kept.Runs != 0 {
		t.Errorf("a trigger counts as a run: %+v", kept)
	}
	if _, err := s.Backfill(t.Context(), "report", minute(-MaxUnfinished+1), minute(0), false, nil, t0); err != nil {
		t.Fatal(err)
	}
	var conflict *Conflict
	if _, err := s.Trigger(t.Context(), "report", nil, nil, t0); !errors.As(err, &conflict) {
		t.Errorf("one more than a schedule may have: %v", err)
	}
	canceled, err := s.DeleteSchedule(t.Context(), "report", true, t0)
	if err != nil || len(canceled) != MaxUnfinished {
		t.Errorf("deleted with %d jobs, %v", len(canceled), err)
	}
	if _, err := s.Trigger(t.Context(), "report", nil, nil, t0); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the end: %v", err)
	}
}

func TestBackfill(t *testing.T) {
	for _, c := range []struct {
		name              string
		from, to          float64
		created, existing int
		history           string
	}{
		{"before the schedule was made", -3, -1, 2, 0, "job@-3 job@-2 job@0 paused@1-8×8 job@9"},
		{"nothing to do", 0, 1, 0, 1, "job@0 paused@1-8×8 job@9"},
		{"everything", -1, 9.5, 9, 2, "job@-1 job@0 job@1 job@2 job@3 job@4 job@5 job@6 job@7 job@8 job@9"},
		{"the middle of a stretch", 3, 5, 2, 0, "job@0 paused@1-2×2 job@3 job@4 paused@5-8×4 job@9"},
		{"its begin", 0.5, 2.5, 2, 0, "job@0 job@1 job@2 paused@3-8×6 job@9"},
		{"its end", 7.5, 9.5, 1, 1, "job@0 paused@1-7×7 job@8 job@9"},
		{"all but one at each end", 2, 8, 6, 0, "job@0 paused@1 job@2 job@3 job@4 job@5 job@6 job@7 paused@8 job@9"},
		{"between two occurrences", 4.1, 4.9, 0, 0, "job@0 paused@1-8×8 job@9"},
	} {
		s := openStore(t)
		row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) {
			s.Every, s.StartAt, s.Cron = 0, time.Time{}, "* * * * *"
		})
		first := turnOf(t, s, row.ID, t0).Jobs[0]
		callOnce(t, s, first, AnsweredOK, t0)
		if _, err := s.PauseSchedule(t.Context(), "report", "", time.Time{}, minute(0.5)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ResumeSchedule(t.Context(), "report", minute(8.5)); err != nil {
			t.Fatal(err)
		}
		turnOf(t, s, row.ID, minute(9))
		const before = "job@0 paused@1-8×8 job@9"
		dry, err := s.Backfill(t.Context(), "report", minute(c.from), minute(c.to), true, nil, minute(9.9))
		if err != nil || dry.Created != c.created || dry.Existing != c.existing || history(t, s, "report", minute(9)) != before {
			t.Errorf("%s, dry run: %+v, %v; history %s", c.name, dry, err, history(t, s, "report", minute(9)))
		}
		idem := &Idempotency{Path: "/v1/schedules/report/backfill", Key: "k"}
		for n := range 2 {
			got, err := s.Backfill(t.Context(), "report", minute(c.from), minute(c.to), false, idem, minute(9.5))
			if err != nil || got.Created != c.created || got.Existing != c.existing || got.Replayed != (n == 1) || len(got.Jobs) != c.created {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
			for _, j := range got.Jobs {
				if j.Priority != Low || j.Origin != FromBackfill || j.ScheduledFor.Before(minute(c.from)) || !j.Held {
					t.Errorf("%s: %+v", c.name, j)
				}
			}
		}
		if got := history(t, s, "report", minute(9.5)); got != c.history {
			t.Errorf("%s: %s, want %s", c.name, got, c.history)
		}
	}
}

// TestBackfillLine: backfilled jobs run one after another behind what the schedule itself makes, beside it only if its
// jobs may run beside each other.
func TestBackfillLine(t *testing.T) {
	for _, c := range []struct {
		overlap Overlap
		want    string // which jobs run, in order; those in brackets together
	}{
		{OverlapSkip, "[-4] [-3] [-2]"},
		{OverlapQueue, "[-4] [0] [-3] [-2]"},
		{OverlapQueueAll, "[-4] [0] [1] [-3] [-2]"},
		{OverlapAllow, "[-4 0 1] [-3] [-2]"},
	} {
		s := openStore(t)
		row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) {
			s.Overlap, s.Every, s.StartAt, s.Cron, s.CatchUp = c.overlap, 0, time.Time{}, "* * * * *", CatchUpAll
		})
		got, err := s.Backfill(t.Context(), "report", minute(-4), minute(-1), false, nil, t0.Add(-time.Second))
		if err != nil || got.Created != 3 {
			t.Fatalf("%+v, %v", got, err)
		}
		for n := range 2 {
			turnOf(t, s, row.ID, minute(float64(n)))
		}
		var order []string
		for {
			due, _, err := s.Jobs(t.Context(), JobFilter{States: []State{Scheduled}}, Page{})
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for i := len(due) - 1; i >= 0; i-- {
				if j := due[i]; !j.Held {
					out = append(out, fmt.Sprint(j.ScheduledFor.Sub(t0).Minutes()))
				}
			}
			if len(out) == 0 {
				break
			}
			order = append(order, "["+strings.Join(out, " ")+"]")
			for _, j := range due {
				if !j.Held {
					callOnce(t, s, j, AnsweredOK, minute(1))
				}
			}
		}
		if got := strings.Join(order, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.overlap, got, c.want)
		}
	}
}

func TestBackfillRefused(t *testing.T) {
	s := openStore(t)
	newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) { s.StartAt = t0.Add(-200 * 24 * time.Hour) })
	for _, c := range []struct {
		from, to float64
		want     string
	}{
		{0, 0, "to: must be later than from"},
		{0, 100, "to: must not be later than now"},
		{-91 * 24 * 60, 0, "from: must not be further back than occurrences are kept: 90d"},
		{-1001, 0, "to: must leave at most 1000 occurrences; there are 1001"},
		{-80 * 24 * 60, 0, "to: must leave at most 1000 occurrences; there are 100000 or more"},
	} {
		if _, err := s.Backfill(t.Context(), "report", minute(c.from), minute(c.to), true, nil, minute(50)); err == nil || err.Error() != c.want {
			t.Errorf("from %v to %v: %v, want %s", c.from, c.to, err, c.want)
		}
	}
	if got, err := s.Backfill(t.Context(), "report", minute(-1000), minute(-0.5), true, nil, minute(-0.5)); err != nil || got.Created != 1000 {
		t.Errorf("as many as may be: %+v, %v", got, err)
	}
	var conflict *Conflict
	if got, err := s.Backfill(t.Context(), "report", minute(-1000), minute(0), true, nil, minute(0)); !errors.As(err, &conflict) {
		t.Errorf("one more than a schedule may have unfinished, with that of minute 0: %+v, %v", got, err)
	}
}
