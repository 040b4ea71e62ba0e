package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// house is a built punctual that runs in dev, with a receiver that answers as told.
type house struct {
	url      string // of the pages
	binary   string
	receiver *httptest.Server
	status   atomic.Int64 // what the receiver answers
}

// start builds and runs the real binary on a port of its own.
func start(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "punctual")
	build := exec.Command("go", "build", "-o", binary, "./cmd/punctual")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	h := &house{binary: binary}
	h.status.Store(http.StatusOK)
	h.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(h.status.Load()))
		fmt.Fprintf(w, `{"status":%d,"note":"<b>as told</b>"}`, h.status.Load())
	}))
	t.Cleanup(h.receiver.Close)

	ctx, stop := context.WithCancel(context.Background())
	run := exec.CommandContext(ctx, binary, "dev", "--addr", "127.0.0.1:0", "--database",
		"sqlite:"+filepath.Join(dir, "p.db"))
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 20 * time.Second
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := run.Wait(); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "pages" {
			h.url = strings.TrimSuffix(fields[1], "/")
			return h
		}
	}
	t.Fatal("punctual dev did not say where its pages are")
	return nil
}

// api sends JSON to the API and wants it accepted.
func (h *house) api(t *testing.T, path, body string) {
	t.Helper()
	answer, err := http.Post(h.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		t.Fatalf("POST %s: %s", path, answer.Status)
	}
}
