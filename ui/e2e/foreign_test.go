package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// foreign is the page of another site. It tries everything that a page may try against the server at %[1]q, with the
// cookies of whoever looks at it, and writes down what it could read.
const foreign = `<!doctype html><title>foreign</title><body><script type="module">
const at = %[1]q, read = [];
const note = (what) => (value) => read.push(what + ": " + String(value).slice(0, 80));
const paths = ["/v1/targets", "/v1/jobs", "/v1/audit", "/", "/targets/billing", "/metrics", "/openapi.json"];
for (const path of paths) {
	for (const mode of ["cors", "no-cors"]) {
		await fetch(at + path, {mode, credentials: "include"}).then((r) => r.text()).then((t) => t && note(mode + " " + path)(t), () => {});
	}
}
for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"]) {
	await fetch(at + "/v1/targets/billing/pause", {method: "POST", mode: "no-cors", credentials: "include",
		headers: {"Content-Type": type}, body: "{}"}).catch(() => {});
	await fetch(at + "/v1/jobs", {method: "POST", mode: type === "application/json" ? "cors" : "no-cors", credentials: "include",
		headers: {"Content-Type": type}, body: JSON.stringify({target: "billing"})}).catch(() => {});
}
await fetch(at + "/v1/targets/billing", {method: "DELETE", credentials: "include"}).catch(() => {});
await Promise.all(["/assets/icon.svg", "/v1/targets"].map((path) => new Promise((done) => {
	const img = new Image();
	img.onload = () => (note("image " + path)("loaded"), done());
	img.onerror = done;
	img.src = at + path;
})));
await new Promise((done) => {
	const events = new EventSource(at + "/v1/events", {withCredentials: true});
	events.onopen = () => (note("events")("open"), done());
	events.onmessage = note("event");
	events.onerror = () => (events.close(), done());
});
const frame = document.createElement("iframe");
frame.src = at + "/targets/billing";
await new Promise((done) => { frame.onload = done; document.body.append(frame); });
try { note("frame")(frame.contentDocument.body.innerText || ""); } catch {}
for (const path of ["/targets/billing/pause", "/targets/billing/delete", "/v1/targets/billing/pause", "/logout"]) {
	const name = "sink" + Math.random(), sink = document.createElement("iframe");
	sink.name = name;
	const form = Object.assign(document.createElement("form"), {method: "post", action: at + path, target: name});
	document.body.append(sink, form);
	await new Promise((done) => { sink.onload = done; form.submit(); setTimeout(done, 3000); });
}
document.title = "done";
window.got = read.filter((line) => !/^(frame): $/.test(line));
</script>`

// foreigners are the origins of the foreign page: another port of the same host, to whom a browser sends SameSite
// cookies, and another host.
var foreigners = []string{"127.0.0.1", "localhost"}

// TestForeignPage lets pages of other origins do their worst, to dev and to serve with somebody signed in.
func TestForeignPage(t *testing.T) {
	h := start(t)
	kept, key := h.serve(t)
	for _, c := range []struct {
		name, key string
		at        *house
	}{{"dev", "", h}, {"serve", key, kept}} {
		t.Run(c.name, func(t *testing.T) {
			b := browse(t, c.at)
			request(t, c.key, "POST", c.at.url+"/v1/targets", `{"name":"billing","url":"`+h.receiver.URL+`"}`)
			if c.key != "" {
				b.visit("/login")
				b.fill("f-key", c.key)
				b.press("Sign in")
				b.see("Sign out")
			}
			before := c.at.state(t, c.key)
			page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprintf(w, foreign, c.at.url)
			}))
			defer page.Close()
			for _, host := range foreigners {
				must(b, chromedp.Navigate(strings.Replace(page.URL, "127.0.0.1", host, 1)))
				b.holds(`document.title === "done"`)
				if got := ask[string](b, `window.got.join("; ")`); got != "" {
					t.Errorf("a page of %s has read: %s", host, got)
				}
			}
			if after := c.at.state(t, c.key); after != before {
				t.Errorf("it has changed from\n%s\nto\n%s", before, after)
			}
			b.visit("/")
			b.see("Overview") // still signed in
			// A name of another site that leads here is no way in either: dev does not answer to it, and serve's cookie is
			// not sent along.
			must(b, chromedp.Navigate(strings.Replace(c.at.url, "127.0.0.1", rebound, 1)+"/v1/targets"))
			if text := ask[string](b, `document.body.innerText`); strings.Contains(text, "billing") ||
				!strings.Contains(text, `"status":421`) && !strings.Contains(text, `"status":401`) {
				t.Errorf("by another name it says %s", text)
			}
			b.forgive("") // all of this is what the test has brought about
		})
	}
}

// serve runs punctual serve, the same binary with keys, and gives the key that it was started with.
func (h *house) serve(t *testing.T) (kept *house, key string) {
	t.Helper()
	key = "correct-horse-battery-staple"
	ctx, stop := context.WithCancel(context.Background())
	run := exec.CommandContext(ctx, h.binary, "serve", "--addr", "127.0.0.1:0", "--allow-targets", "127.0.0.0/8",
		"--database", "sqlite:"+filepath.Join(t.TempDir(), "kept.db"), "--admin-key", key, "--log-format", "json")
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 20 * time.Second
	out, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := run.Wait(); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			go func() {
				for lines.Scan() { // or it would wait for a reader
				}
			}()
			return &house{url: line.URL}, key
		}
	}
	t.Fatal("punctual serve did not say where it listens")
	return nil, ""
}

// request makes a request from outside the browser, and gives the body.
func request(t *testing.T, key, method, address, body string) string {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode > 299 {
		t.Fatalf("%s %s: %s %s %v", method, address, answer.Status, text, err)
	}
	return string(text)
}

// state is what a foreign page may not have changed.
func (h *house) state(t *testing.T, key string) string {
	t.Helper()
	return request(t, key, "GET", h.url+"/v1/targets", "") + request(t, key, "GET", h.url+"/v1/jobs", "")
}
