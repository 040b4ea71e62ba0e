package webhooks

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	svix "github.com/svix/svix-webhooks/go"
)

// vectorFile is the shape of testdata/standard-webhooks.json.
type vectorFile struct {
	Rotation struct {
		Current   string `json:"current_secret"`
		Previous  string `json:"previous_secret"`
		ID        string `json:"webhook_id"`
		Timestamp int64  `json:"webhook_timestamp"`
		Payload   string `json:"payload"`
		Signature string `json:"webhook_signature"`
	} `json:"rotation"`
	Vectors []struct {
		Name, Scheme, Secret string
		ID                   string `json:"webhook_id"`
		Timestamp            int64  `json:"webhook_timestamp"`
		Payload              []byte `json:"payload_base64"`
		Signature            string `json:"webhook_signature"`
	} `json:"vectors"`
	Cases []struct {
		Name, Secret, Payload, Expect string
		ID                            string `json:"webhook_id"`
		Timestamp                     string `json:"webhook_timestamp"`
		Signature                     string `json:"webhook_signature"`
	} `json:"verification_cases"`
}

// readVectors loads the vectors of the public libraries.
func readVectors(t *testing.T) (v vectorFile) {
	t.Helper()
	raw, err := os.ReadFile("testdata/standard-webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// signedHeader is what a receiver gets.
func signedHeader(id, timestamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", signature)
	return h
}

// at runs f in a bubble whose clock shows the given Unix time.
func at(t *testing.T, unix int64, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(unix, 0)))
		f(t)
	})
}

func TestSignVectors(t *testing.T) {
	signed := 0
	for _, v := range readVectors(t).Vectors {
		if v.Scheme != "v1" {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			got, err := Sign(v.Secret, v.ID, time.Unix(v.Timestamp, 0), v.Payload)
			if strings.Contains(v.Name, "18-byte key") {
				if !errors.Is(err, ErrSecret) {
					t.Fatalf("a key below 24 bytes: got %v, want ErrSecret", err)
				}
				return
			}
			if err != nil || got != v.Signature {
				t.Fatalf("Sign = %q, %v; want %q", got, err, v.Signature)
			}
			signed++
		})
	}
	if signed < 9 {
		t.Errorf("only %d vectors were signed", signed)
	}
}

func TestVerifyCases(t *testing.T) {
	cases := readVectors(t).Cases
	if len(cases) < 10 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			// The clock shows the time in the header, so that only the signature decides.
			unix, _ := strconv.ParseInt(c.Timestamp, 10, 64)
			if unix < 946684800 {
				unix = 946684800 // where the bubble's clock starts
			}
			at(t, unix, func(t *testing.T) {
				err := Verify(c.Secret, signedHeader(c.ID, c.Timestamp, c.Signature), []byte(c.Payload))
				if accepted := err == nil; accepted != (c.Expect == "accept") {
					t.Errorf("got %v, want %s", err, c.Expect)
				}
			})
		})
	}
}

func TestVerifyRotation(t *testing.T) {
	r := readVectors(t).Rotation
	at(t, r.Timestamp, func(t *testing.T) {
		h := signedHeader(r.ID, strconv.FormatInt(r.Timestamp, 10), r.Signature)
		for _, secret := range []string{r.Current, r.Previous} {
			if err := Verify(secret, h, []byte(r.Payload)); err != nil {
				t.Errorf("one of two live secrets: %v", err)
			}
		}
		if err := Verify(newSecret(t), h, []byte(r.Payload)); !errors.Is(err, ErrSignature) {
			t.Errorf("another secret: got %v, want ErrSignature", err)
		}
	})
}

