package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"punctual/webhooks"
)

const (
	sampleEvery = 32               // every so manieth call has its signature checked
	silence     = 10 * time.Second // no call for so long while some are missing: they are not coming
)

// sinkOrder is what the sink is asked for: with none of them, only the tally.
type sinkOrder struct {
	Reset  bool   // begin a new tally, after the report of the old one
	Secret string // with Reset: what calls are signed with
	Timed  bool   // with Reset: note how long after the time in its payload each call arrives
	Await  int    // report when so many ids have come, or nothing has for a while
}

// tally is what has come since the last reset.
type tally struct {
	URL    string  // of the sink
	Calls  int     // all of them
	IDs    int     // different webhook-ids
	Sum    uint64  // of the ids, see sumOf
	Forged int     // calls of the sample whose signature does not fit
	Late   []int64 // µs from the time in the payload to the arrival, when asked for
}

// check tells whether these jobs have come, each once, and no others.
func (t *tally) check(jobs int, sum uint64) error {
	switch {
	case t.IDs < jobs:
		return fmt.Errorf("%d of %d jobs never arrived", jobs-t.IDs, jobs)
	case t.Calls > t.IDs:
		return fmt.Errorf("%d of %d jobs arrived twice, though the sink refused none", t.Calls-t.IDs, jobs)
	case t.IDs > jobs || t.Sum != sum:
		return errors.New("jobs arrived that nobody asked for")
	case t.Forged > 0:
		return fmt.Errorf("%d calls of a sample do not verify", t.Forged)
	}
	return nil
}

// sumOf is what an id adds to a sum that tells two sets of ids apart, whatever the order in which they come.
func sumOf(id string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, id)
	return h.Sum64()
}

// sink is the target of everything: it answers 200 and counts.
type sink struct {
	mu     sync.Mutex // protects the fields below
	tally  tally
	seen   map[string]bool
	secret string
	timed  bool
	want   int           // ids that somebody waits for
	enough chan struct{} // closed when they are there
}

// benchSink runs the sink on a port of its own.
func (a *app) benchSink(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &sink{seen: map[string]bool{}, tally: tally{URL: "http://" + ln.Addr().String() + "/"}}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go srv.Serve(ln) // until Close
	return errors.Join(takeOrders(ctx, a.stdin, a.stdout, s.obey), srv.Close())
}

func (s *sink) obey(ctx context.Context, o sinkOrder) (tally, error) {
	if o.Await > 0 {
		s.await(ctx, o.Await)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	report := s.tally
	if o.Reset {
		s.tally, s.seen = tally{URL: report.URL}, map[string]bool{}
		s.secret, s.timed = o.Secret, o.Timed
	}
	return report, nil
}

// await returns when n ids have come, or none has for a while.
func (s *sink) await(ctx context.Context, n int) {
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for before := -1; ; {
		s.mu.Lock()
		count, enough := s.tally.IDs, make(chan struct{})
		s.want, s.enough = n, enough
		s.mu.Unlock()
		if count >= n || count == before {
			return
		}
		before = count
		select {
		case <-enough:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ServeHTTP takes one call.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(r.Body); err != nil {
		return // broken off: a call that did not arrive
	}
	if secret := s.count(r.Header.Get("webhook-id"), body.Bytes(), at); secret != "" {
		if webhooks.Verify(secret, r.Header, body.Bytes()) != nil {
			s.mu.Lock()
			s.tally.Forged++
			s.mu.Unlock()
		}
	}
	w.WriteHeader(http.StatusOK)
}

// count notes a call, and returns the secret if this one is of the sample.
func (s *sink) count(id string, body []byte, at time.Time) (secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tally.Calls%sampleEvery == 0 {
		secret = s.secret
	}
	s.tally.Calls++
	if s.seen[id] {
		return secret
	}
	s.seen[id] = true
	s.tally.IDs++
	s.tally.Sum += sumOf(id)
	if s.timed {
		s.tally.Late = append(s.tally.Late, at.UnixMicro()-benchTime(body))
	}
	if s.enough != nil && s.tally.IDs == s.want {
		close(s.enough)
		s.enough = nil
	}
	return secret
}

// The payload of every job begins with a time of its own: when it was asked for, or when it is due.
const payloadHead = `{"at":`

// appendPayload writes a payload of about size bytes, and not less than the time needs.
func appendPayload(to []byte, at time.Time, size int) []byte {
	begin := len(to)
	to = strconv.AppendInt(append(to, payloadHead...), at.UnixMicro(), 10)
	to = append(to, `,"pad":"`...)
	if rest := size - (len(to) - begin) - len(`"}`); rest > 0 {
		to = append(to, bytes.Repeat([]byte("x"), rest)...)
	}
	return append(to, `"}`...)
}

// benchTime reads the time of a payload, in Unix µs; 0 if there is none.
func benchTime(body []byte) int64 {
	rest, _ := bytes.CutPrefix(body, []byte(payloadHead))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	at, _ := strconv.ParseInt(string(digits), 10, 64)
	return at
}
