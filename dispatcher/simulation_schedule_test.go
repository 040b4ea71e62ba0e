package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"punctual/models"
)

// addSchedules gives the target a schedule for each overlap policy, under rules that change with the random numbers.
func (w *world) addSchedules(t *target_) {
	rules := w.tempo.rules
	for i, overlap := range models.Overlaps {
		s := models.DefaultSchedule()
		rule := rules[w.random.IntN(len(rules))]
		s.Name, s.Overlap = fmt.Sprintf("%s-%d", t.Name, i), overlap
		s.Cron, s.Every = rule.Cron, rule.Every
		if rule.Timezone != "" {
			s.Timezone = rule.Timezone
		}
		s.CatchUp = models.CatchUps[w.random.IntN(3)]
		s.Jitter = time.Duration(w.random.IntN(2)) * w.tempo.jitter
		s.RetryPastNext = w.random.IntN(2) == 0
		row, err := models.NewSchedule(s, t.Target, time.Now())
		if err != nil {
			w.Fatal(err)
		}
		if err := w.engine.store.CreateSchedule(context.Background(), row, time.Now()); err != nil {
			w.Fatal(err)
		}
		w.engine.OfferSchedule(row)
		w.schedules = append(w.schedules, row)
		w.newEra(row, row.CreatedAt)
	}
}

// actOnSchedule pauses, resumes or triggers one.
func (w *world) actOnSchedule() {
	name := w.schedules[w.random.IntN(len(w.schedules))].Name
	ctx, now := context.Background(), time.Now()
	var s *models.Schedule
	var err error
	switch w.random.IntN(4) {
	case 0:
		until := time.Time{}
		if w.random.IntN(2) == 0 {
			until = now.Add(time.Duration(w.random.Float64() * float64(w.tempo.pause)))
		}
		s, err = w.engine.store.PauseSchedule(ctx, name, "because", until, now)
	case 1, 2:
		s, err = w.engine.store.ResumeSchedule(ctx, name, now)
	default:
		made, err := w.engine.store.Trigger(ctx, name, nil, nil, now)
		if !w.refused(err) {
			w.mu.Lock()
			w.triggered[made.Jobs[0].ID] = true
			w.mu.Unlock()
			w.engine.Offer(made.Jobs...)
		}
		return
	}
	if !w.refused(err) {
		w.engine.OfferSchedule(s)
	}
}

// era is a timing of a schedule and since when it counts.
type era struct {
	since time.Time
	rule  *models.Recurrence
}

// newEra notes that a schedule's timing counts from now on.
func (w *world) newEra(s *models.Schedule, now time.Time) {
	rule, err := s.Timing().Compile()
	if err != nil {
		w.Fatal(err)
	}
	w.eras[s.Name] = append(w.eras[s.Name], era{now, rule})
}

// following is the first occurrence after t that the timing of its day names.
func (w *world) following(name string, t time.Time) time.Time {
	eras := w.eras[name]
	i := len(eras) - 1
	for i > 0 && t.Before(eras[i].since) {
		i--
	}
	for {
		next, _ := eras[i].rule.Next(t)
		if i == len(eras)-1 || !next.After(eras[i+1].since) {
			return next
		}
		i++
		t = eras[i].since
	}
}

// move gives a schedule another time zone or rule.
func (w *world) move(rules []string, zones []string) {
	name, now := w.schedules[w.random.IntN(len(w.schedules))].Name, time.Now()
	s, err := w.engine.store.UpdateSchedule(context.Background(), name, now, func(s *models.Schedule, _ *models.Target) error {
		s.Every, s.Cron = 0, rules[w.random.IntN(len(rules))]
		s.Timezone = zones[w.random.IntN(len(zones))]
		s.Jitter = 0
		return nil
	})
	if !w.refused(err) {
		w.newEra(s, s.UpdatedAt)
		w.engine.OfferSchedule(s)
	}
}

// TestAYearOfSchedules lives through the seasons: schedules in zones with daylight saving, crashes, slow and failing
// targets, pauses, triggers, changes of rule and zone. By default it lives 60 days.
func TestAYearOfSchedules(t *testing.T) {
	t.Parallel()
	days := int(*simDays)
	rules := []string{"30 2 * * *", "0 */6 * * *", "15 1-3 * * *", "0 0 * * MON", "0 4 1,15 * *"}
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"}
	bubble(t, func(t *testing.T, path string) {
		w := newWorld(t, path, 7, leisurely)
		w.pace = pace{sleep: 30 * time.Minute, mend: time.Hour, prune: 24 * time.Hour, turns: 2 * time.Hour}
		time.Sleep(55 * 24 * time.Hour) // the seasons change in March
		w.rise(0.002)
		for range 2 {
			w.addTarget()
		}
		for _, target := range w.allTargets() {
			w.addSchedules(target)
		}
		for range 2 * len(w.schedules) {
			w.move(rules, zones)
		}
		for range days * 4 {
			time.Sleep(time.Duration(w.random.ExpFloat64() * float64(6*time.Hour)))
			select {
			case <-w.book.died:
				w.die()
				w.rise(0.002)
			default:
			}
			switch w.random.IntN(12) {
			case 0:
				w.move(rules, zones)
			case 1, 2, 3:
				w.actOnSchedule()
			}
		}
		w.die()
		w.rise(0)
		for _, target := range w.targets {
			target.failing, target.slow, target.lossy = 0, 0, 0
		}
		w.resumeSchedules()
		w.settle(48 * time.Hour)
		w.judge()
		w.engine.stop()
	})
}

