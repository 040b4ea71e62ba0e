package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Resealed is what Reseal did.
type Resealed struct {
	Changed int // values that were sealed anew
	Lost    int // values that no key opens: left as they are
}

// Reseal seals every secret of a book with the first of cfg.SecretKeys, and lets go of all other keys. It may run beside
// a server that was started with that key first, and while none runs. It goes in small steps, each of which leaves the
// book readable with the old keys and the new: it may be broken off, and begins again where there is something left to do.
// tell, which may be nil, hears of each step.
//
// What was replaced may stay behind in the free space of SQLite's file, unless vacuum has it rewritten; that needs as much
// disk again, and no server.
func Reseal(ctx context.Context, cfg Config, vacuum bool, now time.Time, tell func(Resealed)) (Resealed, error) {
	cfg = cfg.withDefaults()
	cfg.Existing = true
	if len(cfg.SecretKeys) == 0 {
		return Resealed{}, &Invalid{"secret-key-file", "is required: its first key encrypts, the others are only read"}
	}
	s, beside, err := openBeside(ctx, cfg)
	if err != nil {
		return Resealed{}, err
	}
	defer s.release()
	if beside && vacuum {
		return Resealed{}, &Conflict{"the file cannot be rewritten while a server runs: stop it, or leave out --vacuum"}
	}
	r := &resealer{vault: s.vault, pen: s.vault.pen, tell: tell}
	if r.db, err = s.gorm(s.writeDB); err != nil {
		return Resealed{}, err
	}
	r.db = r.db.WithContext(ctx)
	if s.dialect.manner().shared {
		if beside, err = r.nodesLive(now); err != nil {
			return Resealed{}, err
		}
	}
	if err := r.check(beside); err != nil {
		return Resealed{}, err
	}
	if err = r.run(); err == nil && vacuum && !s.dialect.manner().shared {
		err = r.db.Exec("VACUUM").Error
	}
	return r.done, err
}

// openBeside opens the connections of a book without a writer, and without its lock if a server holds that.
func openBeside(ctx context.Context, cfg Config) (s *Store, beside bool, err error) {
	d, err := dialectFor(cfg)
	if err != nil {
		return nil, false, err
	}
	s = &Store{cfg: cfg, dialect: d, unlock: func() {}}
	if s.vault, err = newVault(cfg.SecretKeys, cfg.Log); err != nil {
		return nil, false, err
	}
	unlock, err := d.lock()
	switch {
	case err == nil:
		s.unlock = unlock
	case errors.Is(err, ErrLocked):
		beside = true
	default:
		return nil, false, err
	}
	if s.writeDB, s.readDB, err = d.open(); err == nil {
		_, _, err = migrate(ctx, d, s.writeDB, beside || cfg.NoMigrate)
	}
	if err != nil {
		s.release()
		return nil, false, fmt.Errorf("open the database: %w", err)
	}
	return s, beside, nil
}

// resealStep is how many rows one transaction seals anew.
const resealStep = 200

type resealer struct {
	db    *gorm.DB
	vault *vault
	pen   string
	tell  func(Resealed)
	done  Resealed
}

// step makes one transaction durable and tells of it.
func (r *resealer) step(f func(db *gorm.DB) error) error {
	err := r.db.Transaction(f)
	if err == nil && r.tell != nil {
		r.tell(r.done)
	}
	return err
}

// nodesLive tells whether a node was at work a moment ago.
func (r *resealer) nodesLive(now time.Time) (bool, error) {
	const moment = time.Minute
	var n int64
	err := r.db.Raw(`SELECT count(*) FROM nodes WHERE heartbeat_at > ?`, now.Add(-moment).UnixMicro()).Scan(&n).Error
	return n > 0, err
}

// check makes sure that neither this process nor a server lacks a key.
func (r *resealer) check(beside bool) error {
	var used []usedKey
	if err := r.db.Order("used DESC").Find(&used).Error; err != nil {
		return err
	}
	if err := r.vault.lacks(used); err != nil {
		return err
	}
	if beside && (len(used) == 0 || used[0].ID != r.pen) {
		return &Conflict{"the server that runs writes with another key than " + r.pen +
			", the first of --secret-key-file: restart it with this file, then run this again"}
	}
	// From here on a server must have the new key to start.
	return noteKey(r.db, r.pen)
}

