package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"punctual/models/testdata/postgres"
)

// What is asked: how soon the work goes on after a node's death, and after the database is back.
const (
	afterDeath  = 20 * time.Second
	afterReturn = 10 * time.Second
)

func TestThreeNodesUnderFaults(t *testing.T) {
	rounds := faultRounds(t)
	server, url := freshPostgres(t, map[string]string{"max_connections": "80"})
	wire := newWire(t, server.Port)
	f := newFaults(t, url, url, strings.Replace(url, fmt.Sprint(server.Port), fmt.Sprint(wire.port()), 1))
	f.prepare()
	kinds := []struct {
		name string
		most time.Duration
		do   func() (since time.Time)
	}{
		{"kill -9 of a node", afterDeath, func() time.Time { return f.killNode(f.nodes[0]) }},
		{"a node stands still and wakes", afterDeath, func() time.Time { return f.freeze(f.nodes[1]) }},
		{"PostgreSQL restarts fast", afterReturn, func() time.Time { return f.restart(server, syscall.SIGINT) }},
		{"PostgreSQL crashes", afterReturn, func() time.Time { return f.restart(server, syscall.SIGQUIT) }},
		{"its backends are killed", afterReturn, func() time.Time {
			server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'test%'")
			return time.Now()
		}},
		{"a node is cut off and comes back", afterDeath, func() time.Time { return f.cutOff(wire, f.nodes[2]) }},
		{"connections run out", afterReturn, func() time.Time { return f.exhaust(server) }},
		{"a target is paused on each node", afterReturn, f.pauseEverywhere},
		{"a node stops in peace", afterReturn, func() time.Time { return f.stopNode(f.nodes[0]) }},
	}
	f.run(func() {
		for round := range rounds {
			for _, kind := range kinds {
				if only := os.Getenv("PUNCTUAL_FAULT"); !strings.Contains(kind.name, only) {
					continue // that one alone is looked into
				}
				t.Logf("round %d: %-34s the work went on within %.1f s", round+1, kind.name, f.flows(kind.do(), kind.most).Seconds())
				f.rejoin()
			}
		}
	})
	f.settle()
	f.check()
}

