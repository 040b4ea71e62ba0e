package models

import (
	"context"
	"time"
)

// Session is somebody who has signed in.
type Session struct {
	Hash      [32]byte  // SHA-256 of the token that proves it
	KeyHash   [32]byte  // of the key it was begun with
	CreatedAt time.Time //
	ExpiresAt time.Time //
}

// maxSessions is how many are kept; the ones that end first make room.
const maxSessions = 10_000

// BeginSession records a session, and forgets those that have ended.
func (s *Store) BeginSession(ctx context.Context, n Session) error {
	line := trailOf(ctx, "sign-in", "session")
	return s.write(ctx, work{act: "begin session", run: func(tx *tx) error {
		if _, err := tx.exec(`DELETE FROM sessions WHERE expires_at <= ?`, n.CreatedAt.UnixMicro()); err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM sessions WHERE hash IN
			(SELECT hash FROM sessions ORDER BY expires_at DESC LIMIT 1000 OFFSET ?)`, maxSessions-1); err != nil {
			return err
		}
		if _, err := tx.exec(`INSERT INTO sessions (hash, key_hash, created_at, expires_at) VALUES (?,?,?,?)
			ON CONFLICT (hash) DO NOTHING`, n.Hash[:], n.KeyHash[:], n.CreatedAt.UnixMicro(),
			n.ExpiresAt.UnixMicro()); err != nil {
			return err
		}
		return tx.audit(line, "", nil, nil)
	}})
}

// Session is the session whose token has that SHA-256, ended or not, or ErrNotFound.
func (s *Store) Session(ctx context.Context, hash [32]byte) (*Session, error) {
	db, done := s.read(ctx)
	defer done()
	var row struct {
		KeyHash              []byte
		CreatedAt, ExpiresAt int64
	}
	err := db.Raw(`SELECT key_hash, created_at, expires_at FROM sessions WHERE hash = ?`, hash[:]).Take(&row).Error
	if err != nil {
		return nil, notFound(err)
	}
	out := &Session{Hash: hash, CreatedAt: time.UnixMicro(row.CreatedAt), ExpiresAt: time.UnixMicro(row.ExpiresAt)}
	copy(out.KeyHash[:], row.KeyHash)
	return out, nil
}

// EndSession forgets a session. It is no error if there is none.
func (s *Store) EndSession(ctx context.Context, hash [32]byte) error {
	line := trailOf(ctx, "sign-out", "session")
	return s.write(ctx, work{act: "end session", run: func(tx *tx) error {
		n, err := tx.exec(`DELETE FROM sessions WHERE hash = ?`, hash[:])
		if err != nil || n == 0 {
			return err
		}
		return tx.audit(line, "", nil, nil)
	}})
}
