package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// TestThroughAPooler runs two nodes that reach their database through PgBouncer in transaction mode, by a plain URL, and
// kills one under load: the histories must agree as in the fault suite. What one node makes for the other's targets is found
// by looking.
func TestThroughAPooler(t *testing.T) {
	server := postgres.New(t, postgres.Options{})
	url := postgres.NewPooler(t, server).Database(t)
	f := newFaults(t, url, url)
	f.prepare()
	f.rejoin() // waits until both have shards
	f.cross()
	f.run(func() {
		died := f.killNode(f.nodes[0])
		t.Logf("kill -9 of a node: the work went on within %.1f s", f.flows(died, afterDeath).Seconds())
	})
	f.nodes = f.nodes[1:]
	f.settle()
	f.check()
	if log := f.nodes[0].process.out.String(); !strings.Contains(log, "a pooler stands before the database") ||
		strings.Contains(log, "prepared statement") {
		t.Errorf("the log of a node:\n%s", log)
	}
}

// cross makes jobs on one node for all targets while nobody tells the other, and waits for their calls.
func (f *faults) cross() {
	f.t.Helper()
	since := time.Now()
	for range faultTargets {
		n := int(f.next.Add(1))
		status, err := f.askAt(*f.nodes[1].base.Load(), http.MethodPost, jobsPath, jobOf(n), nil)
		if err != nil || status != http.StatusCreated {
			f.t.Errorf("POST %s: status %d, %v", jobsPath, status, err)
		}
	}
	f.t.Logf("jobs of the other node's targets are called within %.1f s", f.flows(since.Add(-straggle), patience).Seconds())
}
