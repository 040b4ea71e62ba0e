package webhooks

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
)

// stopResend is told of every connection that the transport is about to use for
// this exchange, and keeps a request from going out twice behind our back.
//
// Go sends a request again when a kept connection breaks under it: a GET on
// HTTP/1 whose answer did not begin, any request on HTTP/2 whose stream was
// refused, reset with PROTOCOL_ERROR or left over by a GOAWAY. The first may
// well have been received, and none of them would be on the record. So once the
// headers of the request have been written, a second connection is not used:
// the exchange ends and is counted as an attempt that was hung up on.
//
// Ending the context is enough on HTTP/2, which looks at it under the lock
// before it writes headers. HTTP/1 does not look, so there the connection is
// closed before it can be written to. An HTTP/2 connection must stay open, as
// it carries the exchanges of others.
func (x *exchange) stopResend(info httptrace.GotConnInfo, wrote bool) {
	if !wrote {
		return
	}
	x.end(errResend)
	if !isHTTP2(info.Conn) {
		info.Conn.Close()
	}
}

// isHTTP2 reports whether HTTP/2 was agreed on for a connection.
func isHTTP2(c net.Conn) bool {
	secure, ok := c.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}
