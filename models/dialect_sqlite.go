package models

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// readers is how many reads run side by side. A read holds no lock that a write waits for.
const readers = 8

// checkpointAt brings the log into the database when it has 4,000 pages, 16 MiB: four times as late as by default, so that
// pages that change with every batch are copied a quarter as often.
const checkpointAt = "PRAGMA wal_autocheckpoint = 4000"

type sqlite struct {
	path string
	sync string // FULL or NORMAL
}

func newSQLite(path string, c Config) (*sqlite, error) {
	levels := map[string]string{"": "FULL", "full": "FULL", "normal": "NORMAL"}
	level, ok := levels[c.Sync]
	if !ok {
		return nil, &Invalid{"sync", "must be full or normal"}
	}
	if path == ":memory:" {
		return nil, &Invalid{"database", "must be a file: with a pool, :memory: is many databases"}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if abs, err = behindLinks(abs); err != nil {
		return nil, err
	}
	if _, err := os.Stat(abs); c.Existing && errors.Is(err, fs.ErrNotExist) {
		return nil, &Invalid{"database", "names a file that is not there: " + abs}
	}
	return &sqlite{path: abs, sync: level}, nil
}

// behindLinks is the file that path leads to, which need not be there. The engine puts its log beside that file, and the lock
// has to stand there too: under the name of a link, it would be another one.
func behindLinks(path string) (string, error) {
	for {
		real, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return real, err
		}
		to, err := os.Readlink(path)
		switch {
		case err != nil: // no link: the file, or its folder, is not there
			return path, nil
		case filepath.IsAbs(to):
			path = to
		default:
			path = filepath.Join(filepath.Dir(path), to)
		}
	}
}

// lock takes PATH.lock, not the database file: closing any descriptor of that one would drop the engine's own locks.
func (d *sqlite) lock() (func(), error) {
	f, err := os.OpenFile(d.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %s to keep the database in: make it first (%w)", filepath.Dir(d.path), fs.ErrNotExist)
	} else if err != nil {
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s.lock: %w", d.path, ErrLocked)
	}
	return func() { f.Close() }, nil
}

// create makes the file, if there is none, for its owner alone: it holds secrets. The files that the engine puts beside it
// take after it. One that is there is not opened, or the engine would lose its locks when it is closed.
func (d *sqlite) create() error {
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return f.Close()
}

func (d *sqlite) open() (write, read *sql.DB, err error) {
	keepFreed()
	if err = d.create(); err != nil {
		return nil, nil, fmt.Errorf("make the file: %w", err)
	}
	if write, err = sql.Open("sqlite3", d.dsn(url.Values{"mode": {"rwc"}, "_auto_vacuum": {"incremental"},
		"_journal_mode": {"WAL"}, "_synchronous": {d.sync}, "_txlock": {"immediate"}, "_foreign_keys": {"on"},
		"_cache_size": {"-16384"}})); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if _, err := write.Exec(checkpointAt); err != nil {
		write.Close()
		return nil, nil, fmt.Errorf("set up %s: %w", d.path, err)
	}
	if read, err = sql.Open("sqlite3", d.dsn(url.Values{"mode": {"ro"}, "_query_only": {"on"},
		"_cache_size": {"-2048"}})); err != nil {
		write.Close()
		return nil, nil, err
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

func (d *sqlite) dsn(options url.Values) string {
	options.Set("_busy_timeout", "5000")
	return "file:" + (&url.URL{Path: d.path}).EscapedPath() + "?" + options.Encode()
}

func (d *sqlite) gorm(conn gorm.ConnPool) gorm.Dialector { return gormsqlite.Dialector{Conn: conn} }

func (d *sqlite) provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files)
}

func (d *sqlite) guard(context.Context, *sql.DB) (func(), error) { return func() {}, nil }

func (d *sqlite) begin(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	return err
}

func (d *sqlite) tell(context.Context, *sql.DB, []string) error { return nil }

func (d *sqlite) hear(ctx context.Context, _ *slog.Logger, _ func(string), _ func()) error {
	<-ctx.Done()
	return nil
}

func (d *sqlite) space(ctx context.Context, read *sql.DB) (bytes, free int64, err error) {
	err = read.QueryRowContext(ctx, `SELECT p.page_count * s.page_size, f.freelist_count * s.page_size
		FROM pragma_page_count() p, pragma_page_size() s, pragma_freelist_count() f`).Scan(&bytes, &free)
	return bytes, free, err
}

func (d *sqlite) commit(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

func (d *sqlite) manner() manner {
	return manner{hands: 1, shrink: shrinkFile, elements: "SELECT value FROM json_each(%s)"}
}

// The file gives space back when a quarter of it is free and that is worth it, 1 MiB at a time: moving pages costs about as
// much as writing them, and what is pruned now leaves room for what comes next.
const (
	shrinkShare = 4        // of the pages
	shrinkLeast = 16 << 20 // bytes
	shrinkStep  = 1 << 20  // bytes
)

// shrinkFile returns a step of free pages to the system, where enough of them are free.
func shrinkFile(t *tx) (more bool, err error) {
	var pages, size, free int64
	if err := t.one(`SELECT p.page_count, s.page_size, f.freelist_count FROM pragma_page_count() p, pragma_page_size() s,
		pragma_freelist_count() f`, nil, &pages, &size, &free); err != nil {
		return false, err
	}
	if free*shrinkShare < pages || free*size < shrinkLeast {
		return false, nil
	}
	// Each row of the answer is a page that was given back.
	return true, t.each(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", shrinkStep/size), nil,
		func(func(...any) error) error { return nil })
}

func (d *sqlite) transient(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

func (d *sqlite) diskFree() (int64, bool) {
	var fs syscall.Statfs_t
	if syscall.Statfs(filepath.Dir(d.path), &fs) != nil {
		return 0, false
	}
	return int64(fs.Bavail) * int64(fs.Bsize), true
}
