package dispatcher

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

var hostileCalls = flag.Int("hostile.calls", 20, "how many calls each misdeed of the hostile target gets")

// misdeed is one route of the hostile target, and what must be on record of a call to it.
type misdeed struct {
	name string
	do   func(c *net.TCPConn) // after a request was read
	want string               // outcome, status, kind
	kept int                  // bytes of the answer kept, or some
	cut  bool
	slow bool          // it is only over when the call's time is
	wait time.Duration // until the next attempt, as Retry-After asks; 0: none follows
	url  string        // where the call goes instead; "": to the hostile target
}

// some bytes, as many as the time allows.
const some = -1

// ok200 says that the connection ends with the answer: else a call might be sent over one that is closed already, which
// fails, since it may have been received.
const ok200 = "HTTP/1.1 200 OK\r\nConnection: close\r\n"

// say answers, and closes the connection.
func say(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) { io.WriteString(c, text) }
}

// hang answers, and then does nothing until it is hung up on.
func hang(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) { io.WriteString(c, text); io.Copy(io.Discard, c) }
}

// forever answers, and goes on and on.
func forever(first, more string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, err := io.WriteString(c, first)
		for err == nil {
			_, err = io.WriteString(c, more)
		}
	}
}

// reset answers, and resets the connection.
func reset(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) { io.WriteString(c, text); c.SetLinger(0) }
}

// later answers that the call should be made again.
func later(after string) func(*net.TCPConn) {
	return say("HTTP/1.1 503 x\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: " + after + "\r\n\r\n")
}

// drip answers a byte each second.
func drip(first string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, err := io.WriteString(c, first)
		for ; err == nil; time.Sleep(time.Second) {
			_, err = c.Write([]byte("x"))
		}
	}
}

// bomb is a little gzip that unpacks to 10 MiB.
func bomb() string {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(make([]byte, 10<<20))
	z.Close()
	return packed.String()
}

const day = 24 * time.Hour

func misdeeds() []misdeed {
	packed := bomb()
	failed := func(kind string) string { return "failed 0 " + kind }
	return []misdeed{
		{name: "endless body", do: forever(ok200+"\r\n", strings.Repeat("x", 1<<16)), want: "succeeded 200 ", kept: 16384, cut: true},
		{name: "endless chunks", do: forever(ok200+"Transfer-Encoding: chunked\r\n\r\n", "4\r\nxxxx\r\n"), want: "succeeded 200 ", kept: 16384, cut: true},
		{name: "a byte a second", do: drip(ok200 + "\r\n"), want: "succeeded 200 timeout", kept: some, cut: true, slow: true},
		{name: "a header byte a second", do: drip(ok200 + "X-A: "), want: failed("timeout"), slow: true},
		{name: "headers only", do: hang(ok200 + "Content-Length: 9\r\n\r\n"), want: "succeeded 200 timeout", cut: true, slow: true},
		{name: "accept and hang", do: hang(""), want: failed("timeout"), slow: true},
		{name: "10 MB of headers", do: say(ok200 + strings.Repeat("X-Pad: "+strings.Repeat("x", 1000)+"\r\n", 10_000) + "\r\n"), want: failed("protocol")},
		{name: "thousands of interim answers", do: say(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 5000) + ok200 + "\r\n"), want: failed("protocol")},
		{name: "gzip bomb", do: say(fmt.Sprintf(ok200+"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(packed), packed)), want: "succeeded 200 ", kept: min(len(packed), 16384)},
		{name: "redirect to metadata", do: say("HTTP/1.1 302 x\r\nConnection: close\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"), want: "failed 302 status"},
		{name: "redirect loop", do: say("HTTP/1.1 308 x\r\nConnection: close\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n"), want: "failed 308 status"},
		{name: "reset before the answer", do: reset(""), want: failed("read")},
		{name: "reset in the headers", do: reset(ok200 + "X-A: b\r\nX-"), want: failed("read")},
		{name: "reset in the body", do: reset(ok200 + "Content-Length: 9\r\n\r\nabc"), want: "succeeded 200 read", kept: 3, cut: true},
		{name: "reset after the answer", do: reset(ok200 + "Content-Length: 3\r\n\r\nabc"), want: "succeeded 200 ", kept: 3},
		{name: "too short for its length", do: say(ok200 + "Content-Length: 9\r\n\r\nabc"), want: "succeeded 200 read", kept: 3, cut: true},
		{name: "too long for its length", do: say(ok200 + "Content-Length: 3\r\n\r\nabcdef"), want: "succeeded 200 ", kept: 3},
		{name: "two lengths", do: say(ok200 + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), want: failed("protocol")},
		{name: "not HTTP", do: say("SSH-2.0-OpenSSH_9.9\r\n"), want: failed("protocol")},
		{name: "Retry-After 9999999999", do: later("9999999999"), want: "retryable 503 status", wait: day},
		{name: "Retry-After -1", do: later("-1"), want: "retryable 503 status", wait: time.Hour},
		{name: "Retry-After 1.5", do: later("1.5"), want: "retryable 503 status", wait: time.Hour},
		{name: "Retry-After 7200", do: later("7200"), want: "retryable 503 status", wait: 2 * time.Hour},
		{name: "Retry-After year 9999", do: later("Fri, 31 Dec 9999 23:59:59 GMT"), want: "retryable 503 status", wait: day},
		{name: "Retry-After long ago", do: later("Thu, 01 Jan 1970 00:00:00 GMT"), want: "retryable 503 status", wait: time.Hour},
		{name: "Retry-After garbage", do: later("soon; or later"), want: "retryable 503 status", wait: time.Hour},
	}
}

// hostile is a target that does a misdeed to each call, chosen by the path.
type hostile struct {
	addr     string
	requests atomic.Int64
	open     sync.WaitGroup
}

func newHostile(t *testing.T, all []misdeed) *hostile {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{addr: ln.Addr().String()}
	ended, end := context.WithCancel(context.Background())
	t.Cleanup(func() { ln.Close(); end(); h.open.Wait() })
	h.open.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			h.open.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ended, func() { c.Close() })()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				h.requests.Add(1)
				io.Copy(io.Discard, r.Body)
				var i int
				if _, err := fmt.Sscanf(r.URL.Path, "/%d", &i); err == nil && i < len(all) {
					all[i].do(c.(*net.TCPConn))
				}
			})
		}
	})
	return h
}

