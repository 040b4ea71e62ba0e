package models

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// How the calls of a target are signed. Standard Webhooks calls the two kinds v1, an HMAC with a secret that the target
// shares, and v1a, an ed25519 signature that it verifies with a public key.
const (
	SigningV1   = "v1"
	SigningV1a  = "v1a"
	SigningBoth = "both"
)

// Signings lists every way to sign.
var Signings = []string{SigningV1, SigningV1a, SigningBoth}

// What private and public keys begin with, as Standard Webhooks has it; base64 follows.
const (
	prefixPrivate = "whsk_"
	prefixPublic  = "whpk_"
)

// secret is one signing secret of a target. Its value is sealed as it is written and opened as it is read.
type secret struct {
	TargetID  string    `gorm:"primaryKey"`
	Kind      string    `gorm:"primaryKey"` // SigningV1 or SigningV1a
	CreatedAt time.Time `gorm:"serializer:micro;primaryKey;autoCreateTime:false"`
	Value     []byte
	KeyID     string
	ExpiresAt time.Time `gorm:"serializer:micro"` // zero: the present one
}

// TableName names the table for gorm.
func (secret) TableName() string { return "secrets" }

func (r *secret) niche() niche {
	return niche{"secrets", r.TargetID, r.Kind + "/" + strconv.FormatInt(r.CreatedAt.UnixMicro(), 10)}
}

// AfterFind opens what was read; gorm calls it.
func (r *secret) AfterFind(db *gorm.DB) error {
	v := vaultOf(db)
	plain, err := v.open(r.niche(), r.Value, r.KeyID)
	if err != nil {
		v.complain(r.niche(), err)
		plain = []byte(sealed) // signs nothing: the call says that its secret is malformed
	}
	r.Value = plain
	return nil
}

// Secrets gives the live secrets that a target shares, newest first.
func (s *Store) Secrets(ctx context.Context, targetID string, now time.Time) ([]string, error) {
	return s.liveOf(ctx, targetID, SigningV1, now)
}

// Signers gives the live secrets that the calls of a target are signed with: of each kind newest first.
func (s *Store) Signers(ctx context.Context, t *Target, now time.Time) ([]string, error) {
	return s.liveOf(ctx, t.ID, t.Signing, now)
}

func (s *Store) liveOf(ctx context.Context, targetID, signing string, now time.Time) ([]string, error) {
	db, done := s.read(ctx)
	defer done()
	rows, err := secretsOf(db, targetID)
	return liveSecrets(rows, signing, now), err
}

func secretsOf(db *gorm.DB, targetID string) (rows []secret, err error) {
	return rows, db.Where("target_id = ?", targetID).Order("kind, created_at DESC").Find(&rows).Error
}

// PublicKey is what a target verifies v1a signatures with.
type PublicKey struct {
	Key       string // whpk_…
	CreatedAt time.Time
	ExpiresAt time.Time // nothing is signed for it any more from then on; zero: the present one
}

// PublicKeys gives the public keys of a target that signatures may still come from, newest first.
func (s *Store) PublicKeys(ctx context.Context, targetID string, now time.Time) ([]PublicKey, error) {
	db, done := s.read(ctx)
	defer done()
	rows, err := secretsOf(db, targetID)
	var keys []PublicKey
	for _, r := range rows {
		private, isKey := privateKey(string(r.Value))
		if isKey && r.Kind == SigningV1a && r.live(now) {
			public := private.Public().(ed25519.PublicKey)
			keys = append(keys, PublicKey{prefixPublic + base64.StdEncoding.EncodeToString(public), r.CreatedAt, r.ExpiresAt})
		}
	}
	return keys, err
}

