package models

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is one schedule in a real book, what people and targets do to it, and what must be true whatever they do.
type world struct {
	*rapid.T
	store *Store
	row   *Schedule // as last read
	now   time.Time

	rules  []rule          // what the timing was, since when
	pauses []pause         // when it was paused
	wild   map[string]bool // jobs set going by hand: overlap does not hold for them
	filled map[int64]bool  // occurrences that a backfill gave a job, in microseconds
	node   int
}

type rule struct {
	since time.Time
	*Recurrence
}

// pause covers what comes due in (begin, end], or in (begin, end) if it had an end from the first.
type pause struct {
	begin, end time.Time // end zero: it lasts
	open       bool      // what comes due at end is not covered
}

// TestScheduleSimulation lets time pass, turns come late or twice, calls end in every way, nodes die, and people edit,
// pause, trigger, backfill, cancel and retry; after each step the book must be as the contract says.
func TestScheduleSimulation(t *testing.T) {
	store, err := Open(t.Context(), Config{Database: database(t), Sync: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	target := newTarget(t, store, "billing", func(t *Target) { t.Retry.MaxAttempts = 3; t.Retry.MinBackoff = time.Minute })
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		w := &world{T: r, store: store, now: t0, wild: map[string]bool{}, filled: map[int64]bool{}}
		w.create(target, fmt.Sprintf("s%d", n))
		r.Repeat(map[string]func(*rapid.T){
			"":         func(*rapid.T) { w.check() },
			"pass":     w.pass,
			"turn":     func(*rapid.T) { w.turn() },
			"call":     w.call,
			"by hand":  w.byHand,
			"pause":    w.pause,
			"resume":   func(*rapid.T) { w.resume() },
			"edit":     w.edit,
			"retime":   w.retime,
			"trigger":  func(*rapid.T) { w.trigger() },
			"backfill": w.backfill,
			"crash":    func(*rapid.T) { w.crash() },
		})
		w.drain()
		if _, err := store.DeleteSchedule(r.Context(), w.row.Name, true, w.now); err != nil {
			r.Fatal(err)
		}
	})
}

func (w *world) must(err error) {
	w.Helper()
	var conflict *Conflict
	if err != nil && !errors.As(err, &conflict) {
		w.Fatal(err)
	}
}

func (w *world) create(target *Target, name string) {
	s := DefaultSchedule()
	s.Name, s.Every = name, time.Minute
	s.Overlap = rapid.SampledFrom(Overlaps).Draw(w.T, "overlap")
	s.CatchUp = rapid.SampledFrom(CatchUps).Draw(w.T, "catch-up")
	s.CatchUpWindow = rapid.SampledFrom([]time.Duration{0, 5 * time.Minute, time.Hour}).Draw(w.T, "window")
	s.RetryPastNext = rapid.Bool().Draw(w.T, "patient")
	s.Jitter = rapid.SampledFrom([]time.Duration{0, 0, 45 * time.Second}).Draw(w.T, "jitter")
	s.PauseAfterFailures = rapid.SampledFrom([]int{0, 0, 3}).Draw(w.T, "failures")
	row, err := NewSchedule(s, target, w.now)
	w.must(err)
	w.must(w.store.CreateSchedule(w.Context(), row, w.now))
	w.row = row
	w.retimed()
}

// retimed notes that the timing was changed.
func (w *world) retimed() {
	timing, err := w.row.Timing().Compile()
	w.must(err)
	w.rules = append(w.rules, rule{w.now, timing})
}

func (w *world) pass(r *rapid.T) {
	seconds := rapid.SampledFrom([]int{1, 20, 60, 60, 60, 61, 150, 600, 4000}).Draw(r, "seconds")
	w.now = w.now.Add(time.Duration(seconds) * time.Second)
	if rapid.IntRange(0, 3).Draw(r, "late") > 0 {
		w.turn()
	}
}