func TestAReplicaTakesOver(t *testing.T) {
	faultRounds(t)
	primary, _ := freshPostgres(t, map[string]string{"wal_level": "replica"})
	url := primary.Database(t)
	from := fmt.Sprintf("host=127.0.0.1 port=%d user=punctual", primary.Port)
	standby := postgres.New(t, postgres.Options{Durable: true, Port: postgres.FreePort(t), From: from})
	// Only now: without a standby nothing would commit.
	primary.Signal(syscall.SIGINT)
	primary.Set("synchronous_standby_names", "*")
	if err := primary.Up(); err != nil {
		t.Fatal(err)
	}
	both := strings.Replace(url, fmt.Sprintf("127.0.0.1:%d", primary.Port),
		fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", primary.Port, standby.Port), 1) + "&target_session_attrs=read-write"
	f := newFaults(t, both, both, both)
	f.prepare()
	f.run(func() {
		primary.Kill()
		if err := standby.Promote(); err != nil {
			t.Fatal(err)
		}
		took := f.flows(time.Now(), afterReturn)
		<-time.After(5 * time.Second) // of work on the new primary
		t.Logf("a replica takes over: the work went on within %.1f s", took.Seconds())
	})
	f.settle()
	f.check()
}

// killNode is kill -9, and a new node in its place once the others have taken over.
func (f *faults) killNode(m *member) time.Time {
	m.base.Store(nil)
	m.process.kill()
	return time.Now()
}

// rejoin starts the nodes that do not run.
func (f *faults) rejoin() {
	for _, m := range f.nodes {
		select {
		case <-m.process.exited:
			f.launch(m)
		default:
		}
	}
	if err := until(func() bool {
		var nodes struct {
			Items []struct {
				State  string
				Shards int
			}
		}
		status, err := f.ask(http.MethodGet, nodesPath, nil, &nodes)
		at := 0
		for _, n := range nodes.Items {
			if n.State == "live" && n.Shards > 0 {
				at++
			}
		}
		return err == nil && status == http.StatusOK && at == len(f.nodes) && len(nodes.Items) == at
	}); err != nil {
		f.t.Errorf("the nodes do not find together: %v", err)
	}
	<-time.After(2 * time.Second) // each takes up its shards
}

// freeze stops a node for longer than its lease and wakes it.
func (f *faults) freeze(m *member) time.Time {
	base := m.base.Swap(nil)
	since := time.Now()
	f.signal(m, syscall.SIGSTOP)
	f.flows(since, afterDeath)
	<-time.After(time.Until(since.Add(18 * time.Second)))
	f.signal(m, syscall.SIGCONT)
	f.force(since)
	m.base.Store(base)
	return time.Now()
}

func (f *faults) signal(m *member, sig syscall.Signal) {
	if err := m.process.cmd.Process.Signal(sig); err != nil {
		f.t.Error(err)
	}
}

// restart stops PostgreSQL and starts it again after a while, in which the nodes say what is wrong.
func (f *faults) restart(server *postgres.Server, how syscall.Signal) time.Time {
	server.Signal(how)
	if err := until(func() bool {
		status, err := f.ask(http.MethodGet, "/readyz", nil, nil)
		return err == nil && status == http.StatusServiceUnavailable
	}); err != nil {
		f.t.Errorf("/readyz does not say that the database is away: %v", err)
	}
	if err := server.Up(); err != nil {
		f.t.Fatal(err)
	}
	return time.Now()
}

// cutOff takes a node's connection to the database away for longer than its lease.
func (f *faults) cutOff(w *wire, m *member) time.Time {
	base := m.base.Swap(nil)
	since := time.Now()
	w.cut(true)
	f.flows(since, afterDeath)
	<-time.After(time.Until(since.Add(17 * time.Second)))
	w.cut(false)
	m.base.Store(base)
	return time.Now()
}

// exhaust takes all connections that are left, and lets go of them after a while.
func (f *faults) exhaust(server *postgres.Server) time.Time {
	release := server.Hog(f.t)
	server.Exec(f.t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'punctual' AND pid % 2 = 0")
	<-time.After(3 * time.Second)
	release()
	return time.Now()
}

// pauseEverywhere pauses and resumes a target on one node after another, which all the others answer to.
func (f *faults) pauseEverywhere() time.Time {
	for _, m := range f.nodes {
		for _, action := range []string{"pause", "resume"} {
			status, err := f.askAt(*m.base.Load(), http.MethodPost, targetsPath+"/t0/"+action, map[string]any{}, nil)
			if err != nil || status != http.StatusOK {
				f.t.Errorf("%s: status %d, %v", action, status, err)
			}
		}
	}
	for _, m := range f.nodes {
		select {
		case <-m.process.exited:
			f.t.Errorf("a node has ended:\n%s", m.process.out)
		default:
		}
	}
	return time.Now()
}

// stopNode is SIGTERM: the others take over at once.
func (f *faults) stopNode(m *member) time.Time {
	m.base.Store(nil)
	since := time.Now()
	if code, err := m.process.stop(syscall.SIGTERM); code != exitDone || err != nil {
		f.t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, m.process.out)
	}
	return since
}

// wire is a proxy in front of the database that can be cut.
type wire struct {
	ln   net.Listener
	to   string
	mu   sync.Mutex
	flow *sync.Cond // what is cut changes
	dead bool
}

func newWire(t *testing.T, to int) *wire {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, to: fmt.Sprint("127.0.0.1:", to)}
	w.flow = sync.NewCond(&w.mu)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go w.serve(in)
		}
	}()
	return w
}

func (w *wire) port() int { return w.ln.Addr().(*net.TCPAddr).Port }

// cut stops all bytes on their way, in both directions, without closing a connection; or lets them go on.
func (w *wire) cut(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
	w.flow.Broadcast()
}

func (w *wire) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.dead {
		w.flow.Wait()
	}
}

func (w *wire) serve(in net.Conn) {
	defer in.Close()
	w.pass()
	out, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer out.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			defer way[1].Close()
			defer way[0].Close()
			buf := make([]byte, 32<<10)
			for {
				n, err := way[0].Read(buf)
				w.pass()
				if n > 0 {
					if _, err := way[1].Write(buf[:n]); err != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	both.Wait()
}
