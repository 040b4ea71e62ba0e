package models

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// dress sets a connection up before it is made.
//
// Statements are prepared once for each connection, unless a pooler stands between that lends connections for a transaction
// only: then the next one would not know them, or know another's of the same name. There only the types that a statement
// takes and gives are remembered, which costs a parse for each run. To guess types from arguments, as other modes do, would
// go wrong.
//
// What other nodes notify each other of may reach connections that do not listen, if a pooler lends them one that did: it
// is dropped, where the library would keep it for ever.
func (d *postgreSQL) dress(_ context.Context, c *pgx.ConnConfig) error {
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if d.pooled.Load() {
		c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	c.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
	return nil
}

// greet makes a new connection fit for use. The first one through a pooler is given up, and made once more in the right
// dress.
func (d *postgreSQL) greet(ctx context.Context, conn *pgx.Conn) error {
	between, err := pooler(ctx, conn.PgConn())
	if err == nil && between && d.pooled.CompareAndSwap(false, true) {
		err = driver.ErrBadConn
	}
	if err == nil {
		err = teachFlags(conn)
	}
	if err != nil {
		_ = conn.Close(ctx)
	}
	return err
}

// pooler tells whether a pooler stands between here and the server: it gives each client a number of its own, while the
// server gives that of its process.
func pooler(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	got, err := conn.Exec(ctx, "SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return false, err
	}
	return string(got[0].Rows[0][0]) != fmt.Sprint(conn.PID()), nil
}

// teachFlags lets a connection take a bool where a column is a number: flags are 0 and 1 on both engines.
func teachFlags(conn *pgx.Conn) error {
	for _, oid := range []uint32{pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID} {
		known, ok := conn.TypeMap().TypeForOID(oid)
		if !ok {
			return fmt.Errorf("no type of oid %d", oid)
		}
		conn.TypeMap().RegisterType(&pgtype.Type{Name: known.Name, OID: oid, Codec: flagCodec{known.Codec}})
	}
	return nil
}

// flagCodec is a codec of numbers that takes bools too.
type flagCodec struct{ pgtype.Codec }

// PlanEncode implements pgtype.Codec.
func (c flagCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(bool); ok {
		if plan := c.Codec.PlanEncode(m, oid, format, int64(0)); plan != nil {
			return flagPlan{plan}
		}
	}
	return c.Codec.PlanEncode(m, oid, format, value)
}

type flagPlan struct{ number pgtype.EncodePlan }

// Encode implements pgtype.EncodePlan.
func (p flagPlan) Encode(value any, buf []byte) ([]byte, error) {
	n := int64(0)
	if value.(bool) {
		n = 1
	}
	return p.number.Encode(n, buf)
}
