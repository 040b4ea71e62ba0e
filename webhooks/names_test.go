package webhooks

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server that answers as it is told, each time anew.
type names struct {
	mu   sync.Mutex
	book map[string][]string // addresses by name, without a final dot
}

func (n *names) set(name string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.book[name] = addrs
}

// resolver asks n, over a pipe and not over the network.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			size := make([]byte, 2) // a pipe is no packet connection: messages come as over TCP
			for {
				if _, err := readFull(server, size); err != nil {
					return
				}
				question := make([]byte, int(size[0])<<8|int(size[1]))
				if _, err := readFull(server, question); err != nil {
					return
				}
				answer := n.answer(question)
				server.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...))
			}
		}()
		return client, nil
	}}
}

func readFull(c net.Conn, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = c.Read(p[n:])
		n += m
	}
	return n, err
}

func (n *names) answer(question []byte) []byte {
	var msg dnsmessage.Message
	if msg.Unpack(question) != nil || len(msg.Questions) != 1 {
		return nil
	}
	q := msg.Questions[0]
	n.mu.Lock()
	addrs, known := n.book[strings.TrimSuffix(q.Name.String(), ".")]
	n.mu.Unlock()
	msg.Header.Response, msg.Additionals = true, nil
	if !known {
		msg.Header.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range addrs {
		a := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	packed, _ := msg.Pack()
	return packed
}

// TestNamesThatLie goes through the real resolver and dialer of Go: whatever a name says, and whenever it changes its
// mind, only an address that may be called is.
func TestNamesThatLie(t *testing.T) {
	serve := func(addr string) (port string, calls func() int) {
		ln, err := net.Listen("tcp4", addr)
		if err != nil {
			t.Skip(err) // not every system has all of 127.0.0.0/8
		}
		var mu sync.Mutex
		n := 0
		s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { mu.Lock(); n++; mu.Unlock() })}
		go s.Serve(ln)
		t.Cleanup(func() { s.Close() })
		_, port, _ = net.SplitHostPort(ln.Addr().String())
		return port, func() int { mu.Lock(); defer mu.Unlock(); return n }
	}
	port, good := serve("127.0.0.2:0")
	_, bad := serve("127.0.0.1:" + port)
	n := &names{book: map[string][]string{}}
	g := mustGuard(t, "127.0.0.2/32")
	g.names = n.resolver()
	s := NewSender(Config{Guard: g})
	defer s.Close()
	send := func(want string) {
		t.Helper()
		r := call("http://hook.example:" + port)
		res := s.Send(t.Context(), r)
		if got := outcome(res); got != want {
			t.Errorf("got %q (%v), want %q", got, res.Err, want)
		}
		if res.Err != nil && (strings.Contains(res.Err.Message, "127.0.0") || !strings.HasPrefix(res.Err.Message, "hook.example")) {
			t.Errorf("the message must name the host and no address: %s", res.Err.Message)
		}
		s.Close() // the next call dials again
	}
	warn := func(want string) {
		t.Helper()
		if got := g.Warn(t.Context(), "http://hook.example:"+port+"/"); !strings.Contains(got, want) || want == "" && got != "" || strings.Contains(got, "127.") {
			t.Errorf("warning %q, want one of %q", got, want)
		}
	}
	const passes, blocked = "200  succeeded", "0 blocked blocked"
	for _, c := range []struct {
		name  string
		addrs []string
		want  string
	}{
		{"an address that may be called", []string{"127.0.0.2"}, passes},
		{"the same name, bound anew", []string{"127.0.0.1"}, blocked},
		{"and back", []string{"127.0.0.2"}, passes},
		{"one of two may", []string{"127.0.0.1", "127.0.0.2"}, passes},
		{"neither may", []string{"127.0.0.1", "10.1.2.3"}, blocked},
		{"mapped into IPv6", []string{"::ffff:127.0.0.1"}, blocked},
		{"loopback of IPv6", []string{"::1"}, blocked},
		{"metadata", []string{"169.254.169.254"}, blocked},
		{"metadata beside one that may", []string{"169.254.169.254", "127.0.0.2"}, passes},
	} {
		t.Run(c.name, func(t *testing.T) {
			n.set("hook.example", c.addrs...)
			send(c.want)
			if c.want == passes {
				warn("")
			} else {
				warn("which calls are not allowed to reach")
			}
		})
	}
	if good() != 4 || bad() != 0 {
		t.Errorf("%d calls arrived where they may and %d where they may not; want 4 and 0", good(), bad())
	}
	if got := g.Warn(t.Context(), "http://nobody.example/"); got != "" {
		t.Errorf("a name that is not known: %q", got)
	}
}

// The database of the server is forbidden at each address that its name has, whatever else is open.
func TestGuardForbidsTheDatabase(t *testing.T) {
	n := &names{book: map[string][]string{"db.internal": {"10.0.0.5", "10.0.0.6"}}}
	g := mustGuard(t, "10.0.0.0/8", "127.0.0.0/8")
	g.names = n.resolver()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	g.ForbidDatabase(ctx, "db.internal:5432", "127.0.0.1:5433", "nobody.internal:5432", "nonsense")
	for address, want := range map[string]string{"10.0.0.5:5432": "the database", "10.0.0.6:5432": "the database", "10.0.0.5:80": "",
		"10.0.0.7:5432": "", "127.0.0.1:5433": "the database", "127.0.0.1:5432": ""} {
		err := dialTo(g, "x", address)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
