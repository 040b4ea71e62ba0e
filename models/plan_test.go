package models

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// minutely is a schedule whose occurrences are the whole minutes from t0 on, none of them settled.
func minutely(change ...func(*Schedule)) *Schedule {
	s := DefaultSchedule()
	s.ID, s.Name, s.TargetID = "sch_test", "minutely", "tgt_test"
	s.Every, s.StartAt, s.Anchor = time.Minute, t0, t0
	s.NextAt, s.DueAt = t0, t0
	for _, c := range change {
		c(&s)
	}
	return &s
}

// minute is the nth minute of the tests.
func minute(n float64) time.Time {
	return t0.Add(time.Duration(n * float64(time.Minute))).Round(time.Millisecond)
}

// planAt plans for a schedule at a minute, with a missed-after of one minute.
func planAt(t testing.TB, s *Schedule, at float64, jobs ...*Job) *Plan {
	t.Helper()
	rule, err := s.Timing().Compile()
	if err != nil {
		t.Fatal(err)
	}
	return s.Plan(rule, jobs, minute(at), time.Minute)
}

// tell writes a plan on one line: what became of the occurrences, by minute, then what became of the jobs before.
// A job is "run", "wait" (in the line) or "dead" (canceled by a later one of the same turn).
func tell(p *Plan) string {
	at := func(t time.Time) string {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", t.Sub(t0).Minutes()), ".0")
	}
	var words []string
	jobs := p.Made
	for _, o := range p.Settled {
		switch {
		case o.Outcome == OccurrenceJob && jobs[0].State == Canceled:
			words = append(words, "dead@"+at(o.At))
		case o.Outcome == OccurrenceJob && jobs[0].Held:
			words = append(words, "wait@"+at(o.At))
		case o.Outcome == OccurrenceJob:
			words = append(words, "run@"+at(o.At))
		case o.Count == 1:
			words = append(words, o.Reason+"@"+at(o.At))
		default:
			words = append(words, fmt.Sprintf("%s@%s-%s×%d", o.Reason, at(o.At), at(o.Until), o.Count))
		}
		if o.Outcome == OccurrenceJob {
			jobs = jobs[1:]
		}
	}
	for _, group := range []struct {
		word string
		jobs []*Job
	}{{"release", p.Released}, {"supersede", p.Superseded}, {"cancel", p.Canceled}, {"ask", p.Asked}} {
		for _, j := range group.jobs {
			words = append(words, group.word+":"+j.ID)
		}
	}
	if p.Schedule.parked() {
		words = append(words, "parked:"+p.Schedule.Parked)
	}
	if p.More {
		words = append(words, "more")
	}
	return strings.Join(words, " ")
}

// Unfinished jobs of the tests, by what they are called there.
var testJobs = map[string]Job{
	"new":      {ID: "new", State: Scheduled},
	"running":  {ID: "running", State: Running},
	"retrying": {ID: "retrying", State: Scheduled, Attempts: 1},
	"lost":     {ID: "lost", State: Scheduled, LostInRow: 1},
	"waiting":  {ID: "waiting", State: Scheduled, Held: true},
	"filling":  {ID: "filling", State: Running, Origin: FromBackfill},
	"filler":   {ID: "filler", State: Scheduled, Held: true, Origin: FromBackfill},
}

func unfinishedJobs(names string) (jobs []*Job) {
	for _, name := range strings.Fields(names) {
		j := testJobs[name]
		jobs = append(jobs, &j)
	}
	return jobs
}

