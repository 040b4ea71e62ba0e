package models

import (
	"context"
	"fmt"
	"time"
)

// step is how much one transaction of the sweeps below takes on, so that nobody waits long behind it.
const step = 200

// Expire ends scheduled jobs whose time has run out, at most a step of them, and returns them.
func (s *Store) Expire(ctx context.Context, now time.Time) ([]*Job, error) {
	var out []*Job
	err := s.write(ctx, work{act: "expire jobs", lane: swept, run: func(tx *tx) (err error) {
		if out, err = jobsWhere(tx.DB, "expires_at"+tx.forUpdate, "state = 'scheduled' AND expires_at IS NOT NULL AND expires_at <= ? AND id IN "+
			"(SELECT id FROM jobs WHERE state = 'scheduled' AND expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?)",
			now.UnixMicro(), now.UnixMicro(), step); err != nil {
			return err
		}
		for _, j := range out {
			if err := tx.endJob(j, Failed, ReasonExpired, now); err != nil {
				return err
			}
			if err := tx.saveJob(j); err != nil {
				return err
			}
		}
		return nil
	}})
	return out, err
}

// expire ends one job whose time has run out.
func (t *tx) expire(id string, now time.Time) (*Job, error) {
	if err := t.lockScheduleOf(id); err != nil {
		return nil, err
	}
	j, err := t.job(id)
	if err != nil || j.State != Scheduled || !j.Expired(now) {
		return j, err
	}
	if err := t.endJob(j, Failed, ReasonExpired, now); err != nil {
		return nil, err
	}
	return j, t.saveJob(j)
}

// Keep says until when what has ended is kept: what ended before these times is forgotten.
type Keep struct {
	Ended       time.Time // succeeded and canceled jobs, test calls
	Failed      time.Time // also operations that are over
	Occurrences time.Time
	Audit       time.Time // zero: all of it
	Now         time.Time // requests remembered by key, rollups
}

// Prune forgets a step of each kind of what is kept no longer, folds a step of old rollups, and tells how much it forgot,
// and whether there may be more to do.
func (s *Store) Prune(ctx context.Context, keep Keep) (total int, more bool, err error) {
	stretches, err := s.stretches(ctx, keep)
	if err != nil {
		return 0, false, err
	}
	fine, err := s.fineRollups(ctx, keep.Now)
	if err != nil {
		return 0, false, err
	}
	err = s.write(ctx, work{act: "prune", lane: swept, run: func(tx *tx) error {
		total = 0
		if alone, err := tx.alone("prune"); err != nil || !alone {
			return err
		}
		for _, one := range stretches {
			n, err := tx.pruneStretch(one, max(step-total/3, step/10))
			if err != nil {
				return err
			}
			total += n
		}
		tests, err := tx.forgetTests(keep.Ended, step)
		if err != nil {
			return err
		}
		past, err := tx.exec(`DELETE FROM occurrences WHERE (schedule_id, at) IN
			(SELECT schedule_id, at FROM occurrences WHERE until < ? ORDER BY until LIMIT ?)`, keep.Occurrences.UnixMicro(), step)
		if err != nil {
			return err
		}
		keys, err := tx.exec(`DELETE FROM idempotency WHERE (path, key) IN (SELECT path, key FROM idempotency i
			WHERE expires_at < ? AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id IN (`+fmt.Sprintf(tx.elements, "i.job_ids")+`))
			ORDER BY expires_at LIMIT ?)`, keep.Now.UnixMicro(), step)
		if err != nil {
			return err
		}
		lines, err := tx.forgetAudit(keep.Audit, step)
		if err != nil {
			return err
		}
		minutes, err := tx.pruneRollups(keep.Now)
		if err != nil {
			return err
		}
		operations, err := tx.pruneOperations(keep.Failed)
		if err != nil {
			return err
		}
		total += int(tests + past + keys + lines + minutes + operations)
		folded, err := tx.foldRollups(fine, keep.Now)
		if err != nil {
			return err
		}
		moved, err := tx.moveStep()
		if more = total+folded+moved > 0; !more && err == nil && tx.shrink != nil {
			more, err = tx.shrink(tx)
		}
		return err
	}})
	return total, more, err
}

// forgetJobs deletes jobs with all that belongs to them.
func (t *tx) forgetJobs(ids []string) error {
	for _, id := range ids {
		for _, statement := range []string{
			`DELETE FROM attempts WHERE job_id = ? AND job_id <> ''`,
			`DELETE FROM labels WHERE job_id = ?`,
			`DELETE FROM bodies WHERE job_id = ?`,
		} {
			if _, err := t.exec(statement, id); err != nil {
				return err
			}
		}
		if err := t.each(`DELETE FROM jobs WHERE id = ? RETURNING target_id, state, held, attempts`, []any{id},
			func(scan func(...any) error) error {
				var j Job
				err := scan(&j.TargetID, &j.State, &j.Held, &j.Attempts)
				t.ledger.moved(j.TargetID, j.standing(), nowhere, time.Time{})
				return err
			}); err != nil {
			return err
		}
	}
	return nil
}
