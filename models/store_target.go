package models

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// CreateTarget records a new target with its first secret. A name that a living target has is a Conflict.
func (s *Store) CreateTarget(ctx context.Context, t *Target, secret string) error {
	line := trailOf(ctx, "create", "target")
	return s.write(ctx, work{act: "create target", run: func(tx *tx) error {
		known, err := tx.targetNamed(t.Name)
		switch {
		case err == nil && known.ID == t.ID:
			return nil // recorded by a run whose COMMIT was unclear
		case err == nil:
			return &Conflict{"a target of this name exists already"}
		case err != ErrNotFound:
			return err
		}
		row := *t
		row.Headers = tx.vault.sealHeaders("targets", t.ID, t.Headers)
		if err := tx.Create(&row).Error; errors.Is(err, gorm.ErrDuplicatedKey) {
			return &Conflict{"a target of this name exists already"}
		} else if err != nil {
			return err
		}
		if err := tx.ensureKey(t, t.CreatedAt); err != nil {
			return err
		}
		if err := tx.audit(line, t.Name, nil, line.shown(t)); err != nil {
			return err
		}
		return tx.addSecret(t.ID, SigningV1, secret, t.CreatedAt)
	}})
}

// Target is the living target of that name, or ErrNotFound.
func (s *Store) Target(ctx context.Context, name string) (*Target, error) {
	db, done := s.read(ctx)
	defer done()
	t, err := livingTarget(db, name)
	return t, reached(ctx, name, err)
}

func livingTarget(db *gorm.DB, name string) (*Target, error) {
	var t Target
	err := db.Where("name = ? AND deleted_at IS NULL", name).Take(&t).Error
	return &t, notFound(err)
}

// Targets lists the living targets by name.
func (s *Store) Targets(ctx context.Context, p Page) ([]*Target, string, error) {
	after, err := p.key("targets")
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	var rows []*Target
	query := db.Where("deleted_at IS NULL AND name > ?", after)
	if reach := reachOf(ctx); reach != nil {
		query = query.Where("name IN ?", reach)
	}
	err = query.Order("name").Limit(p.limit() + 1).Find(&rows).Error
	rows, next := cut(p, "targets", rows, func(t *Target) string { return t.Name })
	return rows, next, err
}

// TargetNames are the names of the first living targets by name, at most limit.
func (s *Store) TargetNames(ctx context.Context, limit int) (names []string, err error) {
	db, done := s.read(ctx)
	defer done()
	query := db.Model(&Target{}).Where("deleted_at IS NULL")
	if reach := reachOf(ctx); reach != nil {
		query = query.Where("name IN ?", reach)
	}
	return names, query.Order("name").Limit(limit).Pluck("name", &names).Error
}

// TargetsByID gives targets by id, the deleted ones too; unknown ids are left out.
func (s *Store) TargetsByID(ctx context.Context, ids []string) (map[string]*Target, error) {
	db, done := s.read(ctx)
	defer done()
	return targetsByID(db, ids)
}

// TargetsChanged gives the targets that were changed since a time, the deleted ones too. It looks at every target.
func (s *Store) TargetsChanged(ctx context.Context, since time.Time) (rows []*Target, err error) {
	db, done := s.read(ctx)
	defer done()
	err = db.Where("updated_at >= ?", since.UnixMicro()).Find(&rows).Error
	return rows, err
}

func targetsByID(db *gorm.DB, ids []string) (map[string]*Target, error) {
	var rows []*Target
	if err := db.Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, err
	}
	byID := make(map[string]*Target, len(rows))
	for _, t := range rows {
		byID[t.ID] = t
	}
	return byID, nil
}

// UpdateTarget applies change to the living target of that name. change may run twice, each time on a fresh copy.
func (s *Store) UpdateTarget(ctx context.Context, name string, now time.Time, change func(*Target) error) (*Target, error) {
	return s.updateTarget(ctx, "update", name, now, change)
}

func (s *Store) updateTarget(ctx context.Context, action, name string, now time.Time,
	change func(*Target) error) (*Target, error) {
	line := trailOf(ctx, action, "target")
	var out *Target
	err := s.write(ctx, work{act: "update target", run: func(tx *tx) (err error) {
		if out, err = tx.targetNamed(name); err != nil {
			return err
		}
		method, wasApart, before := out.Method, out.keepsApart(), line.shown(out)
		if err := change(out); err != nil {
			return err
		}
		if err := tx.checkMethod(out, method); err != nil {
			return err
		}
		if err := tx.audit(line, name, before, line.shown(out)); err != nil {
			return err
		}
		if err := tx.ensureKey(out, now); err != nil {
			return err
		}
		if err := tx.moveKept(out, wasApart); err != nil {
			return err
		}
		return tx.saveTarget(out, now)
	}})
	return out, err
}

