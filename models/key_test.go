package models

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newKey(t testing.TB, s *Store, spec KeySpec) (*Key, string) {
	t.Helper()
	k, text, err := NewKey(spec, t0)
	if err == nil {
		err = s.CreateKey(t.Context(), k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k, text
}

func TestKeyTextTellsTypos(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		text := newKeyText()
		if !IsKeyText(text) || len(text) != 39 || seen[text] {
			t.Fatalf("%q is no key, or not a new one", text)
		}
		seen[text] = true
		for i := range text {
			for _, c := range []byte("0Zz_ \x00") {
				if typo := []byte(text); typo[i] != c {
					typo[i] = c
					if IsKeyText(string(typo)) {
						t.Errorf("%q passes for %q", typo, text)
					}
				}
			}
		}
		if i := 3 + len(seen)%29; text[i] != text[i+1] && IsKeyText(text[:i]+text[i+1:i+2]+text[i:i+1]+text[i+2:]) {
			t.Errorf("%q passes with two characters swapped", text)
		}
	}
	for _, text := range []string{"", "pk_", "pk_" + strings.Repeat("0", 36), "whsec_" + newKeyText()[6:], newKeyText() + "0"} {
		if IsKeyText(text) {
			t.Errorf("%q is a key", text)
		}
	}
}

func TestKeySettings(t *testing.T) {
	for _, c := range []struct {
		field string
		spec  KeySpec
	}{
		{"", KeySpec{Name: "a", Scope: ScopeRead}},
		{"", KeySpec{Name: "a", Scope: ScopeAdmin, Targets: []string{"b"}, RateLimit: "10/s", ExpiresAt: t0.Add(1)}},
		{"name", KeySpec{Name: "A", Scope: ScopeRead}},
		{"scope", KeySpec{Name: "a", Scope: "root"}},
		{"scope", KeySpec{Name: "a"}},
		{"targets", KeySpec{Name: "a", Scope: ScopeRead, Targets: []string{"../b"}}},
		{"rate_limit", KeySpec{Name: "a", Scope: ScopeRead, RateLimit: "10"}},
		{"expires_at", KeySpec{Name: "a", Scope: ScopeRead, ExpiresAt: t0}},
		{"expires_at", KeySpec{Name: "a", Scope: ScopeRead, ExpiresAt: t0.AddDate(11, 0, 0)}},
	} {
		_, _, err := NewKey(c.spec, t0)
		var bad Invalids
		if errors.As(err, &bad); c.field == "" != (err == nil) || c.field != "" && (len(bad) != 1 || bad[0].Field != c.field) {
			t.Errorf("%+v: %v", c.spec, err)
		}
	}
}

func TestScopes(t *testing.T) {
	for i, has := range Scopes {
		for j, needs := range Scopes {
			if has.Covers(needs) != (i >= j) {
				t.Errorf("%s covers %s: %v", has, needs, has.Covers(needs))
			}
		}
		if has.Covers("") || has.Covers("root") || Scope("").Covers(has) || Scope("root").Covers(has) {
			t.Errorf("%s and scopes that there are not cover each other", has)
		}
	}
}

func TestKeysInTheBook(t *testing.T) {
	s := openStore(t)
	k, text := newKey(t, s, KeySpec{Name: "worker", Scope: ScopeWrite, Targets: []string{"b", "a", "b"}, RateLimit: "5/s",
		ExpiresAt: t0.Add(time.Hour), By: "me"})
	hash := sha256.Sum256([]byte(text))
	got, err := s.KeyByHash(t.Context(), hash)
	if err != nil || !bytes.Equal(got.Hash, hash[:]) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(k, got); diff != "" || !cmp.Equal(got.Targets, []string{"a", "b"}) {
		t.Errorf("-made +kept\n%s", diff)
	}
	if !got.Living(t0.Add(time.Hour-1)) || got.Living(t0.Add(time.Hour)) {
		t.Error("it expires at another time than it should")
	}
	again, _, err := NewKey(KeySpec{Name: "worker", Scope: ScopeRead}, t0)
	if conflict := new(Conflict); err != nil || !errors.As(s.CreateKey(t.Context(), again), &conflict) {
		t.Error("a name was given twice")
	}
	for _, at := range []time.Time{t0.Add(time.Minute), t0} { // an older note does not win over a newer one
		if err := s.TouchKey(k.ID, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.RevokeKey(t.Context(), "nobody", t0); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoke what is not there: %v", err)
	}
	rows, _, err := s.Keys(t.Context(), Page{})
	if err != nil || len(rows) != 1 || !rows[0].LastUsedAt.Equal(t0.Add(time.Minute)) {
		t.Errorf("%v, %v", rows, err)
	}
	if _, err := s.RevokeKey(t.Context(), "worker", t0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.KeyByHash(t.Context(), hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("a revoked key is there: %v", err)
	}
	newKey(t, s, KeySpec{Name: "worker", Scope: ScopeRead}) // its name is free again
}

func TestSessionsEndWithTheirKey(t *testing.T) {
	s := openStore(t)
	k, _ := newKey(t, s, KeySpec{Name: "me", Scope: ScopeAdmin})
	begin := func(n byte, key []byte, at time.Time) [32]byte {
		hash := [32]byte{n}
		if err := s.BeginSession(t.Context(), Session{Hash: hash, KeyHash: [32]byte(key), CreatedAt: at,
			ExpiresAt: at.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		return hash
	}
	first, other := begin(1, k.Hash, t0), begin(2, make([]byte, 32), t0)
	got, err := s.Session(t.Context(), first)
	if err != nil || got.KeyHash != [32]byte(k.Hash) || !got.ExpiresAt.Equal(t0.Add(time.Hour)) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := s.RevokeKey(t.Context(), "me", t0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), first); !errors.Is(err, ErrNotFound) {
		t.Errorf("a session outlives its key: %v", err)
	}
	if _, err := s.Session(t.Context(), other); err != nil {
		t.Errorf("another's session: %v", err)
	}
	begin(3, k.Hash, t0.Add(2*time.Hour)) // sweeps what has ended
	if _, err := s.Session(t.Context(), other); !errors.Is(err, ErrNotFound) {
		t.Errorf("a session that has ended is kept: %v", err)
	}
	if err := s.EndSession(t.Context(), [32]byte{3}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), [32]byte{3}); !errors.Is(err, ErrNotFound) {
		t.Errorf("signed out, and still in: %v", err)
	}
}

// TestKeysBesideARunningServer opens the book a second time while it is locked.
func TestKeysBesideARunningServer(t *testing.T) {
	s := openAlone(t)
	cfg := s.cfg
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second server: %v", err)
	}
	cfg.Beside = true
	beside, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	k, text := newKey(t, beside, KeySpec{Name: "late", Scope: ScopeRead})
	if err := beside.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.KeyByHash(t.Context(), sha256.Sum256([]byte(text))); err != nil || got.ID != k.ID {
		t.Errorf("the server does not see it: %v", err)
	}
	newTarget(t, s, "still-writes")
	if _, err := Open(t.Context(), s.cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("the lock has gone: %v", err)
	}
}
