package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"punctual/models"
)

// guarded is a house with keys, entered by the one it was started with.
func guarded(t testing.TB, change ...func(*Config)) *house {
	return open(t, append([]func(*Config){func(c *Config) { c.Dev, c.AdminKey = false, "correct-horse" }}, change...)...)
}

func TestKeysHaveRates(t *testing.T) {
	h := guarded(t)
	slow := []string{"Authorization", "Bearer " + h.key("slow", "read", `,"rate_limit":"3/h"`)}
	for left := 2; left >= 0; left-- {
		w := h.raw("GET", "/v1/jobs", nil, slow...)
		if want := fmt.Sprintf(`"key";r=%d;t=`, left); w.Code != 200 || !strings.HasPrefix(w.Header().Get("RateLimit"), want) ||
			w.Header().Get("RateLimit-Policy") != `"key";q=3;w=3600` {
			t.Fatalf("%d %v, want %s", w.Code, w.Header(), want)
		}
	}
	p := h.do(429, "GET", "/v1/jobs", "", slow...)
	if wait := p.header.Get("Retry-After"); len(wait) != 4 { // about 1,200 s until the next one
		t.Errorf("Retry-After is %q", wait)
	}
	if w := h.raw("GET", "/v1/jobs", nil); w.Code != 200 || w.Header().Get("RateLimit") != "" {
		t.Errorf("a key without a rate: %d %v", w.Code, w.Header())
	}
}

func TestWrongKeysAreSlowed(t *testing.T) {
	h := guarded(t)
	good := h.key("good", "read")
	from := func(addr, key string) int {
		r := httptest.NewRequest("GET", "http://localhost/v1/jobs", nil)
		r.RemoteAddr = addr
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		h.server.Handler().ServeHTTP(w, r)
		if w.Code == 429 && w.Header().Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		return w.Code
	}
	const bad, other = "[2001:db8::1]:1000", "192.0.2.9:1000"
	for i := range guessBurst {
		if got := from(fmt.Sprintf("[2001:db8::%x]:1000", i+1), "wrong"); got != 401 { // one network, many addresses
			t.Fatalf("attempt %d: %d", i, got)
		}
	}
	for who, c := range map[string]struct {
		addr, key string
		want      int
	}{
		"another wrong one":                  {bad, "wrong", 429},
		"the guessable key, found in time":   {bad, "correct-horse", 429},
		"a key that nobody guesses":          {bad, good, 200},
		"the guessable key from elsewhere":   {other, "correct-horse", 200},
		"a wrong one from the next network":  {"[2001:db8:0:1::1]:1", "wrong", 401},
		"an IPv4 address written as an IPv6": {"[::ffff:192.0.2.9]:1", "correct-horse", 200},
	} {
		if got := from(c.addr, c.key); got != c.want {
			t.Errorf("%s: %d, want %d", who, got, c.want)
		}
	}
	b := h.browser()
	h.header.Del("Authorization")
	for range guessBurst {
		b.get("/login").submit("/login", "key", "wrong").want(403, "is not a valid key")
	}
	b.submit("/login", "key", "correct-horse").want(429, "too many wrong ones")
	b.submit("/login", "key", good).want(200, "Sign out")
}

// TestProblemsAreReadable asks for answers as a person reads them: what they quote stands in them as it is.
func TestProblemsAreReadable(t *testing.T) {
	w := httptest.NewRecorder()
	guarded(t).server.Handler().ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/v1/jobs", nil))
	if got := w.Body.String(); !strings.Contains(got, "Authorization: Bearer <key>") {
		t.Errorf("without a key the answer is %s", got)
	}
}

func TestGuessesStayBounded(t *testing.T) {
	var g guesses
	now := now()
	for i := range guessersKept + 100 {
		g.wrong(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), now)
	}
	if len(g.wrongs) > guessersKept {
		t.Errorf("%d addresses are kept", len(g.wrongs))
	}
	for range guessBurst {
		g.wrong("10.0.39.100", now)
	}
	if !g.blocked("10.0.39.100", now) || g.blocked("10.0.39.100", now.Add(guessEvery)) || g.blocked("10.9.9.9", now) {
		t.Error("the wrong ones are blocked, or for another time than they should be")
	}
}

