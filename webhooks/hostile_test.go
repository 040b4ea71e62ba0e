package webhooks

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeNet is a network of pipes inside a bubble, where waiting costs no time
// and no outcome depends on the speed of the machine. Each dialed connection is
// handed to serve.
type pipeNet struct {
	serve    func(net.Conn)
	dials    atomic.Int32
	requests atomic.Int32
	wg       sync.WaitGroup
}

// dial connects to serve.
func (p *pipeNet) dial(context.Context, string, string) (net.Conn, error) {
	p.dials.Add(1)
	client, server := net.Pipe()
	p.wg.Go(func() {
		defer server.Close()
		p.serve(server)
	})
	return client, nil
}

// answer returns a serve that reads one request after another and lets write
// answer each; it hangs up when write says so.
func (p *pipeNet) answer(write func(w io.Writer) (more bool)) func(net.Conn) {
	return func(c net.Conn) {
		br := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			p.requests.Add(1)
			if _, err := io.Copy(io.Discard, req.Body); err != nil || !write(c) {
				return
			}
		}
	}
}

// hold keeps a connection open until the other side closes it.
func hold(c io.ReadWriter) { io.Copy(io.Discard, c) }

// onPipes runs f in a bubble with a sender whose calls all go to p.
func onPipes(t *testing.T, p *pipeNet, f func(t *testing.T, s *Sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := NewSender(Config{})
		s.dial = p.dial
		f(t, s)
		s.Close()
		p.wg.Wait()
	})
}

// post is a plain call to the pipe network.
func post() Request {
	return Request{
		ID: "job_1", AttemptID: "att_1", Method: "POST", URL: "http://api.example.com/hook?key=s3cret",
		Body: []byte(`{"a":1}`), Timeout: 30 * time.Second, Attempt: 1, MaxAttempts: 2,
	}
}

// okAndOn answers 200 and keeps the connection.
func okAndOn(w io.Writer) bool {
	_, err := io.WriteString(w, okHead+"Content-Length: 0\r\n\r\n")
	return err == nil
}

const okHead = "HTTP/1.1 200 OK\r\n"