// TestOverlap: one occurrence comes due in time and meets the unfinished jobs of its schedule.
func TestOverlap(t *testing.T) {
	const patient = true // retry_past_next
	for _, c := range []struct {
		overlap Overlap
		patient bool
		jobs    string
		want    string
	}{
		{OverlapSkip, false, "", "run@0"},
		{OverlapSkip, false, "new", "overlap@0 parked:overlap"},
		{OverlapSkip, false, "running", "overlap@0 parked:overlap"},
		{OverlapSkip, false, "retrying", "run@0 supersede:retrying"},
		{OverlapSkip, false, "lost", "run@0 supersede:lost"},
		{OverlapSkip, patient, "retrying", "overlap@0 parked:overlap"},
		{OverlapSkip, false, "running retrying", "overlap@0 parked:overlap"},
		{OverlapSkip, false, "running waiting", "overlap@0 parked:overlap"},
		{OverlapSkip, false, "retrying waiting", "overlap@0 release:waiting supersede:retrying parked:overlap"},
		{OverlapSkip, false, "filling filler", "overlap@0 parked:overlap"},

		{OverlapQueue, false, "", "run@0"},
		{OverlapQueue, false, "running", "wait@0"},
		{OverlapQueue, false, "new", "wait@0"},
		{OverlapQueue, false, "running waiting", "overlap@0 parked:overlap"},
		{OverlapQueue, false, "retrying", "run@0 supersede:retrying"},
		{OverlapQueue, false, "retrying waiting", "wait@0 release:waiting supersede:retrying"},
		{OverlapQueue, patient, "retrying waiting", "overlap@0 parked:overlap"},
		{OverlapQueue, patient, "retrying", "wait@0"},
		{OverlapQueue, false, "filling filler", "wait@0"},

		{OverlapQueueAll, false, "", "run@0"},
		{OverlapQueueAll, false, "running", "wait@0"},
		{OverlapQueueAll, false, "running waiting waiting", "wait@0"},
		{OverlapQueueAll, false, "retrying", "run@0 supersede:retrying"},
		{OverlapQueueAll, patient, "retrying", "wait@0"},

		{OverlapCancel, false, "", "run@0"},
		{OverlapCancel, false, "running", "wait@0 ask:running"},
		{OverlapCancel, false, "new", "run@0 cancel:new"},
		{OverlapCancel, false, "running waiting", "wait@0 cancel:waiting ask:running"},
		{OverlapCancel, false, "retrying", "run@0 supersede:retrying"},
		{OverlapCancel, patient, "retrying", "run@0 cancel:retrying"},
		{OverlapCancel, false, "filling filler", "wait@0 ask:filling"},

		{OverlapAllow, false, "", "run@0"},
		{OverlapAllow, false, "new running retrying", "run@0"},
	} {
		s := minutely(func(s *Schedule) { s.Overlap, s.RetryPastNext = c.overlap, c.patient })
		if got := tell(planAt(t, s, 0.1, unfinishedJobs(c.jobs)...)); got != c.want {
			t.Errorf("%s, retry_past_next %v, meets [%s]:\n got %s\nwant %s", c.overlap, c.patient, c.jobs, got, c.want)
		}
	}
}

