package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// oldTree is where migrations add up: the revision before the last one is the last that knew an older schema.
const oldTree = "models/migrations/postgres"

// TestTwoVersionsSideBySide upgrades a cluster node by node under load: two nodes of the last revision with an older
// schema, then a new one that migrates under them; all accept and call; an old one is killed and its work taken over, the
// other one stops, and only new ones are left. PUNCTUAL_OLD_REVISION names another revision to come from.
func TestTwoVersionsSideBySide(t *testing.T) {
	faultRounds(t)
	old, version := oldBinary(t)
	_, url := freshPostgres(t, nil)
	f := newFaultsOf(t, &member{database: url, bin: old}, &member{database: url, bin: old})
	f.prepare()
	young := &member{database: url}
	f.nodes = append(f.nodes, young)
	f.run(func() {
		since := time.Now()
		f.launch(young)
		if !strings.Contains(young.process.out.String(), "schema migrated") {
			t.Errorf("the new node found nothing to migrate:\n%s", young.process.out)
		}
		f.rejoin() // waits until all three have shards
		t.Logf("an older schema is migrated:         the work went on within %.1f s", f.flows(since, afterReturn).Seconds())
		f.share(version)

		died := f.killNode(f.nodes[0])
		t.Logf("kill -9 of an old node:               the work went on within %.1f s", f.flows(died, afterDeath).Seconds())
		f.refuse(old, url)
		f.nodes[0].bin = ""
		f.rejoin()
		f.share(version)

		left := f.stopNode(f.nodes[1])
		t.Logf("the last old node stops in peace:     the work went on within %.1f s", f.flows(left, afterReturn).Seconds())
		f.nodes[1].bin = ""
		f.rejoin()
	})
	f.settle()
	f.check()
}

// oldBinary builds the last revision that knew an older schema, and tells the version that it gives itself.
func oldBinary(t *testing.T) (bin, version string) {
	t.Helper()
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", filepath.Join("..", "..")}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("NOT TESTED: an older version beside this one; there is no git to get it from")
	}
	if git("rev-parse", "--is-shallow-repository") == "true" {
		t.Skip("NOT TESTED: an older version beside this one; this clone has no history: git fetch --unshallow")
	}
	revision := os.Getenv("PUNCTUAL_OLD_REVISION")
	if revision == "" {
		revision = git("log", "-1", "--diff-filter=A", "--format=%H~1", "--", oldTree)
	}
	dir := filepath.Join(t.TempDir(), "old")
	git("clone", "--quiet", "--shared", "--no-checkout", ".", dir)
	git("-C", dir, "checkout", "--quiet", git("rev-parse", revision))
	bin = filepath.Join(dir, "punctual-old")
	build := exec.Command("go", "build", "-buildvcs=true", "-o", bin, "./cmd/punctual")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v: %s", revision, err, out)
	}
	out, err := exec.Command(bin, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version = strings.Fields(string(out))[1]
	if version == readBuild().version {
		t.Fatalf("the old version calls itself %s, as the new one does", version)
	}
	t.Logf("the older version is %s", version)
	return bin, version
}

// share looks whether nodes of both versions accept jobs and make calls, and say who they are.
func (f *faults) share(old string) {
	f.t.Helper()
	var nodes struct{ Items []nodeRow }
	status, err := f.ask(http.MethodGet, nodesPath, nil, &nodes)
	for _, version := range []string{old, readBuild().version} {
		if !slices.ContainsFunc(nodes.Items, func(n nodeRow) bool { return n.Version == version && n.Shards > 0 }) {
			f.t.Errorf("no node of %s has a share: status %d, %v, %+v", version, status, err, nodes.Items)
		}
	}
	f.mu.Lock()
	clear(f.agents)
	f.mu.Unlock()
	for _, m := range f.nodes {
		for range 3 * faultTargets { // of each target some, whoever owns it
			f.createAt(m, int(f.next.Add(1)))
		}
	}
	if err := until(func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.agents["Punctual/"+old] > 0 && f.agents["Punctual/"+readBuild().version] > 0
	}); err != nil {
		f.t.Errorf("not both versions make calls: %v", f.agents)
	}
}

// createAt has a certain node make a job.
func (f *faults) createAt(m *member, n int) {
	f.t.Helper()
	var made jobRow
	status, err := f.askAt(*m.base.Load(), http.MethodPost, jobsPath, jobOf(n), &made)
	if err != nil || status != http.StatusCreated {
		f.t.Errorf("POST %s: status %d, %v", jobsPath, status, err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepted[made.ID] = n
}

// refuse starts the old version on the new schema, which it does not know.
func (f *faults) refuse(old, url string) {
	f.t.Helper()
	p := start(f.t, f.t.TempDir(), nil, old, "dev", "--addr", "127.0.0.1:0", "--database", url)
	select {
	case <-p.exited:
	case <-time.After(patience):
		f.t.Errorf("the old version does not end")
	}
	if p.code == exitDone || !strings.Contains(p.out.String(), "newer") {
		f.t.Errorf("the old version on a newer schema: exit code %d\n%s", p.code, p.out)
	}
}
