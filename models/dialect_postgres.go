package models

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

// Times within which PostgreSQL must do what it is asked.
const (
	connectPatience = 3 * time.Second  // a connection
	txPatience      = 10 * time.Second // a transaction, from its beginning to its commit
	insistFor       = 5 * time.Second  // how long a batch is run again while the database is away
)

// writeHands is how many transactions one node writes in side by side.
const writeHands = 4

// postgresReaders is how many reads run side by side on one node.
const postgresReaders = 12

// postgreSQL is the engine that many nodes share.
type postgreSQL struct {
	config *pgx.ConnConfig
	pooled atomic.Bool // a pooler stands between: see pooler
	rebind rebinder
}

func newPostgres(c Config) (*postgreSQL, error) {
	config, err := pgx.ParseConfig(c.Database)
	if err != nil {
		// The library's error repeats the setting, and with it a password.
		return nil, &Invalid{"database", "must be a PostgreSQL URL: postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…"}
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectPatience {
		config.ConnectTimeout = connectPatience
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "punctual"
	}
	d := &postgreSQL{config: config}
	if config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
		d.pooled.Store(true) // whoever says so has a reason, and only one other mode knows the types of arguments
	}
	return d, nil
}

// DatabaseServers gives where the servers of a database setting listen, as host:port; none of SQLite and of sockets.
func DatabaseServers(database string) []string {
	d, err := dialectFor(Config{Database: database})
	pg, ok := d.(*postgreSQL)
	if err != nil || !ok {
		return nil
	}
	var all []string
	add := func(host string, port uint16) {
		if host != "" && !strings.HasPrefix(host, "/") {
			all = append(all, net.JoinHostPort(host, strconv.Itoa(int(port))))
		}
	}
	add(pg.config.Host, pg.config.Port)
	for _, other := range pg.config.Fallbacks {
		add(other.Host, other.Port)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lock lets everybody in: many nodes share the database.
func (d *postgreSQL) lock() (func(), error) { return func() {}, nil }

func (d *postgreSQL) open() (write, read *sql.DB, err error) {
	open := func(most int) *sql.DB {
		db := stdlib.OpenDB(*d.config, stdlib.OptionBeforeConnect(d.dress), stdlib.OptionAfterConnect(d.greet))
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most)
		db.SetConnMaxIdleTime(5 * time.Minute)
		return db
	}
	return open(writeHands + 3), open(postgresReaders), nil
}

func (d *postgreSQL) gorm(conn gorm.ConnPool) gorm.Dialector {
	return gormpostgres.New(gormpostgres.Config{Conn: tidyPool{conn}, WithoutReturning: true})
}

// tidyPool makes the arguments of gorm's statements fit for text columns: a filter may well hold a NUL.
type tidyPool struct{ gorm.ConnPool }

// tidyTx is a tidyPool in a transaction of gorm's own, which asks a pointer whether it is nil.
type tidyTx struct {
	tidyPool
	gorm.TxCommitter
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p tidyPool) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	pool, ok := p.ConnPool.(gorm.TxBeginner)
	if !ok {
		return nil, gorm.ErrInvalidTransaction
	}
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &tidyTx{tidyPool{tx}, tx}, nil
}

// ExecContext implements gorm.ConnPool.
func (p tidyPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tidyTexts(args)
	return p.ConnPool.ExecContext(ctx, query, args...)
}

// QueryContext implements gorm.ConnPool.
func (p tidyPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	tidyTexts(args)
	return p.ConnPool.QueryContext(ctx, query, args...)
}

// QueryRowContext implements gorm.ConnPool.
func (p tidyPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	tidyTexts(args)
	return p.ConnPool.QueryRowContext(ctx, query, args...)
}

func (d *postgreSQL) provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files)
}

// migrating is the key of the lock under which one node brings the schema up to date while others wait.
const migrating = 7_305_804_385_272_293_152

