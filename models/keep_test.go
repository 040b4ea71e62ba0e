package models

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// keepFixture makes jobs of a target that ended at t0 in each final state.
func keepFixture(t *testing.T, s *Store, target *Target, each int) {
	t.Helper()
	jobs := newJobs(t, s, target, 3*each)
	for i, j := range jobs {
		err := s.write(t.Context(), work{act: "end", run: func(tx *tx) error {
			row, err := tx.job(j.ID)
			if err != nil {
				return err
			}
			if err := tx.endJob(row, []State{Succeeded, Failed, Canceled}[i%3], "", t0); err != nil {
				return err
			}
			return tx.saveJob(row)
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// kept counts the jobs of a target.
func kept(t *testing.T, s *Store, target string, state State) int {
	t.Helper()
	jobs, _, err := s.Jobs(t.Context(), JobFilter{Target: target, States: []State{state}}, Page{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	return len(jobs)
}

// pruneAll prunes until there is nothing more to do, and tells in how many steps.
func pruneAll(t *testing.T, s *Store, keep Keep) (total, steps int) {
	t.Helper()
	for more := true; more; steps++ {
		if steps > 100 {
			t.Fatal("pruning never ends")
		}
		var n int
		var err error
		if n, more, err = s.Prune(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total, steps
}

// after is what is kept by settings of 7 and 30 days, some time after t0.
func after(d time.Duration) Keep {
	now := t0.Add(d)
	return Keep{Ended: now.Add(-7 * day), Failed: now.Add(-30 * day), Occurrences: now.Add(-90 * day), Now: now}
}

func TestKeepPerTarget(t *testing.T) {
	s := openStore(t)
	usual := newTarget(t, s, "usual")
	short := newTarget(t, s, "short", func(t *Target) { t.KeepSucceeded, t.KeepFailed = time.Hour, 2*time.Hour })
	long := newTarget(t, s, "long", func(t *Target) { t.KeepSucceeded = 100 * day })
	for _, target := range []*Target{usual, short, long} {
		keepFixture(t, s, target, 2)
	}
	check := func(when string, want map[string][3]int) {
		t.Helper()
		for name, n := range want {
			got := [3]int{kept(t, s, name, Succeeded), kept(t, s, name, Canceled), kept(t, s, name, Failed)}
			if got != n {
				t.Errorf("%s: %s keeps %v, want %v", when, name, got, n)
			}
		}
	}
	all := [3]int{2, 2, 2}
	for _, c := range []struct {
		when string
		d    time.Duration
		want map[string][3]int
	}{
		{"at once", time.Minute, map[string][3]int{"usual": all, "short": all, "long": all}},
		{"after 90 minutes", 90 * time.Minute, map[string][3]int{"usual": all, "short": {0, 0, 2}, "long": all}},
		{"after three hours", 3 * time.Hour, map[string][3]int{"usual": all, "short": {}, "long": all}},
		{"after eight days", 8 * day, map[string][3]int{"usual": {0, 0, 2}, "short": {}, "long": all}},
		{"after 31 days", 31 * day, map[string][3]int{"usual": {}, "short": {}, "long": {2, 2, 0}}}, // failed: as the server says
		{"after 101 days", 101 * day, map[string][3]int{"usual": {}, "short": {}, "long": {}}},
	} {
		pruneAll(t, s, after(c.d))
		check(c.when, c.want)
	}
}

// A change of the settings counts for the jobs that have ended, too, whichever stretch they are in.
func TestKeepChanges(t *testing.T) {
	s := openStore(t)
	target := newTarget(t, s, "billing")
	const each = step // so that a move takes several steps
	keepFixture(t, s, target, each)
	set := func(d time.Duration) {
		t.Helper()
		if _, err := s.UpdateTarget(t.Context(), "billing", t0, func(t *Target) error { t.KeepSucceeded = d; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(100 * day)
	if total, steps := pruneAll(t, s, after(time.Minute)); total != 0 || steps < 3 {
		t.Errorf("a change of settings pruned %d jobs, in %d steps; want none, in several", total, steps)
	}
	pruneAll(t, s, after(8*day))
	if n := kept(t, s, "billing", Succeeded); n != each {
		t.Errorf("%d of %d jobs are kept after they were to be", n, each)
	}
	set(0)
	if total, _ := pruneAll(t, s, after(8*day)); total != 2*each {
		t.Errorf("%d succeeded and canceled jobs went, want %d", total, 2*each)
	}
	if n := kept(t, s, "billing", Failed); n != each {
		t.Errorf("%d failed jobs are kept, want %d", n, each)
	}
}

// A great deal that is kept longer costs no look: each stretch is pruned from its head.
func TestPruningWalksItsStretch(t *testing.T) {
	s := openAlone(t)
	got := plan(t, s.reads, `SELECT id`+endedBefore+` ORDER BY finished_at LIMIT 200`, "", "failed", 5)
	const want = "jobs_finished (kept_by=? AND state=? AND finished_at>? AND finished_at<?)"
	if !strings.Contains(got, want) || strings.Contains(got, "TEMP B-TREE") {
		t.Errorf("want %q without a sort, got\n%s", want, got)
	}
}

func TestSizeText(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "0B": 0, "1B": 1, "512B": 512, "16KiB": 16 << 10, "1MiB": 1 << 20, "2kB": 2000, "3MB": 3e6} {
		if got, ok := ParseSize(text); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "1", "-1B", "+1B", "1.5KiB", "KiB", "1 KiB", "1kib", "1GiB", "99999999999999MiB", "1B ", "0x1B"} {
		if got, ok := ParseSize(text); ok {
			t.Errorf("%q was read as %d", text, got)
		}
	}
	for bytes, want := range map[int64]string{0: "0B", 1: "1B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 1 << 20: "1MiB", 3 << 10: "3KiB"} {
		if got := FormatSize(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

// TestThePrunedFileShrinks: what is pruned in bulk goes back to the system, in steps.
func TestThePrunedFileShrinks(t *testing.T) {
	if postgres.Asked() {
		t.Skip("that engine reuses its space by itself")
	}
	s := openStore(t)
	target := newTarget(t, s, "billing")
	for range 24 {
		for _, j := range newJobs(t, s, target, 20, func(spec *JobSpec) { spec.Body = fmt.Appendf(nil, `"%0100000d"`, 1) }) {
			if _, err := s.CancelJob(t.Context(), j.ID, t0); err != nil {
				t.Fatal(err)
			}
		}
	}
	before, _, err := s.dialect.space(t.Context(), s.readDB)
	if err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		if _, more, err = s.Prune(t.Context(), Keep{Ended: t0.Add(time.Hour), Now: t0}); err != nil {
			t.Fatal(err)
		}
	}
	after, free, err := s.dialect.space(t.Context(), s.readDB)
	if err != nil || before < 40<<20 || after > shrinkLeast+8<<20 || free > after {
		t.Errorf("%d MiB before, %d after of which %d are free, %v", before>>20, after>>20, free>>20, err)
	}
}
