package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/dispatcher"
	"punctual/models"
)

// Config says how the door is kept. Its zero value opens to the keys that are in the book, and to nobody without.
type Config struct {
	Version  string // shown in the OpenAPI document; "": dev
	Dev      bool   // no key, and only for hosts that are this machine
	AdminKey string // a key that may do everything, beside those in the book; "": none. Not used with Dev

	BehindProxy    bool     // a proxy speaks TLS for us: its X-Forwarded-Proto is believed
	TrustedProxies []string // addresses and CIDRs of proxies whose X-Forwarded-For is believed
	OpenMetrics    bool     // /metrics, /docs and /openapi.json need no key

	TLS *tls.Config // nil: plain HTTP

	MaxRequests int   // answered at once; 0: 2048
	MaxStreams  int   // of events, open at once, of which a key may have a quarter; 0: 1000
	MinFreeDisk int64 // bytes of the database's disk below which nothing new is accepted; 0: 512 MiB

	MaxPayload int64 // bytes of one job's body; 0: 1 MiB
	MaxRequest int64 // bytes of a request's body; 0: 16 MiB

	// Guard tells early that a target's URL leads where calls are not allowed to go; nil: it is only seen when called.
	Guard interface {
		CheckURL(url string) error                   // never by a look-up of its name
		Warn(ctx context.Context, url string) string // that it would be refused now, as its name stands; "": it would not
	}

	Settings []Setting // in force, for people to read; no secrets

	Grace time.Duration // how long requests under way may take at the end; 0: 30s
	Log   *slog.Logger  // nil: silent
}

// Setting is one setting as the command line spells it.
type Setting struct{ Name, Value string }

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.MaxPayload == 0 {
		c.MaxPayload = 1 << 20
	}
	if c.MaxRequest == 0 {
		c.MaxRequest = 16 << 20
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = maxRequests
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = maxStreams
	}
	if c.MinFreeDisk == 0 {
		c.MinFreeDisk = minFreeDisk
	}
	if c.Grace == 0 {
		c.Grace = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Engine is what the door asks of the dispatcher.
type Engine interface {
	Offer(jobs ...*models.Job)
	Reserve(j *models.Job, now time.Time) bool
	Release(j *models.Job)
	OfferSchedule(s *models.Schedule)
	TargetChanged(ctx context.Context, t *models.Target)
	Cancel(ctx context.Context, job *models.Job)
	OperationChanged()
	Test(ctx context.Context, t *models.Target) (*models.Attempt, error)
	HeldBy(targetID string) string
	Ready() error
	Watch(after uint64, f dispatcher.Filter) *dispatcher.Watcher
	Snapshot() dispatcher.Snapshot
}

var _ Engine = (*dispatcher.Dispatcher)(nil)

// Server answers requests out of the book and tells the engine what has changed. Its methods may be called from any
// goroutine.
type Server struct {
	cfg      Config
	log      *slog.Logger
	store    *models.Store
	engine   Engine
	router   *gin.Engine
	rules    map[rule]need // by route; see access.go
	metrics  *metrics
	targets  cache[string, *models.Target] // by name; see targetFresh
	wellness wellness
	keys     *keyring
	sessions cache[[sha256.Size]byte, *models.Session] // of people who signed in, by the hash of their cookie
	guesses  guesses
	requests crowd
	streams  crowd
	disk     disk
	closing  chan struct{} // closed when Run is told to end: streams end then
	beat     time.Duration // between two signs of life on a stream
	patience time.Duration // for the end of a call that a request aborted
}

// Times of the connections.
const (
	readTimeout  = time.Minute // of a whole request
	writeTimeout = time.Minute // from the end of its header to the end of its answer, but for streams and test calls
	idleTimeout  = 2 * time.Minute
	streamBeat   = 15 * time.Second
	maxHeader    = 64 << 10 // bytes
)

// How old a target may be by which a job is made: little where another node may have changed it since, more where only
// the dispatcher can, which pauses one that is gone. That is harmless, because the book checks again whether the target
// lives when it records a job and whether it is paused when it grants a claim.
const (
	targetFresh      = time.Second
	targetFreshAlone = time.Minute
)

// New makes a server.
func New(cfg Config, store *models.Store, engine Engine) (*Server, error) {
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, log: cfg.Log, store: store, engine: engine, closing: make(chan struct{}),
		beat: streamBeat, patience: cancelPatience}
	s.targets = cache[string, *models.Target]{find: store.Target, fresh: targetFreshAlone}
	if store.Shared() {
		s.targets.fresh = targetFresh
	}
	s.sessions = cache[[sha256.Size]byte, *models.Session]{find: store.Session, fresh: keyFresh}
	s.keys = newKeyring(store, cfg.AdminKey)
	s.disk = disk{free: store.DiskFree, min: cfg.MinFreeDisk}
	s.metrics = newMetrics(engine)
	var err error
	s.router, err = s.routes()
	return s, err
}

// Handler answers everything that the server answers. HEAD is GET, of which net/http leaves the body out; but a stream
// without a body would be nothing but an open connection.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path != eventsPath {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		s.router.ServeHTTP(w, r)
	})
}

// Run serves on ln until ctx ends, then lets requests under way finish within the grace, and returns nil. It closes
// ln, and may be called once.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{Handler: s.Handler(), ReadTimeout: readTimeout, ReadHeaderTimeout: readTimeout / 6,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, TLSConfig: s.cfg.TLS,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() {
		if s.cfg.TLS != nil {
			ended <- srv.ServeTLS(ln, "", "")
		} else {
			ended <- srv.Serve(ln)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	close(s.closing)
	patience, stop := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Grace)
	defer stop()
	if err := srv.Shutdown(patience); err != nil {
		s.log.Warn("requests cut off at the end", "error", err)
		return srv.Close()
	}
	return nil
}
