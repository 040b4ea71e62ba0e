// Package postgres gives tests a PostgreSQL server of their own: a throw-away cluster on a Unix socket in a temporary
// folder, which no other process can reach and which dies with the test.
package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Asked tells whether the tests that run on any engine are to run on PostgreSQL: PUNCTUAL_TEST_DATABASE=postgres, or
// pgbouncer to reach it through that.
func Asked() bool { return os.Getenv("PUNCTUAL_TEST_DATABASE") == "postgres" || pooled() }

var (
	once   sync.Once
	shared *Server
	pooler *Pooler // before shared; nil: none was asked for
	broken error
	number atomic.Int64
)

// Database makes an empty database in this process's server, which starts with the first call, and gives its URL. It
// skips the test where PostgreSQL is not installed, and fails it if CI=true.
func Database(t testing.TB) string {
	t.Helper()
	need(t)
	if pooled() {
		needPooler(t)
	}
	once.Do(func() {
		if shared, broken = Start(Options{}); broken == nil && pooled() {
			pooler, broken = startPooler(shared)
		}
	})
	switch {
	case broken != nil:
		t.Fatal(broken)
	case pooler != nil:
		return pooler.Database(t)
	}
	return shared.Database(t)
}

// need skips the test unless PostgreSQL is installed.
func need(t testing.TB) {
	t.Helper()
	if _, err := binary("initdb"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// Stop ends this process's server. Call it when the tests are over.
func Stop() {
	if pooler != nil {
		pooler.stop()
	}
	if shared != nil {
		shared.Remove()
	}
}

// Options are how a server differs from the usual one.
type Options struct {
	Durable  bool              // commits are synced, as in life
	Port     int               // listen on 127.0.0.1 too; 0: on the Unix socket only
	From     string            // begin as a standby with a copy that pg_basebackup takes from this connection string; "": empty
	Settings map[string]string // of postgresql.conf, over the usual ones
}

// Server is a running PostgreSQL.
type Server struct {
	Dir  string // with the cluster and the socket
	Port int
	opts Options
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan struct{} // closed when the process has ended
}

// New starts a server for one test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	need(t)
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// Start makes a cluster and starts it.
func Start(o Options) (*Server, error) {
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	if who := owner(); who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return nil, err
		}
	}
	s := &Server{Dir: dir, Port: o.Port, opts: o}
	if s.Port == 0 {
		s.Port = 5432
	}
	if o.From != "" {
		err = s.run("pg_basebackup", "-d", o.From, "-D", s.data(), "-R", "-X", "stream", "--no-sync", "-c", "fast")
	} else {
		err = s.run("initdb", "-D", s.data(), "-U", "punctual", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
	}
	if err == nil {
		err = s.Up()
	}
	if err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// Up starts the server and returns when it accepts connections.
func (s *Server) Up() error {
	settings := map[string]string{"listen_addresses": "", "unix_socket_directories": s.Dir, "port": strconv.Itoa(s.Port),
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100",
		"shared_buffers": "64MB", "log_min_messages": "warning", "timezone": "UTC"}
	if s.opts.Durable {
		settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"] = "on", "on", "on"
	}
	if s.opts.Port != 0 {
		settings["listen_addresses"] = "127.0.0.1"
	}
	for name, value := range s.opts.Settings {
		settings[name] = value
	}
	args := []string{"-D", s.data()}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	path, err := binary("postgres")
	if err != nil {
		return err
	}
	s.cmd, s.log = exec.Command(path, args...), &bytes.Buffer{}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = s.log, s.log, s.Dir
	if s.done, err = launch(s.cmd); err != nil {
		return err
	}
	return s.await()
}

// launch starts a program as owner; done is closed when it has ended. It dies with this process, whatever ends it: by its
// thread, which therefore must live as long.
func launch(cmd *exec.Cmd) (done chan struct{}, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner(), Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	done = make(chan struct{})
	began := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		began <- err
		if err == nil {
			_ = cmd.Wait()
			close(done)
		}
	}()
	return done, <-began
}

func (s *Server) await() error {
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		ctx, done := context.WithTimeout(context.Background(), 10*time.Second)
		err := db.PingContext(ctx)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("postgres ended: %s", s.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Signal stops the server and waits for its end: SIGINT is a fast shutdown, SIGQUIT an immediate one, as a crash.
func (s *Server) Signal(sig syscall.Signal) {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(sig)
		<-s.done
	}
}

// Kill ends every process of the server at once, as a crash of the machine would.
func (s *Server) Kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.done
}

// Set changes a setting for the next start.
func (s *Server) Set(name, value string) {
	if s.opts.Settings == nil {
		s.opts.Settings = map[string]string{}
	}
	s.opts.Settings[name] = value
}

// Hog takes every connection that is left, until release is called.
func (s *Server) Hog(t testing.TB) (release func()) {
	t.Helper()
	db, err := sql.Open("pgx", s.URL("postgres")+"&user=hog")
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "DO $$ BEGIN CREATE USER hog; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
	for {
		if _, err := db.Conn(context.Background()); err != nil {
			return func() { db.Close() }
		}
	}
}

// Promote makes a standby the primary.
func (s *Server) Promote() error { return s.run("pg_ctl", "promote", "-D", s.data(), "-w") }

// Remove stops the server and deletes its cluster.
func (s *Server) Remove() {
	s.Signal(syscall.SIGQUIT)
	_ = os.RemoveAll(s.Dir)
}

// URL names a database of the server, over the socket, or over 127.0.0.1 if it listens there.
func (s *Server) URL(database string) string {
	if s.opts.Port != 0 {
		return fmt.Sprintf("postgres://punctual@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
	}
	return fmt.Sprintf("postgres://punctual@/%s?host=%s&port=%d", database, s.Dir, s.Port)
}

// Database makes an empty database and gives its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return s.URL(s.create(t))
}

// create makes an empty database and gives its name.
func (s *Server) create(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", number.Add(1))
	s.Exec(t, "CREATE DATABASE "+name)
	return name
}

// Exec runs a statement as the superuser.
func (s *Server) Exec(t testing.TB, statement string) {
	t.Helper()
	execAt(t, s.URL("postgres"), statement)
}

func execAt(t testing.TB, url, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Skewed is Database whose clock is ahead of the machine's, or behind if ahead is negative.
func (s *Server) Skewed(t testing.TB, ahead time.Duration) string {
	t.Helper()
	name := s.create(t)
	s.Exec(t, "ALTER DATABASE "+name+" SET search_path = skewed, pg_catalog, public")
	execAt(t, s.URL(name), fmt.Sprintf(`CREATE SCHEMA skewed; CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz
		LANGUAGE sql VOLATILE AS $$ SELECT pg_catalog.clock_timestamp() + interval '%d milliseconds' $$`, ahead.Milliseconds()))
	return s.URL(name)
}

// FreePort is a port of 127.0.0.1 that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// run runs one of PostgreSQL's programs as the cluster's owner.
func (s *Server) run(name string, args ...string) error {
	path, err := binary(name)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// owner is whom a cluster belongs to: PostgreSQL refuses to run as root. nil: whoever runs the tests.
var owner = sync.OnceValue(func() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
})

// Programs is the folder of the server's programs.
func Programs(t testing.TB) string {
	t.Helper()
	need(t)
	path, err := binary("initdb")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path)
}

// binary finds one of PostgreSQL's programs, the newest version where Debian puts them, or in the path.
func binary(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil || strings.HasSuffix(path, ".sh") {
		return "", fmt.Errorf("PostgreSQL is not installed: no %s in /usr/lib/postgresql/*/bin or the path", name)
	}
	return path, nil
}
