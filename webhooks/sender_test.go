package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// call is a post to a test server.
func call(url string) Request {
	r := post()
	r.URL = url
	return r
}

// open returns a sender that may call loopback, closed when the test ends.
func open(t testing.TB, c Config) *Sender {
	t.Helper()
	if c.Guard == nil {
		c.Guard = AllowAll()
	}
	s := NewSender(c)
	t.Cleanup(s.Close)
	return s
}

func TestSendArrivesAsSigned(t *testing.T) {
	secrets := []string{newSecret(t), newSecret(t)}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, body := range []string{"", "{}", "\x00\xff\r\n.", strings.Repeat("0123456789", 100_000)} {
			var got *http.Request
			var raw []byte
			target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				raw, _ = io.ReadAll(r.Body)
				w.Header().Set("X-Answer", "yes")
				w.WriteHeader(http.StatusAccepted)
				io.WriteString(w, "thanks")
			}))
			s := open(t, Config{UserAgent: "Punctual/test"})
			r := call(target.URL + "/hook?a=b&c=%20d")
			r.Method, r.Body, r.Secrets, r.ContentType = method, []byte(body), secrets, "text/plain"
			r.Header = http.Header{"Authorization": {"Bearer user"}, "X-Custom": {"1", "2"}, "Host": {"evil.example"}}
			res := s.Send(t.Context(), r)
			target.Close()

			if got := outcome(res); got != "202  succeeded" {
				t.Fatalf("%s: got %q, %v", method, got, res.Err)
			}
			if string(raw) != body || got.Method != method || got.RequestURI != "/hook?a=b&c=%20d" {
				t.Errorf("%s %s: %d bytes arrived, want %d", got.Method, got.RequestURI, len(raw), len(body))
			}
			if got.Host != strings.TrimPrefix(target.URL, "http://") {
				t.Errorf("Host is %q, want that of the URL", got.Host)
			}
			if got.ContentLength != int64(len(body)) || len(got.TransferEncoding) > 0 {
				t.Errorf("%s of %d bytes: length %d, coding %v", method, len(body), got.ContentLength, got.TransferEncoding)
			}
			for _, secret := range secrets {
				hook, _ := standardwebhooks.NewWebhook(secret)
				if err := hook.Verify(raw, got.Header); err != nil {
					t.Errorf("%s of %d bytes: %v", method, len(body), err)
				}
			}
			want := http.Header{
				"User-Agent": {"Punctual/test"}, "Content-Type": {"text/plain"}, "Authorization": {"Bearer user"},
				"X-Custom": {"1", "2"}, "Webhook-Id": {"job_1"}, "Punctual-Attempt": {"1"}, "Punctual-Max-Attempts": {"2"},
				"Traceparent": {traceparent("job_1", "att_1")}, "Webhook-Timestamp": {fmt.Sprint(res.Started.Unix())},
			}
			arrived := got.Header.Clone()
			for _, name := range []string{"Webhook-Signature", "Content-Length"} {
				arrived.Del(name)
			}
			if diff := cmp.Diff(want, arrived); diff != "" {
				t.Error(diff)
			}
			want["Authorization"], want["Webhook-Signature"] = []string{"***"}, []string{"***"}
			if diff := cmp.Diff(want, res.RequestHeader); diff != "" {
				t.Error(diff)
			}
			if res.ResponseHeader.Get("X-Answer") != "yes" || string(res.Body) != "thanks" || res.Truncated {
				t.Errorf("answer %v %q", res.ResponseHeader, res.Body)
			}
		}
	}
}

func TestSendGet(t *testing.T) {
	var got *http.Request
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	defer target.Close()
	r := call(target.URL)
	r.Method, r.Body = "GET", nil
	if res := open(t, Config{}).Send(t.Context(), r); res.StatusCode != 200 {
		t.Fatal(res.Err)
	}
	if got.ContentLength != 0 || got.Header.Get("Content-Type") != "" || len(got.TransferEncoding) > 0 {
		t.Errorf("a GET came with a body: %v %v", got.ContentLength, got.Header)
	}
}

func TestSendAnswerHeaders(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "sid=1")
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "120")
		w.Header().Set("Punctual-No-Retry", "true")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer target.Close()
	res := open(t, Config{}).Send(t.Context(), call(target.URL))
	if res.RetryAfter != 2*time.Minute || !res.NoRetry || res.Err.Message != "503 Service Unavailable" {
		t.Errorf("got %v, %v, %v", res.RetryAfter, res.NoRetry, res.Err)
	}
	//lint:ignore SA1008 the client is shown the field under a name that is not canonical; the record must not keep it
	if h := res.ResponseHeader; h.Get("Set-Cookie") != "***" || h.Get("Location") != "/elsewhere" || len(h["location"]) > 0 {
		t.Errorf("recorded headers: %v", h)
	}
}