func privateKey(value string) (ed25519.PrivateKey, bool) {
	if len(value) < len(prefixPrivate) {
		return nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(value[len(prefixPrivate):])
	return raw, err == nil && len(raw) == ed25519.PrivateKeySize
}

// newPrivateKey makes a private key, written as Standard Webhooks does: seed and public key.
func newPrivateKey() string {
	_, private, _ := ed25519.GenerateKey(nil) // the system's randomness never fails
	return prefixPrivate + base64.StdEncoding.EncodeToString(private)
}

// Rotation says what of a target's secrets is made new.
type Rotation struct {
	Secret  string        // the new shared secret
	Keys    bool          // its private key too, if it has one
	Overlap time.Duration // how long the old ones sign beside the new, but no longer than they would have
}

// RotateSecret puts new secrets in front of the old.
func (s *Store) RotateSecret(ctx context.Context, name string, r Rotation, now time.Time) (*Target, error) {
	line := trailOf(ctx, "rotate-secret", "target")
	var out *Target
	err := s.write(ctx, work{act: "rotate secret", run: func(tx *tx) (err error) {
		if out, err = tx.targetNamed(name); err != nil {
			return err
		}
		now := Stamp(now)
		if err := tx.rotate(out.ID, SigningV1, r.Secret, r.Overlap, now); err != nil {
			return err
		}
		if has, err := tx.hasKey(out.ID); err != nil {
			return err
		} else if has && r.Keys {
			if err := tx.rotate(out.ID, SigningV1a, newPrivateKey(), r.Overlap, now); err != nil {
				return err
			}
		}
		if err := tx.audit(line, name, nil, said("overlap", FormatDuration(r.Overlap))); err != nil {
			return err
		}
		return tx.saveTarget(out, now)
	}})
	return out, err
}

func (t *tx) rotate(targetID, kind, value string, overlap time.Duration, now time.Time) error {
	if _, err := t.exec(`DELETE FROM secrets WHERE target_id = ? AND kind = ? AND expires_at <= ?`, targetID, kind,
		now.UnixMicro()); err != nil {
		return err
	}
	until := now.Add(overlap).UnixMicro()
	if _, err := t.exec(`UPDATE secrets SET expires_at = ? WHERE target_id = ? AND kind = ?
		AND (expires_at IS NULL OR expires_at > ?)`, until, targetID, kind, until); err != nil {
		return err
	}
	return t.addSecret(targetID, kind, value, now)
}

func (t *tx) addSecret(targetID, kind, value string, now time.Time) error {
	t.stale = true
	delete(t.secrets, targetID)
	row := secret{TargetID: targetID, Kind: kind, CreatedAt: now}
	row.Value, row.KeyID = t.vault.seal(row.niche(), []byte(value))
	return t.Create(&row).Error
}

// hasKey tells whether a target has a private key.
func (t *tx) hasKey(targetID string) (bool, error) {
	var one int
	err := t.one(`SELECT 1 FROM secrets WHERE target_id = ? AND kind = ? AND expires_at IS NULL`, []any{targetID, SigningV1a}, &one)
	if err == ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// ensureKey gives a target the private key that its signing asks for. One that is there already stays, also when it is
// not asked for at the moment.
func (t *tx) ensureKey(target *Target, now time.Time) error {
	if target.Signing == SigningV1 {
		return nil
	}
	has, err := t.hasKey(target.ID)
	if err != nil || has {
		return err
	}
	return t.addSecret(target.ID, SigningV1a, newPrivateKey(), Stamp(now))
}

// signersOf is Signers inside a transaction, from the cache if it can be.
func (t *tx) signersOf(targetID string, now time.Time) ([]string, error) {
	target, err := t.target(targetID)
	if err != nil {
		return nil, err
	}
	rows, ok := t.secrets[targetID]
	if !ok {
		if rows, err = secretsOf(t.DB, targetID); err != nil {
			return nil, err
		}
		rows = slices.Clone(rows) // gorm reads into room for 20
		t.secrets[targetID] = rows
	}
	return liveSecrets(rows, target.Signing, now), nil
}

// live tells whether the secret's overlap is not over.
func (r *secret) live(now time.Time) bool { return r.ExpiresAt.IsZero() || now.Before(r.ExpiresAt) }

// liveSecrets gives the values of those that are live and of a kind that signing asks for.
func liveSecrets(rows []secret, signing string, now time.Time) []string {
	live := make([]string, 0, len(rows))
	for i := range rows {
		if r := &rows[i]; (signing == SigningBoth || signing == r.Kind) && r.live(now) {
			live = append(live, string(r.Value))
		}
	}
	return slices.Clip(live)
}
