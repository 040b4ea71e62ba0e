package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

const (
	scaleTargets = 24     //
	scaleBacklog = 20_000 // jobs of a drain
	scaleRate    = 200    // jobs a second, for latency
	scalePaced   = 15 * time.Second
)

// fleet is some nodes on one durable PostgreSQL, with a target that counts and times its calls.
type fleet struct {
	t      *testing.T
	server *postgres.Server
	db     *sql.DB
	nodes  []*station
	hooks  string
	called atomic.Int64

	mu   sync.Mutex // protects took
	took []time.Duration
}

// ServeHTTP takes a call; the payload of a timed job is when it was asked for, in nanoseconds.
func (f *fleet) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	now := time.Now()
	if at, err := strconv.ParseInt(string(body), 10, 64); err == nil && at > 0 {
		f.mu.Lock()
		f.took = append(f.took, now.Sub(time.Unix(0, at)))
		f.mu.Unlock()
	}
	f.called.Add(1)
}

func openFleet(t *testing.T, server *postgres.Server, nodes int) *fleet {
	t.Helper()
	f := &fleet{t: t, server: server}
	hooks := httptest.NewServer(f)
	t.Cleanup(hooks.Close)
	f.hooks = hooks.URL
	url := server.Database(t)
	var err error
	if f.db, err = sql.Open("pgx", url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.db.Close() })
	for range nodes {
		p := start(t, t.TempDir(), nil, binary(t), "dev", "--addr", "127.0.0.1:0", "--log-level", "warn", "--database", url)
		base, err := p.url()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("a node, which ended with %d if it did:\n%s", p.code, p.out)
			}
		})
		f.nodes = append(f.nodes, &station{t: t, p: p, c: &client{base: base}})
	}
	for i := range scaleTargets {
		f.nodes[0].post(targetsPath, fmt.Sprintf(`{"name":"t%d","url":"%s"}`, i, hooks.URL))
	}
	<-time.After(3 * time.Second) // the nodes find together
	return f
}

// cost is what has been spent so far.
type cost struct {
	nodes, database    time.Duration // of processors
	commits, rows, wal int64
}

