package models

import (
	"context"
	"time"
)

// CreateKey records a new key. A name that a living key has is a Conflict.
func (s *Store) CreateKey(ctx context.Context, k *Key) error {
	line := trailOf(ctx, "create", "key")
	return s.write(ctx, work{act: "create key", run: func(tx *tx) error {
		var known string
		err := tx.one(`SELECT id FROM keys WHERE name = ? AND revoked_at IS NULL`, []any{k.Name}, &known)
		switch {
		case err == nil && known == k.ID:
			return nil // recorded by a run whose COMMIT was unclear
		case err == nil:
			return &Conflict{"a key of this name exists already"}
		case err != ErrNotFound:
			return err
		}
		if err := tx.Create(k).Error; err != nil {
			return err
		}
		return tx.audit(line, k.Name, nil, line.shown(k))
	}})
}

// Keys lists the keys that are not revoked, by name.
func (s *Store) Keys(ctx context.Context, p Page) ([]*Key, string, error) {
	after, err := p.key("keys")
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	var rows []*Key
	err = db.Where("revoked_at IS NULL AND name > ?", after).Order("name").Limit(p.limit() + 1).Find(&rows).Error
	rows, next := cut(p, "keys", rows, func(k *Key) string { return k.Name })
	return rows, next, err
}

// KeyByHash is the key whose text has that SHA-256, also one that has expired, or ErrNotFound.
func (s *Store) KeyByHash(ctx context.Context, hash [32]byte) (*Key, error) {
	db, done := s.read(ctx)
	defer done()
	var k Key
	err := db.Where("hash = ? AND revoked_at IS NULL", hash[:]).Take(&k).Error
	return &k, notFound(err)
}

// RevokeKey ends a key, and the sessions of those who signed in with it.
func (s *Store) RevokeKey(ctx context.Context, name string, now time.Time) (*Key, error) {
	line := trailOf(ctx, "revoke", "key")
	var out *Key
	err := s.write(ctx, work{act: "revoke key", run: func(tx *tx) error {
		out = new(Key)
		if err := tx.Where("name = ? AND revoked_at IS NULL", name).Take(out).Error; err != nil {
			return notFound(err)
		}
		before := line.shown(out)
		out.RevokedAt = Stamp(now)
		if _, err := tx.exec(`UPDATE keys SET revoked_at = ? WHERE id = ?`, out.RevokedAt.UnixMicro(), out.ID); err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM sessions WHERE key_hash = ?`, out.Hash); err != nil {
			return err
		}
		return tx.audit(line, name, before, nil)
	}})
	return out, err
}

// TouchKey notes that a key was used. Nobody waits for it: an error means that it was not even begun.
func (s *Store) TouchKey(id string, now time.Time) error {
	at := now.UnixMicro()
	return s.writer.enqueue(&work{act: "touch key", lane: swept, done: func(error) {}, run: func(tx *tx) error {
		_, err := tx.exec(`UPDATE keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
			at, id, at)
		return err
	}})
}
