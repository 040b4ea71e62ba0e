package webhooks

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// trace takes the times of one exchange. A dial goes on after the exchange that
// asked for it has ended, since another may use the connection; its reports
// then still arrive here, hence the lock.
type trace struct {
	start time.Time

	mu      sync.Mutex // protects the fields below
	dnsAt   time.Time
	dialAt  time.Time
	tlsAt   time.Time
	timing  Timing
	reached stage
}

// stage is how far an exchange has come.
type stage struct {
	inTLS     bool  // the handshake has begun and not ended
	tlsErr    error // what the handshake failed with
	connected bool  // a connection was had
	wire      *wire // the connection
	wrote     bool  // the headers of the request were written
	firstByte bool  // the answer began
}

// hooks returns the callbacks that fill the trace. onConn is told of each
// connection that is about to be used, and whether the request had been
// written to one before.
func (t *trace) hooks(onConn func(info httptrace.GotConnInfo, wrote bool)) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { t.mark(func(now time.Time) { t.dnsAt = now }) },
		DNSDone: func(httptrace.DNSDoneInfo) {
			t.mark(func(now time.Time) { t.timing.DNS = now.Sub(t.dnsAt) })
		},
		ConnectStart: func(_, _ string) { t.mark(func(now time.Time) { t.dialStarted(now) }) },
		ConnectDone: func(_, _ string, _ error) {
			t.mark(func(now time.Time) { t.timing.Connect = now.Sub(t.dialAt) })
		},
		TLSHandshakeStart: func() {
			t.mark(func(now time.Time) { t.tlsAt, t.reached.inTLS = now, true })
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			t.mark(func(now time.Time) {
				t.timing.TLS = now.Sub(t.tlsAt)
				t.reached.inTLS, t.reached.tlsErr = false, err
			})
		},
		GotConn: func(info httptrace.GotConnInfo) { onConn(info, t.connected(info)) },
		WroteHeaders: func() {
			t.mark(func(time.Time) { t.reached.wrote = true })
		},
		GotFirstResponseByte: func() {
			t.mark(func(now time.Time) { t.timing.FirstByte, t.reached.firstByte = now.Sub(t.start), true })
		},
	}
}

// mark runs f under the lock with the time.
func (t *trace) mark(f func(now time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(time.Now())
}

// dialStarted notes the first of several dials: a name may have many addresses.
func (t *trace) dialStarted(now time.Time) {
	if t.dialAt.IsZero() {
		t.dialAt = now
	}
}

// connected notes a connection and reports whether the request had been
// written to another one before. What was measured of a dial that lost against
// a kept connection is dropped.
func (t *trace) connected(info httptrace.GotConnInfo) (wrote bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reached.connected, t.reached.wire = true, wireOf(info.Conn)
	if info.Reused {
		t.timing.DNS, t.timing.Connect, t.timing.TLS = 0, 0, 0
	}
	return t.reached.wrote
}

// cutOff reports whether the connection ended while the answer was read.
func (s stage) cutOff() bool { return s.wire != nil && s.wire.ended.Load() }

// seen returns how far the exchange has come.
func (t *trace) seen() stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reached
}

// times returns what was measured.
func (t *trace) times() Timing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.timing
}
