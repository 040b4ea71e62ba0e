package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"punctual/models/testdata/postgres"
)

// The second tour is the first ```sh block under this heading.
const secondTourHeading = "### Many nodes"

// TestSecondTourOfTheReadme runs the tour of two nodes and PostgreSQL as printed, in one shell, but for its ports. What a
// slow machine has not done when the last line counts it, it may do later.
func TestSecondTourOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := blocks(string(readme), secondTourHeading)
	if err != nil || len(found) == 0 {
		t.Fatalf("no block under %q: %v", secondTourHeading, err)
	}
	server, _ := freshPostgres(t, nil)
	var ports []string
	for _, port := range []string{":8081", ":8082", ":9000"} {
		ports = append(ports, port, fmt.Sprint(":", postgres.FreePort(t)))
	}
	script := strings.NewReplacer(ports...).Replace(strings.Join(found[0].script, "\n"))
	sh := &tourShell{t: t, dir: t.TempDir(), env: []string{
		"PATH=" + strings.Join([]string{filepath.Dir(binary(t)), postgres.Programs(t), os.Getenv("PATH")}, string(os.PathListSeparator)),
		fmt.Sprint("PGPORT=", server.Port), "PGHOST=127.0.0.1", "PGUSER=punctual"}}
	printed := sh.run("set -eu\n" + script)
	if live := regexp.MustCompile(`(?m)^node_\S+ +live `).FindAllString(printed, -1); len(live) != 2 {
		t.Errorf("%d nodes are listed, want 2:\n%s", len(live), printed)
	}
	lines := strings.Split(strings.TrimSpace(script), "\n")
	last := lines[len(lines)-1]
	want := regexp.MustCompile(`# (\d+): nothing is lost`).FindStringSubmatch(last)
	if want == nil {
		t.Fatalf("the last line does not say how many jobs there are: %s", last)
	}
	counts := regexp.MustCompile(`(?m)^\s*` + want[1] + `$`).MatchString
	if !counts(printed) && until(func() bool { return counts(sh.run(last)) }) != nil {
		t.Errorf("not all jobs have succeeded: %s\n%s", sh.run(last), printed)
	}
	calls, err := os.ReadFile(filepath.Join(sh.dir, "calls.txt"))
	if err != nil {
		t.Fatal(err)
	}
	called := regexp.MustCompile(`job_\w+`).FindAllString(string(calls), -1)
	slices.Sort(called)
	if n := fmt.Sprint(len(slices.Compact(called))); n != want[1] {
		t.Errorf("%s jobs were called, want %s:\n%s", n, want[1], calls)
	}
}

// tourShell runs scripts that may leave programs running, which end with the test.
type tourShell struct {
	t   *testing.T
	dir string
	env []string
}

// run runs a script and gives what has been printed when it ends.
func (s *tourShell) run(script string) string {
	s.t.Helper()
	out, err := os.CreateTemp(s.t.TempDir(), "printed")
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command("sh", "-c", script)
	c.Dir, c.Env, c.Stdout, c.Stderr = s.dir, append(os.Environ(), s.env...), out, out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = c.Run()
	// What it has left behind, if anything, is in its group.
	s.t.Cleanup(func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	printed, failed := os.ReadFile(out.Name())
	if err != nil || failed != nil {
		s.t.Fatalf("%v, %v in\n%s\n%s", err, failed, script, printed)
	}
	return string(printed)
}
