package models

import (
	"context"
	"time"
)

// Beat notes that node is alive. After a crash the newest beat tells until when somebody kept watch.
func (s *Store) Beat(ctx context.Context, node string, now time.Time) error {
	return s.write(ctx, work{act: "beat", lane: swept, run: func(t *tx) error { return t.beat(node, now) }})
}

func (t *tx) beat(node string, now time.Time) error {
	_, err := t.exec(`INSERT INTO nodes (id, started_at, heartbeat_at) VALUES (?1, ?2, ?2)
		ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at`, node, now.UnixMicro())
	return err
}

// succeed takes over from the nodes before. What a parked schedule passed over while one of them was alive is skipped
// as it would have been then; what came due since is missed, and left to the schedule's catch-up.
func (t *tx) succeed(node string, now time.Time) error {
	var alive maybeMicro
	if err := t.one(`SELECT max(heartbeat_at) FROM nodes WHERE id <> ?`, []any{node}, &alive); err != nil {
		return err
	}
	if !alive.IsZero() {
		if _, err := t.exec(`UPDATE schedules SET parked_until = ?, due_at = next_at, version = version + 1
			WHERE deleted_at IS NULL AND parked <> '' AND parked_until IS NULL`,
			min(alive.UnixMicro(), now.UnixMicro())); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM nodes WHERE id <> ?`, node); err != nil {
			return err
		}
	}
	return t.beat(node, now)
}