// TestCatchUp: at minute 9 the occurrences of minutes 0 to 9 are due. 0 to 7 are missed, of them 4 to 7 lie within the
// window; 8 and 9 are only late.
func TestCatchUp(t *testing.T) {
	for _, c := range []struct {
		overlap Overlap
		catchUp CatchUp
		jobs    string
		want    string
	}{
		{OverlapSkip, CatchUpNone, "", "missed@0-7×8 run@8 overlap@9 parked:overlap"},
		{OverlapSkip, CatchUpLast, "", "missed@0-6×7 run@7 overlap@8-9×2 parked:overlap"},
		{OverlapSkip, CatchUpAll, "", "missed@0-3×4 run@4 wait@5 wait@6 wait@7 overlap@8-9×2 parked:overlap"},
		{OverlapSkip, CatchUpNone, "running", "missed@0-7×8 overlap@8-9×2 parked:overlap"},
		{OverlapSkip, CatchUpLast, "running", "missed@0-6×7 overlap@7-9×3 parked:overlap"},
		{OverlapSkip, CatchUpAll, "running", "missed@0-3×4 wait@4 wait@5 wait@6 wait@7 overlap@8-9×2 parked:overlap"},

		{OverlapQueue, CatchUpNone, "", "missed@0-7×8 run@8 wait@9"},
		{OverlapQueue, CatchUpLast, "", "missed@0-6×7 run@7 wait@8 overlap@9 parked:overlap"},
		{OverlapQueue, CatchUpAll, "", "missed@0-3×4 run@4 wait@5 overlap@6-9×4 parked:overlap"},
		{OverlapQueue, CatchUpNone, "running", "missed@0-7×8 wait@8 overlap@9 parked:overlap"},
		{OverlapQueue, CatchUpLast, "running", "missed@0-6×7 wait@7 overlap@8-9×2 parked:overlap"},
		{OverlapQueue, CatchUpAll, "running", "missed@0-3×4 wait@4 overlap@5-9×5 parked:overlap"},

		{OverlapQueueAll, CatchUpNone, "", "missed@0-7×8 run@8 wait@9"},
		{OverlapQueueAll, CatchUpLast, "", "missed@0-6×7 run@7 wait@8 wait@9"},
		{OverlapQueueAll, CatchUpAll, "", "missed@0-3×4 run@4 wait@5 wait@6 wait@7 wait@8 wait@9"},
		{OverlapQueueAll, CatchUpNone, "running", "missed@0-7×8 wait@8 wait@9"},
		{OverlapQueueAll, CatchUpLast, "running", "missed@0-6×7 wait@7 wait@8 wait@9"},
		{OverlapQueueAll, CatchUpAll, "running", "missed@0-3×4 wait@4 wait@5 wait@6 wait@7 wait@8 wait@9"},

		{OverlapCancel, CatchUpNone, "", "missed@0-7×8 dead@8 run@9"},
		{OverlapCancel, CatchUpLast, "", "missed@0-6×7 dead@7 dead@8 run@9"},
		{OverlapCancel, CatchUpAll, "", "missed@0-3×4 dead@4 dead@5 dead@6 dead@7 dead@8 run@9"},
		{OverlapCancel, CatchUpNone, "running", "missed@0-7×8 dead@8 wait@9 ask:running"},
		{OverlapCancel, CatchUpLast, "running", "missed@0-6×7 dead@7 dead@8 wait@9 ask:running"},
		{OverlapCancel, CatchUpAll, "running", "missed@0-3×4 dead@4 dead@5 dead@6 dead@7 dead@8 wait@9 ask:running"},

		{OverlapAllow, CatchUpNone, "", "missed@0-7×8 run@8 run@9"},
		{OverlapAllow, CatchUpLast, "", "missed@0-6×7 run@7 run@8 run@9"},
		{OverlapAllow, CatchUpAll, "", "missed@0-3×4 run@4 run@5 run@6 run@7 run@8 run@9"},
		{OverlapAllow, CatchUpNone, "running", "missed@0-7×8 run@8 run@9"},
		{OverlapAllow, CatchUpLast, "running", "missed@0-6×7 run@7 run@8 run@9"},
		{OverlapAllow, CatchUpAll, "running", "missed@0-3×4 run@4 run@5 run@6 run@7 run@8 run@9"},
	} {
		s := minutely(func(s *Schedule) {
			s.Overlap, s.CatchUp, s.CatchUpWindow = c.overlap, c.catchUp, 5*time.Minute
		})
		if got := tell(planAt(t, s, 9, unfinishedJobs(c.jobs)...)); got != c.want {
			t.Errorf("%s, %s, meets [%s]:\n got %s\nwant %s", c.overlap, c.catchUp, c.jobs, got, c.want)
		}
		paused := minutely(func(s *Schedule) {
			s.Overlap, s.CatchUp = c.overlap, c.catchUp
			s.pause("", time.Time{}, minute(-1))
		})
		if got, want := tell(planAt(t, paused, 9, unfinishedJobs(c.jobs)...)), "paused@0-9×10"; got != want {
			t.Errorf("%s, %s, meets [%s] while paused:\n got %s\nwant %s", c.overlap, c.catchUp, c.jobs, got, want)
		}
	}
}

