package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"
)

// loaded runs a command with the flags of on and gives what it would have been started with.
func loaded(t *testing.T, on int, env map[string]string, args ...string) (settings, error) {
	t.Helper()
	a := &app{env: func(k string) string { return env[k] }}
	var s settings
	c := &cli.Command{Name: "punctual", Flags: flags(on), Writer: io.Discard, ErrWriter: io.Discard,
		Action: func(_ context.Context, c *cli.Command) (err error) { s, err = a.load(c, on); return err }}
	err := c.Run(t.Context(), append([]string{"punctual"}, args...))
	return s, err
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	got, err := loaded(t, onServe, nil)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	want := settings{Addr: "127.0.0.1:8080", Database: "sqlite:punctual.db", Sync: "full", AllowTargets: []string{}, TrustedProxies: []string{},
		MaxRequests: 2048, MaxStreams: 1000, MinFreeDisk: 512 << 20,
		Retention: 7 * day, RetentionFailed: 30 * day, RetentionOccurrences: 90 * day, MaxPayload: 1 << 20,
		MaxRequest: 16 << 20, ResponseCapture: 16 << 10, MaxInFlight: 4096, QueueWindow: 65536,
		ShutdownGrace: 30 * time.Second, MissedAfter: time.Minute, LogFormat: "text", LogLevel: slog.LevelInfo}
	want.Shown = got.Shown // TestSettingsAreShownWithoutSecrets looks at those
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "punctual.yaml")
	text := "retention: 1d\nretention-failed: 1d\nretention-occurrences: 1d\nmax-in-flight: 7\nno-migrate: true\n" +
		"allow-targets: [10.0.0.0/8, inside.example]\nadmin-key:\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"PUNCTUAL_CONFIG": file, "PUNCTUAL_RETENTION": "2d", "PUNCTUAL_RETENTION_FAILED": "2d",
		"PUNCTUAL_MAX_PAYLOAD": "", "PUNCTUAL_ADMIN_KEY": "correct-horse-battery"}
	s, err := loaded(t, onServe, env, "--retention=3d")
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	type part struct {
		Flag, Env, File, Unset any
		Hosts                  []string
		Rest                   []any
	}
	want := part{3 * day, 2 * day, day, int64(1 << 20), []string{"10.0.0.0/8", "inside.example"}, []any{7, true, "correct-horse-battery"}}
	got := part{s.Retention, s.RetentionFailed, s.RetentionOccurrences, s.MaxPayload, s.AllowTargets,
		[]any{s.MaxInFlight, s.NoMigrate, s.AdminKey}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEveryValueThatIsRefusedNamesTheRuleAndNotItself(t *testing.T) {
	for _, row := range table {
		switch row.name {
		case "addr", "allow-targets", "database", "tls-cert", "tls-key": // any text; what uses it decides
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			var s settings
			err := row.put(&s, "xyzzy")
			if err == nil {
				t.Fatal("xyzzy was taken")
			}
			if !regexp.MustCompile(`^must be `).MatchString(err.Error()) || regexp.MustCompile("xyzzy").MatchString(err.Error()) {
				t.Errorf("%q must say what would be right, and not repeat what was wrong", err)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1MiB": 1 << 20, "16KiB": 16 << 10, "1MB": 1e6, "512": 512, "1.5MiB": 3 << 19,
		"0": 0, "-1": 0, "3GiB": 0, "": 0, "MiB": 0} {
		got, err := size(text)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("size(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestDiskSizes(t *testing.T) {
	for text, want := range map[string]int64{"1B": 1, "512MiB": 512 << 20, "2GiB": 2 << 30, "1TB": 1e12, "1PiB": 1 << 50,
		"0": 0, "-1": 0, "2PiB": 0, "": 0} {
		got, err := diskSize(text)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("diskSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:8080": true, "localhost:1": true, "[::1]:8080": true,
		"127.9.9.9:80": true, ":8080": false, "0.0.0.0:80": false, "[::]:80": false, "example.com:80": false,
		"10.0.0.1:80": false, "127.0.0.1": false, "": false, "127.0.0.1.example.com:80": false} {
		if got := loopback(addr); got != want {
			t.Errorf("loopback(%q) = %v", addr, got)
		}
	}
}

func TestSettingsAreShownWithoutSecrets(t *testing.T) {
	got, err := loaded(t, onServe, nil, "--admin-key", "very-secret-of-mine-17", "--database", "sqlite:x.db", "--retention", "3d")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, s := range got.Shown {
		shown[s.Name] = s.Value
	}
	if shown["admin-key"] != "***" || shown["database"] != "sqlite:x.db" || shown["retention"] != "3d" ||
		shown["sync"] != "full" {
		t.Errorf("shown are %v", shown)
	}
	if v := showable("database", "postgres://me:very-secret@db/x"); v != "postgres://me:***@db/x" {
		t.Errorf("a database with a password is shown as %s", v)
	}
}

// FuzzConfig reads anything as a configuration file: it ends in settings of known names or in an error of one kind.
func FuzzConfig(f *testing.F) {
	for _, file := range []string{"addr: 127.0.0.1:1\nretention: 3d\n", "allow-targets: [10.0.0.0/8, a.b]\n", "max-in-flight: 1e3", "a: &x [*x]", "- a", "\x00",
		"addr: {a: b}", "? [a]\n: b", "no-migrate: yes\nno-migrate: no", "<<: {addr: x}", "addr: !!binary AAAA", "{}", "&a a: *a"} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		values, err := parseConfig("punctual.yaml", file)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "punctual.yaml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for name, value := range values {
			row := slices.IndexFunc(table, func(row setting) bool { return row.name == name })
			if row < 0 {
				t.Errorf("%q was taken for a setting", name)
			} else if name != "secret-key-file" { // it would read files
				var s settings
				_ = table[row].put(&s, value) // must not panic
			}
		}
	})
}

func TestShowDatabase(t *testing.T) {
	for given, want := range map[string]string{
		"sqlite:a?password=b@c":                        "sqlite:a?password=b@c",
		"postgres://localhost/punctual":                "postgres://localhost/punctual",
		"postgres://u@h/d":                             "postgres://u@h/d",
		"postgres://u:secret@h/d":                      "postgres://u:***@h/d",
		"postgres://u:se@cr:et@a:1,b:2/d?x=1":          "postgres://u:***@a:1,b:2/d?x=1",
		"postgres://u:se/cr?et@h/d":                    "postgres://u:***@h/d",
		"postgresql://h/d?password=secret&sslmode=off": "postgresql://h/d?password=***&sslmode=off",
		"postgres://h/d?user=u&sslpassword=secret":     "postgres://h/d?user=u&sslpassword=***",
	} {
		if got := showDatabase(given); got != want {
			t.Errorf("showDatabase(%s) = %s, want %s", given, got, want)
		}
	}
}