// certified listens with a certificate and gives its URL.
func certified(t *testing.T, roots *x509.CertPool, host string, until time.Time, trusted bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotBefore: until.Add(-2 * day), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, DNSNames: []string{host}}
	if ip := net.ParseIP(host); ip != nil {
		c.DNSNames, c.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err := x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	} else if trusted {
		roots.AddCert(leaf)
	}
	ln, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() { ln.Close(); open.Wait() })
	open.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			open.Go(func() { defer c.Close(); _ = c.(*tls.Conn).Handshake() })
		}
	})
	return "https://" + ln.Addr().String() + "/hook"
}

// TestHostileTarget calls a target that does everything wrong, over the real wire, from the real book. Each misdeed has
// the outcome that it should on record, memory does not grow with the calls, and a good target does not notice.
func TestHostileTarget(t *testing.T) {
	all := misdeeds()
	roots, now := x509.NewCertPool(), time.Now()
	for _, c := range []struct {
		name, url string
	}{
		{"expired certificate", certified(t, roots, "127.0.0.1", now.Add(-time.Hour), true)},
		{"certificate for another host", certified(t, roots, "other.example", now.Add(day), true)},
		{"self-signed certificate", certified(t, roots, "127.0.0.1", now.Add(day), false)},
	} {
		all = append(all, misdeed{name: c.name, url: c.url, want: "failed 0 tls"})
	}
	h := newHostile(t, all)
	e := engineOn(t, webhooks.Config{Guard: webhooks.AllowAll(), RootCAs: roots}, Config{})
	good := e.good(t)

	targets := make([]*models.Target, len(all))
	for i, m := range all {
		targets[i] = e.target(t, fmt.Sprintf("bad-%d", i), func(spec *models.Target) {
			if spec.URL = m.url; m.url == "" {
				spec.URL = fmt.Sprintf("http://%s/%d", h.addr, i)
			}
			// A misdeed that is no matter of time has all the time that a slow machine needs.
			if spec.Timeout, spec.Retry.MaxAttempts = time.Minute, 1; m.slow {
				spec.Timeout = 3 * time.Second
			}
			if m.wait > 0 {
				spec.Retry.MaxAttempts, spec.Retry.MinBackoff, spec.Retry.Jitter = 2, time.Hour, 0
			}
		})
	}
	// The first half of the calls fills pools, caches and the events that are remembered; the second must need no more.
	var heap []uint64
	var calls int64
	jobs := make([][]string, len(all)) // ids: what the test holds must not count
	for _, n := range []int{(*hostileCalls + 1) / 2, *hostileCalls / 2} {
		for i := range all {
			jobs[i] = idsOf(e.jobs(t, targets[i], n))
			if calls += int64(n); all[i].url != "" {
				calls -= int64(n)
			}
		}
		goods := idsOf(e.jobs(t, good, n))
		for i, m := range all {
			e.check(t, m, jobs[i])
		}
		e.check(t, misdeed{name: "the good one", want: "succeeded 200 "}, goods)
		heap = append(heap, heapInUse())
	}
	if grown := int64(heap[1]) - int64(heap[0]); grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes over the second half of %d calls of each misdeed", grown, *hostileCalls)
	}
	t.Logf("heap after half of the calls %d KiB, after all %d KiB", heap[0]>>10, heap[1]>>10)
	if got := h.requests.Load(); got != calls {
		t.Errorf("%d requests arrived for %d calls: none may follow a redirect or be sent twice", got, calls)
	}
}