// TestHostileAnswers is the table of what a server may do with an HTTP/1
// connection; want is status, kind and verdict.
func TestHostileAnswers(t *testing.T) {
	say := func(text string) func(io.Writer) bool {
		return func(w io.Writer) bool { io.WriteString(w, text); return false }
	}
	thenHang := func(text string) func(io.Writer) bool {
		return func(w io.Writer) bool { io.WriteString(w, text); hold(w.(net.Conn)); return false }
	}
	endlessly := func(first, text string) func(io.Writer) bool {
		return func(w io.Writer) bool {
			_, err := io.WriteString(w, first)
			for err == nil {
				_, err = io.WriteString(w, text)
			}
			return false
		}
	}
	for _, c := range []struct {
		name  string
		write func(io.Writer) bool
		want  string
		body  string // what is kept of it, or only its length as #n
		cut   bool
		took  time.Duration
	}{
		{"plain", say(okHead + "Content-Length: 2\r\n\r\nok"), "200  succeeded", "ok", false, 0},
		{"no body", say("HTTP/1.1 204 No Content\r\n\r\n"), "204  succeeded", "", false, 0},
		{"body to the end of the connection", say(okHead + "\r\nbye"), "200  succeeded", "bye", false, 0},
		{"chunked", say(okHead + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), "200  succeeded", "ok", false, 0},
		{"endless body", endlessly(okHead+"\r\n", strings.Repeat("x", 4096)), "200  succeeded", "#16384", true, 0},
		{"endless body of a failure", endlessly("HTTP/1.1 500 x\r\n\r\n", "xxxxxxxx"), "500 status retry", "#16384", true, 0},
		{"endless chunks", endlessly(okHead+"Transfer-Encoding: chunked\r\n\r\n", "4\r\nxxxx\r\n"), "200  succeeded", "#16384", true, 0},
		{"endless chunk header", endlessly(okHead+"Transfer-Encoding: chunked\r\n\r\n", "0"), "200 protocol succeeded", "", true, 0},
		{"a byte a second", drip(okHead + "\r\n"), "200 timeout succeeded", "#30", true, 30 * time.Second},
		{"a byte a second of a failure", drip("HTTP/1.1 500 x\r\n\r\n"), "500 status retry", "#30", true, 30 * time.Second},
		{"headers a byte a second", drip("HTTP/1.1 200 OK\r\nX-Slow: "), "0 timeout retry", "", false, 30 * time.Second},
		{"headers, then silence", thenHang(okHead + "Content-Length: 9\r\n\r\n"), "200 timeout succeeded", "", true, 30 * time.Second},
		{"half a header, then silence", thenHang(okHead + "Conte"), "0 timeout retry", "", false, 30 * time.Second},
		{"silence", thenHang(""), "0 timeout retry", "", false, 30 * time.Second},
		{"hang up", say(""), "0 read retry", "", false, 0},
		{"hang up in the status line", say("HTTP/1.1 20"), "0 read retry", "", false, 0},
		{"hang up in the headers", say(okHead + "Content-Le"), "0 read retry", "", false, 0},
		{"hang up in the body", say(okHead + "Content-Length: 9\r\n\r\nabc"), "200 read succeeded", "abc", true, 0},
		{"hang up in a chunk", say(okHead + "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"), "200 read succeeded", "abc", true, 0},
		{"hang up in the body of a failure", say("HTTP/1.1 502 x\r\nContent-Length: 9\r\n\r\nabc"), "502 status retry", "abc", true, 0},
		{"more than the length", say(okHead + "Content-Length: 2\r\n\r\nok, and more"), "200  succeeded", "ok", false, 0},
		{"two lengths", say(okHead + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), "0 protocol retry", "", false, 0},
		{"negative length", say(okHead + "Content-Length: -2\r\n\r\nok"), "0 protocol retry", "", false, 0},
		{"immense length", say(okHead + "Content-Length: 99999999999999999999\r\n\r\nok"), "0 protocol retry", "", false, 0},
		{"great length, short body", say(okHead + "Content-Length: 9223372036854775807\r\n\r\nok"), "200 read succeeded", "ok", true, 0},
		{"bad chunk", say(okHead + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "200 protocol succeeded", "", true, 0},
		{"odd transfer coding", say(okHead + "Transfer-Encoding: rot13\r\n\r\nbx"), "0 protocol retry", "", false, 0},
		{"10 MB of headers", say(okHead + strings.Repeat("X-Pad: "+strings.Repeat("x", 1000)+"\r\n", 10_000) + "\r\n"), "0 protocol retry", "", false, 0},
		{"one header of 10 MB", say(okHead + "X-Pad: " + strings.Repeat("x", 10<<20) + "\r\n\r\n"), "0 protocol retry", "", false, 0},
		{"endless status line", endlessly("HTTP/1.1 200 ", "xxxxxxxx"), "0 protocol retry", "", false, 0},
		{"a thousand interim answers", say(strings.Repeat("HTTP/1.1 103 Early\r\n\r\n", 1000) + okHead + "\r\n"), "200  succeeded", "", false, 0},
		{"endless interim answers", endlessly("", "HTTP/1.1 103 Early Hints\r\n\r\n"), "0 protocol retry", "", false, 0},
		{"endless continues", endlessly("", "HTTP/1.1 100 Continue\r\n\r\n"), "0 protocol retry", "", false, 0},
		{"another protocol", thenHang("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), "101 status retry", "", false, 0},
		{"SSH", say("SSH-2.0-OpenSSH_9.9\r\n"), "0 protocol retry", "", false, 0},
		{"a page without headers", say("<html>hello</html>\n"), "0 protocol retry", "", false, 0},
		{"a TLS alert", say("\x15\x03\x01\x00\x02\x02\x46"), "0 protocol retry", "", false, 0},
		{"noise", say(strings.Repeat("\x00\xff\x13", 100) + "\n"), "0 protocol retry", "", false, 0},
		{"status of two digits", say("HTTP/1.1 20 OK\r\n\r\n"), "0 protocol retry", "", false, 0},
		{"status without a name", say("HTTP/1.1 599 \r\n\r\n"), "599 status retry", "", false, 0},
		{"status beyond the classes", say("HTTP/1.1 999 x\r\n\r\n"), "999 status retry", "", false, 0},
		{"header without a colon", say(okHead + "nonsense\r\n\r\n"), "0 protocol retry", "", false, 0},
		{"redirect", say("HTTP/1.1 302 x\r\nLocation: http://169.254.169.254/\r\n\r\n"), "302 status retry", "", false, 0},
		{"redirect that repeats the call", say("HTTP/1.1 307 x\r\nLocation: /elsewhere\r\n\r\n"), "307 status retry", "", false, 0},
		{"redirect to itself", say("HTTP/1.1 308 x\r\nLocation: /hook\r\n\r\n"), "308 status retry", "", false, 0},
		{"redirect to nowhere", say("HTTP/1.1 301 x\r\nLocation: http://[::bad\r\n\r\n"), "301 status retry", "", false, 0},
		{"redirect without a place", say("HTTP/1.1 302 x\r\n\r\n"), "302 status retry", "", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pipeNet{}
			p.serve = p.answer(c.write)
			onPipes(t, p, func(t *testing.T, s *Sender) {
				res := s.Send(t.Context(), post())
				if got := outcome(res); got != c.want {
					t.Errorf("got %q, want %q (%v)", got, c.want, res.Err)
				}
				body := string(res.Body)
				if strings.HasPrefix(c.body, "#") {
					body = fmt.Sprintf("#%d", len(body))
				}
				if body != c.body || res.Truncated != c.cut {
					t.Errorf("body %.40q, cut %v; want %.40q, %v", body, res.Truncated, c.body, c.cut)
				}
				if res.Duration != c.took {
					t.Errorf("it took %v, want %v", res.Duration, c.took)
				}
				if n := p.requests.Load(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				checkMessage(t, res)
			})
		})
	}
}

// drip writes the head at once and then a byte each second, the first after half of one.
func drip(head string) func(io.Writer) bool {
	return func(w io.Writer) bool {
		_, err := io.WriteString(w, head)
		for time.Sleep(time.Second / 2); err == nil; time.Sleep(time.Second) {
			_, err = io.WriteString(w, "x")
		}
		return false
	}
}

// outcome is status, kind and verdict of a result.
func outcome(r Result) string {
	kind := Kind("")
	if r.Err != nil {
		kind = r.Err.Kind
	}
	return fmt.Sprintf("%d %s %v", r.StatusCode, kind, r.Verdict(nil))
}

// checkMessage holds a message to what is promised: short, and naming neither
// a resolved address nor anything of the URL but its host.
func checkMessage(t *testing.T, r Result) {
	t.Helper()
	if r.Err == nil {
		return
	}
	message := r.Err.Message
	if message == "" || len(message) > 120 {
		t.Errorf("%q is no short message", message)
	}
	for _, leak := range []string{"s3cret", "/hook", "http:", "https:", "10.9.8.7", "net/http"} {
		if strings.Contains(message, leak) {
			t.Errorf("the message %q gives away %q", message, leak)
		}
	}
	if r.Err.Kind != KindStatus && !strings.Contains(message, "api.example.com") {
		t.Errorf("the message %q does not name the host", message)
	}
}

// TestAnswerOverTheHeaderLimit says what it was, since the target must change something.
func TestAnswerOverTheHeaderLimit(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(func(w io.Writer) bool {
		io.WriteString(w, okHead+"X-Pad: "+strings.Repeat("x", 65<<10)+"\r\n\r\n")
		return false
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		res := s.Send(t.Context(), post())
		if want := "api.example.com sent headers of more than 64 KiB"; res.Err == nil || res.Err.Message != want {
			t.Errorf("got %v, want %q", res.Err, want)
		}
	})
}

// TestEndlessAnswersStayCheap sends what never ends and looks at what was allocated.
func TestEndlessAnswersStayCheap(t *testing.T) {
	for name, text := range map[string][2]string{
		"body":    {okHead + "\r\n", strings.Repeat("x", 64<<10)},
		"headers": {okHead, "X-Pad: " + strings.Repeat("x", 64<<10) + "\r\n"},
		"interim": {"", strings.Repeat("HTTP/1.1 103 Early\r\n\r\n", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pipeNet{}
			first, more := []byte(text[0]), []byte(text[1])
			var sent atomic.Int64
			p.serve = p.answer(func(w io.Writer) bool {
				n, err := w.Write(first)
				for ; err == nil; n, err = w.Write(more) {
					sent.Add(int64(n))
				}
				sent.Add(int64(n))
				return false
			})
			onPipes(t, p, func(t *testing.T, s *Sender) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				s.Send(t.Context(), post())
				runtime.ReadMemStats(&after)
				if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
					t.Errorf("%d bytes were allocated for one call", used)
				}
				p.wg.Wait()
				if n := sent.Load(); n > 128<<10 {
					t.Errorf("%d bytes were taken from the server", n)
				}
			})
		})
	}
}

// TestGzipBomb: nothing is unpacked behind the user's back, and nothing asks for it.
func TestGzipBomb(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.CopyN(z, zeros{}, 10<<20)
	z.Close()
	p := &pipeNet{}
	p.serve = p.answer(func(w io.Writer) bool {
		fmt.Fprintf(w, okHead+"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", packed.Len(), packed.Bytes())
		return true
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		res := s.Send(t.Context(), post())
		if !bytes.Equal(res.Body, packed.Bytes()[:min(packed.Len(), DefaultCapture)]) {
			t.Error("the body is not the bytes that came")
		}
		if res.ResponseHeader.Get("Content-Encoding") != "gzip" || res.RequestHeader.Get("Accept-Encoding") != "" {
			t.Errorf("headers %v, %v", res.RequestHeader, res.ResponseHeader)
		}
	})
}

// zeros is an endless stream of them.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestDrain: a body of a little more than what is kept leaves its connection
// usable, a longer one does not, and neither is read beyond the limit.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		size  int
		dials int32
	}{{DefaultCapture, 1}, {DefaultCapture + drainLimit/2, 1}, {DefaultCapture + 4*drainLimit, 2}} {
		p := &pipeNet{}
		p.serve = p.answer(func(w io.Writer) bool {
			_, err := fmt.Fprintf(w, okHead+"Content-Length: %d\r\n\r\n%s", c.size, make([]byte, c.size))
			return err == nil
		})
		onPipes(t, p, func(t *testing.T, s *Sender) {
			for range 2 {
				res := s.Send(t.Context(), post())
				if want := c.size > DefaultCapture; len(res.Body) != DefaultCapture || res.Truncated != want {
					t.Errorf("%d: kept %d, cut %v", c.size, len(res.Body), res.Truncated)
				}
				synctest.Wait()
			}
			if n := p.dials.Load(); n != c.dials {
				t.Errorf("%d bytes: %d connections for two calls, want %d", c.size, n, c.dials)
			}
		})
	}
}