// guard holds a lock that ends with its transaction: one of the session would stay with a pooler's connection. It asks
// for it again and again instead of waiting in the transaction: nodes that wait could hold all connections of a pooler,
// and the one that migrates needs a second.
func (d *postgreSQL) guard(ctx context.Context, db *sql.DB) (func(), error) {
	for {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		var mine bool
		if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(migrating)).Scan(&mine); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
		if mine {
			return func() { _ = tx.Rollback() }, nil
		}
		if err := tx.Rollback(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// begin also bounds how long the transaction holds others up if this node stands still: it may then hold locks on jobs
// that the others are to take from it. And it has rows looked up by their ids: what was planned while a table was small, and
// not analyzed yet, would go over all of it however large it grows. The settings end with the transaction, so that a pooler
// between is no harm.
func (d *postgreSQL) begin(ctx context.Context, conn *sql.Conn) error {
	return conn.Raw(func(c any) error {
		return c.(*stdlib.Conn).Conn().PgConn().Exec(ctx, "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'; "+
			"SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '9s'; "+
			"SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off").Close()
	})
}

// commit fails also when the server answers a COMMIT with ROLLBACK, as it does after a statement that failed.
func (d *postgreSQL) commit(ctx context.Context, conn *sql.Conn) error {
	return conn.Raw(func(c any) error {
		tag, err := c.(*stdlib.Conn).Conn().Exec(ctx, "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			err = errors.New("the transaction was rolled back")
		}
		return err
	})
}

// transient errors are conflicts between transactions, and a connection or a server that has gone: both may be better
// at the next try.
func (d *postgreSQL) transient(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		var refused *pgconn.ConnectError
		var timeout interface{ Timeout() bool }
		return errors.As(err, &refused) || errors.As(err, &timeout) || errors.Is(err, io.EOF) ||
			errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, sql.ErrConnDone) || pgconn.SafeToRetry(err) ||
			strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "bad connection")
	}
	switch e.Code {
	case "40001", "40P01", "55P03", "57014", "25006": // conflict, deadlock, lock timeout, canceled, a standby
		return true
	}
	// 08: connection, 53: too many connections or out of something, 57P: shutdown, crash, starting up.
	return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "53") || strings.HasPrefix(e.Code, "57P")
}

func (d *postgreSQL) manner() manner {
	return manner{hands: writeHands, shared: true, forUpdate: " FOR UPDATE", rebind: d.rebind.of, tidy: tidyTexts, patience: txPatience,
		insist: insistFor, clock: "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		elements: "SELECT json_array_elements_text(%s::json)", tryLock: "SELECT pg_try_advisory_xact_lock(?, ?)"}
}

// tidyTexts replaces what PostgreSQL's text cannot hold: a NUL, and bytes that are no UTF-8.
func tidyTexts(args []any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = tidyText(a)
		case []string:
			for k := range a {
				a[k] = tidyText(a[k])
			}
		}
	}
}

func tidyText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
}

// rebinder turns ? and ?N into $N, once for each query.
type rebinder struct{ known sync.Map }

func (r *rebinder) of(query string) string {
	if q, ok := r.known.Load(query); ok {
		return q.(string)
	}
	var b strings.Builder
	next, quoted := 0, false
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '\'' {
			quoted = !quoted
		}
		if c != '?' || quoted {
			b.WriteByte(c)
			continue
		}
		end := i + 1
		for end < len(query) && query[end] >= '0' && query[end] <= '9' {
			end++
		}
		if end > i+1 {
			b.WriteString("$" + query[i+1:end])
		} else {
			next++
			b.WriteString("$" + strconv.Itoa(next))
		}
		i = end - 1
	}
	r.known.Store(query, b.String())
	return b.String()
}

func (d *postgreSQL) space(ctx context.Context, read *sql.DB) (bytes, free int64, err error) {
	err = read.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes)
	return bytes, 0, err
}

// diskFree is for whoever keeps the database server to watch.
func (d *postgreSQL) diskFree() (int64, bool) { return 0, false }
