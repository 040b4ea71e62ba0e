package models

import (
	"context"
	"slices"
	"time"
)

// secret is one signing secret of a target.
type secret struct {
	TargetID  string    `gorm:"primaryKey"`
	CreatedAt time.Time `gorm:"serializer:micro;primaryKey;autoCreateTime:false"`
	Value     []byte
	KeyID     string
	ExpiresAt time.Time `gorm:"serializer:micro"` // zero: the present one
}

// TableName names the table for gorm.
func (secret) TableName() string { return "secrets" }

// Secrets gives the live signing secrets of a target, newest first.
func (s *Store) Secrets(ctx context.Context, targetID string, now time.Time) ([]string, error) {
	db, done := s.read(ctx)
	defer done()
	var rows []secret
	err := db.Where("target_id = ?", targetID).Order("created_at DESC").Find(&rows).Error
	return liveSecrets(rows, now), err
}

// RotateSecret puts a new secret in front; the old ones sign beside it for overlap, and no longer than they would have.
func (s *Store) RotateSecret(ctx context.Context, name, value string, overlap time.Duration, now time.Time) (*Target, error) {
	var out *Target
	err := s.write(ctx, work{act: "rotate secret", run: func(tx *tx) (err error) {
		if out, err = tx.targetNamed(name); err != nil {
			return err
		}
		now := Stamp(now)
		if _, err := tx.exec(`DELETE FROM secrets WHERE target_id = ? AND expires_at <= ?`, out.ID, now.UnixMicro()); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE secrets SET expires_at = ?1 WHERE target_id = ?2 AND (expires_at IS NULL OR expires_at > ?1)`,
			now.Add(overlap).UnixMicro(), out.ID); err != nil {
			return err
		}
		if err := tx.addSecret(out.ID, value, now); err != nil {
			return err
		}
		return tx.saveTarget(out, now)
	}})
	return out, err
}

func (t *tx) addSecret(targetID, value string, now time.Time) error {
	t.stale = true
	delete(t.secrets, targetID)
	return t.Create(&secret{TargetID: targetID, CreatedAt: now, Value: []byte(value)}).Error
}

// liveSecretsOf is Secrets inside a transaction, from the cache if it can be.
func (t *tx) liveSecretsOf(targetID string, now time.Time) ([]string, error) {
	rows, ok := t.secrets[targetID]
	if !ok {
		if err := t.Where("target_id = ?", targetID).Order("created_at DESC").Find(&rows).Error; err != nil {
			return nil, err
		}
		t.secrets[targetID] = rows
	}
	return liveSecrets(rows, now), nil
}

// liveSecrets drops those whose overlap is over; rows are newest first.
func liveSecrets(rows []secret, now time.Time) []string {
	live := make([]string, 0, len(rows))
	for _, r := range rows {
		if r.ExpiresAt.IsZero() || now.Before(r.ExpiresAt) {
			live = append(live, string(r.Value))
		}
	}
	return slices.Clip(live)
}
