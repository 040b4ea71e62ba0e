package models

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestListsAreWholeHoweverFewRowsAPageLooksAt pages through combinations that no index serves.
func TestListsAreWholeHoweverFewRowsAPageLooksAt(t *testing.T) {
	s := openStore(t)
	billing, other := newTarget(t, s, "billing"), newTarget(t, s, "other")
	var all []*Job
	for i := range 60 {
		of := billing
		if i%3 == 0 {
			of = other
		}
		all = append(all, newJobs(t, s, of, 1, func(spec *JobSpec) {
			spec.Labels = Labels{"odd": []string{"no", "yes"}[i%2]}
			if i%13 == 0 {
				spec.Labels["rare"] = "yes"
			}
		})...)
	}
	for i, j := range all {
		if i%4 == 0 {
			if _, err := s.CancelJob(t.Context(), j.ID, t0); err != nil {
				t.Fatal(err)
			}
			all[i].State = Canceled
		}
	}
	for _, c := range []struct {
		filter JobFilter
		fits   func(i int) bool
	}{
		{JobFilter{DueBefore: t0.Add(time.Hour)}, func(int) bool { return true }},
		{JobFilter{DueBefore: t0}, func(int) bool { return false }},
		{JobFilter{Labels: Labels{"odd": "yes", "rare": "yes"}}, func(i int) bool { return i%2 == 1 && i%13 == 0 }},
		{JobFilter{Labels: Labels{"odd": "no"}, Target: "other"}, func(i int) bool { return i%2 == 0 && i%3 == 0 }},
		{JobFilter{Labels: Labels{"odd": "no"}, States: []State{Canceled}}, func(i int) bool { return i%4 == 0 }},
		{JobFilter{Target: "billing", States: []State{Scheduled, Canceled, Failed}, DueBefore: t0.Add(time.Hour)},
			func(i int) bool { return i%3 != 0 }},
		{JobFilter{States: []State{Canceled, Retrying}, Origin: FromAPI}, func(i int) bool { return i%4 == 0 }},
		{JobFilter{StatusCode: 200}, func(int) bool { return false }},
	} {
		var want, got []string
		for i, j := range all {
			if c.fits(i) {
				want = append(want, j.ID)
			}
		}
		slices.Reverse(want)
		before, pages := "", 0
		for {
			ids, next, err := c.filter.page(s.reads, before, Page{Limit: 3}, 7)
			if err != nil || len(ids) > 3 {
				t.Fatalf("%s: %d on a page, %v", c.filter.Search(), len(ids), err)
			}
			got = append(got, ids...)
			if before, pages = next, pages+1; next == "" || pages > 100 {
				break
			}
		}
		if cmp.Diff(want, got) != "" {
			t.Errorf("%s: in %d pages %s", c.filter.Search(), pages, cmp.Diff(want, got))
		}
		if n, err := s.CountJobs(t.Context(), c.filter); err != nil || n != len(want) {
			t.Errorf("%s: counted %d, %v; want %d", c.filter.Search(), n, err, len(want))
		}
		if n, err := s.CountByState(t.Context(), c.filter); err != nil || !n.Exact || len(c.filter.States) == 0 && n.Total() != len(want) {
			t.Errorf("%s: found %+v, %v; want %d", c.filter.Search(), n, err, len(want))
		}
	}
}

// TestCountsByStateLookAtSoManyRows counts what waits, goes on and has ended, among all rows and among a few.
func TestCountsByStateLookAtSoManyRows(t *testing.T) {
	s := openStore(t)
	billing := newTarget(t, s, "billing")
	jobs := newJobs(t, s, billing, 8, func(spec *JobSpec) { spec.Labels = Labels{"lot": "7"} })
	newJobs(t, s, newTarget(t, s, "other"), 2)
	claims := claim(t, s, t0, jobs[:4]...)
	for i, answer := range []Answer{AnsweredOK, AnsweredRetry, AnsweredRejected} {
		if _, err := finish(s, claims.Granted[i].Job, answer, t0.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CancelJob(t.Context(), jobs[7].ID, t0); err != nil {
		t.Fatal(err)
	}
	want := Found{JobCounts{Scheduled: 4, Retrying: 1, Running: 1, Succeeded: 1, Failed: 1, Canceled: 1}, true}
	for _, f := range []JobFilter{{Labels: Labels{"lot": "7"}}, {Target: "billing", Origin: FromAPI},
		{Target: "billing", Origin: FromAPI, States: []State{Failed}}} {
		if got, err := s.CountByState(t.Context(), f); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", f.Search(), got, err, want)
		}
	}
	walks, err := JobFilter{Labels: Labels{"lot": "7"}}.walks(s.reads, "")
	if err != nil {
		t.Fatal(err)
	}
	for look, want := range map[int]bool{7: false, 8: true} {
		if got, err := found(s.reads, walks, look); err != nil || got.Exact != want || got.Canceled != 1 {
			t.Errorf("looking at %d rows: %+v, %v; want it exact: %v", look, got, err, want)
		}
	}
}

func TestStatusOfTheLastAttempt(t *testing.T) {
	s := openStore(t)
	jobs := newJobs(t, s, newTarget(t, s, "billing"), 3)
	claims := claim(t, s, t0, jobs...)
	for i, status := range []int{503, 503, 200} {
		a := &Attempt{ID: claims.Granted[i].Job.ClaimID, StartedAt: t0, StatusCode: status}
		answer := AnsweredRetry
		if status == 200 {
			answer = AnsweredOK
		}
		settled := claims.Granted[i].Job.Settle(a, answer, t0, 0, 0.5)
		if _, err := s.Finish(Finish{Job: settled, Attempt: a}); err != nil {
			t.Fatal(err)
		}
	}
	for status, want := range map[int]int{503: 2, 200: 1, 404: 0} {
		found, _, err := s.Jobs(t.Context(), JobFilter{StatusCode: status}, Page{})
		if err != nil || len(found) != want {
			t.Errorf("%d: %d jobs, %v; want %d", status, len(found), err, want)
		}
	}
	retrying, _, err := s.Jobs(t.Context(), JobFilter{States: []State{Retrying}, StatusCode: 503, Target: "billing"}, Page{})
	if err != nil || len(retrying) != 2 {
		t.Errorf("retrying: %d, %v", len(retrying), err)
	}
}

func TestACursorThatWasCutIsRefused(t *testing.T) {
	s := openStore(t)
	newJobs(t, s, newTarget(t, s, "billing"), 3)
	_, next, err := s.Jobs(t.Context(), JobFilter{}, Page{Limit: 1})
	if err != nil || next == "" {
		t.Fatal(next, err)
	}
	for n := 1; n < len(next); n++ {
		if _, _, err := s.Jobs(t.Context(), JobFilter{}, Page{Cursor: next[:n]}); err != error(errCursor) {
			t.Errorf("the first %d of %d characters: %v", n, len(next), err)
		}
	}
	if _, _, err := s.Attempts(t.Context(), AttemptFilter{}, Page{Cursor: next}); err != error(errCursor) {
		t.Errorf("the cursor of another list: %v", err)
	}
}
