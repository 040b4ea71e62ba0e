package webhooks

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzVerify verifies anything: it ends in one of four errors, and only what was signed for this key passes.
func FuzzVerify(f *testing.F) {
	secret := newSecret(f)
	for _, key := range []string{secret, knownPublic, knownPrivate, "whpk_", "whsec_", ""} {
		f.Add(key, "job_1", "1614265330", "v1,AAAA v1a,AAAA "+knownSignature, []byte(knownBody))
		f.Add(key, "a.b", "-1", "v1 ,", []byte{})
	}
	f.Fuzz(func(t *testing.T, key, id, stamp, signature string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		err := Verify(key, h, body)
		switch {
		case err == nil:
			t.Errorf("%q was verified", signature)
		case !errors.Is(err, ErrSecret) && !errors.Is(err, ErrUnsigned) && !errors.Is(err, ErrTimestamp) && !errors.Is(err, ErrSignature):
			t.Errorf("an error of another kind: %v", err)
		case len(key) > 12 && strings.Contains(err.Error(), key[6:]):
			t.Errorf("the error repeats the key: %v", err)
		}
		now := time.Now()
		got, err := Sign(key, id, now, body)
		if err != nil || strings.HasPrefix(key, privatePrefix) {
			return
		}
		h.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("Webhook-Signature", signature+" "+got)
		if err := Verify(key, h, body); err != nil && !strings.ContainsAny(signature, "\x00\r\n\t") {
			t.Errorf("its own signature does not verify: %v", err)
		}
	})
}

// FuzzAnswer lets a server say anything: Send returns in time and within its limits, with an answer or an error.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{"", okHead + "Content-Length: 2\r\n\r\nok", okHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 503 x\r\nRetry-After: 9999999999\r\n\r\n", "HTTP/1.1 302 x\r\nLocation: http://[::\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n", "HTTP/2.0 200\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", "\x16\x03\x01"} {
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, hang bool) {
		p := &pipeNet{}
		p.serve = p.answer(func(w io.Writer) bool {
			w.Write(text)
			if hang {
				hold(w.(net.Conn))
			}
			return false
		})
		synctest.Test(t, func(t *testing.T) {
			s := NewSender(Config{})
			s.dial = p.dial
			res := s.Send(t.Context(), post())
			if res.Duration > 30*time.Second || len(res.Body) > DefaultCapture || res.Aborted || p.requests.Load() > 1 {
				t.Errorf("%q: took %v, kept %d bytes, aborted %v, %d requests", text, res.Duration, len(res.Body), res.Aborted, p.requests.Load())
			}
			if res.StatusCode == 0 && res.Err == nil || res.RetryAfter < 0 || res.RetryAfter > maxRetryAfter {
				t.Errorf("%q: %+v", text, res)
			}
			checkMessage(t, res)
			s.Close()
			p.wg.Wait()
		})
	})
}

// FuzzGuard gives anything as an opening and as a URL: a guard never lets a metadata service through by accident, and
// what it says names the host only.
func FuzzGuard(f *testing.F) {
	for _, pair := range [][2]string{{"10.0.0.0/8", "http://10.0.0.1/"}, {"169.254.169.254", "http://169.254.169.254/"}, {"localhost", "http://LOCALHOST./"},
		{"::/0", "http://[::ffff:169.254.169.254]/"}, {"0.0.0.0/0", "http://0xa9fea9fe/"}, {"x", "http://2852039166/"}, {"fe80::/10", "http://[fe80::1%25x]/"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, allow, url string) {
		g, err := NewGuard([]string{allow})
		if err != nil {
			return
		}
		if err := g.CheckURL(url); err != nil {
			if refusal, ok := errors.AsType[*Refusal](err); ok && (refusal.What == "" || refusal.Host == "") {
				t.Errorf("%q: %+v", url, refusal)
			}
		}
		opened := strings.HasPrefix(allow, "169.254.169.254") || strings.HasPrefix(strings.TrimSpace(allow), "169.254.169.254")
		if err := dialTo(g, allow, "169.254.169.254:80"); err == nil && !opened {
			t.Errorf("%q opens the metadata service", allow)
		}
	})
}