func TestRequestsAtOnceAreBounded(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxRequests = 1 })
	h.target("billing")
	inside, leave := make(chan bool), make(chan bool)
	pipe, feed := io.Pipe()
	go func() {
		<-inside
		h.do(503, "GET", "/v1/jobs", "")
		h.do(200, "GET", "/healthz", "")
		h.do(200, "GET", "/readyz", "")
		_, _ = feed.Write([]byte(`{"target":"billing"}`))
		feed.Close()
		close(leave)
	}()
	r := httptest.NewRequest("POST", "http://localhost/v1/jobs", io.MultiReader(signal{inside}, pipe))
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	<-leave
	if w.Code != 201 {
		t.Errorf("the one inside: %d %s", w.Code, w.Body)
	}
	h.do(200, "GET", "/v1/jobs", "")
}

// signal is a body without bytes that tells when it is read.
type signal struct{ read chan bool }

func (s signal) Read([]byte) (int, error) {
	close(s.read)
	return 0, io.EOF
}

func TestStreamsAreBounded(t *testing.T) {
	h := guarded(t, func(c *Config) { c.MaxStreams = 8 })
	one, other := &viewer{name: "one"}, &viewer{name: "other"}
	closeFirst, err := h.server.openStream(one)
	if err != nil {
		t.Fatal(err)
	}
	_, second := h.server.openStream(one)
	if _, third := h.server.openStream(one); second != nil || third == nil || problemOf(third).Status != 429 {
		t.Errorf("more than its share: %v, %v", second, third)
	}
	for i := range 6 {
		if _, err := h.server.openStream(&viewer{name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.server.openStream(other); err == nil || problemOf(err).Status != 503 {
		t.Errorf("more than all: %v", err)
	}
	closeFirst()
	if _, err := h.server.openStream(other); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	h := open(t)
	e := h.estate("billing")
	free := int64(0)
	h.server.disk.free = func() (int64, bool) { return free, true }
	h.server.disk.looked = time.Time{}
	job := `{"target":"billing"}`
	for _, c := range [][3]string{{"POST", "/v1/jobs", job}, {"POST", "/v1/jobs/batch", `{"jobs":[` + job + `]}`},
		{"POST", "/v1/schedules/of-billing/trigger", ""}, {"POST", "/v1/targets", `{"name":"a","url":"https://a.example.com/"}`},
		{"POST", "/v1/schedules", `{"name":"s","target":"billing","every":"1h"}`},
		{"POST", "/v1/operations", `{"action":"rerun","filter":{"target":"billing"}}`}} {
		if p := h.do(503, c[0], c[1], c[2]); p.header.Get("Retry-After") != "30" || !strings.Contains(p.text("detail"), "disk") {
			t.Errorf("%s: %v %s", c[1], p.header, p.text("detail"))
		}
	}
	b := h.browser()
	b.request("POST", "/schedules/of-billing/trigger", "").want(503, "The disk is nearly full")
	// What is there goes on, and its keeper is told.
	h.do(200, "POST", "/v1/jobs/"+e.job+"/run", "")
	h.do(200, "POST", "/v1/targets/billing/resume", "")
	h.ended(e.job)
	if got := h.do(200, "GET", "/readyz", "").raw("warnings"); !strings.Contains(got, "512 MiB") {
		t.Errorf("/readyz warns of %s", got)
	}
	free = minFreeDisk
	h.server.disk.looked = time.Time{}
	h.do(201, "POST", "/v1/jobs", job)
}

func TestOpenMetrics(t *testing.T) {
	for _, opened := range []bool{false, true} {
		h := guarded(t, func(c *Config) { c.OpenMetrics = opened })
		for path, want := range map[string]bool{"/metrics": opened, "/openapi.json": opened, "/docs": opened, "/v1/jobs": false, "/": false} {
			if w := h.raw("GET", path, nil, "Authorization", ""); (w.Code == 200) != want {
				t.Errorf("open %v: %s is %d", opened, path, w.Code)
			}
		}
	}
}

// TestProxiesAreBelievedOnlyIfTrusted looks at what the audit takes for the address of whoever asks.
func TestProxiesAreBelievedOnlyIfTrusted(t *testing.T) {
	for _, c := range []struct {
		trusted []string
		want    string
	}{{nil, "192.0.2.1"}, {[]string{"10.0.0.0/8"}, "192.0.2.1"}, {[]string{"192.0.2.0/24"}, "203.0.113.7"}} {
		h := open(t, func(cfg *Config) { cfg.TrustedProxies = c.trusted })
		h.do(201, "POST", "/v1/targets", `{"name":"a","url":"https://a.example.com/"}`, "X-Forwarded-For", "203.0.113.7")
		if got := h.do(200, "GET", "/v1/audit", "").items()[0].text("remote"); got != c.want {
			t.Errorf("trusting %v: %s, want %s", c.trusted, got, c.want)
		}
	}
	if _, err := New(Config{TrustedProxies: []string{"nonsense"}}, open(t).store, nil); err == nil {
		t.Error("nonsense is trusted")
	}
}

func TestSessionCookie(t *testing.T) {
	for _, c := range []struct {
		behind, secure bool
		proto          string
	}{{false, false, "https"}, {true, true, "https"}, {true, false, "http"}} {
		h := guarded(t, func(cfg *Config) { cfg.BehindProxy = c.behind })
		key := h.key("me", "write")
		w := h.raw("POST", "/login", []byte("key="+key), "Content-Type", "application/x-www-form-urlencoded",
			"Authorization", "", "X-Forwarded-Proto", c.proto)
		cookies := w.Result().Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%d %v", w.Code, cookies)
		}
		got := cookies[0]
		if got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.MaxAge != 12*60*60 || got.Path != "/" {
			t.Errorf("%+v: %v", c, got)
		}
		// It outlives the server, and ends with its key.
		again, err := New(h.server.cfg, h.store, h.engine)
		if err != nil {
			t.Fatal(err)
		}
		h.server = again
		cookie := []string{"Authorization", "", "Cookie", sessionCookie + "=" + got.Value}
		h.do(200, "GET", "/v1/jobs", "", cookie...)
		h.do(204, "DELETE", "/v1/keys/me", "")
		h.do(401, "GET", "/v1/jobs", "", cookie...)
	}
}

// TestKeysExpireAndAreUsed looks at what the list of keys says of one.
func TestKeysExpireAndAreUsed(t *testing.T) {
	h := guarded(t)
	h.do(422, "POST", "/v1/keys", `{"name":"a","scope":"read","expires_in":"0s"}`)
	h.do(422, "POST", "/v1/keys", `{"name":"a","scope":"read","expires_in":"1h","expires_at":"2099-01-01T00:00:00Z"}`)
	h.do(422, "POST", "/v1/keys", `{"name":"a","scope":"root"}`)
	key := h.key("brief", "read", `,"expires_in":"1h"`)
	h.do(409, "POST", "/v1/keys", `{"name":"brief","scope":"read"}`)
	h.do(200, "GET", "/v1/jobs", "", "Authorization", "Bearer "+key)
	if err := h.store.Record(t.Context(), "", "", ""); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); h.do(200, "GET", "/v1/keys", "").items()[0].raw("last_used_at") == "null"; {
		if time.Since(began) > 30*time.Second {
			t.Fatal("its use was never noted")
		}
	}
	h.do(200, "GET", "/v1/keys", "").items()[0].is("state", `"active"`, "created_by", `"admin-key"`, "rate_limit", "null")
	held, err := h.server.keys.byText(t.Context(), key, now().Add(time.Hour))
	if held != nil || err != nil {
		t.Errorf("an expired key is held by %v, %v", held, err)
	}
	// One that somebody else revokes is refused once what is remembered of it is no longer fresh.
	other := h.key("other", "read")
	h.do(200, "GET", "/v1/jobs", "", "Authorization", "Bearer "+other)
	if _, err := h.store.RevokeKey(t.Context(), "other", now()); err != nil {
		t.Fatal(err)
	}
	if held, err := h.server.keys.byText(t.Context(), other, now().Add(keyFresh)); held != nil || err != nil {
		t.Errorf("a key revoked elsewhere is held by %v, %v", held, err)
	}
}

// TestBoundKeysSeeTheirOwn looks at lists and at what names another's target in its body.
func TestBoundKeysSeeTheirOwn(t *testing.T) {
	h := guarded(t)
	h.estate("mine")
	theirs := h.estate("theirs")
	as := []string{"Authorization", "Bearer " + h.key("b", "admin", `,"targets":["mine","new"]`)}
	for _, list := range []string{"targets", "jobs", "schedules", "attempts"} {
		items := h.do(200, "GET", "/v1/"+list, "", as...).items()
		if len(items) != 1 || strings.Contains(items[0].raw("target")+items[0].raw("name"), "theirs") {
			t.Errorf("%s: %d items", list, len(items))
		}
	}
	for _, c := range [][3]string{{"POST", "/v1/jobs", `{"target":"theirs"}`}, {"POST", "/v1/jobs/batch", `{"jobs":[{"target":"mine"},{"target":"theirs"}]}`},
		{"POST", "/v1/schedules", `{"name":"x","target":"theirs","every":"1h"}`}, {"PATCH", "/v1/schedules/of-mine", `{"target":"theirs"}`},
		{"PUT", "/v1/schedules/fresh", `{"target":"theirs","every":"1h"}`}, {"POST", "/v1/targets", `{"name":"more","url":"https://a.example.com/"}`}} {
		h.do(422, c[0], c[1], c[2], as...)
	}
	h.do(404, "PUT", "/v1/targets/more", `{"url":"https://a.example.com/"}`, as...)
	h.do(404, "PUT", "/v1/schedules/of-theirs", `{"target":"mine","every":"1h"}`, as...)
	h.do(201, "PUT", "/v1/targets/new", `{"url":"https://a.example.com/"}`, as...)
	h.do(201, "PUT", "/v1/schedules/fresh", `{"target":"mine","every":"1h"}`, as...)
	h.do(422, "GET", "/v1/events?target=theirs", "", as...)
	b := h.browser()
	h.header.Set("Authorization", as[1])
	for _, path := range []string{"/", "/jobs", "/targets", "/schedules", "/attempts", "/jobs/new"} {
		if b.get(path).want(200); strings.Contains(b.text(), "theirs") {
			t.Errorf("%s tells of theirs: %s", path, b.text())
		}
	}
	b.get("/jobs/" + theirs.job).want(404)
	b.get("/targets/theirs").want(404)
}

func TestAuditRoute(t *testing.T) {
	h := guarded(t)
	h.target("billing", `,"headers":{"Authorization":"Bearer very-secret"}`)
	h.do(200, "PATCH", "/v1/targets/billing", `{"timeout":"5s","headers":{"Authorization":"Bearer another","X-A":"b"}}`)
	secret := h.do(200, "GET", "/v1/targets/billing/secret", "").text("secret")
	h.browser().get("/targets/billing").submit("/targets/billing/secret").want(200, secret)
	all := h.do(200, "GET", "/v1/audit?kind=target&name=billing", "").items()
	if len(all) != 4 {
		t.Fatalf("%d lines", len(all))
	}
	for i, action := range []string{"reveal-secret", "reveal-secret", "update", "create"} {
		all[i].is("action", `"`+action+`"`, "who", `"admin-key"`, "remote", `"192.0.2.1"`)
	}
	all[2].is("before", `{"headers":{"Authorization":"***"},"timeout":"30s"}`,
		"after", `{"headers":{"Authorization":"***","X-A":"b"},"timeout":"5s"}`)
	page := h.do(200, "GET", "/v1/audit?limit=1", "")
	next := h.do(200, "GET", "/v1/audit?limit=3&cursor="+page.text("next_cursor"), "").items()
	if len(next) != 3 || next[0].text("id") == page.items()[0].text("id") {
		t.Errorf("the next page has %d lines", len(next))
	}
	h.do(422, "GET", "/v1/audit?cursor=x", "")
	rows, _, err := h.store.Audits(t.Context(), models.AuditFilter{}, models.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if text := row.Before + row.After; strings.Contains(text, "very-secret") || strings.Contains(text, "another") ||
			strings.Contains(text, "whsec_") {
			t.Errorf("a secret is in the audit: %s", text)
		}
	}
}
