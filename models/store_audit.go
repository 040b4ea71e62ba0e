package models

import (
	"context"
	"time"
)

// AuditFilter chooses lines of the audit; the zero value of each field chooses all.
type AuditFilter struct {
	Who, Action, Kind, Name string
	After, Before           time.Time // after ≤ t < before
}

// Audits lists the audit, newest first.
func (s *Store) Audits(ctx context.Context, f AuditFilter, p Page) ([]*Audit, string, error) {
	before, err := p.key("audit")
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	for column, value := range map[string]string{"who": f.Who, "action": f.Action, "kind": f.Kind, "name": f.Name} {
		if value != "" {
			db = db.Where(column+" = ?", value)
		}
	}
	if before != "" {
		db = db.Where("id < ?", before)
	}
	if !f.After.IsZero() {
		db = db.Where("id >= ? AND at >= ?", idFloor(prefixAudit, f.After.Add(-time.Minute)), f.After.UnixMicro())
	}
	if !f.Before.IsZero() {
		db = db.Where("id < ? AND at < ?", idFloor(prefixAudit, f.Before.Add(time.Minute)), f.Before.UnixMicro())
	}
	var rows []*Audit
	err = db.Order("id DESC").Limit(p.limit() + 1).Find(&rows).Error
	rows, next := cut(p, "audit", rows, func(a *Audit) string { return a.ID })
	return rows, next, err
}

// Record puts on record what changed nothing in the book, such as that somebody was shown a secret.
func (s *Store) Record(ctx context.Context, action, kind, name string) error {
	line := trailOf(ctx, action, kind)
	if line == nil {
		return nil
	}
	return s.write(ctx, work{act: "record in the audit", run: func(tx *tx) error { return tx.audit(line, name, nil, nil) }})
}

// forgetAudit forgets lines that were written before a time, at most limit of them.
func (t *tx) forgetAudit(before time.Time, limit int) (int64, error) {
	return t.exec(`DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ? ORDER BY id LIMIT ?)`,
		idFloor(prefixAudit, before), limit)
}
