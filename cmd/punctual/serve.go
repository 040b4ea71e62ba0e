package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"punctual/dispatcher"
	"punctual/models"
	"punctual/server"
	"punctual/webhooks"
)

func (a *app) serve() *cli.Command {
	return &cli.Command{
		Name:        "serve",
		Usage:       "run the server for production: keys required, only public targets unless allowed",
		Description: settingsHelp,
		Flags:       flags(onServe),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := a.load(c, onServe)
			if err != nil {
				return err
			}
			if err := s.checkAddress(); err != nil {
				return misused(c, err)
			}
			guard, err := webhooks.NewGuard(s.AllowTargets)
			if err != nil {
				return misused(c, fmt.Errorf("--allow-targets: %w", err))
			}
			return settingOrTrouble(c, a.up(ctx, s, manner{guard: guard}))
		},
	}
}

// manner is what dev and serve differ in.
type manner struct {
	dev     bool // no login
	guard   *webhooks.Guard
	greet   func(url string)                      // called when the server listens; nil: it is logged
	furnish func(ctx context.Context, url string) // runs beside the server until it is done; nil: nothing does
}

// up runs the server until ctx ends, and takes it down: no new work, requests under way answered, calls out finished
// within the grace or given back.
func (a *app) up(ctx context.Context, s settings, m manner) (err error) {
	a.setGC()
	log, node, version := s.logger(a.stderr), models.NewNodeID(), readBuild().version
	// What net/http has to say about a target goes through the standard logger and repeats what the target sent.
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(log)

	open := models.Open
	if m.greet == nil { // it is neither for trying out nor for measuring
		open = openSoon
	}
	store, err := open(ctx, models.Config{Database: s.Database, Sync: s.Sync, NoMigrate: s.NoMigrate,
		MissedAfter: s.MissedAfter, KeepOccurrences: s.RetentionOccurrences, Node: node, SecretKeys: s.SecretKeys, Log: log})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	if m.greet == nil {
		for _, warning := range store.Warnings() {
			log.Warn(warning)
		}
	}
	defer func() {
		if err = errors.Join(err, store.Close()); err == nil {
			log.Info("stopped")
		}
	}()

	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	defer ln.Close() // the server has closed it already, unless it never ran
	if err := m.guard.Forbid(ln.Addr().String()); err != nil {
		return err
	}

	m.guard.ForbidDatabase(ctx, models.DatabaseServers(s.Database)...)

	sender := webhooks.NewSender(webhooks.Config{UserAgent: "Punctual/" + version, Capture: int(s.ResponseCapture),
		Guard: m.guard})
	defer sender.Close()
	engine := dispatcher.New(dispatcher.Config{Node: node, Version: version, MaxInFlight: s.MaxInFlight, QueueWindow: s.QueueWindow,
		Grace: s.ShutdownGrace, Retention: s.Retention, RetentionFailed: s.RetentionFailed,
		RetentionOccurrences: s.RetentionOccurrences, Log: log, Room: func() bool {
			free, isKnown := store.DiskFree()
			return !isKnown || free >= s.MinFreeDisk
		}}, store, sender)
	cfg, err := s.door(m, version, log)
	if err != nil {
		return err
	}
	door, err := server.New(cfg, store, engine)
	if err != nil {
		return err
	}

	if err := engine.Recover(ctx); err != nil {
		return unlessStopped(ctx, err)
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	agents := []func() error{
		func() error { return engine.Run(ctx) },
		func() error { return door.Run(ctx, ln) },
		func() error { return sayStopping(ctx, log, s.ShutdownGrace) },
	}
	url := "http://" + ln.Addr().String()
	if cfg.TLS != nil {
		url = "https://" + ln.Addr().String()
	}
	if !m.dev && s.AdminKey == "" {
		if err := a.hintAtKeys(ctx, store, s.Database); err != nil {
			return err
		}
	}
	log.Info("listening", "url", url, "database", showDatabase(s.Database), "version", version, "node", node)
	if m.greet != nil {
		m.greet(url)
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	if m.furnish != nil {
		beside.Go(func() { m.furnish(ctx, url) })
	}
	return runAll(ctx, stop, agents)
}

// openEvery is how long a server that finds its database away waits before it tries again.
const openEvery = 2 * time.Second

// openSoon opens the book, and waits for it as long as its server is away: machines that start together do so in any order.
func openSoon(ctx context.Context, cfg models.Config) (*models.Store, error) {
	for {
		store, err := models.Open(ctx, cfg)
		if !errors.Is(err, models.ErrAway) || ctx.Err() != nil {
			return store, err
		}
		cfg.Log.Warn("waiting for the database", "err", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(openEvery):
		}
	}
}

// door is how the server is set up.
func (s *settings) door(m manner, version string, log *slog.Logger) (server.Config, error) {
	cfg := server.Config{Version: version, Dev: m.dev, AdminKey: s.AdminKey, Guard: m.guard, BehindProxy: s.BehindProxy,
		TrustedProxies: s.TrustedProxies, OpenMetrics: s.OpenMetrics, MaxRequests: s.MaxRequests, MaxStreams: s.MaxStreams,
		MinFreeDisk: s.MinFreeDisk, MaxPayload: s.MaxPayload, MaxRequest: s.MaxRequest, Settings: s.Shown,
		Grace: s.ShutdownGrace, Log: log}
	if s.TLSCert == "" {
		return cfg, nil
	}
	pair, err := newCertificate(s.TLSCert, s.TLSKey, log)
	if err == nil {
		cfg.TLS = pair.config()
	}
	return cfg, err
}

// checkAddress refuses to send keys over the network in the clear, unless somebody has asked for just that.
func (s *settings) checkAddress() error {
	switch {
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key must be given together")
	case s.TLSCert != "" || s.BehindProxy || s.Insecure || loopback(s.Addr):
		return nil
	}
	return errors.New("--addr can be reached from other machines, and keys would cross the network readably: " +
		"give --tls-cert and --tls-key, or --behind-proxy if a proxy speaks TLS for it, or --insecure")
}

// hintAtKeys tells how to make the first key, without which nobody can do anything.
func (a *app) hintAtKeys(ctx context.Context, store *models.Store, database string) error {
	keys, _, err := store.Keys(ctx, models.Page{Limit: 1})
	if err == nil && len(keys) == 0 {
		fmt.Fprintf(a.stderr, "There is no key yet, so nobody can use this server. Make one, on this machine:\n\n"+
			"  punctual keys create admin --scope admin --database '%s'\n\n", showDatabase(database))
	}
	return err
}

// sayStopping logs that the stop has begun.
func sayStopping(ctx context.Context, log *slog.Logger, grace time.Duration) error {
	<-ctx.Done()
	log.Info("stopping; a second signal ends it at once", "grace", grace)
	return nil
}

// runAll runs every agent and returns when all have ended; when one ends, stop tells the others.
func runAll(ctx context.Context, stop func(), agents []func() error) error {
	ended := make(chan error, len(agents))
	for _, run := range agents {
		go func() { ended <- run() }()
	}
	var errs []error
	for range agents {
		errs = append(errs, unlessStopped(ctx, <-ended))
		stop()
	}
	return errors.Join(errs...)
}

// unlessStopped drops the error of an act that a stop broke off: that is what the stop was for.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *settings) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// settingOrTrouble makes a complaint of the models about a setting one about the command line.
func settingOrTrouble(c *cli.Command, err error) error {
	if bad, ok := errors.AsType[*models.Invalid](err); ok {
		return misused(c, fmt.Errorf("--%s %s", bad.Field, bad.Why))
	}
	return err
}
