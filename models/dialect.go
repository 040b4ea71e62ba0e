package models

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// dialect is everything that the engines disagree about.
type dialect interface {
	// lock keeps other processes out where the engine serves only one; release lets go.
	lock() (release func(), err error)
	// open gives the connection pool for writing and the one for reading.
	open() (write, read *sql.DB, err error)
	// gorm speaks the engine's SQL over conn.
	gorm(conn gorm.ConnPool) gorm.Dialector
	// provider knows the migrations.
	provider(db *sql.DB) (*goose.Provider, error)
	// guard lets one process at a time bring the schema up to date; release lets the next one in.
	guard(ctx context.Context, db *sql.DB) (release func(), err error)
	// begin starts a transaction that will write.
	begin(ctx context.Context, conn *sql.Conn) error
	// tell passes messages on to those who hear, on every node.
	tell(ctx context.Context, db *sql.DB, messages []string) error
	// hear passes on what is told until ctx ends; whenever messages may have been missed, it calls missed.
	hear(ctx context.Context, log *slog.Logger, message func(string), missed func()) error
	// space is how many bytes the database takes, and how many of them are free for rows to come.
	space(ctx context.Context, read *sql.DB) (bytes, free int64, err error)
	// diskFree is how many bytes are left where the database lies; isKnown is false if that is on another machine.
	diskFree() (bytes int64, isKnown bool)
	// commit ends it, and fails unless it is durable.
	commit(ctx context.Context, conn *sql.Conn) error
	// transient tells whether running the unit of work again may help.
	transient(err error) bool
	// manner is how a transaction works on this engine.
	manner() manner
}

// manner is what differs inside a transaction. Its zero value is an engine whose one writer excludes all others.
type manner struct {
	hands     int                              // writers
	shared    bool                             // others write too: rows are locked before they are decided on, caches checked
	forUpdate string                           // ends a SELECT whose rows must not change before the commit
	tryLock   string                           // SELECT of whether the lock named by two numbers is this transaction's; "": nobody else is there
	rebind    func(query string) string        // from ? and ?N to the engine's placeholders; nil: they are the engine's
	tidy      func(args []any)                 // makes arguments fit for the engine; nil: they are
	clock     string                           // the engine's clock in microseconds; "": nobody goes by it
	shrink    func(*tx) (more bool, err error) // returns a step of free space to the system; nil: the engine does
	elements  string                           // SELECT of the texts in the JSON array %s
	patience  time.Duration                    // of one transaction; 0: as long as it takes
	insist    time.Duration                    // how long a batch is run again while the book is in trouble; 0: commitTries times
}

// locked makes a query lock the rows that it finds until the commit, on an engine that has such locks.
func locked(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}) }

// entered ends the name of a table that must be read by an index. SQLite keeps no statistics here and takes the shorter one
// of two indexes where both seem to lead to few rows, as it does between two bounds of the id; PostgreSQL knows its rows.
func entered(db *gorm.DB, index string) string {
	if db.Name() == "sqlite" {
		return " INDEXED BY " + index
	}
	return ""
}

// dialectFor reads a database setting: "sqlite:PATH" or "postgres://…".
func dialectFor(c Config) (dialect, error) {
	kind, rest, _ := strings.Cut(c.Database, ":")
	switch {
	case kind == "sqlite" && rest != "":
		return newSQLite(rest, c)
	case kind == "postgres" || kind == "postgresql":
		return newPostgres(c)
	}
	return nil, &Invalid{"database", "must be sqlite:PATH or postgres://USER@HOST/NAME"}
}

// migrate brings the schema to this version's and tells from which version it came.
func migrate(ctx context.Context, d dialect, db *sql.DB, only bool) (from, to int64, err error) {
	release, err := d.guard(ctx, db)
	if err != nil {
		return 0, 0, fmt.Errorf("wait for other migrations: %w", err)
	}
	defer release()
	p, err := d.provider(db)
	if err != nil {
		return 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	sources := p.ListSources()
	to = sources[len(sources)-1].Version
	from, err = p.GetDBVersion(ctx)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	case from > to:
		return from, to, fmt.Errorf("schema %d, this binary knows up to %d: %w", from, to, ErrNewer)
	case only && from < to:
		return from, to, fmt.Errorf("schema %d, this binary needs %d: run punctual migrate", from, to)
	case from == to:
		return from, to, nil
	}
	if _, err := p.Up(ctx); err != nil {
		return from, to, fmt.Errorf("migrate from schema %d to %d: %w", from, to, err)
	}
	return from, to, nil
}
