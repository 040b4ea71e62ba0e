package webhooks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// trust returns a pool that holds a test server's certificate.
func trust(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// certify makes a self-signed certificate for a name or address.
func certify(t *testing.T, host string, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	if ip := net.ParseIP(host); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestCertificates(t *testing.T) {
	now := time.Now()
	past, later, future := now.Add(-48*time.Hour), now.Add(24*time.Hour), now.Add(48*time.Hour)
	for _, c := range []struct {
		name, host  string
		from, to    time.Time
		trusted     bool
		want, about string
	}{
		{"good", "127.0.0.1", past, future, true, "200  succeeded", ""},
		{"expired", "127.0.0.1", past, now.Add(-time.Hour), true, "0 tls retry", "expired"},
		{"of the future", "127.0.0.1", later, future, true, "0 tls retry", "not valid yet"},
		{"for another host", "other.example.com", past, future, true, "0 tls retry", "another name"},
		{"self-signed", "127.0.0.1", past, future, false, "0 tls retry", "unknown authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var arrived atomic.Int32
			cert := certify(t, c.host, c.from, c.to)
			target := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
			target.Config.ErrorLog = quiet()
			target.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			target.StartTLS()
			defer target.Close()
			roots := x509.NewCertPool()
			if c.trusted {
				roots.AddCert(cert.Leaf)
			}
			res := open(t, Config{RootCAs: roots}).Send(t.Context(), call(target.URL))
			if got := outcome(res); got != c.want {
				t.Errorf("got %q (%v), want %q", got, res.Err, c.want)
			}
			if res.Err != nil && !strings.Contains(res.Err.Message, c.about) {
				t.Errorf("got %q, want something about %q", res.Err.Message, c.about)
			}
			if n := arrived.Load(); (n > 0) != (res.StatusCode > 0) {
				t.Errorf("%d calls arrived", n)
			}
		})
	}
}

// readHello reads the first TLS record of a client.
func readHello(c net.Conn) {
	head := make([]byte, 5)
	io.ReadFull(c, head)
	io.CopyN(io.Discard, c, int64(head[3])<<8|int64(head[4]))
}

func TestHandshakeFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve func(c net.Conn)
		kind  Kind
		text  string
		took  time.Duration
	}{
		{"https to a plain port", func(c net.Conn) {
			readHello(c)
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			hold(c)
		}, KindTLS, "api.example.com does not speak TLS on this port", 0},
		{"noise", func(c net.Conn) {
			readHello(c)
			io.WriteString(c, "220 mail.example.com ESMTP\r\n")
			hold(c)
		}, KindTLS, "api.example.com does not speak TLS on this port", 0},
		{"hang up", readHello, KindTLS, "api.example.com failed the TLS handshake", 0},
		{"alert", func(c net.Conn) {
			readHello(c)
			io.WriteString(c, "\x15\x03\x01\x00\x02\x02\x28")
			hold(c)
		}, KindTLS, "api.example.com failed the TLS handshake", 0},
		{"silence", func(c net.Conn) { hold(c) }, KindTLS, "api.example.com did not complete the TLS handshake", tlsTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			onPipes(t, &pipeNet{serve: c.serve}, func(t *testing.T, s *Sender) {
				r := post()
				r.URL = "https://api.example.com/hook?key=s3cret"
				res := s.Send(t.Context(), r)
				if res.Err == nil || res.Err.Kind != c.kind || res.Err.Message != c.text || res.Duration != c.took {
					t.Errorf("got %+v after %v; want %s %q", res.Err, res.Duration, c.kind, c.text)
				}
				checkMessage(t, res)
			})
		})
	}
	t.Run("silence for longer than the exchange", func(t *testing.T) {
		onPipes(t, &pipeNet{serve: func(c net.Conn) { hold(c) }}, func(t *testing.T, s *Sender) {
			r := post()
			r.URL, r.Timeout = "https://api.example.com/", time.Second
			res := s.Send(t.Context(), r)
			if res.Err == nil || res.Err.Kind != KindTimeout || res.Err.Message != "no TLS handshake with api.example.com within 1s" {
				t.Errorf("got %+v", res.Err)
			}
			time.Sleep(tlsTimeout) // until the abandoned handshake is over
		})
	})
}

// TestPlainToTLSPort: Go's server answers such a call in plain HTTP.
func TestPlainToTLSPort(t *testing.T) {
	target := httptest.NewUnstartedServer(http.NotFoundHandler())
	target.Config.ErrorLog = quiet()
	target.StartTLS()
	defer target.Close()
	res := open(t, Config{}).Send(t.Context(), call(strings.Replace(target.URL, "https", "http", 1)))
	if got := outcome(res); got != "400 status retry" {
		t.Errorf("got %q, %v", got, res.Err)
	}
}

// TestHTTP2 makes more calls at once than the pool has connections: over
// HTTP/2 they share one.
func TestHTTP2(t *testing.T) {
	var conns atomic.Int32
	var wrong atomic.Int32
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if raw, _ := io.ReadAll(r.Body); r.ProtoMajor != 2 || string(raw) != `{"a":1}` || r.ContentLength != 7 {
			wrong.Add(1)
		}
		io.WriteString(w, "ok")
	}))
	target.EnableHTTP2 = true
	target.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	target.StartTLS()
	defer target.Close()
	s := open(t, Config{RootCAs: trust(target)})
	if res := s.Send(t.Context(), call(target.URL)); res.StatusCode != 200 {
		t.Fatal(res.Err)
	}
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if res := s.Send(t.Context(), call(target.URL)); res.StatusCode != 200 || string(res.Body) != "ok" {
				t.Errorf("got %v", res.Err)
			}
		})
	}
	wg.Wait()
	if wrong.Load() != 0 || conns.Load() != 1 {
		t.Errorf("%d calls were not as sent, over %d connections; want 0 over 1", wrong.Load(), conns.Load())
	}
}

// TestHTTP2Faults is the part of the table of hostile answers that is other on HTTP/2.
func TestHTTP2Faults(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/headers":
			for i := range 100 {
				w.Header().Set("X-Pad-"+strconv.Itoa(i), strings.Repeat("x", 1000))
			}
		case "/interim":
			for range 10_000 {
				w.WriteHeader(http.StatusEarlyHints)
			}
		case "/endless":
			for r.Context().Err() == nil {
				w.Write(make([]byte, 4096))
			}
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	target.EnableHTTP2 = true
	target.Config.ErrorLog = quiet()
	target.StartTLS()
	defer target.Close()
	s := open(t, Config{RootCAs: trust(target)})
	for _, c := range []struct {
		path, want string
		size       int
	}{
		{"/", "200  succeeded", 0},
		{"/headers", "0 protocol retry", 0},
		{"/interim", "0 protocol retry", 0},
		{"/endless", "200  succeeded", DefaultCapture},
		{"/abort", "0 read retry", 0},
		{"/cut", "200 read succeeded", 3},
		{"/", "200  succeeded", 0},
	} {
		res := s.Send(t.Context(), call(target.URL+c.path))
		if got := outcome(res); got != c.want || len(res.Body) != c.size {
			t.Errorf("%s: got %q (%v) and %d bytes, want %q and %d", c.path, got, res.Err, len(res.Body), c.want, c.size)
		}
	}
}
