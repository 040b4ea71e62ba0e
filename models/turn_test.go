package models

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newSchedule creates a minutely schedule, whose first occurrence is at minute 0, as of a second before it.
func newSchedule(t testing.TB, s *Store, target *Target, name string, change ...func(*Schedule)) *Schedule {
	t.Helper()
	spec := DefaultSchedule()
	spec.Name, spec.Every, spec.StartAt = name, time.Minute, t0
	for _, c := range change {
		c(&spec)
	}
	row, err := NewSchedule(spec, target, t0.Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSchedule(t.Context(), row, t0.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	return row
}

// turnOf does a turn of a schedule as it stands in the book.
func turnOf(t testing.TB, s *Store, id string, now time.Time) Turned {
	t.Helper()
	row, err := s.ScheduleByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return turnWith(t, s, TurnAsk{id, row.Version}, now)
}

func turnWith(t testing.TB, s *Store, ask TurnAsk, now time.Time) Turned {
	t.Helper()
	answer := make(chan Turned, 1)
	s.Turn(ask, now, func(got Turned, err error) {
		if err != nil {
			t.Error(err)
		}
		answer <- got
	})
	return <-answer
}

// history tells what became of a schedule's occurrences, oldest first: "job@0 overlap@1-3×3".
func history(t testing.TB, s *Store, name string, now time.Time) string {
	t.Helper()
	rows, _, err := s.Occurrences(t.Context(), name, Page{Limit: MaxPage}, now)
	if err != nil {
		t.Fatal(err)
	}
	words := make([]string, len(rows))
	for i, o := range rows {
		word := o.Reason
		if o.Outcome == OccurrenceJob {
			word = "job"
		}
		word += fmt.Sprintf("@%v", o.At.Sub(t0).Minutes())
		if o.Count > 1 {
			word += fmt.Sprintf("-%v×%d", o.Until.Sub(t0).Minutes(), o.Count)
		}
		words[len(rows)-1-i] = word
	}
	return strings.Join(words, " ")
}

// settleDown waits until the writer has told its listener of everything so far.
func settleDown(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// callOnce claims a job and records the answer of its call.
func callOnce(t testing.TB, s *Store, j *Job, answer Answer, at time.Time) *Job {
	t.Helper()
	got := claim(t, s, at, j)
	if len(got.Granted) != 1 {
		t.Fatalf("no claim on %s: %+v", j.ID, got)
	}
	done, err := finish(s, got.Granted[0].Job, answer, at)
	if err != nil {
		t.Fatal(err)
	}
	return done.Job
}

func TestTurn(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	row := newSchedule(t, s, target, "report", func(s *Schedule) {
		s.BodyForm, s.Body, s.Labels, s.Overlap = BodyPayload, []byte(`{"n":1}`), Labels{"team": "a"}, OverlapAllow
	})
	ask := TurnAsk{row.ID, row.Version}
	if early := turnWith(t, s, ask, t0.Add(-time.Millisecond)); len(early.Jobs) > 0 || !early.Schedule.NextAt.Equal(t0) {
		t.Errorf("a turn that was not due: %+v", early)
	}
	got := turnWith(t, s, ask, t0)
	if len(got.Jobs) != 1 || got.Schedule.Runs != 1 || !got.Schedule.DueAt.Equal(minute(1)) {
		t.Fatalf("turn: %+v", got)
	}
	j := got.Jobs[0]
	if j.Of == nil || j.Schedule != "report" || j.Origin != FromSchedule || !j.ScheduledFor.Equal(t0) || !j.Due(t0) {
		t.Errorf("the turn's job is not whole: %+v", j)
	}
	kept, err := s.Job(t.Context(), j.ID)
	if err != nil || cmp.Diff(j, kept) != "" {
		t.Errorf("the job in the book (%v):\n%s", err, cmp.Diff(j, kept))
	}
	if again := turnWith(t, s, ask, t0); len(again.Jobs) > 0 {
		t.Errorf("the same turn again made %+v", again.Jobs)
	}
	if got := history(t, s, "report", t0); got != "job@0" {
		t.Errorf("history: %s", got)
	}
	if _, err := s.PauseSchedule(t.Context(), "report", "", time.Time{}, t0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ResumeSchedule(t.Context(), "report", t0); err != nil {
		t.Fatal(err)
	}
	if stale := turnWith(t, s, ask, minute(1)); len(stale.Jobs) > 0 || stale.Schedule.Version == ask.Version {
		t.Errorf("a turn with an old version: %+v", stale)
	}
	if gone := turnWith(t, s, TurnAsk{"sch_none", 1}, t0); gone.Schedule != nil {
		t.Errorf("a turn of no schedule: %+v", gone)
	}
	last, err := s.Schedule(t.Context(), "report")
	if err != nil || last.LastJob == nil || last.LastJob.ID != j.ID || last.Target != "billing" {
		t.Errorf("the schedule as read: %+v, %v", last, err)
	}
}

// TestTurnRunsTwice: the writer runs a batch again after an unclear COMMIT, and a crash may repeat a turn.
func TestTurnRunsTwice(t *testing.T) {
	s := openStore(t)
	row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) { s.Overlap = OverlapAllow })
	ask := TurnAsk{row.ID, row.Version}
	var second Turned
	err := s.write(t.Context(), work{act: "turn twice", run: func(tx *tx) (err error) {
		if _, err := tx.turn(ask, minute(2)); err != nil {
			return err
		}
		second, err = tx.turn(ask, minute(2))
		return err
	}})
	if err != nil || len(second.Jobs) != 0 {
		t.Errorf("the second run made %+v, %v", second.Jobs, err)
	}
	// The belt: even if the place in the book were lost, an occurrence on record gets no second job.
	err = s.write(t.Context(), work{act: "lose the place", run: func(tx *tx) error {
		_, err := tx.exec(`UPDATE schedules SET next_at = ?, due_at = ?, runs = 0`, t0.UnixMicro(), t0.UnixMicro())
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := turnWith(t, s, ask, minute(3)); len(got.Jobs) != 1 || !got.Jobs[0].ScheduledFor.Equal(minute(3)) || got.Schedule.Runs != 1 {
		t.Errorf("after the place was lost: %+v", got)
	}
	if got := history(t, s, "report", minute(3)); got != "job@0 job@1 job@2 job@3" {
		t.Errorf("history: %s", got)
	}
}

// TestLine: what waits is released one by one, in order, by whatever ends the job before.
func TestLine(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	var heard []string
	s.Listen(&Listener{Due: func(jobs []*Job, _ []*Schedule) {
		for _, j := range jobs {
			heard = append(heard, fmt.Sprint(j.ScheduledFor.Sub(t0).Minutes()))
		}
	}})
	row := newSchedule(t, s, target, "report", func(s *Schedule) { s.Overlap, s.CatchUp = OverlapQueueAll, CatchUpAll })
	jobs := turnOf(t, s, row.ID, minute(5)).Jobs
	if len(jobs) != 6 || jobs[0].Held || !jobs[1].Held {
		t.Fatalf("jobs: %+v", jobs)
	}
	if got := claim(t, s, minute(5), jobs[1]); len(got.Granted) > 0 {
		t.Error("a held job was claimed")
	}
	callOnce(t, s, jobs[0], AnsweredOK, minute(5))
	callOnce(t, s, jobs[1], AnsweredRetry, minute(5))
	if got := claim(t, s, minute(5.5), jobs[2]); len(got.Granted) > 0 {
		t.Error("a job that waits for its next attempt let the line go on")
	}
	callOnce(t, s, jobs[1], AnsweredRejected, minute(5.5))
	if _, err := s.CancelJob(t.Context(), jobs[3].ID, minute(5.5)); err != nil { // still held
		t.Fatal(err)
	}
	if _, err := s.CancelJob(t.Context(), jobs[2].ID, minute(5.5)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteSchedule(t.Context(), "report", false, minute(5.5)); err != nil {
		t.Fatal(err)
	}
	callOnce(t, s, jobs[4], AnsweredOK, minute(5.5))
	callOnce(t, s, jobs[5], AnsweredOK, minute(5.5))
	settleDown(t, s)
	if got := strings.Join(heard, " "); got != "1 2 4 5" {
		t.Errorf("released: %s", got)
	}
}

// TestParkedInTheBook: a second occurrence that has to be skipped parks the schedule, reading shows what it passes
// over, and the end of the job wakes it.
func TestParkedInTheBook(t *testing.T) {
	s := openStore(t)
	row := newSchedule(t, s, newTarget(t, s, "billing"), "report")
	var woken []*Schedule
	s.Listen(&Listener{Due: func(_ []*Job, schedules []*Schedule) { woken = append(woken, schedules...) }})
	first := turnOf(t, s, row.ID, t0).Jobs[0]
	got := claim(t, s, t0, first)
	if got := turnOf(t, s, row.ID, minute(1)).Schedule; !got.parked() || !got.DueAt.Equal(minute(61)) {
		t.Fatalf("not parked: %+v", got)
	}
	if got := history(t, s, "report", minute(30)); got != "job@0 overlap@1-30×30" {
		t.Errorf("while parked: %s", got)
	}
	if page, next, err := s.Occurrences(t.Context(), "report", Page{Limit: 1}, minute(30)); err != nil || len(page) != 1 ||
		page[0].Count != 30 || next == "" {
		t.Errorf("first page: %+v %q %v", page, next, err)
	} else if rest, _, err := s.Occurrences(t.Context(), "report", Page{Limit: 1, Cursor: next}, minute(40)); err != nil ||
		len(rest) != 1 || rest[0].JobID != first.ID || rest[0].JobState != Running {
		t.Errorf("second page: %+v %v", rest, err)
	}
	turnOf(t, s, row.ID, minute(61))
	if got := history(t, s, "report", minute(61)); got != "job@0 overlap@1-61×61" {
		t.Errorf("after its hourly turn: %s", got)
	}
	if _, err := finish(s, got.Granted[0].Job, AnsweredOK, minute(70.5)); err != nil {
		t.Fatal(err)
	}
	settleDown(t, s)
	if len(woken) != 1 || woken[0].DueAt.After(minute(70.5)) || woken[0].Version == row.Version {
		t.Fatalf("the end of its job did not wake it: %+v", woken)
	}
	if got := turnOf(t, s, row.ID, minute(71)); len(got.Jobs) != 1 || got.Schedule.Parked != "" {
		t.Errorf("the turn after: %+v", got)
	}
	if got := history(t, s, "report", minute(71)); got != "job@0 overlap@1-70×70 job@71" {
		t.Errorf("history: %s", got)
	}
}

// TestRetryingGivesWay: a job that goes back to wait for its next attempt unparks, and the next occurrence supersedes it.
func TestRetryingGivesWay(t *testing.T) {
	for _, patient := range []bool{false, true} {
		s := openStore(t)
		row := newSchedule(t, s, newTarget(t, s, "billing", func(t *Target) { t.Retry.MinBackoff = time.Hour }), "report",
			func(s *Schedule) { s.RetryPastNext = patient })
		got := claim(t, s, t0, turnOf(t, s, row.ID, t0).Jobs[0])
		turnOf(t, s, row.ID, minute(1))
		if _, err := finish(s, got.Granted[0].Job, AnsweredRetry, minute(2.5)); err != nil {
			t.Fatal(err)
		}
		row, err := s.ScheduleByID(t.Context(), row.ID)
		if err != nil || row.parked() != patient {
			t.Fatalf("retry_past_next %v: parked %q until %v, %v", patient, row.Parked, row.ParkedUntil, err)
		}
		turned := turnOf(t, s, row.ID, minute(3))
		old, err := s.Job(t.Context(), got.Granted[0].Job.ID)
		want := "job@0 overlap@1-3×3"
		if !patient {
			want = "job@0 overlap@1-2×2 job@3"
			if err != nil || old.State != Failed || old.Reason != ReasonSuperseded || len(turned.Ended) != 1 || turned.Ended[0].Last == nil {
				t.Errorf("not superseded: %+v, %v; %+v", old, err, turned.Ended)
			}
		} else if old.State != Scheduled {
			t.Errorf("superseded: %+v", old)
		}
		if got := history(t, s, "report", minute(3)); got != want {
			t.Errorf("retry_past_next %v: %s, want %s", patient, got, want)
		}
		if !patient {
			if _, err := s.RetryJob(t.Context(), old.ID, minute(3)); err != nil { // by hand: it is unfinished again
				t.Fatal(err)
			}
			callOnce(t, s, turned.Jobs[0], AnsweredOK, minute(3))
			if got := turnOf(t, s, row.ID, minute(4)); len(got.Jobs) > 0 {
				t.Error("a job that was retried by hand does not count as unfinished")
			}
		}
	}
}

// TestCancelRunning: the new job starts when the end of the old one is on record.
func TestCancelRunning(t *testing.T) {
	s := openStore(t)
	row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) { s.Overlap = OverlapCancel })
	old := claim(t, s, t0, turnOf(t, s, row.ID, t0).Jobs[0]).Granted[0].Job
	got := turnOf(t, s, row.ID, minute(1))
	if len(got.Cancel) != 1 || got.Cancel[0].ID != old.ID || got.Cancel[0].ClaimID != old.ClaimID || len(got.Jobs) != 1 || !got.Jobs[0].Held {
		t.Fatalf("turn: %+v", got)
	}
	if done, err := finish(s, old, AnsweredRetry, minute(1.1)); err != nil || done.Job.State != Canceled {
		t.Fatalf("the old one's end: %+v, %v", done, err)
	}
	callOnce(t, s, got.Jobs[0], AnsweredOK, minute(1.1))
}

// TestFailuresInRow: n jobs in a row that end failed pause the schedule, and a resume begins to count anew.
func TestFailuresInRow(t *testing.T) {
	s := openStore(t)
	row := newSchedule(t, s, newTarget(t, s, "billing"), "report", func(s *Schedule) { s.PauseAfterFailures = 2 })
	for n, answer := range []Answer{AnsweredRejected, AnsweredOK, AnsweredRejected, AnsweredRejected} {
		got := turnOf(t, s, row.ID, minute(float64(n)))
		if len(got.Jobs) != 1 {
			t.Fatalf("turn %d: %+v", n, got)
		}
		callOnce(t, s, got.Jobs[0], answer, minute(float64(n)+0.1))
	}
	if row, _ := s.ScheduleByID(t.Context(), row.ID); row.Status() != SchedulePaused || row.PausedReason == "" {
		t.Fatalf("not paused after two failures in a row: %+v", row)
	}
	turnOf(t, s, row.ID, minute(8))
	row, err := s.ResumeSchedule(t.Context(), "report", minute(8.5))
	if err != nil || row.FailuresInRow != 0 || row.Status() != ScheduleActive || !row.DueAt.Equal(minute(9)) {
		t.Errorf("resumed: %+v, %v", row, err)
	}
	if got := history(t, s, "report", minute(8.5)); got != "job@0 job@1 job@2 job@3 paused@4-8×5" {
		t.Errorf("history: %s", got)
	}
}

func BenchmarkTurn(b *testing.B) {
	s := openStore(b)
	target := newTarget(b, s, "billing")
	asks := make([]TurnAsk, 1000)
	for i := range asks {
		row := newSchedule(b, s, target, fmt.Sprintf("s%d", i), func(s *Schedule) {
			s.Every, s.StartAt, s.Cron, s.Overlap = 0, time.Time{}, "* * * * *", OverlapAllow
		})
		asks[i] = TurnAsk{row.ID, row.Version}
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		left := make(chan struct{}, len(asks))
		for _, ask := range asks {
			s.Turn(ask, minute(float64(n)), func(got Turned, err error) {
				if err != nil || len(got.Jobs) != 1 {
					b.Error(got, err)
				}
				left <- struct{}{}
			})
		}
		for range asks {
			<-left
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(asks)), "µs/turn")
}

// TestParkedThroughACrash: while a node was alive to see it a parked schedule skips; what came due while none was is
// missed, and caught up.
func TestParkedThroughACrash(t *testing.T) {
	s := openStore(t)
	never := func() float64 { return 0 }
	if _, err := s.Reclaim(t.Context(), "node_test", t0, never); err != nil {
		t.Fatal(err)
	}
	row := newSchedule(t, s, newTarget(t, s, "billing", func(t *Target) { t.Retry.MinBackoff = time.Hour }), "report")
	old := claim(t, s, t0, turnOf(t, s, row.ID, t0).Jobs[0]).Granted[0].Job
	turnOf(t, s, row.ID, minute(1))
	if _, err := s.Beat(t.Context(), Node{ID: "node_test"}, minute(5.5)); err != nil {
		t.Fatal(err)
	}
	die(t, s, "node_test", minute(5.5))
	if n, err := s.Reclaim(t.Context(), "node_next", minute(30.5), never); err != nil || n != 1 {
		t.Fatalf("reclaimed %d, %v", n, err)
	}
	got := turnOf(t, s, row.ID, minute(30.5))
	if len(got.Jobs) != 1 || len(got.Ended) != 1 || got.Ended[0].ID != old.ID {
		t.Errorf("the turn after the crash: %+v", got)
	}
	if got := history(t, s, "report", minute(30.5)); got != "job@0 overlap@1-5×5 missed@6-28×23 job@29 overlap@30" {
		t.Errorf("history: %s", got)
	}
}
