package models

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/models/testdata/postgres"
)

// What must not be found in the file of a book that seals.
const (
	hiddenSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // newTarget's
	hiddenValue  = "Bearer plain-as-day"
)

// sealedBook is a book that is opened again and again with different keys.
type sealedBook struct {
	*testing.T
	cfg Config
}

func newSealedBook(t *testing.T) *sealedBook {
	return &sealedBook{t, Config{Database: database(t), Node: "node_test"}}
}

// with opens the book with these keys, and closes it after f.
func (b *sealedBook) with(f func(s *Store), keys ...SecretKey) {
	b.Helper()
	b.cfg.SecretKeys = keys
	s, err := Open(b.Context(), b.cfg)
	if err != nil {
		b.Fatal(err)
	}
	f(s)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// file is everything that the book's files hold.
func (b *sealedBook) file() (all []byte) {
	b.Helper()
	path := strings.TrimPrefix(b.cfg.Database, "sqlite:")
	for _, name := range []string{path, path + "-wal"} {
		part, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			b.Fatal(err)
		}
		all = append(all, part...)
	}
	return all
}

func (b *sealedBook) holds(want bool, texts ...string) {
	b.Helper()
	if postgres.Asked() {
		return // its files are not ours to read
	}
	all := b.file()
	for _, text := range texts {
		if got := bytes.Contains(all, []byte(text)); got != want {
			b.Errorf("the file holds %q: %v, want %v", text, got, want)
		}
	}
}

// furnish makes a target, a schedule and a job that hold secrets, and gives the job's id.
func (b *sealedBook) furnish(s *Store, name string) string {
	b.Helper()
	secret := Headers{"Authorization": hiddenValue, "X-Plain": "seen-by-all"}
	target := newTarget(b, s, name, func(t *Target) { t.Headers, t.Signing = secret, SigningBoth })
	spec := DefaultSchedule()
	spec.Name, spec.Target, spec.Every, spec.Headers = name, name, day, secret
	schedule, err := NewSchedule(spec, target, t0)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.CreateSchedule(b.Context(), schedule, t0); err != nil {
		b.Fatal(err)
	}
	return newJobs(b, s, target, 1, func(j *JobSpec) { j.Headers = secret })[0].ID
}

