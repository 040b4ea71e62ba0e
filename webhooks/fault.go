package webhooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Kind says what went wrong with a call.
type Kind string

const (
	KindTimeout  Kind = "timeout"  // the time for the whole exchange was over
	KindDNS      Kind = "dns"      // the name led nowhere
	KindConnect  Kind = "connect"  // refused, unreachable, no answer to the dial
	KindTLS      Kind = "tls"      // bad certificate, failed handshake, https to a plain port
	KindBlocked  Kind = "blocked"  // the guard refused the address
	KindProtocol Kind = "protocol" // not HTTP, headers too large, or a request that cannot be sent
	KindRead     Kind = "read"     // hung up before the answer was complete
	KindStatus   Kind = "status"   // an answer other than 2xx
)

// Error is what went wrong, for people: short, naming the host as the URL does
// and never an address it led to, a query or a secret.
type Error struct {
	Kind    Kind
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// hungUp is said of a host that took a connection and gave no answer.
const hungUp = "closed the connection without an answer"

// Causes with which an exchange ends its own context.
var (
	errTimeout = errors.New("the time for the exchange is over")
	errResend  = errors.New("the connection broke after the request was sent")
)

// fault turns the error of an exchange without an answer into what is recorded;
// nil if the caller's context ended it.
func (x *exchange) fault(err error) *Error {
	switch context.Cause(x.ctx) {
	case nil:
	case errTimeout:
		return &Error{KindTimeout, x.lateness()}
	case errResend:
		return &Error{KindRead, x.host + " " + hungUp}
	default:
		return nil
	}
	seen := x.trace.seen()
	kind, why := KindRead, hungUp
	switch refusal, ok := errors.AsType[*Refusal](err); {
	case ok:
		return &Error{KindBlocked, refusal.Error()}
	case !seen.connected || failedDial(err):
		kind, why = dialFault(err, seen.tlsErr)
	case !readFault(err, seen):
		kind, why = KindProtocol, protocolFault(err)
	case seen.firstByte:
		why = "closed the connection in the middle of its answer"
	}
	return &Error{kind, x.host + " " + why}
}

// lateness says what the exchange was waiting for when its time was over.
func (x *exchange) lateness() string {
	seen, within := x.trace.seen(), x.timeout.Round(time.Millisecond).String()
	switch {
	case seen.connected:
		return "no answer from " + x.host + " within " + within
	case seen.inTLS:
		return "no TLS handshake with " + x.host + " within " + within
	default:
		return "no connection to " + x.host + " within " + within
	}
}

// failedDial reports whether an error comes from a dial: also after a connection
// was had, when a kept one turned out to be closed and another was asked for.
func failedDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// dialFault explains why there was no connection. tlsErr is what the handshake
// came to, nil if there was none.
func dialFault(err, tlsErr error) (Kind, string) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case dns.IsNotFound:
			return KindDNS, "is not a known name"
		case dns.IsTimeout:
			return KindDNS, "could not be looked up: the name server did not answer"
		default:
			return KindDNS, "could not be looked up"
		}
	}
	if tlsErr != nil {
		return KindTLS, tlsFault(tlsErr)
	}
	op, dialed := errors.AsType[*net.OpError](err)
	if !dialed {
		return KindProtocol, "could not be sent this request"
	}
	if op.Timeout() {
		return KindConnect, "did not answer the connection attempt"
	}
	if errors.Is(err, syscall.ECONNRESET) {
		// It was accepted, or this would be ECONNREFUSED: whether the reset
		// comes before the dial is over is a matter of luck.
		return KindRead, hungUp
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return KindConnect, "could not be connected to: " + errno.Error()
	}
	return KindConnect, "could not be connected to"
}

// tlsFault explains a failed handshake.
func tlsFault(err error) string {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "does not speak TLS on this port"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "does not speak TLS on this port"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "has a certificate for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "has a certificate signed by an unknown authority"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return "has a certificate that has expired or is not valid yet"
		}
		return "has a certificate that is not valid"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "did not complete the TLS handshake"
	}
	return "failed the TLS handshake"
}

// readFault reports whether an error on a made connection means that it broke,
// rather than that what came over it made no sense.
func readFault(err error, seen stage) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return true
	}
	text := err.Error()
	if isHTTP2 := strings.HasPrefix(text, "stream error:") || strings.Contains(text, "http2: "); seen.firstByte && !isHTTP2 {
		// What does not begin like an answer is none, cut off or not.
		return seen.cutOff() && !strings.Contains(text, "malformed HTTP response")
	}
	return !http2Fault(text)
}

// http2Fault reports whether the text of an error says that the other side broke
// the rules of HTTP/2. net/http keeps the types of these errors to itself.
func http2Fault(text string) bool {
	for _, sign := range []string{"PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR", "FLOW_CONTROL_ERROR",
		"frame too large", "response header list larger", "malformed", "invalid"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// protocolFault explains an answer that is not HTTP.
func protocolFault(err error) string {
	text := err.Error()
	if strings.Contains(text, "response headers exceeded") || strings.Contains(text, "response header list larger") {
		return "sent headers of more than 64 KiB"
	}
	return "did not answer in valid HTTP"
}

// statusFault is the error of an answer other than 2xx.
func statusFault(code int) *Error {
	text := http.StatusText(code)
	if text == "" {
		text = "(a status without a name)"
	}
	return &Error{KindStatus, strconv.Itoa(code) + " " + text}
}
