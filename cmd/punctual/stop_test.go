package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// held is a target whose calls wait for the test.
type held struct {
	srv     *httptest.Server
	arrived chan string   // webhook-ids
	release chan struct{} // closed: calls are answered
}

func hold(t *testing.T) *held {
	h := &held{arrived: make(chan string, 16), release: make(chan struct{})}
	h.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // so that a caller who hangs up is noticed
		h.arrived <- r.Header.Get("webhook-id")
		select {
		case <-h.release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(h.srv.Close)
	return h
}

// calling starts a server with one call out at h.
func calling(t *testing.T, h *held, dir, grace string) (p *process, url, id string) {
	t.Helper()
	p = start(t, dir, nil, binary(t), "dev", "--addr", "127.0.0.1:0", "--shutdown-grace", grace)
	url, err := p.url()
	if err != nil {
		t.Fatal(err)
	}
	c := &client{base: url}
	target := fmt.Sprintf(`{"name":"slow","url":%q,"timeout":"15m"}`, h.srv.URL)
	err = errors.Join(post(t.Context(), c, targetsPath, target), post(t.Context(), c, jobsPath, `{"target":"slow"}`))
	if err != nil {
		t.Fatal(err)
	}
	return p, url, h.next(t)
}

func (h *held) next(t *testing.T) string {
	t.Helper()
	select {
	case id := <-h.arrived:
		return id
	case <-time.After(patience):
		t.Fatal("no call arrives")
		return ""
	}
}

// stopping sends a signal and waits until it has been heard.
func stopping(t *testing.T, p *process, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	if err := p.out.await(p.exited, func(text string) bool { return strings.Contains(text, "msg=\"stopping") }); err != nil {
		t.Fatal(err)
	}
}

// outcomes are those of a job's attempts, asked of a server started anew.
func outcomes(t *testing.T, dir, id string) (got []string) {
	t.Helper()
	p := start(t, dir, nil, binary(t), "dev", "--addr", "127.0.0.1:0")
	url, err := p.url()
	if err != nil {
		t.Fatal(err)
	}
	a, err := (&client{base: url}).do(t.Context(), request{method: http.MethodGet, path: jobsPath + "/" + id + "/attempts"})
	if err != nil {
		t.Fatal(err)
	}
	var history struct{ Items []attemptRow }
	if err := json.Unmarshal(a.body, &history); err != nil {
		t.Fatal(err)
	}
	for _, attempt := range history.Items {
		got = append(got, attempt.Outcome)
	}
	return got
}

func TestAStopLetsCallsOutFinish(t *testing.T) {
	h, dir := hold(t), t.TempDir()
	p, url, id := calling(t, h, dir, "1h")
	stopping(t, p, syscall.SIGTERM)
	if err := until(func() bool { _, err := http.Get(url + "/healthz"); return err != nil }); err != nil {
		t.Error("it still takes requests")
	}
	close(h.release)
	if code, err := p.stop(syscall.Signal(0)); code != exitDone || err != nil {
		t.Errorf("exit code %d, %v\n%s", code, err, p.out)
	}
	if got := outcomes(t, dir, id); len(got) != 1 || got[0] != "succeeded" {
		t.Errorf("attempts %v, want one that succeeded", got)
	}
}

func TestAStopGivesBackWhatDoesNotFinish(t *testing.T) {
	signals := []syscall.Signal{syscall.SIGINT}
	if !signal.Ignored(syscall.SIGHUP) { // else what is started ignores it too
		signals = append(signals, syscall.SIGHUP)
	}
	for _, s := range signals {
		h, dir := hold(t), t.TempDir()
		p, _, id := calling(t, h, dir, "50ms")
		if code, err := p.stop(s); code != exitDone || err != nil {
			t.Errorf("%v: exit code %d, %v\n%s", s, code, err, p.out)
		}
		got := outcomes(t, dir, id)
		if len(got) == 0 || got[0] != "interrupted" {
			t.Errorf("%v: attempts %v, want the first to be interrupted", s, got)
		}
		if again := h.next(t); again != id {
			t.Errorf("%v: %s came after the start, want %s again", s, again, id)
		}
	}
}

func TestASecondSignalEndsItAtOnce(t *testing.T) {
	h, dir := hold(t), t.TempDir()
	p, _, id := calling(t, h, dir, "1h")
	stopping(t, p, syscall.SIGTERM)
	if code, err := p.stop(syscall.SIGTERM); code != -1 || err != nil {
		t.Errorf("exit code %d, %v; want the signal itself to end it\n%s", code, err, p.out)
	}
	if got := outcomes(t, dir, id); len(got) == 0 || got[0] != "lost" {
		t.Errorf("attempts %v, want the first to be lost", got)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if code, _, stderr := invoke(nil, "", "migrate", "--database", "sqlite:"+path); code != exitDone {
		t.Fatal(stderr)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"migrate", "dev"} {
		code, _, stderr := invoke(map[string]string{"PUNCTUAL_ADDR": "127.0.0.1:0"}, "", command, "--database", "sqlite:"+path)
		if code != exitFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "newer version") {
			t.Errorf("%s: exit code %d and %q; want one line that says why", command, code, stderr)
		}
	}
}