// TestPauseThatEnds: a pause with an end in the past is over, and what came due after it meets catch-up and overlap.
func TestPauseThatEnds(t *testing.T) {
	for _, c := range []struct {
		catchUp      CatchUp
		begin, until float64 // minutes
		at           float64
		want         string
		paused       bool // afterwards
		due          float64
	}{
		{CatchUpNone, -1, 20, 9.5, "paused@0-9×10", true, 20},
		{CatchUpNone, -1, 9.5, 9.5, "paused@0-9×10", false, 10},
		{CatchUpNone, -1, 9, 9, "paused@0-8×9 run@9", false, 10},
		{CatchUpNone, -1, 5, 9, "paused@0-4×5 missed@5-7×3 run@8 run@9", false, 10},
		{CatchUpLast, -1, 5, 9, "paused@0-4×5 missed@5-6×2 run@7 run@8 run@9", false, 10},
		{CatchUpAll, -1, 5, 9, "paused@0-4×5 run@5 run@6 run@7 run@8 run@9", false, 10},
		{CatchUpAll, 2, 5, 9, "run@0 run@1 run@2 paused@3-4×2 run@5 run@6 run@7 run@8 run@9", false, 10},
		{CatchUpLast, 2, 8, 9, "missed@0-1×2 run@2 paused@3-7×5 run@8 run@9", false, 10},
	} {
		s := minutely(func(s *Schedule) {
			s.Overlap, s.CatchUp = OverlapAllow, c.catchUp
			s.pause("", minute(c.until), minute(c.begin))
		})
		p := planAt(t, s, c.at)
		if got := tell(p); got != c.want || p.Schedule.Paused() != c.paused || !p.Schedule.DueAt.Equal(minute(c.due)) {
			t.Errorf("%s, paused from %v to %v:\n got %s, paused %v, due %v\nwant %s, paused %v, due %v", c.catchUp, c.begin,
				c.until, got, p.Schedule.Paused(), p.Schedule.DueAt, c.want, c.paused, minute(c.due))
		}
	}
}

// TestParked: while parked, and up to the end of a job that unparked it, what came due is skipped; then all is as ever.
func TestParked(t *testing.T) {
	for _, c := range []struct {
		name        string
		until       float64 // of the parking; 0: it lasts
		jobs        string
		want        string
		parkedUntil bool
		due         float64
	}{
		{"it lasts", 0, "running", "overlap@0-9×10 parked:overlap", false, 69.1},
		{"its job has ended", 8.5, "", "overlap@0-8×9 run@9", false, 10},
		{"its job ended long ago", 4, "", "overlap@0-4×5 missed@5-8×4 run@9", false, 10},
		{"its job ended after the turn was asked for", 10.2, "", "overlap@0-9×10", true, 10},
		{"its job waits for its next attempt", 8.5, "retrying", "overlap@0-8×9 run@9 supersede:retrying", false, 10},
		{"its job runs again", 8.5, "running", "overlap@0-9×10 parked:overlap", false, 69.1},
		{"its job is gone and nobody said so", 0, "", "overlap@0-9×10", false, 10},
	} {
		s := minutely(func(s *Schedule) {
			s.CatchUp, s.Parked = CatchUpNone, SkipOverlap
			if c.until > 0 {
				s.ParkedUntil = minute(c.until)
			}
		})
		p := planAt(t, s, 9.1, unfinishedJobs(c.jobs)...)
		if got := tell(p); got != c.want || !p.Schedule.DueAt.Equal(minute(c.due)) || p.Schedule.ParkedUntil.IsZero() == c.parkedUntil {
			t.Errorf("%s:\n got %s, due %v\nwant %s, due %v", c.name, got, p.Schedule.DueAt, c.want, minute(c.due))
		}
	}
}