// checkMethod refuses GET while schedules of the target have a payload: their jobs could not be sent.
func (t *tx) checkMethod(target *Target, before string) error {
	if target.Method != http.MethodGet || before == http.MethodGet {
		return nil
	}
	const shown = 5
	var names []string
	err := t.each(`SELECT name FROM schedules WHERE target_id = ? AND deleted_at IS NULL AND body_form <> ''
		ORDER BY name LIMIT ?`, []any{target.ID, shown + 1}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil || len(names) == 0 {
		return err
	}
	if len(names) > shown {
		names[shown] = "others"
	}
	return &Invalid{"method", "must not be GET while schedules have a payload: " + strings.Join(names, ", ")}
}

// PauseTarget lets no new attempt begin. A target that is paused already stays as it is.
func (s *Store) PauseTarget(ctx context.Context, name, reason string, now time.Time) (*Target, error) {
	return s.updateTarget(ctx, "pause", name, now, func(t *Target) error {
		if !t.Paused() {
			t.PausedAt, t.PausedReason = Stamp(now), reason
		}
		return nil
	})
}

// ResumeTarget lets attempts begin again.
func (s *Store) ResumeTarget(ctx context.Context, name string, now time.Time) (*Target, error) {
	return s.updateTarget(ctx, "resume", name, now, func(t *Target) error {
		t.PausedAt, t.PausedReason = time.Time{}, ""
		return nil
	})
}

// DeleteTarget says what a deletion may take along.
type DeleteTarget struct {
	Schedules  bool // delete the schedules that name the target
	CancelJobs bool // cancel its unfinished jobs
}

// DeleteTarget ends a target: a Conflict while schedules name it or jobs are unfinished, unless with allows it.
// History keeps the name. It returns the jobs it canceled; running ones are only asked to end.
func (s *Store) DeleteTarget(ctx context.Context, name string, now time.Time, with DeleteTarget) ([]*Job, error) {
	line := trailOf(ctx, "delete", "target")
	var canceled []*Job
	err := s.write(ctx, work{act: "delete target", run: func(tx *tx) error {
		canceled = nil
		t, err := tx.targetNamed(name)
		if err != nil {
			return err
		}
		var schedules, jobs int64
		if err := tx.one(`SELECT count(*) FROM schedules WHERE target_id = ? AND deleted_at IS NULL`,
			[]any{t.ID}, &schedules); err != nil {
			return err
		}
		if schedules > 0 && !with.Schedules {
			return &Conflict{counted(schedules, "schedule names", "schedules name") + " this target: delete_schedules=true deletes what does"}
		}
		if err := tx.one(`SELECT (SELECT count(*) FROM jobs WHERE target_id = ?1 AND state = 'scheduled')
			+ (SELECT count(*) FROM jobs WHERE target_id = ?1 AND state = 'running')`, []any{t.ID}, &jobs); err != nil {
			return err
		}
		if jobs > 0 && !with.CancelJobs {
			return &Conflict{counted(jobs, "job of this target is", "jobs of this target are") + " unfinished: cancel_jobs=true cancels what is"}
		}
		if err := tx.audit(line, name, line.shown(t), nil); err != nil {
			return err
		}
		if err := tx.deleteSchedulesOf(t.ID, now); err != nil {
			return err
		}
		// Nobody can claim one while the target is locked.
		if canceled, err = tx.cancelAll(now, t.ID, "target_id = ? AND state = 'running'",
			"target_id = ? AND state = 'scheduled'"); err != nil {
			return err
		}
		t.DeletedAt = Stamp(now)
		return tx.saveTarget(t, now)
	}})
	return canceled, err
}

// target is the target with that id, deleted or not, from the cache if it can be: where this writer is the book's only
// one, the cache is right as long as every change goes through saveTarget; elsewhere see checkTarget. Do not change what
// it returns.
func (t *tx) target(id string) (*Target, error) {
	if t.shared && !t.checked[id] {
		if err := t.checkTarget(id); err != nil {
			return nil, err
		}
	}
	if known, ok := t.targets[id]; ok {
		return known, nil
	}
	var row Target
	if err := t.Where("id = ?", id).Take(&row).Error; err != nil {
		return nil, notFound(err)
	}
	t.targets[id] = &row
	return &row, nil
}

// targetNamed is a fresh copy of the living target of that name.
func (t *tx) targetNamed(name string) (*Target, error) { return livingTarget(locked(t.DB), name) }

// checkTarget holds a target as it stands until the commit, and drops what the caches know of it if it has changed. Those
// who make or claim its jobs share this lock; a change, of its secrets too, waits for all of them, and they for it: so
// after the commit of a pause no claim comes that did not see it.
func (t *tx) checkTarget(id string) error {
	var version int64
	if err := t.one(`SELECT version FROM targets WHERE id = ? FOR KEY SHARE`, []any{id}, &version); err != nil {
		return err
	}
	if known, ok := t.targets[id]; ok && known.Version != version {
		delete(t.targets, id)
		delete(t.secrets, id)
	}
	t.checked[id] = true
	return nil
}

// lockTarget gives a fresh copy of a target that nobody else can use or change until the commit.
func (t *tx) lockTarget(id string) (*Target, error) {
	var row Target
	err := locked(t.DB).Where("id = ?", id).Take(&row).Error
	return &row, notFound(err)
}

func (t *tx) saveTarget(row *Target, now time.Time) error {
	t.stale = true
	delete(t.targets, row.ID)
	row.Version++
	row.UpdatedAt = Stamp(now)
	stored := *row
	stored.Headers = t.vault.sealHeaders("targets", row.ID, row.Headers)
	return t.Select("*").Omit("ID", "CreatedAt").Updates(&stored).Error
}

// counted is a number with the words that go with it.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