// turn does all turns that are due, each of them twice.
func (w *world) turn() {
	for range 20 {
		w.read()
		if w.row.DueAt.After(w.now) || w.row.DueAt.IsZero() {
			return
		}
		ask := TurnAsk{w.row.ID, w.row.Version}
		got := w.ask(ask)
		w.read()
		if again := w.ask(ask); len(got.Jobs) < turnJobs && w.row.DueAt.After(w.now) && len(again.Jobs)+len(again.Ended) > 0 {
			w.Fatalf("a turn that is not due made %+v", again)
		}
	}
	w.Fatalf("turns without end: %+v", w.row)
}

func (w *world) ask(ask TurnAsk) Turned {
	answer := make(chan Turned, 1)
	w.store.Turn(ask, w.now, func(got Turned, err error) {
		if err != nil {
			w.Error(err)
		}
		answer <- got
	})
	return <-answer
}

// jobs gives the unfinished jobs of the schedule.
func (w *world) jobs() []*Job {
	all, _, err := w.store.Jobs(w.Context(), JobFilter{Schedule: w.row.Name, States: []State{Scheduled, Running}}, Page{Limit: MaxPage})
	w.must(err)
	return all
}

// call lets one job's call begin, or end.
func (w *world) call(r *rapid.T) {
	all := w.jobs()
	if len(all) == 0 {
		return
	}
	j := all[rapid.IntRange(0, len(all)-1).Draw(r, "job")]
	if j.State == Running {
		w.answer(j, rapid.SampledFrom([]Answer{AnsweredOK, AnsweredRetry, AnsweredRetry, AnsweredRejected, AnsweredInterrupt}).Draw(r, "answer"))
		return
	}
	w.claim(j)
}

func (w *world) claim(j *Job) {
	answer := make(chan Claims, 1)
	w.must(w.store.Claim(fmt.Sprintf("node_%d", w.node), []Ask{{j.ID, NewAttemptID()}}, w.now, func(c Claims) { answer <- c }))
	if got := <-answer; got.Err != nil || len(got.Granted) > 0 && j.Held {
		w.Fatalf("claim of %+v: %+v", j, got)
	}
}

func (w *world) answer(j *Job, answer Answer) {
	a := &Attempt{ID: j.ClaimID, StartedAt: j.ClaimedAt, Duration: w.now.Sub(j.ClaimedAt), Method: "POST", URL: j.Of.URL}
	_, err := w.store.Finish(Finish{Job: j.Settle(a, answer, w.now, 0, 0.5), Attempt: a})
	w.must(err)
}

// byHand does what a person may do to a job of the schedule.
func (w *world) byHand(r *rapid.T) {
	all, _, err := w.store.Jobs(w.Context(), JobFilter{Schedule: w.row.Name}, Page{Limit: 10})
	w.must(err)
	if len(all) == 0 {
		return
	}
	j := all[rapid.IntRange(0, len(all)-1).Draw(r, "job")]
	switch rapid.SampledFrom([]string{"cancel", "retry", "run"}).Draw(r, "do") {
	case "cancel":
		_, err = w.store.CancelJob(w.Context(), j.ID, w.now)
	case "retry":
		_, err = w.store.RetryJob(w.Context(), j.ID, w.now)
		w.wild[j.ID] = true
	default:
		_, err = w.store.RunJob(w.Context(), j.ID, w.now)
		w.wild[j.ID] = true
	}
	w.must(err)
}

func (w *world) pause(r *rapid.T) {
	var until time.Time
	if rapid.Bool().Draw(r, "ends") {
		until = w.now.Add(time.Duration(rapid.IntRange(1, 900).Draw(r, "seconds")) * time.Second)
	}
	if w.read(); w.row.Paused() {
		return
	}
	_, err := w.store.PauseSchedule(w.Context(), w.row.Name, "", until, w.now)
	w.must(err)
}

func (w *world) resume() {
	_, err := w.store.ResumeSchedule(w.Context(), w.row.Name, w.now)
	w.must(err)
}