// TestBounds: start, end, max_runs, the limit of unfinished jobs, and failures in a row.
func TestBounds(t *testing.T) {
	many := func(n int, of string) (jobs []*Job) {
		for range n {
			jobs = append(jobs, unfinishedJobs(of)...)
		}
		return jobs
	}
	for _, c := range []struct {
		name   string
		change func(*Schedule)
		jobs   []*Job
		at     float64
		want   string
		status string
	}{
		{"before its start", func(s *Schedule) { s.NextAt = minute(0) }, nil, -1, "", ScheduleActive},
		{"its end is not part of it", func(s *Schedule) { s.EndAt = minute(3) }, nil, 9, "run@0 run@1 run@2", ScheduleEnded},
		{"max_runs", func(s *Schedule) { s.MaxRuns, s.Runs = 5, 3 }, nil, 9, "run@0 run@1", ScheduleEnded},
		{"max_runs does not count skips", func(s *Schedule) { s.MaxRuns, s.Overlap, s.CatchUp = 2, OverlapSkip, CatchUpNone },
			nil, 9, "missed@0-7×8 run@8 overlap@9 parked:overlap", ScheduleActive},
		{"999 unfinished", nil, many(999, "running"), 1, "run@0 limit@1 parked:limit", ScheduleActive},
		{"1000 in line", func(s *Schedule) { s.Overlap = OverlapQueueAll }, many(1000, "running"), 1, "limit@0-1×2 parked:limit", ScheduleActive},
		{"1000 in line, one between attempts", func(s *Schedule) { s.Overlap = OverlapQueueAll },
			append(unfinishedJobs("retrying"), many(999, "waiting")...), 0, "wait@0 release:waiting supersede:retrying", ScheduleActive},
		{"a backfill fills the line", func(s *Schedule) { s.Overlap = OverlapCancel },
			append(unfinishedJobs("filling"), many(999, "filler")...), 0, "limit@0 parked:limit", ScheduleActive},
		{"failures in a row pause it", func(s *Schedule) { s.Overlap, s.PauseAfterFailures, s.FailuresInRow = OverlapSkip, 2, 1 },
			unfinishedJobs("retrying"), 0, "run@0 supersede:retrying", SchedulePaused},
		{"a schedule that pauses is not parked", func(s *Schedule) { s.Overlap, s.PauseAfterFailures = OverlapSkip, 1 },
			unfinishedJobs("retrying waiting"), 0, "overlap@0 release:waiting supersede:retrying", SchedulePaused},
		{"a canceled job breaks the row", func(s *Schedule) { s.Overlap, s.PauseAfterFailures, s.FailuresInRow = OverlapCancel, 2, 1 },
			unfinishedJobs("new"), 0, "run@0 cancel:new", ScheduleActive},
	} {
		s := minutely(func(s *Schedule) { s.Overlap, s.CatchUp = OverlapAllow, CatchUpAll })
		if c.change != nil {
			c.change(s)
		}
		p := planAt(t, s, c.at, c.jobs...)
		if got := tell(p); got != c.want || p.Schedule.Status() != c.status {
			t.Errorf("%s:\n got %s, %s\nwant %s, %s", c.name, got, p.Schedule.Status(), c.want, c.status)
		}
	}
}

// TestJitter: deterministic, in [0, jitter), never past the next occurrence, and of no account for the nominal time.
func TestJitter(t *testing.T) {
	for _, jitter := range []time.Duration{time.Second, 30 * time.Second, time.Minute, time.Hour} {
		s := minutely(func(s *Schedule) { s.Jitter, s.Overlap = jitter, OverlapAllow })
		rule, err := s.Timing().Compile()
		if err != nil {
			t.Fatal(err)
		}
		seen, window := map[time.Duration]bool{}, min(jitter, time.Minute)
		for n := range 500 {
			at := minute(float64(n))
			due, following := s.comesDue(rule, at)
			again, _ := s.comesDue(rule, at)
			if !due.Equal(again) || due.Before(at) || !due.Before(at.Add(window)) || !due.Before(following) {
				t.Fatalf("jitter %v: %v is due at %v, then at %v; the next is %v", jitter, at, due, again, following)
			}
			seen[due.Sub(at).Truncate(window/10)] = true
		}
		if len(seen) != 10 {
			t.Errorf("jitter %v: spread over %d tenths only", jitter, len(seen))
		}
		p := planAt(t, s, 0.999)
		if got := tell(p); got != "run@0" || !p.Made[0].ScheduledFor.Equal(t0) || p.Made[0].RunAt.Equal(t0) {
			if jitter < time.Hour {
				t.Errorf("jitter %v: %s, scheduled for %v, due %v", jitter, got, p.Made[0].ScheduledFor, p.Made[0].RunAt)
			}
		}
	}
}

