package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// tx is the writer's open transaction. Its statements run on one connection, on which each is prepared once and for
// all; gorm runs on the same connection. It belongs to the writer's goroutine.
type tx struct {
	*gorm.DB
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	cfg     Config
	targets map[string]*Target  // by id, as committed or changed in this transaction; see target
	secrets map[string][]secret // by target id; see liveSecrets
	stale   bool                // targets or secrets may hold what a rollback undid
	names   map[string]string   // of schedules, by id: names never change

	// What the work at hand made due beside what it was asked for: told to the listener once it is durable.
	owedJobs      []*Job
	owedSchedules []*Schedule
}

// hint notes that jobs and a schedule (nil: none) have become due or changed.
func (t *tx) hint(jobs []*Job, schedule *Schedule) {
	t.owedJobs = append(t.owedJobs, jobs...)
	if schedule != nil {
		t.owedSchedules = append(t.owedSchedules, schedule)
	}
}

func newTx(conn *sql.Conn, g *gorm.DB, cfg Config) *tx {
	t := &tx{DB: g, conn: conn, stmts: map[string]*sql.Stmt{}, cfg: cfg, names: map[string]string{}}
	t.forget()
	return t
}

// forget empties the caches.
func (t *tx) forget() {
	t.targets, t.secrets, t.stale = map[string]*Target{}, map[string][]secret{}, false
}

func (t *tx) begin(how string) error {
	_, err := t.exec(how)
	return err
}

func (t *tx) commit() error {
	_, err := t.exec("COMMIT")
	if err == nil {
		t.stale = false
	}
	return err
}

// rollback ends the transaction whatever became of it; after a COMMIT that failed there may be none.
func (t *tx) rollback() {
	_, _ = t.exec("ROLLBACK")
	t.forget()
	t.owedJobs, t.owedSchedules = nil, nil
}

// savepoint runs f so that its failure undoes f's own statements only. err means that the transaction is broken.
func (t *tx) savepoint(f func(*tx) error) (failed, err error) {
	if _, err := t.exec("SAVEPOINT work"); err != nil {
		return nil, err
	}
	jobs, schedules := len(t.owedJobs), len(t.owedSchedules)
	if failed = f(t); failed != nil {
		if _, err := t.exec("ROLLBACK TO work"); err != nil {
			return nil, errors.Join(failed, err)
		}
		t.owedJobs, t.owedSchedules = t.owedJobs[:jobs], t.owedSchedules[:schedules]
		if t.stale {
			t.forget()
		}
	}
	_, err = t.exec("RELEASE work")
	return failed, err
}

// stmt prepares query once on the connection.
func (t *tx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := t.stmts[query]; ok {
		return st, nil
	}
	st, err := t.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	t.stmts[query] = st
	return st, nil
}

// exec runs a statement and tells how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	ctx := context.Background()
	st, err := t.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one reads one row into dest; ErrNotFound when there is none.
func (t *tx) one(query string, args []any, dest ...any) error {
	ctx := context.Background()
	st, err := t.stmt(ctx, query)
	if err != nil {
		return err
	}
	return notFound(st.QueryRowContext(ctx, args...).Scan(dest...))
}

// each calls row for every row of query; row scans with the function it is given.
func (t *tx) each(query string, args []any, row func(scan func(...any) error) error) error {
	ctx := context.Background()
	st, err := t.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
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

func (t *tx) close() error {
	var errs []error
	for _, st := range t.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, t.conn.Close())...)
}
