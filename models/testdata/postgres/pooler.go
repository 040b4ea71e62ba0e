package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pooled tells whether the tests that run on PostgreSQL are to reach it through PgBouncer.
func pooled() bool { return os.Getenv("PUNCTUAL_TEST_DATABASE") == "pgbouncer" }

// Pooler is a PgBouncer before a server, which lends its connections for a transaction at a time.
type Pooler struct {
	server *Server
	dir    string // with its socket
	cmd    *exec.Cmd
	log    bytes.Buffer
	done   chan struct{} // closed when the process has ended
}

// poolerPort is part of the name of the socket.
const poolerPort = 6432

// NewPooler puts a PgBouncer before a server, until the test ends. It skips the test where PgBouncer is not installed, and
// fails it if CI=true.
func NewPooler(t testing.TB, s *Server) *Pooler {
	t.Helper()
	needPooler(t)
	p, err := startPooler(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

// needPooler skips the test unless PgBouncer is installed.
func needPooler(t testing.TB) {
	t.Helper()
	if _, err := pgbouncer(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED: PostgreSQL through PgBouncer: ", err)
	}
}

// pgbouncer finds the program, which Debian puts where only the administrator's path leads.
func pgbouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("PgBouncer is not installed: no pgbouncer in the path or /usr/sbin")
}

func startPooler(s *Server) (*Pooler, error) {
	path, err := pgbouncer()
	if err != nil {
		return nil, err
	}
	p := &Pooler{server: s, dir: filepath.Join(s.Dir, "pooler")}
	settings := strings.Join([]string{
		"[databases]", fmt.Sprintf("* = host=%s port=%d user=punctual", s.Dir, s.Port),
		"[pgbouncer]", "pool_mode = transaction", "auth_type = any", "listen_addr =", "unix_socket_dir = " + p.dir,
		fmt.Sprint("listen_port = ", poolerPort), "max_client_conn = 500",
		// Fewer than the connections of one node, so that they change hands; and those of a test that is over soon end.
		"default_pool_size = 4", "server_idle_timeout = 1", ""}, "\n")
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(p.dir, "pgbouncer.ini")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	if who := owner(); who != nil {
		for _, path := range []string{p.dir, config} {
			if err := os.Chown(path, int(who.Uid), int(who.Gid)); err != nil {
				return nil, err
			}
		}
	}
	p.cmd = exec.Command(path, config)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, &p.log, &p.log
	if p.done, err = launch(p.cmd); err != nil {
		return nil, err
	}
	return p, p.await()
}

// await waits for the socket.
func (p *Pooler) await() error {
	for {
		if _, err := os.Stat(filepath.Join(p.dir, ".s.PGSQL."+strconv.Itoa(poolerPort))); err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("pgbouncer ended: %s", &p.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *Pooler) stop() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Database makes an empty database of the server and gives its URL through the pooler.
func (p *Pooler) Database(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("postgres://punctual@/%s?host=%s&port=%d", p.server.create(t), p.dir, poolerPort)
}