func idsOf(jobs []*models.Job) []string {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	return ids
}

// heapInUse is what lives on the heap.
func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers let go of
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHangingTargetDisturbsNobody: while a target holds as many calls as it can get, another one's all go through.
func TestHangingTargetDisturbsNobody(t *testing.T) {
	h := newHostile(t, []misdeed{{do: hang("")}})
	e := engineOn(t, webhooks.Config{Guard: webhooks.AllowAll()}, Config{MaxInFlight: 40, Grace: time.Millisecond})
	good := e.good(t)
	hung := e.target(t, "hung", func(spec *models.Target) {
		spec.URL, spec.MaxInFlight, spec.Timeout = "http://"+h.addr+"/0", 1000, 15*time.Minute
	})
	stuck := e.jobs(t, hung, 500)
	for h.requests.Load() < 20 { // half of the slots
		runtime.Gosched()
	}
	e.check(t, misdeed{name: "the good one", want: "succeeded 200 "}, idsOf(e.jobs(t, good, 300)))
	if j := e.job(t, stuck[0].ID); j.State != models.Running {
		t.Errorf("the first call that hangs is %s, no longer out", j.State)
	}
}

// engineOn is an engine with a real sender.
func engineOn(t *testing.T, c webhooks.Config, d Config) *engine {
	t.Helper()
	sender := webhooks.NewSender(c)
	store, err := models.Open(t.Context(), models.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "book.db"), Sync: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{Dispatcher: New(d, store, sender), store: store}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		sender.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// good is a target that behaves.
func (e *engine) good(t *testing.T) *models.Target {
	t.Helper()
	h := newHostile(t, []misdeed{{do: say(ok200 + "Content-Length: 0\r\n\r\n")}})
	return e.target(t, "good", func(spec *models.Target) { spec.URL = "http://" + h.addr + "/0"; spec.Retry.MaxAttempts = 1 })
}

// check waits for the first attempt of each job and compares what is on record of it.
func (e *engine) check(t *testing.T, m misdeed, jobs []string) {
	t.Helper()
	for _, id := range jobs {
		a := e.recorded(t, id)
		if got := fmt.Sprintf("%s %d %s", a.Outcome, a.StatusCode, a.ErrorKind); got != m.want {
			t.Errorf("%s: got %q (%s), want %q", m.name, got, a.ErrorMessage, m.want)
			return
		}
		if a.ErrorMessage != "" && (len(a.ErrorMessage) > 150 || strings.Contains(a.ErrorMessage, "/hook")) {
			t.Errorf("%s: %q is no short message", m.name, a.ErrorMessage)
		}
		if m.want != "succeeded 200 " || m.kept != 0 {
			if m.kept != some && len(a.RespBody) != m.kept || a.Truncated != m.cut {
				t.Errorf("%s: %d bytes are kept, cut %v; want %d, %v", m.name, len(a.RespBody), a.Truncated, m.kept, m.cut)
				return
			}
		}
		var wait time.Duration
		if !a.RetryAt.IsZero() {
			wait = a.RetryAt.Sub(a.StartedAt.Add(a.Duration)).Round(time.Minute)
		}
		if wait != m.wait {
			t.Errorf("%s: the next attempt is due %v later, want %v", m.name, wait, m.wait)
			return
		}
	}
}

// recorded waits until the first attempt of a job is on record.
func (e *engine) recorded(t *testing.T, jobID string) *models.Attempt {
	t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		all, err := e.store.AttemptsOf(t.Context(), jobID)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) > 0 && all[0].Outcome != models.Calling {
			return all[0]
		}
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("job %s has no attempt on record", jobID)
		}
	}
}
