package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"

	"gorm.io/gorm"
)

// tx is a writer's open transaction. Its statements run on one connection, on which each is prepared once and for
// all; gorm runs on the same connection. It belongs to the writer's goroutine.
type tx struct {
	*gorm.DB // under ctx
	manner
	dialect dialect
	dial    func(context.Context) (*sql.Conn, *gorm.DB, error)
	conn    *sql.Conn // nil: it broke, and begin makes another one
	base    *gorm.DB  // on conn
	ctx     context.Context
	done    context.CancelFunc
	stmts   map[string]*sql.Stmt
	cfg     Config
	checked map[string]bool // targets whose rows are locked, so that what is cached of them holds until the commit
	vault   *vault
	targets map[string]*Target  // by id, as committed or changed in this transaction; see target
	secrets map[string][]secret // by target id; see liveSecrets
	stale   bool                // targets or secrets may hold what a rollback undid
	names   map[string]string   // of schedules, by id: names never change

	// What the work at hand made due beside what it was asked for: told to the listener once it is durable.
	owedJobs      []*Job
	owedSchedules []*Schedule

	ledger ledger // what the transaction has done to the counts
	shard  int    // of the rows that its ledger is added to
}

// hint notes that jobs and a schedule (nil: none) have become due or changed.
func (t *tx) hint(jobs []*Job, schedule *Schedule) {
	t.owedJobs = append(t.owedJobs, jobs...)
	if schedule != nil {
		t.owedSchedules = append(t.owedSchedules, schedule)
	}
}

func newTx(d dialect, dial func(context.Context) (*sql.Conn, *gorm.DB, error), cfg Config, shard int) *tx {
	t := &tx{manner: d.manner(), dialect: d, dial: dial, ctx: context.Background(), done: func() {}, cfg: cfg,
		checked: map[string]bool{}, names: map[string]string{}, shard: shard}
	t.forget()
	return t
}

// forget empties the caches.
func (t *tx) forget() {
	t.targets, t.secrets, t.stale = map[string]*Target{}, map[string][]secret{}, false
}

// connect makes a connection if there is none.
func (t *tx) connect(ctx context.Context) (err error) {
	if t.conn != nil {
		return nil
	}
	t.stmts = map[string]*sql.Stmt{}
	if t.conn, t.base, err = t.dial(ctx); err != nil {
		t.conn = nil
		return fmt.Errorf("connect: %w", err)
	}
	t.DB, t.vault = t.base, vaultOf(t.base)
	return nil
}

func (t *tx) begin() error {
	clear(t.checked)
	if t.patience > 0 {
		t.ctx, t.done = context.WithTimeout(context.Background(), t.patience)
	}
	if err := t.connect(t.ctx); err != nil {
		return err
	}
	if t.patience > 0 {
		t.DB = t.base.WithContext(t.ctx)
	}
	return t.dialect.begin(t.ctx, t.conn)
}

func (t *tx) commit() error {
	if err := t.writeLedger(); err != nil {
		return err
	}
	err := t.dialect.commit(t.ctx, t.conn)
	if err == nil {
		t.stale = false
		t.done()
	}
	return err
}

// rollback ends the transaction whatever became of it; after a COMMIT that failed there may be none. A connection that
// others share the database over, and that does not even take that, is given up.
func (t *tx) rollback() {
	if t.conn != nil {
		if _, err := t.exec("ROLLBACK"); err != nil && t.shared {
			_ = t.conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it
			_ = t.conn.Close()
			t.conn = nil
		}
	}
	t.done()
	t.forget()
	t.owedJobs, t.owedSchedules = nil, nil
	t.ledger.backTo(place{})
}

// alone tells whether this transaction is the only one, of all nodes, at what is named, until it ends.
func (t *tx) alone(what string) (alone bool, err error) {
	if t.tryLock == "" {
		return true, nil
	}
	h := fnv.New32a()
	h.Write([]byte(what))
	err = t.one(t.tryLock, []any{sweeping, int32(h.Sum32())}, &alone)
	return alone, err
}

// sweeping is the first half of the keys of locks that alone takes.
const sweeping int32 = 0x70756e63

// savepoint runs f so that its failure undoes f's own statements only. err means that the transaction is broken.
func (t *tx) savepoint(f func(*tx) error) (failed, err error) {
	if _, err := t.exec("SAVEPOINT work"); err != nil {
		return nil, err
	}
	jobs, schedules, noted := len(t.owedJobs), len(t.owedSchedules), t.ledger.place()
	if failed = f(t); failed != nil {
		if _, err := t.exec("ROLLBACK TO work"); err != nil {
			return nil, errors.Join(failed, err)
		}
		t.owedJobs, t.owedSchedules = t.owedJobs[:jobs], t.owedSchedules[:schedules]
		t.ledger.backTo(noted)
		if t.stale {
			t.forget()
		}
	}
	_, err = t.exec("RELEASE work")
	return failed, err
}

// stmt prepares query once on the connection.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if st, ok := t.stmts[query]; ok {
		return st, nil
	}
	st, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	t.stmts[query] = st
	return st, nil
}

// exec runs a statement and tells how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	if t.rebind != nil {
		t.tidy(args)
		r, err := t.conn.ExecContext(t.ctx, t.rebind(query), args...)
		if err != nil {
			return 0, err
		}
		return r.RowsAffected()
	}
	st, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one reads one row into dest; ErrNotFound when there is none.
func (t *tx) one(query string, args []any, dest ...any) error {
	if t.rebind != nil {
		t.tidy(args)
		return notFound(t.conn.QueryRowContext(t.ctx, t.rebind(query), args...).Scan(dest...))
	}
	st, err := t.stmt(query)
	if err != nil {
		return err
	}
	return notFound(st.QueryRowContext(t.ctx, args...).Scan(dest...))
}

// rows runs a query.
func (t *tx) rows(query string, args []any) (*sql.Rows, error) {
	if t.rebind != nil {
		t.tidy(args)
		return t.conn.QueryContext(t.ctx, t.rebind(query), args...)
	}
	st, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(t.ctx, args...)
}

// each calls row for every row of query; row scans with the function it is given.
func (t *tx) each(query string, args []any, row func(scan func(...any) error) error) error {
	rows, err := t.rows(query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// close lets go of the connection. A statement left open would keep the engine's connection alive beyond its end, and
// with it SQLite's write-ahead log beside the file; gorm's are closed one by one because it would close them later.
func (t *tx) close() error {
	var errs []error
	if t.conn == nil {
		return nil
	}
	if prepared, ok := t.ConnPool.(*gorm.PreparedStmtDB); ok {
		for _, query := range prepared.Stmts.Keys() {
			if st, ok := prepared.Stmts.Get(query); ok {
				errs = append(errs, st.Close())
			}
		}
	}
	for _, st := range t.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, t.conn.Close())...)
}
