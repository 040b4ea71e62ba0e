package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"punctual/dispatcher"
)

// serve runs the server on a port of this machine until stop, which wants a clean end.
func (h *house) serve() (url string, stop func()) {
	h.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.server.Run(ctx, ln) }()
	return "http://" + ln.Addr().String(), func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	}
}

// listener reads a stream of events.
type listener struct {
	t     testing.TB
	lines *bufio.Reader
	body  io.Closer
}

func (h *house) listen(url, query string, header ...string) *listener {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", url+"/v1/events?"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("%d %s", answer.StatusCode, answer.Header)
	}
	l := &listener{h.t, bufio.NewReader(answer.Body), answer.Body}
	h.t.Cleanup(func() { l.body.Close() })
	if got := l.block(); got != "retry: 2000\n" {
		h.t.Fatalf("the stream begins with %q", got)
	}
	return l
}

// block is the next lines up to an empty one; "" at the end.
func (l *listener) block() string {
	var block strings.Builder
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil || line == "\n" {
			return block.String()
		}
		block.WriteString(line)
	}
}

// event is the next event: its id, its kind and its data.
func (l *listener) event() (id, kind string, data object) {
	l.t.Helper()
	block := l.block()
	for line := range strings.Lines(block) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &data.members); err != nil {
				l.t.Fatalf("%v in %s", err, value)
			}
		}
	}
	if data.t = l.t; kind == "" {
		l.t.Fatalf("not an event: %q", block)
	}
	return id, kind, data
}

func TestEvents(t *testing.T) {
	h := open(t)
	url, stop := h.serve()
	h.target("billing")
	h.target("shipping", `,"paused":true`)
	all, shipping := h.listen(url, ""), h.listen(url, "target=shipping")

	made := h.do(201, "POST", "/v1/jobs", `{"target":"billing","payload":{"secret":1}}`)
	id, kind, data := all.event()
	data.is("id", made.raw("id"), "payload", ``) // scheduled, or born running
	if kind != "job" || id == "" {
		t.Errorf("%s %s", kind, id)
	}
	seen := map[string]bool{}
	for !seen["job succeeded"] || !seen["attempt succeeded"] {
		_, kind, data := all.event()
		member := "state"
		if kind == "attempt" {
			member = "outcome"
			data.is("job_id", made.raw("id"), "target", `"billing"`)
		}
		seen[kind+" "+data.text(member)] = true
	}

	other := h.do(201, "POST", "/v1/jobs", `{"target":"shipping"}`)
	_, _, data = shipping.event()
	data.is("id", other.raw("id"), "held_by", `"paused"`)
	one := h.listen(url, "job="+other.text("id"))
	h.do(201, "POST", "/v1/jobs", `{"target":"shipping"}`)
	h.do(200, "POST", "/v1/jobs/"+other.text("id")+"/cancel", ``)
	_, _, data = one.event()
	data.is("id", other.raw("id"), "state", `"canceled"`)

	// Whoever comes back gets what came since.
	back := h.listen(url, "", "Last-Event-ID", id)
	next, _, _ := back.event()
	if next <= id {
		t.Errorf("after %s came %s", id, next)
	}
	again := h.listen(url, "target=shipping", "Last-Event-ID", id)
	_, _, data = again.event()
	data.is("id", other.raw("id"), "state", `"scheduled"`)
	for _, unknown := range []string{"1", "0", "x", "-5", "99999999999999999999999"} {
		if _, kind, _ := h.listen(url, "", "Last-Event-ID", unknown).event(); kind != "reset" {
			t.Errorf("the id %s, which is not known, gives %s", unknown, kind)
		}
	}

	stop()
	for block := all.block(); block != ""; block = all.block() { // what is left, and then the end
	}
}

func TestEventsShowLife(t *testing.T) {
	h := open(t)
	h.server.beat = time.Millisecond
	url, stop := h.serve()
	defer stop()
	if got := h.listen(url, "").block(); got != ": still here\n" {
		t.Errorf("%q", got)
	}
}

// A watcher that was too slow is dropped by the dispatcher, and its stream ends.
func TestEventsSlowWatcher(t *testing.T) {
	h := open(t)
	watcher := h.engine.Watch(0, dispatcher.Filter{})
	watcher.Close()
	w := httptest.NewRecorder()
	h.server.pump(t.Context(), watcher, &stream{w: w, control: http.NewResponseController(w)}, func() bool { return true })
	if !w.Flushed || w.Body.String() != "retry: 2000\n\n" {
		t.Errorf("%q", w.Body)
	}
}

// A stream ends with the key or the session that opened it.
func TestEventsEndWithTheirKey(t *testing.T) {
	h := guarded(t)
	revoked, session := h.key("revoked", "read"), h.session(h.key("kept", "read"))
	url, stop := h.serve()
	defer stop()
	byKey := h.listen(url, "", "Authorization", "Bearer "+revoked)
	bySession := h.listen(url, "", "Cookie", session)
	h.do(204, "DELETE", "/v1/keys/revoked", "")
	h.raw("POST", "/logout", nil, "Cookie", session, "Authorization", "")
	for _, l := range []*listener{byKey, bySession} {
		for block := l.block(); block != ""; block = l.block() { // signs of life, and then the end
		}
	}
}

// A burst is written whole, in order.
func TestEventsBurst(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	url, stop := h.serve()
	defer stop()
	all := h.listen(url, "")
	made := h.do(201, "POST", "/v1/jobs/batch", `{"jobs":[`+strings.Repeat(`{"target":"billing"},`, 199)+`{"target":"billing"}]}`).items()
	last := ""
	for _, job := range made {
		id, _, data := all.event()
		if data.is("id", job.raw("id")); id <= last {
			t.Errorf("%s after %s", id, last)
		}
		last = id
	}
}
