package webhooks

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestTiming uses a dial that takes a second and a target that takes two.
func TestTiming(t *testing.T) {
	p := &pipeNet{}
	p.serve = p.answer(func(w io.Writer) bool {
		time.Sleep(2 * time.Second)
		io.WriteString(w, okHead+"Content-Length: 1\r\n\r\n")
		time.Sleep(3 * time.Second)
		_, err := io.WriteString(w, "x")
		return err == nil
	})
	onPipes(t, p, func(t *testing.T, s *Sender) {
		plain := s.dial
		s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(time.Second)
			return plain(ctx, network, addr)
		}
		for i, first := range []time.Duration{3 * time.Second, 2 * time.Second} {
			started := time.Now()
			res := s.Send(t.Context(), post())
			if res.Timing.FirstByte != first || res.Duration != first+3*time.Second || !res.Started.Equal(started) {
				t.Errorf("call %d: %+v, %v", i, res.Timing, res.Duration)
			}
			synctest.Wait()
		}
	})
}

// TestTimingOfARealDial only looks at which parts were measured.
func TestTimingOfARealDial(t *testing.T) {
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer target.Close()
	s := open(t, Config{RootCAs: trust(target)})
	first, second := s.Send(t.Context(), call(target.URL)), s.Send(t.Context(), call(target.URL))
	if tm := first.Timing; tm.Connect <= 0 || tm.TLS <= 0 || tm.FirstByte < tm.Connect+tm.TLS || first.Duration < tm.FirstByte {
		t.Errorf("first call: %+v, %v", tm, first.Err)
	}
	if tm := second.Timing; tm.DNS != 0 || tm.Connect != 0 || tm.TLS != 0 || tm.FirstByte <= 0 {
		t.Errorf("second call, on a kept connection: %+v, %v", tm, second.Err)
	}
}
