package models

import (
	"context"
	"time"
)

// stretch is a part of the index of ended jobs that is pruned from its head.
type stretch struct {
	keptBy string // the id of a target; "": the server's settings
	state  State
	before time.Time // what ended before it goes
}

// endedBefore chooses, of the jobs of a stretch, those that go.
const endedBefore = ` FROM jobs WHERE kept_by = ? AND state = ? AND finished_at IS NOT NULL AND finished_at < ?`

// stretchesAtOnce bounds how many targets with settings of their own are pruned at once; others have their turn next time.
const stretchesAtOnce = 20

// stretches are those in which there is something to forget: the server's, looked at anyway, and those of some targets
// with settings of their own.
func (s *Store) stretches(ctx context.Context, keep Keep) ([]stretch, error) {
	all := []stretch{{"", Succeeded, keep.Ended}, {"", Canceled, keep.Ended}, {"", Failed, keep.Failed}}
	db, done := s.read(ctx)
	defer done()
	for _, of := range []struct {
		state  State
		column string
		server time.Time
	}{{Succeeded, "keep_succeeded", keep.Ended}, {Canceled, "keep_succeeded", keep.Ended}, {Failed, "keep_failed", keep.Failed}} {
		before := `CASE WHEN t.` + of.column + ` <> 0 THEN ? - t.` + of.column + ` / 1000 ELSE ? END`
		now, otherwise := keep.Now.UnixMicro(), of.server.UnixMicro()
		var rows []struct {
			ID    string
			Limit int64
		}
		err := db.Raw(`SELECT t.id, `+before+` AS "limit" FROM targets t WHERE (t.keep_succeeded <> 0 OR t.keep_failed <> 0)
			AND EXISTS (SELECT 1 FROM jobs j WHERE j.kept_by = t.id AND j.state = ? AND j.finished_at IS NOT NULL
			AND j.finished_at < `+before+`) LIMIT ?`, now, otherwise, of.state, now, otherwise, stretchesAtOnce).Scan(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			all = append(all, stretch{r.ID, of.state, time.UnixMicro(r.Limit)})
		}
	}
	return all, nil
}

// pruneStretch forgets at most limit jobs at the head of a stretch. One that somebody else is at is left: it may be retried.
func (t *tx) pruneStretch(s stretch, limit int) (int, error) {
	var ids []string
	lock := ""
	if t.shared {
		lock = t.forUpdate + " SKIP LOCKED"
	}
	err := t.each(`SELECT id`+endedBefore+` ORDER BY finished_at LIMIT ?`+lock,
		[]any{s.keptBy, s.state, s.before.UnixMicro(), limit}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil {
		return 0, err
	}
	return len(ids), t.forgetJobs(ids)
}

// keptBy is whose settings say how long a job of the target is kept.
func (t *Target) keptBy() string {
	if t.keepsApart() {
		return t.ID
	}
	return ""
}

// keepApart puts a new job where its target's settings look for it.
func (t *tx) keepApart(j *Job) error {
	if j.Of == nil || !j.Of.keepsApart() {
		return nil
	}
	_, err := t.exec(`UPDATE jobs SET kept_by = ? WHERE id = ?`, j.Of.keptBy(), j.ID)
	return err
}

// moveKept has the jobs of a target moved if its settings now are its own, or no longer are. Prune does it, in steps.
func (t *tx) moveKept(target *Target, wasApart bool) error {
	if target.keepsApart() == wasApart {
		return nil
	}
	_, err := t.exec(`INSERT INTO keep_moves (target_id) VALUES (?) ON CONFLICT (target_id) DO UPDATE SET after = ''`, target.ID)
	return err
}

// moveStep moves a step of the jobs of one target, and tells how many it looked at.
func (t *tx) moveStep() (int, error) {
	var targetID, after string
	err := t.one(`SELECT target_id, after FROM keep_moves ORDER BY target_id LIMIT 1`, nil, &targetID, &after)
	if err == ErrNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	target, err := t.target(targetID)
	if err != nil {
		return 0, err
	}
	n, from := 0, after
	if err := t.each(`SELECT id FROM jobs WHERE target_id = ? AND id > ? ORDER BY id LIMIT ?`, []any{targetID, after, step},
		func(scan func(...any) error) error {
			n++
			return scan(&after)
		}); err != nil {
		return n, err
	}
	if n == 0 {
		_, err = t.exec(`DELETE FROM keep_moves WHERE target_id = ?`, targetID)
		return n, err
	}
	if _, err := t.exec(`UPDATE jobs SET kept_by = ?1 WHERE target_id = ?2 AND id > ?3 AND id <= ?4 AND kept_by <> ?1`, target.keptBy(),
		targetID, from, after); err != nil {
		return n, err
	}
	_, err = t.exec(`UPDATE keep_moves SET after = ? WHERE target_id = ?`, after, targetID)
	return n, err
}