// TestRedirectsAreNotFollowed counts what arrives where.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere, here atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here.Add(1)
		to := other.URL
		if r.URL.Path == "/loop" {
			to = "/loop"
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	defer target.Close()
	s := open(t, Config{})
	for _, path := range []string{"/", "/loop"} {
		if got := outcome(s.Send(t.Context(), call(target.URL+path))); got != "307 status retry" {
			t.Errorf("%s: got %q", path, got)
		}
	}
	if here.Load() != 2 || elsewhere.Load() != 0 {
		t.Errorf("%d calls here and %d elsewhere, want 2 and 0", here.Load(), elsewhere.Load())
	}
}

func TestNoProxyFromTheEnvironment(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	// A name, as Go never takes a proxy for loopback addresses.
	s := open(t, Config{})
	s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !strings.HasPrefix(addr, "api.example.com:") {
			t.Errorf("dialed %s", addr)
		}
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	if got := outcome(s.Send(t.Context(), call("http://api.example.com/"))); got != "0 connect retry" || proxied.Load() != 0 {
		t.Errorf("got %q, %d calls by the proxy", got, proxied.Load())
	}
	if p := newPool("x", s.dial, nil); p.transport.Proxy != nil {
		t.Error("the transport has a proxy")
	}
}

// TestKeepAlive: calls one after another share a connection, also after a
// failure, and pools share none.
func TestKeepAlive(t *testing.T) {
	p := &pipeNet{}
	n := 0
	p.serve = p.answer(func(w io.Writer) bool {
		n++
		fmt.Fprintf(w, "HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\nok", 200+n%2*300)
		return true
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		for range 6 {
			s.Send(t.Context(), post())
			synctest.Wait()
		}
		if d := p.dials.Load(); d != 1 {
			t.Errorf("%d connections for six calls, want 1", d)
		}
		other := post()
		other.URL = "http://api.example.com:8080/hook"
		s.Send(t.Context(), other)
		if d := p.dials.Load(); d != 2 {
			t.Errorf("%d connections for two origins, want 2", d)
		}
		s.Close()
		s.Send(t.Context(), post())
		if d := p.dials.Load(); d != 3 {
			t.Errorf("%d connections after Close, want 3", d)
		}
		synctest.Wait()
		time.Sleep(idleTimeout + time.Second)
		s.Send(t.Context(), post())
		if d := p.dials.Load(); d != 4 {
			t.Errorf("%d connections after the idle timeout, want 4", d)
		}
	})
}

// TestConnectionFailureKeepsOthers: one failed call must not close the kept
// connections of the pool.
func TestConnectionFailureKeepsOthers(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(okAndOn)
	synctest.Test(t, func(t *testing.T) {
		s := NewSender(Config{})
		fail := false
		s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if fail {
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			}
			return p.dial(ctx, network, addr)
		}
		s.Send(t.Context(), post())
		synctest.Wait()
		fail = true
		bad := post()
		bad.URL = "http://other.example.com/" // another host of the same pool: nothing is kept for it
		if got := outcome(s.Send(t.Context(), bad)); got != "0 connect retry" {
			t.Errorf("got %q", got)
		}
		if got := outcome(s.Send(t.Context(), post())); got != "200  succeeded" {
			t.Errorf("the kept connection is gone: %q", got)
		}
		s.Close()
		p.wg.Wait()
	})
}

// TestAnswerBeforeTheBodyWasRead: a target may refuse a large body early.
func TestAnswerBeforeTheBodyWasRead(t *testing.T) {
	p := &pipeNet{}
	p.serve = func(c net.Conn) {
		io.ReadFull(c, make([]byte, 512))
		io.WriteString(c, "HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n")
		hold(c)
	}
	onPipes(t, p, func(t *testing.T, s *Sender) {
		r := post()
		r.Body = make([]byte, 1<<20)
		if got := outcome(s.Send(t.Context(), r)); got != "413 status retry" {
			t.Errorf("got %q", got)
		}
	})
}

