package models

import (
	"encoding/json"
	"errors"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzTexts reads anything as each small text of the API: what is read is within bounds and, written again, reads as the
// same; nothing else is taken.
func FuzzTexts(f *testing.F) {
	for _, text := range []string{"500ms", "1h30m", "7d", "1.5d", "0", "-1s", "9223372036854775807ns", "1e9d", "36600d", "36600d1ns", "nand", "NaNd1h", "16KiB", "4294967295MiB", "7000MB", "99999999999999MiB",
		"10/s", "1000000/h", "+1/s", "job_01jd0000000000000000000000", "att_", NewJobID(), cursor("jobs", "job_01jd"), "c_", "a.b-c_d",
		NewSecretKey().Text() + "\n#\n", "HzlhmfgYn4Buy7zyPi66JEhfJt3So4\rNm6M0bTglhmfg=", "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := ParseDuration(text); ok {
			if d < 0 {
				t.Errorf("%q is %v", text, d)
			}
			if again, ok := ParseDuration(FormatDuration(d)); !ok || again != d {
				t.Errorf("%q is %v, written as %q, read as %v, %v", text, d, FormatDuration(d), again, ok)
			}
		}
		if n, ok := ParseSize(text); ok {
			if again, ok := ParseSize(FormatSize(n)); n < 0 || !ok || again != n {
				t.Errorf("%q is %d, written as %q", text, n, FormatSize(n))
			}
		}
		if n, per, err := ParseRate(text); err == nil && text != "" && (n < 1 || n > 1_000_000 || per < time.Second) {
			t.Errorf("%q is %d in %v", text, n, per)
		}
		for _, kind := range []string{"jobs", "targets"} {
			key, err := Page{Cursor: text}.key(kind)
			if err == nil && text != "" && cursor(kind, key) != text {
				t.Errorf("%q is a cursor behind %q, whose own is %q", text, key, cursor(kind, key))
			}
		}
		if IsJobID(text) && (len(text) != len(NewJobID()) || url.PathEscape(text) != text) {
			t.Errorf("%q is taken for the id of a job", text)
		}
		if CheckName(text) == nil && (url.PathEscape(text) != text || text == "." || text == "..") {
			t.Errorf("%q is taken for a name", text)
		}
		if keys, err := ParseSecretKeys([]byte(text)); err == nil {
			for _, k := range keys {
				if !strings.Contains(text, k.Text()) {
					t.Errorf("%q holds another key than %s", text, k.ID())
				}
			}
		}
		privateKey(text) // must not panic
	})
}

// FuzzHeaders holds that headers that are taken survive what is done with them, and that those of credentials are
// neither shown nor stored in the clear.
func FuzzHeaders(f *testing.F) {
	for _, pair := range [][2]string{{"X-A", "b"}, {"authorization", "Bearer x"}, {"x_api_key", "k"}, {"Host", "x"}, {"webhook-id", "1"},
		{"a b", "c"}, {"Cookie", sealed + "k_1:AAAA"}, {"X-Key", "***"}, {"", ""}, {"X-Ü", "ü"}, {"te", "a\nb"}} {
		f.Add(pair[0], pair[1])
	}
	v, err := newVault([]SecretKey{NewSecretKey()}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		h := Headers{name: value}
		if err := h.Validate(); err != nil {
			var bad Invalids
			if !errors.As(err, &bad) || len(value) > 30 && strings.Contains(err.Error(), value) {
				t.Errorf("%v", err)
			}
			return
		}
		h = h.Canonical()
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if err := h.Validate(); err != nil || h[canonical] != value {
			t.Fatalf("%q: in canonical form %q, %v", name, h, err)
		}
		if h.Mask().Unmask(h)[canonical] != value {
			t.Errorf("%q: the mask gives another value back", name)
		}
		stored := v.sealHeaders("jobs", "job_x", h)
		raw, err := json.Marshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		secret := SecretHeader(canonical)
		if secret != (h.Mask()[canonical] == Masked) && value != Masked {
			t.Errorf("%q: secret %v, shown as %q", name, secret, h.Mask())
		}
		if secret == (stored[canonical] == value) {
			t.Errorf("%q: secret %v, stored as %s", name, secret, raw)
		}
		var read Headers
		if err := json.Unmarshal(raw, &read); err != nil {
			t.Fatal(err)
		}
		if v.openHeaders("jobs", "job_x", read); secret && read[canonical] != value {
			t.Errorf("%q reads back as %q", value, read[canonical])
		}
	})
}

// FuzzPath holds that a job's path never leads out of its target's.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"", "a/b", "/a?b=c", "?x", "../x", "%2e%2e/x", "..;/x", "/\\x", "//evil.example/", "@evil.example", ":80", "a#b", "%", "\x00"} {
		f.Add(path)
	}
	target := &Target{URL: "https://api.example.com/hooks/billing?key=1"}
	f.Fuzz(func(t *testing.T, path string) {
		if checkPath(path) != nil {
			return
		}
		got := (&Job{Of: target, Path: path}).CallURL()
		u, err := url.Parse(got)
		if err != nil {
			return // such a call fails: it goes nowhere
		}
		below, _, _ := strings.Cut(strings.TrimPrefix(got, "https://api.example.com"), "?")
		if u.Scheme != "https" || u.Host != "api.example.com" || u.User != nil || u.Fragment != "" ||
			!strings.HasPrefix(below, "/hooks/billing") || !strings.HasPrefix(u.RawQuery, "key=1") {
			t.Errorf("%q leads to %s", path, got)
		}
		for part := range strings.SplitSeq(u.Path, "/") {
			if part == ".." {
				t.Errorf("%q climbs: %s", path, got)
			}
		}
	})
}
