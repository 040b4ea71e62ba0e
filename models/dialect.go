package models

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
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
	// begin starts a transaction that will write.
	begin() string
	// space is how many bytes the database takes, and how many of them are free for rows to come.
	space(ctx context.Context, read *sql.DB) (bytes, free int64, err error)
	// transient tells whether running the unit of work again may help.
	transient(err error) bool
}

// dialectFor reads a database setting: "sqlite:PATH".
func dialectFor(c Config) (dialect, error) {
	kind, rest, _ := strings.Cut(c.Database, ":")
	switch {
	case kind == "sqlite" && rest != "":
		return newSQLite(rest, c.Sync)
	case kind == "postgres" || kind == "postgresql":
		return nil, &Invalid{"database", "PostgreSQL is not supported by this version"}
	}
	return nil, &Invalid{"database", "must be sqlite:PATH"}
}

// migrate brings the schema to this version's and tells from which version it came.
func migrate(ctx context.Context, d dialect, db *sql.DB, only bool) (from, to int64, err error) {
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
