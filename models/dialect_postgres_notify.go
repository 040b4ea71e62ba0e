package models

import (
	"context"
	"database/sql"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what the nodes of one database notify each other on.
const channel = "punctual"

// hearPatience is how long a connection that hears nothing is trusted: then it is asked whether it still lives.
const hearPatience = 5 * time.Second

func (d *postgreSQL) tell(ctx context.Context, db *sql.DB, messages []string) error {
	_, err := db.ExecContext(ctx, "SELECT pg_notify($1, m) FROM unnest($2::text[]) m", channel, messages)
	return err
}

// hear listens on a connection of its own, which must reach the server itself: through a pooler, which lends connections for
// a transaction, nothing would be heard, and the polls have to do.
func (d *postgreSQL) hear(ctx context.Context, log *slog.Logger, message func(string), missed func()) error {
	if d.pooled.Load() {
		log.Info("a pooler stands before the database: what other nodes do is not heard but looked for")
		<-ctx.Done()
		return nil
	}
	const shortest, longest = 200 * time.Millisecond, 3 * time.Second
	for wait := shortest; ctx.Err() == nil; wait = min(2*wait, longest) {
		began := time.Now()
		err := d.hearOn(ctx, message, missed)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > longest {
			wait = shortest
		}
		log.Warn("what other nodes do is not heard", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait + time.Duration(rand.Int64N(int64(wait)))):
		}
	}
	return nil
}

func (d *postgreSQL) hearOn(ctx context.Context, message func(string), missed func()) error {
	conn, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer done()
		_ = conn.Close(ctx)
	}()
	if err := promptly(ctx, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, "LISTEN "+channel)
		return err
	}); err != nil {
		return err
	}
	missed()
	for {
		quiet, done := context.WithTimeout(ctx, hearPatience)
		n, err := conn.WaitForNotification(quiet)
		done()
		switch {
		case err == nil:
			message(n.Payload)
		case ctx.Err() != nil:
			return ctx.Err()
		case quiet.Err() == nil:
			return err
		default:
			if err := promptly(ctx, conn.Ping); err != nil {
				return err
			}
		}
	}
}

// promptly gives an act as long as a connection may take.
func promptly(ctx context.Context, act func(context.Context) error) error {
	ctx, done := context.WithTimeout(ctx, connectPatience)
	defer done()
	return act(ctx)
}