func (w *world) edit(r *rapid.T) {
	patient := rapid.Bool().Draw(r, "patient")
	catchUp := rapid.SampledFrom(CatchUps).Draw(r, "catch-up")
	overlap := rapid.SampledFrom(Overlaps[:4]).Draw(r, "overlap") // all but allow
	_, err := w.store.UpdateSchedule(w.Context(), w.row.Name, w.now, func(s *Schedule, _ *Target) error {
		if s.RetryPastNext, s.CatchUp = patient, catchUp; s.Overlap != OverlapAllow {
			s.Overlap = overlap
		}
		return nil
	})
	w.must(err)
}

func (w *world) retime(r *rapid.T) {
	every := time.Duration(rapid.SampledFrom([]int{60, 90, 120, 300}).Draw(r, "every")) * time.Second
	before := w.row.Every
	_, err := w.store.UpdateSchedule(w.Context(), w.row.Name, w.now, func(s *Schedule, _ *Target) error {
		s.Every = every
		return nil
	})
	w.must(err)
	if w.read(); every != before {
		w.retimed()
	}
}

func (w *world) trigger() {
	made, err := w.store.Trigger(w.Context(), w.row.Name, nil, nil, w.now)
	w.must(err)
	w.wild[made.Jobs[0].ID] = true
}

// backfill fills a range in which the timing has not changed.
func (w *world) backfill(r *rapid.T) {
	begin := w.rules[len(w.rules)-1].since.Add(time.Second)
	past := int(w.now.Sub(begin) / time.Second)
	if past < 60 {
		return
	}
	from := rapid.IntRange(0, past-1).Draw(r, "from")
	to := rapid.IntRange(from+1, min(past, from+3600)).Draw(r, "to")
	got, err := w.store.Backfill(w.Context(), w.row.Name, begin.Add(time.Duration(from)*time.Second),
		begin.Add(time.Duration(to)*time.Second), false, nil, w.now)
	if w.must(err); err != nil {
		return
	}
	for _, j := range got.Jobs {
		w.filled[j.ScheduledFor.UnixMicro()] = true
	}
}

// crash kills the node and starts another one.
func (w *world) crash() {
	w.node++
	_, err := w.store.Reclaim(w.Context(), fmt.Sprintf("node_%d", w.node), w.now, func() float64 { return 0.5 })
	w.must(err)
}

// drain ends everything: the line must empty, and the schedule must not stay parked.
func (w *world) drain() {
	w.resume()
	w.turn()
	for range 2000 {
		all := w.jobs()
		if len(all) == 0 {
			w.turn()
			if w.check(); w.row.parked() {
				w.Fatalf("parked without a job: %+v", w.row)
			}
			return
		}
		for _, j := range all {
			switch {
			case j.State == Running:
				w.answer(j, AnsweredOK)
			case !j.Held:
				_, err := w.store.RunJob(w.Context(), j.ID, w.now)
				w.must(err)
				w.claim(j)
			}
		}
	}
	w.Fatalf("the line does not empty: %d jobs", len(w.jobs()))
}

// read reads the schedule and notes pauses.
func (w *world) read() {
	row, err := w.store.ScheduleByID(w.Context(), w.row.ID)
	w.must(err)
	last := len(w.pauses) - 1
	open := last >= 0 && w.pauses[last].end.IsZero()
	if open && (!row.Paused() || !row.PausedAt.Equal(w.pauses[last].begin)) {
		if w.pauses[last].end = w.now; !w.row.PausedUntil.IsZero() && !w.row.PausedUntil.After(w.now) {
			w.pauses[last].end, w.pauses[last].open = w.row.PausedUntil, true
		}
		open = false
	}
	if row.Paused() && !open {
		w.pauses = append(w.pauses, pause{begin: row.PausedAt})
	}
	w.row = row
}

