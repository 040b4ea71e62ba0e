package webhooks

import (
	"crypto/tls"
	"net"
	"sync/atomic"
)

// wire is a connection that remembers whether it was read to its end. The
// parser of net/http takes a line that was cut off there for a malformed one;
// this tells the two apart. Behind TLS an orderly goodbye goes unseen.
type wire struct {
	net.Conn
	ended atomic.Bool
}

// Read reads from the connection and notes its end, orderly or not.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.ended.Store(true)
	}
	return n, err
}

// wireOf returns the wire below a connection of a pool.
func wireOf(c net.Conn) *wire {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	w, _ := c.(*wire)
	return w
}
