package webhooks

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDialFaults is what can go wrong before there is a connection.
func TestDialFaults(t *testing.T) {
	fails := func(err error) dialFunc {
		return func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 9, 8, 7), Port: 80}, Err: err}
		}
	}
	errno := func(e syscall.Errno) error { return &net.OpError{Op: "connect", Err: e} }
	const host = "api.example.com"
	for _, c := range []struct {
		name string
		dial dialFunc
		kind Kind
		text string
		took time.Duration
	}{
		{"refused", fails(errno(syscall.ECONNREFUSED)), KindConnect, host + " could not be connected to: connection refused", 0},
		{"unreachable", fails(errno(syscall.EHOSTUNREACH)), KindConnect, host + " could not be connected to: no route to host", 0},
		{"reset", fails(errno(syscall.ECONNRESET)), KindRead, host + " closed the connection without an answer", 0},
		{"out of files", fails(errno(syscall.EMFILE)), KindConnect, host + " could not be connected to: too many open files", 0},
		{"no such name", fails(&net.DNSError{Err: "no such host", Server: "10.9.8.7:53", IsNotFound: true}), KindDNS, host + " is not a known name", 0},
		{"name server silent", fails(&net.DNSError{Err: "i/o timeout", Server: "10.9.8.7:53", IsTimeout: true}), KindDNS, host + " could not be looked up: the name server did not answer", 0},
		{"name server confused", fails(&net.DNSError{Err: "read udp 10.9.8.7:53: x"}), KindDNS, host + " could not be looked up", 0},
		{"blocked", fails(&Refusal{Host: host, What: "a private address"}), KindBlocked, host + " leads to a private address, which calls are not allowed to reach", 0},
		{"no answer to the dial", fails(context.DeadlineExceeded), KindConnect, host + " did not answer the connection attempt", 0},
		{"no answer until the end", silent, KindTimeout, "no connection to " + host + " within 30s", 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewSender(Config{})
				s.dial = c.dial
				res := s.Send(t.Context(), post())
				if res.Err == nil || res.Err.Kind != c.kind || res.Err.Message != c.text || res.Duration != c.took {
					t.Errorf("got %+v after %v; want %s %q", res.Err, res.Duration, c.kind, c.text)
				}
				checkMessage(t, res)
				time.Sleep(2 * dialGrace) // an abandoned dial ends soon after, or the bubble would never be left
			})
		})
	}
}

// silent is a dial that is never answered.
func silent(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
}

// TestRefusedPort and the guard below go through the real dialer.
func TestRefusedPort(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	res := open(t, Config{}).Send(t.Context(), call("http://"+ln.Addr().String()))
	if got := outcome(res); got != "0 connect retry" {
		t.Errorf("got %q, %v", got, res.Err)
	}
}

func TestSendIsGuarded(t *testing.T) {
	var arrived atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer target.Close()
	byName := strings.Replace(target.URL, "127.0.0.1", "localhost", 1)
	own := mustGuard(t, "127.0.0.0/8")
	if err := own.Forbid(target.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		guard *Guard
		url   string
		want  string
	}{
		{"none given", nil, target.URL, "0 blocked blocked"},
		{"address", mustGuard(t), target.URL, "0 blocked blocked"},
		{"name", mustGuard(t), byName, "0 blocked blocked"},
		{"own listener", own, target.URL, "0 blocked blocked"},
		{"own listener by name", own, byName, "0 blocked blocked"},
		{"address opened", mustGuard(t, "127.0.0.1"), target.URL, "200  succeeded"},
		{"name opened", mustGuard(t, "localhost"), byName, "200  succeeded"},
		{"only the name opened", mustGuard(t, "localhost"), target.URL, "0 blocked blocked"},
		{"everything", AllowAll(), target.URL, "200  succeeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := arrived.Load()
			s := NewSender(Config{Guard: c.guard})
			defer s.Close()
			res := s.Send(t.Context(), call(c.url))
			if got := outcome(res); got != c.want {
				t.Errorf("got %q (%v), want %q", got, res.Err, c.want)
			}
			if n := arrived.Load() - before; (n == 1) != (res.StatusCode == 200) {
				t.Errorf("%d calls arrived", n)
			}
		})
	}
}
