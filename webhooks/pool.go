package webhooks

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxHeaderBytes = 64 << 10         // of an answer, interim answers included
	idleTimeout    = 90 * time.Second // an unused connection is closed after it
	dialTimeout    = 30 * time.Second // one dial, all addresses of a name
	tlsTimeout     = 10 * time.Second // one handshake
	pingAfter      = 15 * time.Second // silence after which an HTTP/2 connection is asked for a sign of life
	poolLinger     = 2 * time.Minute  // an unused pool is dropped after it: its connections are gone by then
	keptConns      = 1024             // unused connections that a pool keeps at most

	// dialGrace lets an exchange's own clock win against that of its dial, so
	// that running out of time is told as that.
	dialGrace = time.Second
)

// dialDeadline is the context key of the time.Time after which a dial has no
// one left to wait for it: Go detaches dials from the exchange that asked for them.
type dialDeadline struct{}

// pool is the connections to one origin, whichever targets are there: a customer's hundred targets on one host need one
// handshake, not a hundred. How many calls may be out at once is no matter of the pool.
type pool struct {
	origin    string // scheme, host and port, as a URL begins
	transport *http.Transport
	client    *retryablehttp.Client

	// Protected by pools.mu.
	busy    int           // calls out
	idle    *list.Element // its place in pools.idle; nil while busy
	since   time.Time     // idle since
	retired bool          // no longer handed out; closed when its last call is back
}

// pools holds a pool for each origin that is called often enough to be worth it.
type pools struct {
	limit int                       // how many may be open, unless more are in use
	build func(origin string) *pool // makes a new one

	mu   sync.Mutex // protects the fields below
	open map[string]*pool
	idle list.List // of *pool with no call out, the longest unused first
}

// take returns the pool of an origin for one call; it must be given back.
func (p *pools) take(origin string) *pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	pl := p.open[origin]
	if pl == nil {
		pl = p.build(origin)
		p.open[origin] = pl
	}
	if pl.idle != nil {
		p.idle.Remove(pl.idle)
		pl.idle = nil
	}
	pl.busy++
	return pl
}

// give returns a pool after a call, and closes those that are unused for long
// or too many.
func (p *pools) give(pl *pool, now time.Time) {
	for _, old := range p.release(pl, now) {
		old.transport.CloseIdleConnections()
	}
}

// release counts a call as over and returns the pools whose time has come.
func (p *pools) release(pl *pool, now time.Time) (over []*pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pl.busy--
	switch {
	case pl.busy > 0:
	case pl.retired:
		over = append(over, pl)
	default:
		pl.since = now
		pl.idle = p.idle.PushBack(pl)
	}
	for e := p.idle.Front(); e != nil; e = p.idle.Front() {
		old := e.Value.(*pool)
		if len(p.open) <= p.limit && now.Sub(old.since) < poolLinger {
			break
		}
		p.retire(old)
		over = append(over, old)
	}
	return over
}

// retire takes a pool out of use. The caller holds the lock.
func (p *pools) retire(pl *pool) {
	pl.retired = true
	delete(p.open, pl.origin)
	if pl.idle != nil {
		p.idle.Remove(pl.idle)
		pl.idle = nil
	}
}

// forgetAll retires every pool.
func (p *pools) forgetAll() {
	p.mu.Lock()
	var over []*pool
	for _, pl := range p.open {
		p.retire(pl)
		over = append(over, pl)
	}
	p.mu.Unlock()
	for _, pl := range over {
		pl.transport.CloseIdleConnections()
	}
}

// dialFunc is the shape of net.Dialer.DialContext.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// guardedDial returns the dial of every pool. The context says what host it is for.
func guardedDial(guard *Guard) dialFunc {
	return (&net.Dialer{Resolver: guard.names, Timeout: dialTimeout, KeepAlive: 30 * time.Second, ControlContext: guard.control}).DialContext
}

// newPool makes a pool without a connection. Its transport uses no proxy,
// decodes nothing and offers HTTP/2.
func newPool(origin string, dial dialFunc, tlsConfig *tls.Config) *pool {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if deadline, ok := ctx.Value(dialDeadline{}).(time.Time); ok {
				var stop context.CancelFunc
				ctx, stop = context.WithDeadline(ctx, deadline)
				defer stop()
			}
			c, err := dial(withHost(ctx, addr), network, addr)
			if err != nil {
				return nil, err
			}
			return &wire{Conn: c}, nil
		},
		TLSClientConfig:        tlsConfig.Clone(),
		TLSHandshakeTimeout:    tlsTimeout,
		DisableCompression:     true,
		MaxIdleConns:           keptConns,
		MaxIdleConnsPerHost:    keptConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
	}
	return &pool{origin: origin, transport: t, client: newClient(t)}
}

// newClient wraps a transport so that it sends each request once, follows no
// redirect and never drops kept connections because a single call failed.
func newClient(t *http.Transport) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     once{t},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Logger:       nil, // it would log URLs, whose queries may be secret
		RetryMax:     0,
		CheckRetry:   func(context.Context, *http.Response, error) (bool, error) { return false, nil },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// hiddenLocation is where a Location header waits while http.Client has the
// answer: not its canonical name, so that nobody looks there.
const hiddenLocation = "location"

// once is a transport as the clients above it may see it. It has no
// CloseIdleConnections, which retryablehttp would call after each failure, and
// hides where a redirect leads: a Location that http.Client cannot parse would
// cost the whole answer.
type once struct{ transport *http.Transport }

// RoundTrip sends a request.
func (o once) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.transport.RoundTrip(req)
	if err == nil {
		moveHeader(resp.Header, "Location", hiddenLocation)
	}
	return resp, err
}

// moveHeader renames a header.
func moveHeader(h http.Header, from, to string) {
	if values, ok := h[from]; ok {
		h[to] = values
		delete(h, from)
	}
}
