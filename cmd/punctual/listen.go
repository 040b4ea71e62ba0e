package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v3"

	"punctual/models"
	"punctual/webhooks"
)

// Bounds of the receiver.
const (
	maxReceived = 32 << 20 // bytes of a call's body; a larger one cannot be verified and is answered 413
	maxPrinted  = 2 << 10  // bytes of a body that are shown
	maxSeen     = 100_000  // webhook-ids whose calls are counted for --fail-first; beyond, counting starts anew
)

func (a *app) listen() *cli.Command {
	return &cli.Command{
		Name:  "listen",
		Usage: "run a receiver that verifies and prints each call and answers as told",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:9000", DefaultText: "127.0.0.1:9000", Usage: "`HOST:PORT` to listen on"},
			&cli.StringSliceFlag{Name: "secret",
				Usage: "`SECRET` of the target, whsec_..., or a public key of it, whpk_...; several during a rotation; else PUNCTUAL_SECRET"},
			&cli.IntFlag{Name: "status", Value: http.StatusOK, Usage: "`CODE` to answer with, 200 to 599"},
			&cli.IntFlag{Name: "fail-first", HideDefault: true,
				Usage: "answer the first `N` calls of each webhook-id with 503"},
			&cli.StringFlag{Name: "delay", DefaultText: "0s", Usage: "`DURATION` to wait before each answer"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			r := &receiver{out: a.stdout, secrets: c.StringSlice("secret"), status: c.Int("status"),
				failFirst: c.Int("fail-first"), calls: map[string]int{}}
			if key := a.env("PUNCTUAL_SECRET"); len(r.secrets) == 0 && key != "" {
				r.secrets = []string{key}
			}
			if err := hostPort(c.String("addr")); err != nil {
				return misused(c, fmt.Errorf("--addr %w", err))
			}
			if err := r.check(c.String("delay")); err != nil {
				return misused(c, err)
			}
			return r.run(ctx, c.String("addr"))
		},
	}
}

// receiver answers webhooks and prints them.
type receiver struct {
	secrets   []string // none: signatures are not checked
	status    int
	failFirst int
	delay     time.Duration

	mu    sync.Mutex // protects the fields below
	out   io.Writer
	calls map[string]int // webhook-id → calls so far
}

func (r *receiver) check(delay string) (err error) {
	for _, secret := range r.secrets {
		check := webhooks.CheckSecret
		if webhooks.IsPublicKey(secret) {
			check = webhooks.CheckPublicKey
		}
		if err := check(secret); err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
	}
	if r.status < 200 || r.status > 599 {
		return errors.New("--status must be from 200 to 599")
	}
	if r.failFirst < 0 {
		return errors.New("--fail-first must not be negative")
	}
	var ok bool
	if r.delay, ok = models.ParseDuration(cmp.Or(delay, "0s")); !ok {
		return errors.New("--delay must be a duration such as 500ms or 3s")
	}
	return nil
}

// run serves until ctx ends, then lets calls under way finish for a moment.
func (r *receiver) run(ctx context.Context, addr string) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	how := "signatures are checked"
	if len(r.secrets) == 0 {
		how = "signatures are not checked: give --secret"
	}
	fmt.Fprintf(r.out, "listening on http://%s; %s\n", ln.Addr(), how)
	srv := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(last)
	})
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// ServeHTTP takes one call.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxReceived))
	status, verdict := r.status, r.verify(req.Header, body)
	if err != nil {
		status, verdict = http.StatusRequestEntityTooLarge, "NOT VERIFIED: the body is too long or broke off"
	} else if r.count(req.Header.Get("webhook-id")) <= r.failFirst {
		status = http.StatusServiceUnavailable
	}
	select {
	case <-time.After(r.delay):
	case <-req.Context().Done():
	}
	r.print(at, req, body, verdict, status)
	w.WriteHeader(status)
	io.WriteString(w, http.StatusText(status)+"\n")
}

// verify says in words whether one of the secrets fits.
func (r *receiver) verify(header http.Header, body []byte) string {
	if len(r.secrets) == 0 {
		return "NOT VERIFIED: no --secret"
	}
	var err error
	for _, secret := range r.secrets {
		if err = webhooks.Verify(secret, header, body); err == nil {
			return "verified"
		}
	}
	return "NOT VERIFIED: " + err.Error()
}

// count tells the how-manieth call of this id has come.
func (r *receiver) count(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.calls) >= maxSeen {
		clear(r.calls)
	}
	r.calls[id]++
	return r.calls[id]
}

func (r *receiver) print(at time.Time, req *http.Request, body []byte, verdict string, status int) {
	attempt := cmp.Or(req.Header.Get("punctual-attempt"), "-")
	if most := req.Header.Get("punctual-max-attempts"); most != "" {
		attempt += "/" + most
	}
	line := fmt.Sprintf("%s  %s %s  %s  attempt %s  %s  → %d\n%s", at.Format("15:04:05.000"), req.Method,
		plain(req.URL.RequestURI()), plain(cmp.Or(req.Header.Get("webhook-id"), "no webhook-id")), plain(attempt),
		verdict, status, pretty(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	io.WriteString(r.out, line)
}

// pretty is a body as it is shown: JSON indented, other text as it is, binary data as its size alone.
func pretty(body []byte) string {
	var indented bytes.Buffer
	text := string(body)
	switch {
	case len(body) == 0:
		return ""
	case json.Indent(&indented, body, "", "  ") == nil:
		text = indented.String()
	case !utf8.Valid(body):
		return "    " + humanize.IBytes(uint64(len(body))) + " of binary data\n"
	}
	rest := ""
	if len(text) > maxPrinted {
		rest = "\n… " + humanize.IBytes(uint64(len(text)-maxPrinted)) + " more"
		text = strings.ToValidUTF8(text[:maxPrinted], "")
	}
	var out strings.Builder
	for line := range strings.Lines(text + rest) {
		out.WriteString("    " + plain(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return out.String()
}