// reads checks that everything that furnish has made reads back in the clear.
func (b *sealedBook) reads(s *Store, name, jobID string) {
	b.Helper()
	want := Headers{"Authorization": hiddenValue, "X-Plain": "seen-by-all"}
	target, err := s.Target(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	schedule, err := s.Schedule(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	job, err := s.Job(b.Context(), jobID)
	if err != nil {
		b.Fatal(err)
	}
	for what, got := range map[string]Headers{"target": target.Headers, "schedule": schedule.Headers, "job": job.Headers} {
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("%s: %s", what, diff)
		}
	}
	live, err := s.Signers(b.Context(), target, t0)
	if err != nil || len(live) != 2 || live[0] != hiddenSecret || !strings.HasPrefix(live[1], prefixPrivate) {
		b.Errorf("%d signers, %v", len(live), err)
	}
	keys, err := s.PublicKeys(b.Context(), target.ID, t0)
	if err != nil || len(keys) != 1 || !strings.HasPrefix(keys[0].Key, prefixPublic) {
		b.Errorf("public keys %v, %v", keys, err)
	}
}

func TestSecretsAreSealed(t *testing.T) {
	b, key := newSealedBook(t), NewSecretKey()
	var id string
	b.with(func(s *Store) {
		id = b.furnish(s, "billing")
		b.reads(s, "billing", id)
		b.holds(false, hiddenSecret, hiddenValue, prefixPrivate)
		b.holds(true, "seen-by-all", key.ID())
		if got := s.Warnings(); got != nil {
			t.Errorf("warnings: %q", got)
		}
	}, key)
	b.with(func(s *Store) {
		b.reads(s, "billing", id)
		// What is written back is sealed again, and what the dispatcher is handed is not sealed.
		claims := claim(t, s, t0, &Job{ID: id})
		if len(claims.Granted) != 1 {
			t.Fatalf("claims: %+v", claims)
		}
		got := claims.Granted[0]
		if got.Job.CallHeaders()["Authorization"] != hiddenValue || len(got.Secrets) != 2 || got.Secrets[0] != hiddenSecret {
			t.Errorf("the call would be made with %v and %d secrets", got.Job.CallHeaders(), len(got.Secrets))
		}
		if _, err := s.CancelJob(t.Context(), id, t0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PauseTarget(t.Context(), "billing", "", t0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PauseSchedule(t.Context(), "billing", "", t0, t0); err == nil {
			t.Error("a pause that has ended was accepted")
		}
		if _, err := s.ResumeSchedule(t.Context(), "billing", t0); err != nil {
			t.Fatal(err)
		}
		b.reads(s, "billing", id)
		b.holds(false, hiddenSecret, hiddenValue, prefixPrivate)
	}, key)
}

func TestOpenNeedsItsKeys(t *testing.T) {
	b, key, other := newSealedBook(t), NewSecretKey(), NewSecretKey()
	var id string
	b.with(func(s *Store) { id = b.furnish(s, "billing") }, key)
	for name, keys := range map[string][]SecretKey{"none": nil, "another": {other}} {
		b.cfg.SecretKeys = keys
		s, err := Open(t.Context(), b.cfg)
		bad := new(Invalid)
		if !errors.As(err, &bad) || bad.Field != "secret-key-file" || !strings.Contains(bad.Why, key.ID()) {
			t.Errorf("%s: got %v, want the id of the missing key", name, err)
		}
		if s != nil {
			s.Close()
		}
	}
	b.with(func(s *Store) { b.reads(s, "billing", id) }, other, key)
}

// A book that began without keys says so until everything is sealed.
func TestReseal(t *testing.T) {
	b, first, second := newSealedBook(t), NewSecretKey(), NewSecretKey()
	ids := map[string]string{}
	b.with(func(s *Store) {
		ids["plain"] = b.furnish(s, "plain")
		b.holds(true, hiddenSecret, hiddenValue)
		if got := s.Warnings(); len(got) != 1 || !strings.Contains(got[0], "--secret-key-file") {
			t.Errorf("warnings without keys: %q", got)
		}
	})
	b.with(func(s *Store) {
		ids["first"] = b.furnish(s, "first")
		if got := s.Warnings(); len(got) != 1 || !strings.Contains(got[0], "rotate-key") {
			t.Errorf("warnings while some are plain: %q", got)
		}
	}, first)
	b.with(func(s *Store) {
		ids["second"] = b.furnish(s, "second")
		if _, err := s.Beat(t.Context(), Node{ID: "node_test"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		// Beside a server that writes with another key it would lock that server out of what it rewrites.
		beside := b.cfg
		beside.SecretKeys = []SecretKey{first, second}
		conflict := new(Conflict)
		if _, err := Reseal(t.Context(), beside, false, time.Now(), nil); !errors.As(err, &conflict) {
			t.Errorf("beside a server with another first key: %v", err)
		}
		done, err := Reseal(t.Context(), b.cfg, false, time.Now(), nil)
		if want := (Resealed{Changed: 10}); err != nil || done != want { // 3 headers and 2 secrets of "plain" and of "first"
			t.Errorf("got %+v, %v; want %+v", done, err, want)
		}
		for name, id := range ids {
			b.reads(s, name, id)
		}
		if done, err := Reseal(t.Context(), b.cfg, false, time.Now(), nil); err != nil || done != (Resealed{}) {
			t.Errorf("a second time: %+v, %v", done, err)
		}
	}, second, first)
	b.with(func(s *Store) {
		for name, id := range ids {
			b.reads(s, name, id)
		}
		if got := s.Warnings(); got != nil {
			t.Errorf("warnings when all is sealed: %q", got)
		}
	}, second)
	if _, err := Reseal(t.Context(), b.cfg, true, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	b.holds(false, hiddenSecret, hiddenValue, prefixPrivate, first.ID())
}

// It may be broken off at any point and run again.
func TestResealIsResumed(t *testing.T) {
	b, key := newSealedBook(t), NewSecretKey()
	const jobs = 3 * resealStep
	var all []*Job
	b.with(func(s *Store) {
		b.furnish(s, "billing")
		target, err := s.Target(t.Context(), "billing")
		if err != nil {
			t.Fatal(err)
		}
		all = newJobs(t, s, target, jobs, func(j *JobSpec) { j.Headers = Headers{"Cookie": hiddenValue} })
	})
	b.cfg.SecretKeys = []SecretKey{key}
	ctx, stop := context.WithCancel(t.Context())
	done, err := Reseal(ctx, b.cfg, false, time.Now(), func(done Resealed) {
		if done.Changed > resealStep {
			stop()
		}
	})
	if err == nil || done.Changed <= resealStep || done.Changed > jobs {
		t.Fatalf("broken off: %+v, %v", done, err)
	}
	b.holds(true, hiddenValue)
	if _, err := Reseal(t.Context(), b.cfg, true, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	b.holds(false, hiddenValue, hiddenSecret)
	b.with(func(s *Store) {
		for _, j := range []*Job{all[0], all[jobs/2], all[jobs-1]} {
			if got, err := s.Job(t.Context(), j.ID); err != nil || got.Headers["Cookie"] != hiddenValue {
				t.Errorf("job %s: %v, %v", j.ID, got.Headers, err)
			}
		}
	}, key)
}

// What was moved to another row, or changed, opens nowhere, and nothing else suffers from it.
func TestSealedIsBoundToItsPlace(t *testing.T) {
	b, key := newSealedBook(t), NewSecretKey()
	var moved, whole string
	b.with(func(s *Store) { moved, whole = b.furnish(s, "moved"), b.furnish(s, "whole") }, key)
	b.with(func(s *Store) {
		err := s.write(t.Context(), work{act: "tamper", run: func(t *tx) error {
			for _, statement := range []string{
				`UPDATE jobs SET headers = (SELECT headers FROM targets WHERE name = 'moved') WHERE target_id = (SELECT id FROM targets WHERE name = 'moved')`,
				`UPDATE secrets SET value = (SELECT value FROM secrets WHERE target_id = (SELECT id FROM targets WHERE name = 'whole') AND kind = 'v1')
					WHERE target_id = (SELECT id FROM targets WHERE name = 'moved') AND kind = 'v1'`,
			} {
				if _, err := t.exec(statement); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		b.reads(s, "whole", whole)
		claims := claim(t, s, t0, &Job{ID: moved}, &Job{ID: whole})
		if len(claims.Granted) != 2 {
			t.Fatalf("claims: %+v", claims)
		}
		got := claims.Granted[0]
		if v := got.Job.Headers["Authorization"]; !strings.HasPrefix(v, sealed) {
			t.Errorf("a moved value reads %q", v)
		}
		if got.Secrets[0] != sealed {
			t.Errorf("a moved secret reads %q", got.Secrets[0])
		}
	}, key)
}

func TestParseSecretKeys(t *testing.T) {
	a, b := NewSecretKey(), NewSecretKey()
	got, err := ParseSecretKeys([]byte("# the new one\n" + a.Text() + "\r\n\n  " + b.Text() + "  "))
	if diff := cmp.Diff([]SecretKey{a, b}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, file := range []string{"", "# none\n", "c2hvcnQ=", a.Text() + "\n" + b.Text()[1:], a.Text() + a.Text(), "whsec_" + a.Text()} {
		if got, err := ParseSecretKeys([]byte(file)); err == nil {
			t.Errorf("%q was read as %d keys", file, len(got))
		} else if len(file) > 20 && strings.Contains(err.Error(), file[8:20]) {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
	if a.ID() == b.ID() || !strings.HasPrefix(a.ID(), "k_") || len(a.ID()) != 18 {
		t.Errorf("ids %s, %s", a.ID(), b.ID())
	}
}

func BenchmarkSealHeaders(b *testing.B) {
	v, err := newVault([]SecretKey{NewSecretKey()}, nil)
	if err != nil {
		b.Fatal(err)
	}
	plain := Headers{"X-Plain": "x"}
	secret := Headers{"Authorization": hiddenValue}
	stored := v.sealHeaders("jobs", "job_x", secret)
	b.Run("nothing to seal", func(b *testing.B) {
		for b.Loop() {
			v.sealHeaders("jobs", "job_x", plain)
		}
	})
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			v.sealHeaders("jobs", "job_x", secret)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			v.openHeaders("jobs", "job_x", Headers{"Authorization": stored["Authorization"]})
		}
	})
}