// check holds the book to the contract.
func (w *world) check() {
	w.Helper()
	w.read()
	w.checkJobs()
	w.checkHistory()
	s := w.row
	if s.NextAt.IsZero() || s.DueAt.IsZero() {
		w.Fatalf("it never ends and must be due some time: %+v", s)
	}
	if s.parked() && len(w.jobs()) == 0 {
		w.Fatalf("parked without a job: %+v", s)
	}
}

// checkJobs: never two jobs out where the policy forbids it, and something is out while something waits.
func (w *world) checkJobs() {
	w.Helper()
	out, tame, held := 0, 0, 0
	for _, j := range w.jobs() {
		switch {
		case j.Held:
			held++
		case w.row.Overlap == OverlapAllow && j.Origin != FromBackfill:
		default:
			out++
			if !w.wild[j.ID] {
				tame++
			}
		}
	}
	if tame > 1 || held > 0 && out == 0 {
		w.Fatalf("%s: %d jobs out that nobody set going by hand, %d in all, %d waiting", w.row.Overlap, tame, out, held)
	}
}

// checkHistory: each occurrence is told once, the counts of skips add up, and paused time is told as such.
func (w *world) checkHistory() {
	w.Helper()
	rows := w.history()
	skipped, runs := 0, 0
	for i, o := range rows {
		if i > 0 && !o.At.After(rows[i-1].Until) {
			w.Fatalf("%+v and %+v overlap", rows[i-1], o)
		}
		if o.Outcome == OccurrenceSkipped {
			skipped += o.Count
		} else if !w.filled[o.At.UnixMicro()] {
			runs++
		}
	}
	expected := w.expected()
	for _, at := range expected {
		i, _ := slices.BinarySearchFunc(rows, at, func(o *Occurrence, at time.Time) int { return o.Until.Compare(at) })
		if i == len(rows) || rows[i].At.After(at) || rows[i].Outcome == OccurrenceJob && !rows[i].At.Equal(at) {
			w.Fatalf("%v is not told of", at)
		}
		switch paused := w.pausedAt(at); {
		case w.row.Jitter > 0: // when it came due only the schedule knows
		case rows[i].Outcome == OccurrenceJob && (!paused || w.filled[at.UnixMicro()]):
		case paused != (rows[i].Reason == SkipPaused):
			w.Fatalf("%v, paused %v, is told as %+v; pauses %+v", at, paused, rows[i], w.pauses)
		}
	}
	if filled := w.filledOf(expected); skipped+runs+filled != len(expected) || runs != w.row.Runs {
		w.Fatalf("%d occurrences, but %d skipped, %d run and %d filled; the schedule counts %d runs", len(expected), skipped, runs,
			filled, w.row.Runs)
	}
}

// history is all of it, oldest first.
func (w *world) history() (all []*Occurrence) {
	for p := (Page{Limit: 100}); ; {
		rows, next, err := w.store.Occurrences(w.Context(), w.row.Name, p, time.Time{})
		w.must(err)
		if all = append(all, rows...); next == "" {
			slices.Reverse(all)
			return all
		}
		p.Cursor = next
	}
}

// expected are the occurrences that the timings have named up to the schedule's place in the book.
func (w *world) expected() (all []time.Time) {
	for i, r := range w.rules {
		end := w.row.NextAt.Add(-1)
		if i+1 < len(w.rules) {
			end = earliest(end, w.rules[i+1].since)
		}
		for at, _ := r.Next(r.since); !at.After(end); at, _ = r.Next(at) {
			all = append(all, at)
		}
	}
	return all
}

func (w *world) filledOf(all []time.Time) (n int) {
	for _, at := range all {
		if w.filled[at.UnixMicro()] {
			n++
		}
	}
	return n
}

func (w *world) pausedAt(at time.Time) bool {
	return slices.ContainsFunc(w.pauses, func(p pause) bool {
		return at.After(p.begin) && (p.end.IsZero() || at.Before(p.end) || at.Equal(p.end) && !p.open)
	})
}
