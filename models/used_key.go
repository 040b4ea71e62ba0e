package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// usedKey is a key that secrets of the book may be sealed with.
type usedKey struct {
	ID   string `gorm:"primaryKey"` // "": some may be stored plainly
	Used int64  // highest for the key that the last server to start seals with
}

// TableName names the table for gorm.
func (usedKey) TableName() string { return "secret_keys" }

// lacks says which key is missing to open all that these keys have sealed.
func (v *vault) lacks(used []usedKey) error {
	for _, k := range used {
		if _, ok := v.keys[k.ID]; !ok && k.ID != "" {
			return &Invalid{"secret-key-file", "must hold the key " + k.ID + ": secrets in the database are encrypted with it"}
		}
	}
	return nil
}

// takeKeys refuses to work without a key that the book needs, and notes the one that seals from now on.
func (s *Store) takeKeys(ctx context.Context) error {
	return s.write(ctx, work{act: "check the secret keys", run: func(t *tx) error {
		var used []usedKey
		if err := t.Find(&used).Error; err != nil {
			return err
		}
		if err := t.vault.lacks(used); err != nil {
			return err
		}
		if err := noteKey(t.DB, t.vault.pen); err != nil {
			return err
		}
		s.plain = ""
		if t.vault.pen == "" {
			s.plain = "secrets are stored plainly: --secret-key-file encrypts them"
			return nil
		}
		for _, k := range used {
			if k.ID == "" {
				s.plain = "some secrets are still stored plainly: punctual secrets rotate-key encrypts them"
			}
		}
		return nil
	}})
}

// noteKey notes that secrets are sealed with a key from now on.
func noteKey(db *gorm.DB, id string) error {
	return db.Exec(`INSERT INTO secret_keys (id, used) SELECT ?, coalesce(max(used), 0) + 1 FROM secret_keys WHERE 1 = 1
		ON CONFLICT (id) DO UPDATE SET used = excluded.used`, id).Error
}

// Warnings are what its keeper should know of a book that works.
func (s *Store) Warnings() []string {
	var all []string
	if s.plain != "" {
		all = append(all, s.plain)
	}
	if skew := time.Duration(s.clock.skew.Load()); skew.Abs() > SkewMost {
		all = append(all, fmt.Sprintf("The clock of this node's machine differs by %+.1f s from the database's, which the nodes go by.", skew.Seconds()))
	}
	return all
}