func (r *resealer) run() error {
	if err := r.secrets(); err != nil {
		return fmt.Errorf("encrypt the signing secrets: %w", err)
	}
	for _, table := range []string{"targets", "schedules", "jobs"} {
		if err := r.headers(table); err != nil {
			return fmt.Errorf("encrypt the headers of %s: %w", table, err)
		}
	}
	return r.db.Exec(`DELETE FROM secret_keys WHERE id <> ?`, r.pen).Error
}

// secrets seals the signing secrets anew. There are a few for each target.
func (r *resealer) secrets() error {
	for after := (secret{}); ; {
		var rows []secret
		err := r.db.Session(&gorm.Session{SkipHooks: true}).Where("(target_id, kind, created_at) > (?, ?, ?)", after.TargetID,
			after.Kind, after.CreatedAt.UnixMicro()).Order("target_id, kind, created_at").Limit(resealStep).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1]
		if err := r.step(func(db *gorm.DB) error {
			for i := range rows {
				if err := r.secret(db, &rows[i]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

func (r *resealer) secret(db *gorm.DB, row *secret) error {
	if row.KeyID == r.pen {
		return nil
	}
	plain, err := r.vault.open(row.niche(), row.Value, row.KeyID)
	if err != nil {
		r.vault.complain(row.niche(), err)
		r.done.Lost++
		return nil
	}
	value, keyID := r.vault.seal(row.niche(), plain)
	r.done.Changed++
	return db.Exec(`UPDATE secrets SET value = ?, key_id = ? WHERE target_id = ? AND kind = ? AND created_at = ?`, value, keyID,
		row.TargetID, row.Kind, row.CreatedAt.UnixMicro()).Error
}

// rowHeaders is what headers needs of a row.
type rowHeaders struct{ ID, Headers string }

// change is what headers become.
type change struct{ from, to string }

// headers seals the headers of a table anew. It reads outside of its transactions, so that a server that is at work
// beside it waits for the rows that change and not for those that are looked at.
func (r *resealer) headers(table string) error {
	for after := ""; ; {
		var rows []rowHeaders
		err := r.db.Raw(`SELECT id, headers FROM `+table+` WHERE id > ? AND headers IS NOT NULL AND headers <> '{}'
			ORDER BY id LIMIT ?`, after, resealStep).Scan(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		changes := map[string]change{}
		for _, row := range rows {
			if changed, err := r.row(table, row); err != nil {
				return err
			} else if changed != row.Headers {
				changes[row.ID] = change{row.Headers, changed}
			}
		}
		if err := r.write(table, changes); err != nil {
			return err
		}
	}
}

// row gives the headers of a row as they should be stored.
func (r *resealer) row(table string, row rowHeaders) (string, error) {
	var h Headers
	if err := json.Unmarshal([]byte(row.Headers), &h); err != nil {
		return "", fmt.Errorf("read row %s: %w", row.ID, err)
	}
	changes := 0
	for name, value := range h {
		if !SecretHeader(name) || strings.HasPrefix(value, sealed+r.pen+":") {
			continue
		}
		one := Headers{name: value}
		if r.vault.openHeaders(table, row.ID, one); strings.HasPrefix(one[name], sealed) {
			r.done.Lost++
			continue
		}
		h[name] = r.vault.sealHeaders(table, row.ID, one)[name]
		changes++
	}
	if changes == 0 {
		return row.Headers, nil
	}
	r.done.Changed += changes
	raw, err := json.Marshal(h)
	return string(raw), err
}

// write replaces headers that are still as they were read: whoever has changed them meanwhile has sealed them too.
func (r *resealer) write(table string, changes map[string]change) error {
	if len(changes) == 0 {
		return nil
	}
	return r.step(func(db *gorm.DB) error {
		for id, c := range changes {
			err := db.Exec(`UPDATE `+table+` SET headers = ? WHERE id = ? AND headers = ?`, c.to, id, c.from).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
}
