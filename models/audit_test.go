package models

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asActor is a context under which somebody acts who is shown a target's address and pause.
func asActor(t *testing.T, who string) context.Context {
	return WithActor(t.Context(), Actor{Who: who, Remote: "192.0.2.1", At: t0, Show: func(thing any) any {
		switch v := thing.(type) {
		case *Target:
			return map[string]any{"url": v.URL, "paused": v.Paused(), "description": v.Description, "updated_at": v.UpdatedAt}
		case *Job:
			return map[string]any{"state": v.State}
		}
		return nil
	}})
}

// lines are the audit's lines, oldest first, as "who action kind name before after".
func lines(t *testing.T, s *Store, f AuditFilter) (all []string) {
	t.Helper()
	rows, _, err := s.Audits(t.Context(), f, Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		all = append([]string{strings.Join([]string{r.Who, r.Action, r.Kind, r.Name, r.Before, r.After}, " ")}, all...)
	}
	return all
}

func TestAuditTellsWhatChanged(t *testing.T) {
	s := openStore(t)
	ctx := asActor(t, "ann")
	target := newTarget(t, s, "billing") // without an actor: Punctual itself
	if _, err := s.UpdateTarget(ctx, "billing", t0, func(t *Target) error { t.URL = "http://example.com/new"; return nil }); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second changes nothing, and is not told
		if _, err := s.PauseTarget(ctx, "billing", "", t0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.UpdateTarget(ctx, "billing", t0, func(*Target) error { return &Conflict{"no"} }); err == nil {
		t.Fatal("no conflict")
	}
	if _, err := s.RotateSecret(ctx, "billing", Rotation{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Overlap: time.Hour}, t0.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	job := newJobs(t, s, target, 1)[0]
	if _, err := s.CancelJob(asActor(t, "bob"), job.ID, t0); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(ctx, "reveal-secret", "target", "billing"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ann update target billing {"url":"http://example.com/billing"} {"url":"http://example.com/new"}`,
		`ann pause target billing {"paused":false} {"paused":true}`,
		`ann rotate-secret target billing  {"overlap":"1h"}`,
		`bob cancel job ` + job.ID + ` {"state":"scheduled"} {"state":"canceled"}`,
		`ann reveal-secret target billing  `,
	}
	if diff := cmp.Diff(want, lines(t, s, AuditFilter{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, c := range []struct {
		f    AuditFilter
		want int
	}{
		{AuditFilter{Who: "bob"}, 1}, {AuditFilter{Kind: "target", Name: "billing"}, 4}, {AuditFilter{Action: "pause"}, 1},
		{AuditFilter{After: t0}, 5}, {AuditFilter{Before: t0}, 0}, {AuditFilter{After: t0.Add(1000)}, 0}, {AuditFilter{Name: "x"}, 0},
	} {
		if got := lines(t, s, c.f); len(got) != c.want {
			t.Errorf("%+v: %q", c.f, got)
		}
	}
}

func TestAuditIsBoundedAndPruned(t *testing.T) {
	s := openStore(t)
	newTarget(t, s, "billing")
	long := strings.Repeat("x", auditValue)
	if _, err := s.UpdateTarget(asActor(t, "ann"), "billing", t0, func(t *Target) error { t.Description = long; return nil }); err != nil {
		t.Fatal(err)
	}
	got := lines(t, s, AuditFilter{})
	if len(got) != 1 || !strings.HasSuffix(got[0], `{"description":""} {"description":"(2050 bytes)"}`) {
		t.Errorf("%q", got)
	}
	if n, _, err := s.Prune(t.Context(), Keep{Audit: time.Now().Add(-time.Hour)}); err != nil || n != 0 {
		t.Errorf("forgot %d, %v", n, err)
	}
	if _, _, err := s.Prune(t.Context(), Keep{Audit: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, s, AuditFilter{}); len(got) != 0 {
		t.Errorf("kept too long: %q", got)
	}
}

// TestOutOfReachIsNotThere reads everything for somebody who may know of one target only.
func TestOutOfReachIsNotThere(t *testing.T) {
	s := openStore(t)
	ctx := WithActor(t.Context(), Actor{Who: "bound", Reach: []string{"mine", "never-made"}})
	ids := map[string]string{}
	for _, name := range []string{"mine", "theirs"} {
		target := newTarget(t, s, name)
		ids[name] = newJobs(t, s, target, 1)[0].ID
		if err := s.RecordTest(t.Context(), &Attempt{ID: "att_" + name, TargetID: target.ID, Number: 1, Outcome: Success, StartedAt: t0}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Job(ctx, ids[name]); (err == nil) != (name == "mine") {
			t.Errorf("job of %s: %v", name, err)
		}
		if _, err := s.AttemptsOf(ctx, ids[name]); (err == nil) != (name == "mine") {
			t.Errorf("attempts of %s: %v", name, err)
		}
		if _, err := s.Target(ctx, name); (err == nil) != (name == "mine") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Attempt(ctx, "att_"+name); (err == nil) != (name == "mine") {
			t.Errorf("attempt of %s: %v", name, err)
		}
	}
	for _, f := range []JobFilter{{}, {States: []State{Scheduled}}, {Target: "mine"}, {Prefix: "job_"}} {
		jobs, _, err := s.Jobs(ctx, f, Page{})
		if err != nil || len(jobs) != 1 || jobs[0].ID != ids["mine"] {
			t.Errorf("%+v: %v, %v", f, jobs, err)
		}
		if n, err := s.CountJobs(ctx, f); err != nil || n != 1 {
			t.Errorf("%+v: counted %d, %v", f, n, err)
		}
	}
	if jobs, _, err := s.Jobs(ctx, JobFilter{Target: "theirs"}, Page{}); err != nil || len(jobs) != 0 {
		t.Errorf("jobs of another: %v, %v", jobs, err)
	}
	attempts, _, err := s.Attempts(ctx, AttemptFilter{}, Page{})
	if err != nil || len(attempts) != 1 || attempts[0].Target != "mine" {
		t.Errorf("attempts: %v, %v", attempts, err)
	}
	targets, _, err := s.Targets(ctx, Page{})
	if err != nil || len(targets) != 1 || targets[0].Name != "mine" {
		t.Errorf("targets: %v, %v", targets, err)
	}
}
