package webhooks

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// quiet is the log of servers that are called wrongly on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// TestNoResendOnStaleConnection: the second request on a kept connection is
// read and then hung up on. Go by itself would send a GET again.
func TestNoResendOnStaleConnection(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		for _, key := range []string{"", "x"} { // a header that makes any method repeatable to Go
			for _, body := range []string{"", "{}"} {
				p := &pipeNet{}
				p.serve = func(c net.Conn) {
					br := bufio.NewReader(c)
					for first := true; ; first = false {
						req, err := http.ReadRequest(br)
						if err != nil {
							return
						}
						io.Copy(io.Discard, req.Body)
						if p.requests.Add(1); !first {
							return
						}
						io.WriteString(c, okHead+"Content-Length: 0\r\n\r\n")
					}
				}
				onPipes(t, p, func(t *testing.T, s *Sender) {
					r := post()
					r.Method, r.Body = method, []byte(body)
					if key != "" {
						r.Header = http.Header{"X-Idempotency-Key": {key}}
					}
					if got := outcome(s.Send(t.Context(), r)); got != "200  succeeded" {
						t.Fatalf("%s: first call: %q", method, got)
					}
					synctest.Wait()
					res := s.Send(t.Context(), r)
					if got := outcome(res); got != "0 read retry" {
						t.Errorf("%s: got %q, %v", method, got, res.Err)
					}
					checkMessage(t, res)
					if n := p.requests.Load(); n != 2 {
						t.Errorf("%s %q, key %q: %d requests for two calls", method, body, key, n)
					}
				})
			}
		}
	}
}

// TestStopResend looks at the gate itself, since which of writing and ending
// comes first on a connection left open is a matter of luck.
func TestStopResend(t *testing.T) {
	for _, wrote := range []bool{false, true} {
		x, stop := startExchange(t.Context(), "api.example.com", time.Minute, time.Now())
		defer stop()
		client, server := net.Pipe()
		defer server.Close()
		x.stopResend(httptrace.GotConnInfo{Conn: &wire{Conn: client}}, wrote)
		if stopped := context.Cause(x.ctx) == errResend; stopped != wrote {
			t.Errorf("written before: %v, ended: %v", wrote, stopped)
		}
		if err := client.SetDeadline(time.Now()); errors.Is(err, io.ErrClosedPipe) != wrote {
			t.Errorf("written before: %v, connection: %v", wrote, err)
		}
	}
}

// TestClosedConnectionIsReplaced: a kept connection that the target closed in
// the meantime costs nothing.
func TestClosedConnectionIsReplaced(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(func(w io.Writer) bool {
		io.WriteString(w, okHead+"Content-Length: 0\r\n\r\n")
		return false // and closed, without having said so
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		for range 5 {
			if got := outcome(s.Send(t.Context(), post())); got != "200  succeeded" {
				t.Errorf("got %q", got)
			}
			synctest.Wait()
		}
	})
}

// HTTP/2 frames that the server below knows, and the errors it may give.
const (
	frameHeaders, frameReset, frameSettings, frameGoAway = 1, 3, 4, 7
	codeProtocol, codeInternal, codeRefused              = 1, 2, 7
)

// frame returns an HTTP/2 frame without flags.
func frame(kind byte, stream uint32, payload ...byte) []byte {
	b := []byte{0, 0, byte(len(payload)), kind, 0}
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

// serveHTTP2 counts the requests of an HTTP/2 connection and gives reply for each.
func serveHTTP2(c net.Conn, requests *atomic.Int32, reply func(stream uint32) []byte) {
	io.ReadFull(c, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
	c.Write(frame(frameSettings, 0))
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, c, size); err != nil {
			return
		}
		if head[3] == frameHeaders {
			requests.Add(1)
			if _, err := c.Write(reply(binary.BigEndian.Uint32(head[5:]))); err != nil {
				return
			}
		}
	}
}

// TestNoResendOnHTTP2 lets a target refuse a stream in every way after which Go
// by itself would send the request again.
func TestNoResendOnHTTP2(t *testing.T) {
	reset := func(code byte) func(uint32) []byte {
		return func(stream uint32) []byte { return frame(frameReset, stream, 0, 0, 0, code) }
	}
	cert := certify(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	for _, c := range []struct {
		name  string
		reply func(stream uint32) []byte
		want  string
	}{
		{"REFUSED_STREAM", reset(codeRefused), "0 read retry"},
		{"PROTOCOL_ERROR", reset(codeProtocol), "0 read retry"},
		{"INTERNAL_ERROR", reset(codeInternal), "0 read retry"},
		{"GOAWAY", func(uint32) []byte { return frame(frameGoAway, 0, 0, 0, 0, 0, 0, 0, 0, 0) }, "0 read retry"},
		{"noise", func(uint32) []byte { return []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }, "0 protocol retry"},
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			for _, body := range []string{"", "{}"} {
				if method == "GET" && body != "" {
					continue
				}
				t.Run(c.name+" "+method+" "+body, func(t *testing.T) {
					var requests atomic.Int32
					config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}
					addr := listenRaw(t, func(conn *net.TCPConn) {
						secure := tls.Server(conn, config)
						if secure.Handshake() == nil {
							serveHTTP2(secure, &requests, c.reply)
						}
					})
					s := NewSender(Config{Guard: AllowAll(), RootCAs: roots})
					defer s.Close()
					r := call("https://" + addr + "/hook?key=s3cret")
					r.Method, r.Body = method, []byte(body)
					res := s.Send(t.Context(), r)
					if got := outcome(res); got != c.want {
						t.Errorf("got %q (%v), want %q", got, res.Err, c.want)
					}
					if n := requests.Load(); n != 1 {
						t.Errorf("%d requests for one call", n)
					}
				})
			}
		}
	}
}