// TestCaptureOfARequest: each call may say how much of its answer is kept.
func TestCaptureOfARequest(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(func(w io.Writer) bool {
		_, err := io.WriteString(w, okHead+"Content-Length: 10\r\n\r\n0123456789")
		return err == nil
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		for capture, want := range map[int]string{0: "0123456789", 4: "0123", 10: "0123456789", -1: ""} {
			r := post()
			r.Capture = capture
			res := s.Send(t.Context(), r)
			if string(res.Body) != want || res.Truncated != (len(want) < 10) {
				t.Errorf("capture %d: kept %q, cut %v", capture, res.Body, res.Truncated)
			}
			synctest.Wait()
		}
		if n := p.dials.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

// TestReset uses real sockets, since a pipe cannot be reset.
func TestReset(t *testing.T) {
	for _, c := range []struct {
		name, before, want string
		read               bool
	}{
		{"on accept", "", "0 read retry", false},
		{"after the request", "", "0 read retry", true},
		{"in the status line", "HTTP/1.1 2", "0 read retry", true},
		{"in the headers", okHead + "X-A: b\r\nX-", "0 read retry", true},
		{"in the body", okHead + "Content-Length: 9\r\n\r\nabc", "200 read succeeded", true},
		{"after the answer", okHead + "Content-Length: 3\r\n\r\nabc", "200  succeeded", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int32
			addr := listenRaw(t, func(conn *net.TCPConn) {
				if c.read {
					req, err := http.ReadRequest(bufio.NewReader(conn))
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					requests.Add(1)
				}
				io.WriteString(conn, c.before)
				conn.SetLinger(0)
			})
			s := NewSender(Config{Guard: AllowAll()})
			defer s.Close()
			r := post()
			r.URL = "http://" + addr + "/hook?key=s3cret"
			res := s.Send(t.Context(), r)
			if got := outcome(res); got != c.want {
				t.Errorf("got %q, want %q (%v)", got, c.want, res.Err)
			}
			if n := requests.Load(); c.read && n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// listenRaw serves TCP connections on loopback; each is closed when serve
// returns, and all when the test ends.
func listenRaw(t testing.TB, serve func(*net.TCPConn)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ended, end := context.WithCancel(context.Background())
	t.Cleanup(func() { ln.Close(); end(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ended, func() { c.Close() })()
				serve(c.(*net.TCPConn))
			})
		}
	})
	return ln.Addr().String()
}

// TestRandomAnswers feeds noise that begins like an answer: whatever comes of
// it, Send returns in time with a verdict and within its limits.
func TestRandomAnswers(t *testing.T) {
	words := []string{okHead, "HTTP/1.1 ", "200", " OK", "\r\n", "\n", ":", "Content-Length", "Transfer-Encoding", "chunked", "5",
		"-1", "X-A: b", "\x00", "\xff", "0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "Retry-After: 5", "Connection: close", "abcdef"}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var text strings.Builder
		for range rnd.IntN(30) {
			text.WriteString(words[rnd.IntN(len(words))])
		}
		p := &pipeNet{}
		p.serve = p.answer(func(w io.Writer) bool {
			io.WriteString(w, text.String())
			hold(w.(net.Conn))
			return false
		})
		onPipes(t, p, func(t *testing.T, s *Sender) {
			res := s.Send(t.Context(), post())
			if res.Duration > 30*time.Second || len(res.Body) > DefaultCapture || res.Aborted {
				t.Errorf("%q: took %v, kept %d bytes, aborted %v", text.String(), res.Duration, len(res.Body), res.Aborted)
			}
			if res.StatusCode == 0 && res.Err == nil {
				t.Errorf("%q: neither an answer nor an error", text.String())
			}
			checkMessage(t, res)
		})
	}
}