func TestAbort(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(io.Writer) bool
		want  string
		abort bool
	}{
		{"before the answer", func(w io.Writer) bool { hold(w.(net.Conn)); return false }, "0  aborted", true},
		{"in the headers", drip("HTTP/1.1 200 OK\r\nX-Slow: "), "0  aborted", true},
		{"in the body", drip(okHead + "\r\n"), "200 read succeeded", false},
		{"in the body of a failure", drip("HTTP/1.1 500 x\r\n\r\n"), "500 status retry", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pipeNet{}
			p.serve = p.answer(c.write)
			onPipes(t, p, func(t *testing.T, s *Sender) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Second, cancel)
				res := s.Send(ctx, post())
				if got := outcome(res); got != c.want || res.Aborted != c.abort || res.Duration != 10*time.Second {
					t.Errorf("got %q (%v), aborted %v after %v", got, res.Err, res.Aborted, res.Duration)
				}
			})
		})
	}
	t.Run("by a deadline of the caller", func(t *testing.T) {
		p := &pipeNet{serve: func(c net.Conn) { hold(c) }}
		onPipes(t, p, func(t *testing.T, s *Sender) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if res := s.Send(ctx, post()); !res.Aborted || res.Err != nil || res.Duration != time.Second {
				t.Errorf("got %+v", res)
			}
		})
	})
	t.Run("before it began", func(t *testing.T) {
		p := &pipeNet{serve: func(c net.Conn) { hold(c) }}
		onPipes(t, p, func(t *testing.T, s *Sender) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if res := s.Send(ctx, post()); !res.Aborted || p.dials.Load() != 0 {
				t.Errorf("got %+v after %d dials", res, p.dials.Load())
			}
		})
	})
}

func TestUnsendable(t *testing.T) {
	s := open(t, Config{})
	for name, change := range map[string]func(*Request){
		"no URL":       func(r *Request) { r.URL = "http://[" },
		"no host":      func(r *Request) { r.URL = "http:///x" },
		"other scheme": func(r *Request) { r.URL = "ftp://api.example.com/s3cret" },
		"credentials":  func(r *Request) { r.URL = "http://user:s3cret@api.example.com/" },
		"bad secret":   func(r *Request) { r.Secrets = []string{"whsec_s3cret"} },
		"bad header":   func(r *Request) { r.Header = http.Header{"X": {"s3cret\n"}} },
		"bad method":   func(r *Request) { r.Method = "PO ST" },
		"dotted id":    func(r *Request) { r.ID, r.Secrets = "job.1", []string{newSecret(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := post()
			change(&r)
			res := s.Send(t.Context(), r)
			if got := outcome(res); got != "0 protocol retry" {
				t.Errorf("got %q", got)
			}
			if res.Err != nil && (res.Err.Error() == "" || strings.Contains(res.Err.Error(), "s3cret")) {
				t.Errorf("the message is %q", res.Err)
			}
		})
	}
}

// TestConnectionsAreKept: as many connections are opened as calls are out at once, and the next calls find them all.
func TestConnectionsAreKept(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(func(w io.Writer) bool {
		time.Sleep(time.Second)
		_, err := io.WriteString(w, okHead+"Content-Length: 0\r\n\r\n")
		return err == nil
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		for range 3 {
			var wg sync.WaitGroup
			for range 30 {
				wg.Go(func() {
					if res := s.Send(t.Context(), post()); res.StatusCode != 200 {
						t.Errorf("got %v", res.Err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
		}
		if n := p.dials.Load(); n != 30 {
			t.Errorf("%d connections for three times 30 calls, want 30", n)
		}
	})
}

// TestConcurrentSends is for the race detector: one body, many callers.
func TestConcurrentSends(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 10_000)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if raw, _ := io.ReadAll(r.Body); !bytes.Equal(raw, body) {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer target.Close()
	s := open(t, Config{MaxPools: 2})
	secret := newSecret(t)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				r := call(target.URL)
				r.Body, r.Secrets = body, []string{secret}
				if res := s.Send(t.Context(), r); res.StatusCode != 200 {
					t.Errorf("got %v", res.Err)
				}
				if worker == 0 && i%10 == 0 {
					s.Close()
				}
			}
		})
	}
	wg.Wait()
}

func TestErrorIsAnError(t *testing.T) {
	var err error = &Error{KindRead, "x closed"}
	if e, ok := errors.AsType[*Error](err); !ok || e.Error() != "x closed" {
		t.Errorf("got %v", err)
	}
}

func BenchmarkSend(b *testing.B) {
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer target.Close()
	r := call(target.URL)
	r.Secrets, r.Body = []string{newSecret(b)}, bytes.Repeat([]byte("x"), 200)
	b.Run("sender", func(b *testing.B) {
		s := open(b, Config{})
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if res := s.Send(b.Context(), r); res.StatusCode != 200 {
					b.Error(res.Err)
				}
			}
		})
	})
	b.Run("bare", func(b *testing.B) { // what net/http alone takes for the same exchange
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		defer client.CloseIdleConnections()
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				resp, err := client.Post(r.URL, "", bytes.NewReader(r.Body))
				if err != nil {
					b.Error(err)
					continue
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	})
}
