package webhooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"time"
)

// Defaults of Config.
const (
	DefaultUserAgent = "Punctual"
	DefaultCapture   = 16 << 10
	DefaultMaxPools  = 2048
)

// sessionCacheSize is how many TLS sessions are kept for resumption, over all targets.
const sessionCacheSize = 1024

// Config sets up a Sender. The zero value works: it calls public addresses only.
type Config struct {
	UserAgent string         // "" means DefaultUserAgent
	Capture   int            // bytes kept of an answer's body; 0 means DefaultCapture
	Guard     *Guard         // where calls may go; nil means public addresses only
	RootCAs   *x509.CertPool // whose certificates are trusted; nil means the system's
	MaxPools  int            // origins whose connections are kept between calls; 0 means DefaultMaxPools
}

// Sender makes calls. It is safe for use by many goroutines and has none of its own.
type Sender struct {
	agent   string
	capture int
	dial    dialFunc
	pools   pools
}

// NewSender returns a Sender; Close ends it.
func NewSender(c Config) *Sender {
	if c.UserAgent == "" {
		c.UserAgent = DefaultUserAgent
	}
	if c.Capture <= 0 {
		c.Capture = DefaultCapture
	}
	if c.MaxPools <= 0 {
		c.MaxPools = DefaultMaxPools
	}
	if c.Guard == nil {
		c.Guard = &Guard{}
	}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs,
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionCacheSize)}
	s := &Sender{agent: c.UserAgent, capture: c.Capture, dial: guardedDial(c.Guard)}
	s.pools.limit = c.MaxPools
	s.pools.open = map[string]*pool{}
	s.pools.build = func(origin string) *pool { return newPool(origin, s.dial, tlsConfig) }
	return s
}

// Send makes one call and returns what came of it, at the latest when
// Request.Timeout is over. Ending ctx aborts it.
func (s *Sender) Send(ctx context.Context, r Request) Result {
	res := Result{Started: time.Now()}
	s.send(ctx, &r, &res)
	res.Duration = time.Since(res.Started)
	return res
}

// send fills in the result.
func (s *Sender) send(ctx context.Context, r *Request, res *Result) {
	u, err := r.parseURL()
	if err != nil {
		res.Err = &Error{KindProtocol, err.Error()}
		return
	}
	header, err := r.header(res.Started, s.agent)
	res.RequestHeader = MaskHeader(header, r.Redact...)
	if err != nil {
		res.Err = &Error{KindProtocol, err.Error()}
		return
	}
	x, stop := startExchange(ctx, u.Host, r.Timeout, res.Started)
	defer stop()
	p := s.pools.take(u.Scheme + "://" + u.Host)
	defer func() { s.pools.give(p, time.Now()) }()

	resp, err := x.do(p.client, r, header)
	res.Timing = x.trace.times()
	if err != nil {
		res.Err = x.fault(err)
		res.Aborted = res.Err == nil
		return
	}
	defer resp.Body.Close()
	capture := s.capture
	if r.Capture != 0 {
		capture = max(r.Capture, 0)
	}
	x.receive(resp, capture, r.Redact, res)
}

// receive takes in an answer whose headers have come.
func (x *exchange) receive(resp *http.Response, capture int, redact []string, res *Result) {
	res.StatusCode = resp.StatusCode
	res.ResponseHeader = MaskHeader(resp.Header, redact...)
	var err error
	res.Body, res.Truncated, err = readBody(resp, capture)
	switch {
	case !success(resp.StatusCode):
		res.Err = statusFault(resp.StatusCode)
		res.NoRetry = noRetry(resp.Header)
		res.RetryAfter = retryAfter(resp.Header, time.Now())
	case err != nil:
		res.Err = x.bodyFault(err)
	}
}

// bodyFault describes trouble with the body of a 2xx. It is for the record only.
func (x *exchange) bodyFault(err error) *Error {
	switch {
	case errors.Is(context.Cause(x.ctx), errTimeout):
		return &Error{KindTimeout, "the body from " + x.host + " was not complete within " + x.timeout.String()}
	case x.ctx.Err() != nil:
		return &Error{KindRead, "the call was ended while the body from " + x.host + " was read"}
	case readFault(err, x.trace.seen()):
		return &Error{KindRead, x.host + " closed the connection before its body was complete"}
	default:
		return &Error{KindProtocol, x.host + " sent a body that is not valid HTTP"}
	}
}

// Close closes all connections that are unused. Calls that are out go on to
// their end; ending their contexts is up to the caller.
func (s *Sender) Close() { s.pools.forgetAll() }