// spent reads the counters once the server's own statistics have come in.
func (f *fleet) spent() (c cost) {
	f.t.Helper()
	<-time.After(1500 * time.Millisecond)
	for _, n := range f.nodes {
		c.nodes += n.cpu()
	}
	c.database = f.databaseCPU()
	if err := f.db.QueryRow(`SELECT xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'::pg_lsn
		FROM pg_stat_database WHERE datname = current_database()`).Scan(&c.commits, &c.rows, &c.wal); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// databaseCPU is the time that the processes of PostgreSQL have spent, those that have ended included.
func (f *fleet) databaseCPU() time.Duration {
	f.t.Helper()
	lines, err := os.ReadFile(filepath.Join(f.server.Dir, "data", "postmaster.pid"))
	if err != nil {
		f.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(lines), "\n")
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	ticks := 0
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		columns := []int{11, 12} // user and system time
		switch {
		case filepath.Base(filepath.Dir(path)) == first:
			columns = append(columns, 13, 14) // and that of children that have ended
		case fields[1] != first:
			continue
		}
		for _, i := range columns {
			n, _ := strconv.Atoi(fields[i])
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// steer pauses or resumes all targets.
func (f *fleet) steer(action string) {
	f.t.Helper()
	for i := range scaleTargets {
		f.nodes[0].post(fmt.Sprintf("%s/t%d/%s", targetsPath, i, action), `{}`)
	}
}

// drain lays a backlog down and lets it go, and gives how long until the last job was on record.
func (f *fleet) drain(jobs int) time.Duration {
	f.t.Helper()
	f.steer("pause")
	for i := range jobs / 500 {
		f.nodes[i%len(f.nodes)].lay(500, fmt.Sprintf(`{"target":"t%d","payload":{"n":1}}`, i%scaleTargets))
	}
	began := time.Now()
	f.steer("resume")
	f.settle()
	return time.Since(began)
}

// settle waits until no job is unfinished.
func (f *fleet) settle() {
	f.t.Helper()
	for unfinished := true; unfinished; {
		if err := f.db.QueryRow(`SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'scheduled' AND held = 0)
			OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running')`).Scan(&unfinished); err != nil {
			f.t.Fatal(err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// pace asks for jobs at an even rate, of one node after another, and gives how long each took to arrive, sorted.
func (f *fleet) pace(perSecond int, d time.Duration) []time.Duration {
	f.t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var out sync.WaitGroup
	for began, n := time.Now(), 0; time.Since(began) < d; n++ {
		<-time.After(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))))
		base := f.nodes[n%len(f.nodes)].c.base
		out.Go(func() {
			body := fmt.Sprintf(`{"target":"t%d","payload":%d}`, n%scaleTargets, time.Now().UnixNano())
			resp, err := client.Post(base+jobsPath, "application/json", strings.NewReader(body))
			if err != nil {
				f.t.Error(err)
				return
			}
			defer resp.Body.Close()
			if err := json.NewDecoder(resp.Body).Decode(&object{}); err != nil || resp.StatusCode != http.StatusCreated {
				f.t.Errorf("create a job: %s, %v", resp.Status, err)
			}
		})
	}
	out.Wait()
	f.settle()
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.took)
	return f.took
}

// TestScaling measures one, two and three nodes on one durable PostgreSQL, all on this machine. It says how things are, and
// fails only if jobs are lost.
func TestScaling(t *testing.T) {
	onlyLong(t)
	server := postgres.New(t, postgres.Options{Durable: true, Port: postgres.FreePort(t),
		Settings: map[string]string{"shared_buffers": "512MB", "max_wal_size": "8GB"}})
	for nodes := 1; nodes <= 3; nodes++ {
		f := openFleet(t, server, nodes)
		f.drain(2000) // to warm up
		before, called := f.spent(), f.called.Load()
		took := f.drain(scaleBacklog)
		after := f.spent()
		if n := f.called.Load() - called; n != scaleBacklog {
			t.Errorf("%d calls for %d jobs", n, scaleBacklog)
		}
		per := func(n int64) float64 { return float64(n) / scaleBacklog }
		ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) / scaleBacklog * 1000 }
		t.Logf("%d nodes: %.0f jobs/s out of a backlog; laid down and drained, CPU-ms per 1,000 jobs: %.0f in the nodes, %.0f in "+
			"the database; per job %.2f commits, %.2f rows written, %.0f bytes of WAL", nodes, scaleBacklog/took.Seconds(),
			ms(after.nodes-before.nodes), ms(after.database-before.database), per(after.commits-before.commits),
			per(after.rows-before.rows), per(after.wal-before.wal))
		before = f.spent()
		arrived := f.pace(scaleRate, scalePaced)
		after = f.spent()
		n := float64(len(arrived))
		t.Logf("%d nodes, %d jobs/s one by one: from the request to the arrival p50 %v, p99 %v; CPU-ms per 1,000 jobs: %.0f in the "+
			"nodes, %.0f in the database; per job %.2f commits, %.0f bytes of WAL", nodes, scaleRate, lateBy(arrived, .5),
			lateBy(arrived, .99), float64((after.nodes-before.nodes).Milliseconds())/n*1000,
			float64((after.database-before.database).Milliseconds())/n*1000, float64(after.commits-before.commits)/n,
			float64(after.wal-before.wal)/n)
		for _, s := range f.nodes {
			s.p.kill()
		}
	}
}

// TestAnIdleTransactionHoldsVacuumBack runs one backlog after another while a transaction stays open that sees the rows of
// the beginning, so that vacuum can remove nothing: neither the rate nor the size per job may get worse by more than twice.
func TestAnIdleTransactionHoldsVacuumBack(t *testing.T) {
	onlyLong(t)
	server := postgres.New(t, postgres.Options{Durable: true, Port: postgres.FreePort(t),
		Settings: map[string]string{"shared_buffers": "512MB", "max_wal_size": "8GB"}})
	f := openFleet(t, server, 2)
	f.drain(2000)
	tx, err := f.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM targets"); err != nil {
		t.Fatal(err)
	}
	var rates, sizes []float64
	for round, last := 0, f.size("jobs", "attempts"); round < 10; round++ {
		rate := scaleBacklog / f.drain(scaleBacklog).Seconds()
		now := f.size("jobs", "attempts")
		rates, sizes = append(rates, rate), append(sizes, float64(now-last)/scaleBacklog)
		t.Logf("round %d: %.0f jobs/s; %.0f bytes more per job; jobs and attempts %d MiB; tallies %d KiB, rollups %d KiB, nodes %d KiB",
			round+1, rate, sizes[round], now>>20, f.size("tallies")>>10, f.size("rollups")>>10, f.size("nodes")>>10)
		last = now
	}
	if first, end := slices.Max(rates[:3]), slices.Max(rates[7:]); end < first/2 {
		t.Errorf("from %.0f to %.0f jobs/s", first, end)
	}
	if first, end := slices.Min(sizes[:3]), slices.Min(sizes[7:]); end > 2*first {
		t.Errorf("from %.0f to %.0f bytes a job", first, end)
	}
}

// size is how many bytes tables take with their indexes.
func (f *fleet) size(tables ...string) (total int64) {
	f.t.Helper()
	for _, table := range tables {
		var n int64
		if err := f.db.QueryRow("SELECT pg_total_relation_size($1::regclass)", table).Scan(&n); err != nil {
			f.t.Fatal(err)
		}
		total += n
	}
	return total
}