// resumeSchedules lets all of them go on.
func (w *world) resumeSchedules() {
	for _, s := range w.schedules {
		now, err := w.engine.store.ResumeSchedule(context.Background(), s.Name, time.Now())
		if !w.refused(err) {
			w.engine.OfferSchedule(now)
		}
	}
}

// judgeSchedules checks that each occurrence was settled exactly once: the entries tile the time from the creation to
// the first unsettled occurrence, and each holds as many occurrences as it says.
func (w *world) judgeSchedules() {
	total, jobs := 0, 0
	for _, made := range w.schedules {
		s, err := w.engine.store.Schedule(context.Background(), made.Name)
		if err != nil {
			w.Fatal(err)
		}
		entries := w.history(made.Name)
		at := w.following(made.Name, made.CreatedAt)
		for _, o := range entries {
			if !o.At.Equal(at) {
				w.Fatalf("%s (%s, %s): an entry begins at %v, want %v", s.Name, s.Overlap, s.CatchUp, o.At, at)
			}
			n := 0
			for ; !at.After(o.Until); n++ {
				at = w.following(made.Name, at)
			}
			if n != o.Count {
				w.Errorf("%s: the entry from %v until %v counts %d, there are %d", s.Name, o.At, o.Until, o.Count, n)
			}
			total += n
			jobs += w.judgeOccurrence(s, o)
		}
		// What is paused or parked reads as computed up to now; the rest ends at the first unsettled one.
		if s.Status() == models.ScheduleActive && s.Parked == "" && !at.Equal(s.NextAt) {
			w.Errorf("%s: the history ends before %v, next_at is %v", s.Name, at, s.NextAt)
		}
	}
	w.Logf("%d schedules, %d occurrences, %d of them ran", len(w.schedules), total, jobs)
}

// judgeOccurrence checks one entry and tells whether it ran.
func (w *world) judgeOccurrence(s *models.Schedule, o *models.Occurrence) int {
	if o.Outcome != models.OccurrenceJob {
		if o.Reason == "" || o.JobID != "" {
			w.Errorf("%s: a skip without a reason: %+v", s.Name, o)
		}
		return 0
	}
	job := w.engine.job(w.T, o.JobID)
	if !job.ScheduledFor.Equal(o.At) || job.Schedule != s.Name || o.Count != 1 {
		w.Errorf("%s: the job of %v is for %v", s.Name, o.At, job.ScheduledFor)
	}
	return 1
}

// history gives all entries of a schedule, oldest first.
func (w *world) history(name string) (all []*models.Occurrence) {
	for page := (models.Page{Limit: models.MaxPage}); ; {
		some, next, err := w.engine.store.Occurrences(context.Background(), name, page, time.Now())
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, some...)
		if page.Cursor = next; next == "" {
			break
		}
	}
	slices.Reverse(all)
	return all
}

// exclusive tells whether a schedule must never have two calls out at once: a trigger by hand excepted.
func exclusive(s *models.Schedule) bool { return s.Overlap != models.OverlapAllow }

// meeting is a call of an occurrence while another job of its schedule was out.
type meeting struct{ schedule, job, other string }

// meet notes whom the call of an occurrence meets. The caller holds mu.
func (w *world) meet(name, job string) {
	for other := range w.out[name] {
		if other != job {
			w.meetings = append(w.meetings, meeting{name, job, other})
		}
	}
}

// judgeMeetings checks that no occurrence of an exclusive schedule was called while another one was out.
func (w *world) judgeMeetings() {
	for _, m := range w.meetings {
		i := slices.IndexFunc(w.schedules, func(s *models.Schedule) bool { return s.Name == m.schedule })
		if exclusive(w.schedules[i]) && !w.triggered[m.job] && !w.triggered[m.other] {
			w.Errorf("%s (%s): %s was called while %s was out", m.schedule, w.schedules[i].Overlap, m.job, m.other)
		}
	}
}

// TestEverySecondAcrossARestart holds a schedule of every second to one call a second, a restart in the middle.
func TestEverySecondAcrossARestart(t *testing.T) {
	bubble(t, func(t *testing.T, path string) {
		f := &receiver{answer: ok(5 * time.Millisecond)}
		e := start(t, path, f, nil)
		target := e.target(t, "tick")
		e.OfferSchedule(e.schedule(t, target, func(s *models.Schedule) { s.Cron = "* * * * * *" }))
		began := time.Now()
		time.Sleep(60*time.Second + 500*time.Millisecond)
		e.stop()
		e = start(t, path, f, nil)
		time.Sleep(60 * time.Second)
		e.stop()
		calls := f.seen()
		if len(calls) != 120 {
			t.Fatalf("%d calls in two minutes, want 120", len(calls))
		}
		for i, c := range calls {
			if late := c.at.Sub(began.Truncate(time.Second).Add(time.Duration(i+1) * time.Second)); late < 0 || late > time.Second/2 {
				t.Errorf("call %d came %v late", i, late)
			}
		}
	})
}
