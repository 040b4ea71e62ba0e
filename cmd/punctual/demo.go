package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"punctual/webhooks"
)

// demoTarget is the name of the target that the demo's receiver stands behind.
const demoTarget = "demo"

// demo is a receiver on a port of its own, and what it takes to have it called.
type demo struct {
	url string
	srv *http.Server

	mu     sync.Mutex // protects the field below
	secret string     // of the target; "" until it is known
}

// newDemo starts the receiver; close ends it.
func newDemo() (*demo, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the demo's receiver: %w", err)
	}
	d := &demo{url: "http://" + ln.Addr().String() + "/hooks"}
	d.srv = &http.Server{Handler: http.MaxBytesHandler(d, 1<<20), ReadHeaderTimeout: 5 * time.Second}
	go d.srv.Serve(ln)
	return d, nil
}

func (d *demo) close() { d.srv.Close() }

// ServeHTTP answers as the last part of the path says: /fail always with a 500, /flaky with a 503 before the third
// attempt, /slow after a while, and all others with a 200.
func (d *demo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	secret := d.secret
	d.mu.Unlock()
	if secret != "" && webhooks.Verify(secret, req.Header, body) != nil {
		http.Error(w, "the signature does not fit", http.StatusUnauthorized)
		return
	}
	status, attempt := http.StatusOK, req.Header.Get("punctual-attempt")
	switch req.URL.Path[strings.LastIndex(req.URL.Path, "/"):] {
	case "/fail":
		status = http.StatusInternalServerError
	case "/flaky":
		if attempt == "1" || attempt == "2" {
			status = http.StatusServiceUnavailable
		}
	case "/slow":
		select {
		case <-time.After(3 * time.Second):
		case <-req.Context().Done():
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"received": len(body), "attempt": attempt, "status": status})
}

// demoJobs are asked for under a key each, so that a second start of the demo makes no second one.
var demoJobs = []string{
	`{"target":"demo","key":"demo-now","payload":{"hello":"world","at":"once"},"labels":{"demo":"now"}}`,
	`{"target":"demo","key":"demo-later","payload":{"hello":"world","at":"later"},"delay":"10m","labels":{"demo":"later"}}`,
	`{"target":"demo","key":"demo-tomorrow","payload":{"invoice":7},"delay":"1d","priority":"low","labels":{"demo":"later"}}`,
	`{"target":"demo","key":"demo-slow","path":"slow","payload":{"takes":"3s"},"labels":{"demo":"slow"}}`,
	`{"target":"demo","key":"demo-flaky","path":"flaky","payload":{"works":"the third time"},"labels":{"demo":"flaky"}}`,
	`{"target":"demo","key":"demo-fail","path":"fail","payload":{"works":"never"},"labels":{"demo":"fail"}}`,
}

const demoSchedule = `{"name":"demo-every-minute","target":"demo","cron":"* * * * *","timezone":"Europe/Berlin",
	"description":"Made by --demo: a call each minute","payload":{"tick":true},"labels":{"demo":"cron"}}`

// furnish makes the target, jobs and a schedule over the API, whatever of them is not there yet.
func (d *demo) furnish(ctx context.Context, url string, log *slog.Logger) {
	if err := d.fill(ctx, &client{base: url}); err != nil && ctx.Err() == nil {
		log.Error("the demo is not complete", "error", err)
	}
}

func (d *demo) fill(ctx context.Context, c *client) error {
	if err := d.aim(ctx, c); err != nil {
		return err
	}
	for _, job := range demoJobs {
		if err := post(ctx, c, jobsPath, job); err != nil {
			return err
		}
	}
	return post(ctx, c, schedulesPath, demoSchedule)
}

// aim points the target at the receiver, which has another port at each start, and learns its secret.
func (d *demo) aim(ctx context.Context, c *client) error {
	target := encode(map[string]any{"name": demoTarget, "url": d.url, "timeout": "10s",
		"description": "Made by --demo: a receiver inside of this process",
		"retry":       map[string]any{"max_attempts": 4, "min_backoff": "2s", "max_backoff": "10s"}})
	_, err := c.do(ctx, request{method: http.MethodPost, path: targetsPath, body: target})
	if taken(err) {
		_, err = c.do(ctx, request{method: http.MethodPatch, path: targetsPath + "/" + demoTarget,
			body: encode(map[string]any{"url": d.url})})
	}
	if err != nil {
		return err
	}
	answer, err := c.do(ctx, request{method: http.MethodGet, path: targetsPath + "/" + demoTarget + "/secret"})
	if err != nil {
		return err
	}
	var shown struct {
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal(answer.body, &shown); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secret = shown.Secret
	return nil
}

// post creates something, unless it is there.
func post(ctx context.Context, c *client, path, body string) error {
	_, err := c.do(ctx, request{method: http.MethodPost, path: path, body: json.RawMessage(body)})
	if taken(err) {
		return nil
	}
	return err
}

// taken tells whether a name is in use.
func taken(err error) bool {
	p, ok := errors.AsType[*problem](err)
	return ok && p.Status == http.StatusConflict
}