func TestVerifyReasons(t *testing.T) {
	const start = 946684800
	secret := newSecret(t)
	body := []byte(`{"a":1}`)
	signature, err := Sign(secret, "job_1", time.Unix(start, 0), body)
	if err != nil {
		t.Fatal(err)
	}
	good := signedHeader("job_1", strconv.Itoa(start), signature)
	dotted := signedHeader("job.1", strconv.Itoa(start), signature)
	for _, c := range []struct {
		name   string
		clock  int64
		secret string
		header http.Header
		body   string
		want   error
	}{
		{"good", start, secret, good, `{"a":1}`, nil},
		{"at the edge", start + 300, secret, good, `{"a":1}`, nil},
		{"too old", start + 301, secret, good, `{"a":1}`, ErrTimestamp},
		{"too new", start, secret, signedHeader("job_1", strconv.Itoa(start+301), signature), `{"a":1}`, ErrTimestamp},
		{"other body", start, secret, good, `{"a":2}`, ErrSignature},
		{"dot in the id", start, secret, dotted, `{"a":1}`, ErrUnsigned},
		{"nothing", start, secret, http.Header{}, `{"a":1}`, ErrUnsigned},
		{"bad secret", start, "whsec_", good, `{"a":1}`, ErrSecret},
	} {
		t.Run(c.name, func(t *testing.T) {
			at(t, c.clock, func(t *testing.T) {
				if err := Verify(c.secret, c.header, []byte(c.body)); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

// TestSignIsVerifiedElsewhere lets two independent libraries check our
// signatures, and compares them with what those would have signed.
func TestSignIsVerifiedElsewhere(t *testing.T) {
	for _, body := range []string{"", "{}", "a.b.c", "\x00\xff\n", strings.Repeat("x", 1<<20)} {
		secret := newSecret(t)
		now := time.Now()
		signature, err := Sign(secret, "job_01", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := signedHeader("job_01", strconv.FormatInt(now.Unix(), 10), "v1,AAAA "+signature)
		standard, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := standard.Verify([]byte(body), h); err != nil {
			t.Errorf("standard-webhooks: %v", err)
		}
		theirs, err := svix.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := theirs.Verify([]byte(body), h); err != nil {
			t.Errorf("svix: %v", err)
		}
		if want, _ := theirs.Sign("job_01", now, []byte(body)); want != signature {
			t.Errorf("svix signs %q, we %q", want, signature)
		}
	}
}

func TestSignRefusesIDs(t *testing.T) {
	for _, id := range []string{"", "job.1"} {
		if got, err := Sign(newSecret(t), id, time.Unix(1, 0), nil); err == nil {
			t.Errorf("id %q was signed: %s", id, got)
		}
	}
}

func TestCheckSecret(t *testing.T) {
	encoded := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, c := range []struct {
		name, secret string
		ok           bool
	}{
		{"24 bytes", "whsec_" + encoded(24), true},
		{"64 bytes", "whsec_" + encoded(64), true},
		{"23 bytes", "whsec_" + encoded(23), false},
		{"65 bytes", "whsec_" + encoded(65), false},
		{"no prefix", encoded(32), false},
		{"other prefix", "whsk_" + encoded(32), false},
		{"no padding", "whsec_" + strings.TrimRight(encoded(32), "="), false},
		{"url alphabet", "whsec_" + strings.Repeat("-_", 16), false},
		{"line break", "whsec_" + encoded(24) + "\n", false},
		{"empty", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := CheckSecret(c.secret)
			if (err == nil) != c.ok {
				t.Fatalf("got %v, want ok = %v", err, c.ok)
			}
			if err == nil {
				return
			}
			if !errors.Is(err, ErrSecret) {
				t.Errorf("%v is no ErrSecret", err)
			}
			if rest := strings.TrimPrefix(c.secret, "whsec_"); len(rest) > 8 && strings.Contains(err.Error(), rest) {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

func TestNewSecret(t *testing.T) {
	a, b := newSecret(t), newSecret(t)
	if a == b {
		t.Error("two secrets are equal")
	}
	if key, err := decodeSecret(a); err != nil || len(key) != 32 {
		t.Errorf("got %d bytes, %v; want 32", len(key), err)
	}
}

func TestKeyringIsBounded(t *testing.T) {
	k := keyring{keys: map[string][]byte{}}
	for i := range maxKeys + 100 {
		key := append(make([]byte, 24), strconv.Itoa(i)...)
		if _, err := k.get("whsec_" + base64.StdEncoding.EncodeToString(key)); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.keys) != maxKeys {
		t.Errorf("%d keys are kept, want %d", len(k.keys), maxKeys)
	}
}

// newSecret makes a secret or ends the test.
func newSecret(t testing.TB) string {
	t.Helper()
	secret, err := NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func BenchmarkSign(b *testing.B) {
	secret := newSecret(b)
	now := time.Now()
	for _, size := range []int{100, 10_000, 1_000_000} {
		body := make([]byte, size)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := Sign(secret, "job_01jd000000000000000000000", now, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