// TestLongBacklog: a schedule of one occurrence a second that was down for a day catches up turn by turn.
func TestLongBacklog(t *testing.T) {
	for _, c := range []struct {
		catchUp CatchUp
		runs    int // in time to be made up for, beside the 61 that are only late
	}{{CatchUpNone, 0}, {CatchUpLast, 1}, {CatchUpAll, MaxCatchUp}} {
		s := minutely(func(s *Schedule) {
			s.Every, s.Overlap, s.CatchUp, s.CatchUpWindow = time.Second, OverlapAllow, c.catchUp, 48*time.Hour
		})
		var first time.Time
		settled, turns := 0, 0
		for more := true; more; turns++ {
			p := planAt(t, s, 24*60)
			for _, o := range p.Settled {
				settled += o.Count
			}
			if len(p.Made) > 0 && first.IsZero() {
				first = p.Made[0].ScheduledFor
			}
			if p.More == p.Schedule.DueAt.After(minute(24*60)) {
				t.Fatalf("more is %v, due %v", p.More, p.Schedule.DueAt)
			}
			s, more = p.Schedule, p.More
		}
		const all, late = 24*60*60 + 1, 61
		if settled != all || s.Runs != c.runs+late {
			t.Errorf("%s: settled %d of %d, %d jobs, want %d", c.catchUp, settled, all, s.Runs, c.runs+late)
		}
		if want := minute(24 * 60).Add(-time.Duration(c.runs+late-1) * time.Second); !first.Equal(want) {
			t.Errorf("%s: the first made up for is %v, want %v", c.catchUp, first, want)
		}
		if turns > 40 {
			t.Errorf("%s: took %d turns", c.catchUp, turns)
		}
	}
}

// TestPlanSettlesEachOnce: whatever the settings, the jobs and the times of the turns, the rows of all turns tell of
// every occurrence that came due, once and in order.
func TestPlanSettlesEachOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := minutely(func(s *Schedule) {
			s.Overlap = rapid.SampledFrom(Overlaps).Draw(r, "overlap")
			s.CatchUp = rapid.SampledFrom(CatchUps).Draw(r, "catch-up")
			s.CatchUpWindow = time.Duration(rapid.IntRange(0, 20).Draw(r, "window")) * time.Minute
			s.RetryPastNext = rapid.Bool().Draw(r, "patient")
			s.Jitter = time.Duration(rapid.IntRange(0, 90).Draw(r, "jitter")) * time.Second
			s.MaxRuns = rapid.IntRange(0, 30).Draw(r, "max runs")
		})
		rule, err := s.Timing().Compile()
		if err != nil {
			t.Fatal(err)
		}
		now, next, jobs := -1.0, s.NextAt, 0
		for range rapid.IntRange(1, 12).Draw(r, "turns") {
			now += rapid.Float64Range(0, 30).Draw(r, "pass")
			if rapid.Bool().Draw(r, "pause") && !s.Paused() {
				s.pause("", minute(now+rapid.Float64Range(0, 20).Draw(r, "for")), minute(now))
			}
			names := rapid.SliceOfN(rapid.SampledFrom([]string{"new", "running", "retrying", "waiting", "filling", "filler"}), 0, 4)
			p := s.Plan(rule, unfinishedJobs(strings.Join(names.Draw(r, "jobs"), " ")), minute(now), time.Minute)
			made := 0
			for _, o := range p.Settled {
				if !o.At.Equal(next) || o.Count != int(o.Until.Sub(o.At)/time.Minute)+1 {
					r.Fatalf("after %v came %+v", next, o)
				}
				if o.Outcome == OccurrenceJob {
					made++
				}
				next = o.Until.Add(time.Minute)
			}
			jobs += made
			due, _ := s.comesDue(rule, next)
			switch s = p.Schedule; {
			case len(p.Made) != made || s.Runs != jobs:
				r.Fatalf("%d jobs for %d occurrences, %d runs", len(p.Made), made, s.Runs)
			case s.MaxRuns > 0 && s.Runs >= s.MaxRuns:
				if s.Runs > s.MaxRuns || s.Status() != ScheduleEnded || !s.DueAt.IsZero() {
					r.Fatalf("after its last run: %+v", s)
				}
				return
			case !s.NextAt.Equal(next) || !due.After(minute(now)):
				r.Fatalf("at %v the next is %v, due %v; settled up to %v", minute(now), s.NextAt, due, next)
			case s.DueAt.Before(minute(now)) || s.DueAt.IsZero():
				r.Fatalf("at %v the next turn is due at %v", minute(now), s.DueAt)
			}
		}
	})
}
