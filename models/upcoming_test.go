package models

import (
	"fmt"
	"testing"
	"time"
)

func TestUpcoming(t *testing.T) {
	s := openStore(t)
	billing, other := newTarget(t, s, "billing"), newTarget(t, s, "other")
	newSchedule(t, s, billing, "minutely")
	newSchedule(t, s, billing, "twice", func(sc *Schedule) { sc.Every, sc.MaxRuns = 10*time.Minute, 2 })
	newSchedule(t, s, other, "hourly", func(sc *Schedule) { sc.Every, sc.StartAt = time.Hour, t0.Add(30*time.Minute+time.Second) })
	newSchedule(t, s, other, "paused", func(sc *Schedule) { sc.PausedAt = t0 })
	newSchedule(t, s, other, "tomorrow", func(sc *Schedule) { sc.Every, sc.StartAt = time.Hour, t0.Add(24*time.Hour) })
	newSchedule(t, s, other, "ending", func(sc *Schedule) { sc.EndAt = t0.Add(90 * time.Second) })
	now := t0.Add(-time.Second)
	count := func(target string, limit int) (byName map[string]int, more bool) {
		runs, more, err := s.Upcoming(t.Context(), now, t0.Add(time.Hour), target, limit)
		if err != nil {
			t.Fatal(err)
		}
		byName = map[string]int{}
		for i, r := range runs {
			byName[r.Schedule.Name]++
			if i > 0 && r.DueAt.Before(runs[i-1].DueAt) {
				t.Errorf("run %d comes before the one in front of it", i)
			}
			if !r.DueAt.Before(t0.Add(time.Hour)) || r.Schedule.Target == "" {
				t.Errorf("%+v", r)
			}
		}
		return byName, more
	}
	if got, more := count("", 500); more || fmt.Sprint(got) != "map[ending:2 hourly:1 minutely:60 twice:2]" {
		t.Errorf("all: %v, more %v", got, more)
	}
	if got, more := count("other", 500); more || fmt.Sprint(got) != "map[ending:2 hourly:1]" {
		t.Errorf("of other: %v, more %v", got, more)
	}
	if got, more := count("", 5); !more || fmt.Sprint(got) != "map[ending:2 minutely:2 twice:1]" {
		t.Errorf("the first 5: %v, more %v", got, more)
	}
}

func TestLastRuns(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	a := newSchedule(t, s, target, "a", func(sc *Schedule) { sc.Overlap = OverlapAllow })
	b := newSchedule(t, s, target, "b")
	for i := range 5 {
		if got := turnOf(t, s, a.ID, t0.Add(time.Duration(i)*time.Minute)); len(got.Jobs) != 1 {
			t.Fatal(got)
		}
	}
	runs, err := s.LastRuns(t.Context(), []string{a.ID, b.ID, "sch_none"}, 3)
	if err != nil || len(runs[a.ID]) != 3 || len(runs[b.ID]) != 0 {
		t.Fatal(runs, err)
	}
	for i, r := range runs[a.ID] {
		if want := t0.Add(time.Duration(i+2) * time.Minute); !r.At.Equal(want) || r.State != Scheduled {
			t.Errorf("run %d: %+v, want at %v", i, r, want)
		}
	}
}

func TestJobsWithoutBodies(t *testing.T) {
	s := openStore(t)
	newJobs(t, s, newTarget(t, s, "billing"), 12, func(spec *JobSpec) { spec.BodyForm, spec.Body = BodyText, make([]byte, 1<<20) })
	light, next, err := s.JobsWithoutBodies(t.Context(), JobFilter{Target: "billing"}, Page{})
	if err != nil || next != "" || len(light) != 12 {
		t.Fatal(len(light), next, err)
	}
	for _, j := range light {
		if j.Body != nil || j.Of.Name != "billing" {
			t.Errorf("%d bytes, of %s", len(j.Body), j.Of.Name)
		}
	}
}
