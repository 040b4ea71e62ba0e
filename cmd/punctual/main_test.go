package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"punctual/models/testdata/postgres"
)

// patience bounds every wait for something that must happen. It is far more than any machine needs.
const patience = time.Minute

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"punctual": main})
}

// tidy takes away what the tests built.
type tidy struct{ *testing.M }

// Run runs the tests.
func (t tidy) Run() int {
	code := t.M.Run()
	postgres.Stop()
	if built != "" {
		os.RemoveAll(built)
	}
	return code
}

// TestPlays runs the scripts in testdata: punctual there is this test binary, which then is main and nothing else.
func TestPlays(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": playFreePort,
			"code":     playCode,
			"await":    playAwait,
			"envfile":  playEnvFile,
			"http":     playHTTP,
		},
	})
}

// playFreePort (freeport NAME) sets NAME to a loopback address that nobody listens on.
func playFreePort(ts *testscript.TestScript, _ bool, args []string) {
	addr, err := freeAddr()
	ts.Check(err)
	ts.Setenv(args[0], addr)
}

// playCode (code N PROGRAM ARGS...) runs a program that must exit with N.
func playCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// playEnvFile (envfile NAME FILE) sets NAME to what FILE holds, without the line break at its end.
func playEnvFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// playAwait (await URL) waits until URL is answered with a 2xx.
func playAwait(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(until(func() bool {
		resp, err := http.Get(args[0])
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode < 300
	}))
}

// playHTTP (http METHOD URL STATUS [BODY]) makes a request that must be answered with STATUS.
func playHTTP(ts *testscript.TestScript, _ bool, args []string) {
	body := ""
	if len(args) > 3 {
		body = args[3]
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(body))
	ts.Check(err)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Logf("%s\n%s", resp.Status, answer)
	if got := strconv.Itoa(resp.StatusCode); got != args[2] {
		ts.Fatalf("status %s, want %s", got, args[2])
	}
}

// until asks again and again whether something has happened, and gives up after patience.
func until(happened func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("waited in vain")
		}
	}
	return nil
}

// freeAddr is a loopback address that nobody listens on at this moment.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// built is the directory of the real binary, "" while no test has needed it.
var built string

// buildOnce builds the real binary for all tests.
var buildOnce = sync.OnceValues(func() (string, error) {
	var err error
	if built, err = os.MkdirTemp("", "punctual-test"); err != nil {
		return "", err
	}
	bin := filepath.Join(built, "punctual")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", bin, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return bin, nil
})

// binary is the path of the real binary.
func binary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the binary")
	}
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// invoke runs the program within this process.
func invoke(env map[string]string, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, complaints strings.Builder
	code = run(context.Background(), append([]string{"punctual"}, args...), func(k string) string { return env[k] },
		strings.NewReader(stdin), &out, &complaints)
	return code, out.String(), complaints.String()
}
