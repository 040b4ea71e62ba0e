package main

import (
	"strings"
	"syscall"
	"testing"

	"punctual/models/testdata/postgres"
)

// TestServeWaitsForItsDatabase starts servers while the database is away: they say so, one ends when it is told to, and the
// other goes on by itself when the database is there.
func TestServeWaitsForItsDatabase(t *testing.T) {
	database := postgres.New(t, postgres.Options{Port: postgres.FreePort(t)})
	url := database.Database(t)
	database.Signal(syscall.SIGINT)
	launch := func() *process {
		return start(t, t.TempDir(), nil, binary(t), "serve", "--addr", "127.0.0.1:0", "--database", url)
	}
	says := func(p *process, what string) {
		t.Helper()
		if err := p.out.await(p.exited, func(text string) bool { return strings.Contains(text, what) }); err != nil {
			t.Fatal(err)
		}
	}
	p, impatient := launch(), launch()
	says(p, "waiting for the database")
	says(impatient, "waiting for the database")
	if code, err := impatient.stop(syscall.SIGTERM); code != exitDone || err != nil {
		t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, impatient.out)
	}
	if err := database.Up(); err != nil {
		t.Fatal(err)
	}
	says(p, "msg=listening")
	if code, err := p.stop(syscall.SIGTERM); code != exitDone || err != nil {
		t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, p.out)
	}
}
