package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Config opens a book. Database must be given; the zero value of every other field has a meaning.
type Config struct {
	Database        string        // sqlite:PATH or postgres://…
	Sync            string        // SQLite: full (the zero value) survives a crash of the machine, normal one of the process
	NoMigrate       bool          // refuse an older schema instead of bringing it up to date
	MaxWaiting      int64         // bytes of work that may wait for the writer; 0: 64 MiB
	MissedAfter     time.Duration // how late an occurrence may be settled and still be only late; 0: 60s
	KeepOccurrences time.Duration // how long occurrences are kept, and so how far back a backfill may go; 0: 90d
	Beside          bool          // another process may have the database open: only keys may be changed then
	Existing        bool          // refuse to make an SQLite file that is not there
	Node            string        // id of this process start; "": a new one
	SecretKeys      []SecretKey   // the first seals secrets, all open them; none: secrets are stored plainly
	Log             *slog.Logger  // nil: silent
}

// readTimeout bounds a read whose caller has no deadline.
const readTimeout = 30 * time.Second

// Store is the book: what was promised and what came of it, durably. All methods may be called from any goroutine.
// An exported method is one transaction; unexported functions that take a *tx are statements inside somebody's.
type Store struct {
	cfg     Config
	dialect dialect
	manner  manner // of dialect
	clock   nodeClock
	schema  int64 // its version
	unlock  func()
	writeDB *sql.DB
	readDB  *sql.DB
	reads   *gorm.DB // on readDB
	vault   *vault
	plain   string // what is said of secrets that are stored plainly, "": none is
	writer  *writer
	closing sync.Once
}

// Open locks the database, brings its schema up to date and starts the writer. It fails with ErrLocked when another
// process has the database, with ErrNewer when the schema is newer than this binary, and with ErrAway when the server of a
// shared one cannot be reached. Close the Store after use.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	d, err := dialectFor(cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, dialect: d, manner: d.manner()}
	if s.vault, err = newVault(cfg.SecretKeys, cfg.Log); err != nil {
		return nil, fmt.Errorf("use the secret keys: %w", err)
	}
	if s.unlock, err = d.lock(); cfg.Beside && errors.Is(err, ErrLocked) {
		// Whoever has it knows what its writer keeps in mind: keys, sessions and the audit are not among that.
		s.unlock, s.cfg.NoMigrate = func() {}, true
	} else if err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		s.release()
		if s.manner.shared && d.transient(err) {
			err = fmt.Errorf("%w: %w", ErrAway, err)
		}
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.MaxWaiting == 0 {
		c.MaxWaiting = 64 << 20
	}
	if c.MissedAfter == 0 {
		c.MissedAfter = time.Minute
	}
	if c.KeepOccurrences == 0 {
		c.KeepOccurrences = 90 * day
	}
	if c.Node == "" {
		c.Node = NewNodeID()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.writeDB, s.readDB, err = s.dialect.open(); err != nil {
		return err
	}
	from, to, err := migrate(ctx, s.dialect, s.writeDB, s.cfg.NoMigrate)
	if err != nil {
		return err
	}
	if s.schema = to; from != to {
		s.cfg.Log.Info("schema migrated", "from", from, "to", to)
	}
	if s.reads, err = s.gorm(s.readDB); err != nil {
		return err
	}
	if err := s.lookAtClock(ctx); err != nil {
		return err
	}
	txs := make([]*tx, s.dialect.manner().hands)
	shard := 0
	if s.dialect.manner().shared {
		shard = rand.IntN(ledgerShards)
	}
	for i := range txs {
		txs[i] = newTx(s.dialect, s.dial, s.cfg, (shard+i)%ledgerShards)
		if err := txs[i].connect(ctx); err != nil {
			return err
		}
	}
	s.writer = newWriter(s.cfg, s.dialect, txs)
	if s.cfg.Beside {
		return nil // nothing that is sealed is looked at
	}
	return s.takeKeys(ctx)
}

// dial gives a connection for writing, and gorm on it.
func (s *Store) dial(ctx context.Context) (*sql.Conn, *gorm.DB, error) {
	conn, err := s.writeDB.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	g, err := s.gorm(conn)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, g, nil
}

// foreverTTL is the one lifetime of prepared statements for which gorm starts no goroutine to watch over it; such a
// goroutine would outlive the Store.
const foreverTTL = 10 * 365 * day

func (s *Store) gorm(conn gorm.ConnPool) (*gorm.DB, error) {
	g, err := gorm.Open(s.dialect.gorm(conn), &gorm.Config{SkipDefaultTransaction: true, PrepareStmt: !s.dialect.manner().shared,
		PrepareStmtMaxSize: 256, PrepareStmtTTL: foreverTTL, DisableAutomaticPing: true, TranslateError: true, Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	return g.Set(vaultSetting, s.vault).Session(&gorm.Session{}), nil
}

// Close finishes what waits for the writer and lets go of the database. Work that comes later fails with ErrClosed.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() { err = s.release() })
	return err
}

// release undoes open, also when open went only half way.
func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	for _, db := range []*sql.DB{s.readDB, s.writeDB} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	s.unlock()
	return errors.Join(errs...)
}

// Migrate brings the database to this version's schema and tells from where to where.
func Migrate(ctx context.Context, cfg Config) (from, to int64, err error) {
	d, err := dialectFor(cfg.withDefaults())
	if err != nil {
		return 0, 0, err
	}
	unlock, err := d.lock()
	if err != nil {
		return 0, 0, err
	}
	defer unlock()
	write, read, err := d.open()
	if err != nil {
		return 0, 0, err
	}
	defer read.Close()
	defer write.Close()
	return migrate(ctx, d, write, false)
}

// Ping tells whether the book answers, reading and writing.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.readDB.PingContext(ctx); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return s.write(ctx, work{act: "ping", run: func(*tx) error { return nil }})
}

// read gives a handle for reads under ctx, which gets a deadline if it has none; call done after the last row.
func (s *Store) read(ctx context.Context) (db *gorm.DB, done context.CancelFunc) {
	done = func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, done = context.WithTimeout(ctx, readTimeout)
	}
	return s.reads.WithContext(ctx), done
}

// notFound turns the library's word for an absent row into ours.
func notFound(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
