package models

import (
	"context"
	"time"
)

// Reclaim writes a lost attempt for every claim that a node other than node holds, and settles its job. On an engine
// that serves one process a new one means that the old one is dead; on a shared one a node is dead when its lease
// has ended, by the book's clock. random is asked for numbers in [0,1). It tells
// how many claims it found.
func (s *Store) Reclaim(ctx context.Context, node string, now time.Time, random func() float64) (int, error) {
	err := s.write(ctx, work{act: "succeed", lane: owed, run: func(tx *tx) error { return tx.succeed(node, now) }})
	if err != nil {
		return 0, err
	}
	if s.manner.shared {
		return s.reclaimDead(ctx, node, now, random)
	}
	for total := 0; ; {
		n := 0
		err := s.write(ctx, work{act: "reclaim", lane: swept, run: func(tx *tx) error {
			jobs, err := jobsWhere(tx.DB, "claim_id", "state = 'running' AND claim_node <> ? AND id IN (SELECT id FROM jobs"+
				" WHERE state = 'running' AND claim_node <> ? LIMIT ?)", node, node, batchOps)
			n = len(jobs)
			for _, j := range jobs {
				if err == nil {
					err = tx.reclaim(j, now, random())
				}
			}
			return err
		}})
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

func (t *tx) reclaim(j *Job, now time.Time, random float64) error {
	a := &Attempt{ID: j.ClaimID, StartedAt: j.ClaimedAt, Node: j.ClaimNode, Method: j.Of.Method, URL: j.Of.URL}
	out, held, err := t.finish(Finish{Job: j.Settle(a, AnsweredLost, now, 0, random), Attempt: a})
	switch {
	case err != nil:
		return err
	case !held:
		return ErrClaimLost
	case t.shared:
		t.hint([]*Job{out.Job}, nil)
	}
	return nil
}

// reclaimDead takes the claims of every node whose lease has ended, and of those that nothing is known of.
func (s *Store) reclaimDead(ctx context.Context, node string, now time.Time, random func() float64) (total int, err error) {
	db, done := s.read(ctx)
	defer done()
	var dead []string
	if err := db.Raw(`SELECT id FROM nodes WHERE id <> ? AND lease_until <= `+s.manner.clock+` UNION
		SELECT claim_node FROM jobs WHERE state = 'running' AND claim_node <> ?
		AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = claim_node)`, node, node).Scan(&dead).Error; err != nil {
		return 0, err
	}
	for _, id := range dead {
		for n := 1; n > 0; total += n {
			if err := s.write(ctx, work{act: "reclaim", lane: swept, run: func(tx *tx) (err error) {
				n, err = tx.reclaimFrom(id, now, random)
				return err
			}}); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// reclaimFrom takes a step of a dead node's claims, and forgets the node when it has none left. The node's row is held
// meanwhile, so that its next heartbeat, if it should only have slept, comes after all that.
func (t *tx) reclaimFrom(node string, now time.Time, random func() float64) (int, error) {
	if _, err := t.exec(`INSERT INTO nodes (id, started_at, heartbeat_at, lease_until) VALUES (?, 0, 0, 0)
		ON CONFLICT (id) DO NOTHING`, node); err != nil {
		return 0, err
	}
	if dead, err := t.exec(`SELECT 1 FROM nodes WHERE id = ? AND lease_until <= `+t.clock+` FOR UPDATE`, node); err != nil || dead == 0 {
		return 0, err
	}
	if _, err := t.exec(`SELECT 1 FROM schedules WHERE id IN (SELECT schedule_id FROM jobs WHERE state = 'running'
		AND claim_node = ? AND schedule_id <> '') ORDER BY id FOR UPDATE`, node); err != nil {
		return 0, err
	}
	jobs, err := jobsWhere(t.DB, "claim_id LIMIT 200 FOR UPDATE", "state = 'running' AND claim_node = ?", node)
	if err == nil && len(jobs) == 0 {
		_, err = t.exec(`DELETE FROM nodes WHERE id = ?`, node)
		return 0, err
	}
	for _, j := range jobs {
		if err != nil {
			break
		}
		err = t.reclaim(j, now, random())
	}
	return len(jobs), err
}

// Wishes gives those of node's claims whose jobs somebody wants canceled.
func (s *Store) Wishes(ctx context.Context, node string) ([]string, error) {
	db, done := s.read(ctx)
	defer done()
	var ids []string
	err := db.Raw(`SELECT id FROM jobs WHERE state = 'running' AND claim_node = ? AND cancel_requested_at IS NOT NULL`,
		node).Scan(&ids).Error
	return ids, err
}
