package webhooks

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A key pair and a signature that Svix publishes for the v1a scheme of Standard Webhooks.
const (
	knownPrivate   = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	knownPublic    = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	knownBody      = `{"test": 2432232314}`
	knownSignature = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

func TestSignWithAPrivateKey(t *testing.T) {
	const id, seconds = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
	at := time.Unix(seconds, 0)
	got, err := Sign(knownPrivate, id, at, []byte(knownBody))
	if err != nil || got != knownSignature {
		t.Fatalf("got %q, %v", got, err)
	}
	call := func(change ...string) http.Header {
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", strconv.Itoa(seconds))
		h.Set("webhook-signature", got)
		for i := 0; i < len(change); i += 2 {
			h.Set(change[i], change[i+1])
		}
		return h
	}
	other := knownSignature[:10] + "AAAA" + knownSignature[14:]
	for _, c := range []struct {
		name, public, body string
		header             http.Header
		late               time.Duration
		want               error
	}{
		{"as sent", knownPublic, knownBody, call(), 0, nil},
		{"just in time", knownPublic, knownBody, call(), 5 * time.Minute, nil},
		{"just in time before", knownPublic, knownBody, call(), -5 * time.Minute, nil},
		{"too late", knownPublic, knownBody, call(), 301 * time.Second, ErrTimestamp},
		{"too early", knownPublic, knownBody, call(), -301 * time.Second, ErrTimestamp},
		{"one of several", knownPublic, knownBody, call("webhook-signature", "v1,abc= "+other+" "+got), 0, nil},
		{"another body", knownPublic, knownBody + " ", call(), 0, ErrSignature},
		{"another id", knownPublic, knownBody, call("webhook-id", "msg_x"), 0, ErrSignature},
		{"another time", knownPublic, knownBody, call("webhook-timestamp", strconv.Itoa(seconds+1)), 0, ErrSignature},
		{"the same time, written otherwise", knownPublic, knownBody, call("webhook-timestamp", "+"+strconv.Itoa(seconds)), 0, ErrSignature},
		{"another signature", knownPublic, knownBody, call("webhook-signature", other), 0, ErrSignature},
		{"as v1", knownPublic, knownBody, call("webhook-signature", strings.Replace(got, "v1a", "v1", 1)), 0, ErrSignature},
		{"unsigned", knownPublic, knownBody, call("webhook-signature", ""), 0, ErrUnsigned},
		{"no id", knownPublic, knownBody, call("webhook-id", ""), 0, ErrUnsigned},
		{"an id that moves the dots", knownPublic, knownBody, call("webhook-id", "a.b"), 0, ErrUnsigned},
		{"no time", knownPublic, knownBody, call("webhook-timestamp", "now"), 0, ErrUnsigned},
		{"a time that overflows", knownPublic, knownBody, call("webhook-timestamp", "-9223372036854775808"), 0, ErrTimestamp},
		{"a short key", "whpk_AAAA", knownBody, call(), 0, ErrSecret},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := verifyPublic(c.public, c.header, []byte(c.body), at.Add(c.late)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A target that knows a secret and one that knows a public key both verify a call that is signed for both.
func TestSignForBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret := newSecret(t)
		r := post()
		r.Secrets = []string{secret, knownPrivate}
		h, err := r.header(time.Now(), "agent")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{secret, knownPublic} {
			if err := Verify(key, h, r.Body); err != nil {
				t.Errorf("%.6s: %v in %q", key, err, h.Get("webhook-signature"))
			}
		}
		if err := Verify(newSecret(t), h, r.Body); !errors.Is(err, ErrSignature) {
			t.Errorf("a stranger's secret: %v", err)
		}
	})
}

func TestBadPrivateKeys(t *testing.T) {
	swapped := strings.Replace(knownPrivate, "6Xb/", "7Xb/", 1) // the public half is no longer that of the seed
	for _, key := range []string{swapped, "whsk_", "whsk_AAAA", knownPrivate + "\n", knownPrivate[:len(knownPrivate)-2]} {
		if _, err := Sign(key, "job_1", time.Unix(1, 0), nil); !errors.Is(err, ErrSecret) {
			t.Errorf("%q: %v", key, err)
		} else if strings.Contains(err.Error(), "dCcHpPea") {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}

func BenchmarkSignPublic(b *testing.B) {
	now := time.Now()
	for _, size := range []int{100, 10_000} {
		body := make([]byte, size)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Sign(knownPrivate, "job_01jd000000000000000000000", now, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
