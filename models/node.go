package models

import (
	"context"
	"hash/fnv"
	"time"
)

// Node is one process that works on the book. Where only one may, it is the only one.
type Node struct {
	ID          string `gorm:"primaryKey"`
	Version     string
	StartedAt   time.Time `gorm:"serializer:micro"`
	HeartbeatAt time.Time `gorm:"serializer:micro"` // by the clock of the book
	LeaseUntil  time.Time `gorm:"serializer:micro"` // when its claims may be taken from it; zero: while it lives
	InFlight    int       // calls out at its last heartbeat
	Slots       int       // calls that may be out
	Watchers    int       // of its events
	Draining    bool      // it ends, and takes on nothing new
	Skew        time.Duration

	Live bool `gorm:"-"` // its right has not ended; filled by reads
}

// State is live, draining while it ends, or dead once its right has ended.
func (n Node) State() string {
	switch {
	case !n.Live:
		return "dead"
	case n.Draining:
		return "draining"
	}
	return "live"
}

// The times of a node's right to its claims, which begins anew with each heartbeat.
const (
	Lease      = 15 * time.Second
	LeaseBeat  = 5 * time.Second
	LeaseGuard = 3 * time.Second // before its end a node sends nothing new and has aborted what is out
)

// SkewMost is by how much a machine's clock may differ from the book's without a word about it.
const SkewMost = time.Second

// beatPatience bounds a heartbeat: one that takes longer would be of little use.
const beatPatience = 3 * time.Second

// Shared tells whether other nodes may be at work on the same book. Then a node's right to its claims ends with its
// lease, and it hears of what others do by Hear.
func (s *Store) Shared() bool { return s.manner.shared }

// Now is the time by which the book is kept: on one that is shared the database's, which all nodes go by.
func (s *Store) Now() time.Time { return s.clock.Now() }

// Beat notes that a node is alive. On a shared book its right to its claims then lasts for Lease, counted by the node
// from before it called. Otherwise the newest beat tells, after a crash, until when somebody kept watch. It gives by how
// much this machine's clock is ahead of the book's.
func (s *Store) Beat(ctx context.Context, n Node, now time.Time) (skew time.Duration, err error) {
	if !s.manner.shared {
		return 0, s.write(ctx, work{act: "beat", lane: swept, run: func(t *tx) error { return t.beat(n, now) }})
	}
	ctx, done := context.WithTimeout(ctx, beatPatience)
	defer done()
	// Not through the writer: a heartbeat must not wait behind what it is to protect.
	asked, micros := now, int64(0)
	err = s.writeDB.QueryRowContext(ctx, s.manner.rebind(`INSERT INTO nodes
		(id, version, started_at, heartbeat_at, lease_until, in_flight, slots, watchers, draining, skew)
		VALUES (?1, ?2, `+s.manner.clock+`, `+s.manner.clock+`, `+s.manner.clock+` + ?3, ?4, ?5, ?6, ?7, ?8)
		ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, lease_until = excluded.lease_until,
		in_flight = excluded.in_flight, watchers = excluded.watchers, draining = excluded.draining, skew = excluded.skew
		RETURNING heartbeat_at`), n.ID, n.Version, Lease.Microseconds(), n.InFlight, n.Slots, n.Watchers, n.Draining,
		int64(n.Skew)).Scan(&micros)
	if err != nil {
		return 0, wrap("beat", err)
	}
	return s.clock.set(asked, micros), nil
}

// Leave says that a node has ended and holds no claims.
func (s *Store) Leave(ctx context.Context, node string) error {
	if !s.manner.shared {
		return nil
	}
	ctx, done := context.WithTimeout(ctx, beatPatience)
	defer done()
	_, err := s.writeDB.ExecContext(ctx, s.manner.rebind(`DELETE FROM nodes WHERE id = ? AND NOT EXISTS
		(SELECT 1 FROM jobs WHERE state = 'running' AND claim_node = nodes.id)`), node)
	return wrap("leave", err)
}

// Nodes lists the nodes, the oldest first. A dead one is listed until its claims have been taken from it.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	db, done := s.read(ctx)
	defer done()
	var rows []Node
	if err := db.Order("id").Find(&rows).Error; err != nil || !s.manner.shared {
		for i := range rows {
			rows[i].Live = true
		}
		return rows, err
	}
	var now int64
	err := db.Raw("SELECT " + s.manner.clock).Row().Scan(&now)
	for i, n := range rows {
		rows[i].Live = n.LeaseUntil.UnixMicro() > now
	}
	return rows, err
}

func (t *tx) beat(n Node, now time.Time) error {
	_, err := t.exec(`INSERT INTO nodes (id, version, started_at, heartbeat_at, in_flight, slots, watchers)
		VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at,
		version = excluded.version, in_flight = excluded.in_flight, slots = excluded.slots, watchers = excluded.watchers`,
		n.ID, n.Version, now.UnixMicro(), n.InFlight, n.Slots, n.Watchers)
	return err
}

// succeed takes over from the nodes before. What a parked schedule passed over while one of them was alive is skipped
// as it would have been then; what came due since is missed, and left to the schedule's catch-up.
func (t *tx) succeed(node string, now time.Time) error {
	if t.shared {
		return t.succeedAll(node, now)
	}
	var alive maybeMicro
	if err := t.one(`SELECT max(heartbeat_at) FROM nodes WHERE id <> ?`, []any{node}, &alive); err != nil {
		return err
	}
	if !alive.IsZero() {
		if err := t.unparkAll(alive.Time, now); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM nodes WHERE id <> ?`, node); err != nil {
			return err
		}
	}
	return t.beat(Node{ID: node}, now)
}

// succeedAll is succeed where others may be alive: only if none is, there is somebody to succeed.
func (t *tx) succeedAll(node string, now time.Time) error {
	alone, err := t.alone("succeed")
	if err != nil || !alone {
		return err // another node is at it
	}
	var alive maybeMicro
	var others int
	if err := t.one(`SELECT max(heartbeat_at), coalesce(sum(CASE WHEN lease_until > `+t.clock+` THEN 1 ELSE 0 END), 0)
		FROM nodes WHERE id <> ?`, []any{node}, &alive, &others); err != nil || others > 0 || alive.IsZero() {
		return err
	}
	return t.unparkAll(alive.Time, now)
}

// unparkAll wakes the parked schedules after a time in which nobody was alive.
func (t *tx) unparkAll(alive, now time.Time) error {
	_, err := t.exec(`UPDATE schedules SET parked_until = ?, due_at = next_at, version = version + 1
		WHERE deleted_at IS NULL AND parked <> '' AND parked_until IS NULL`, min(alive.UnixMicro(), now.UnixMicro()))
	return err
}

// Owners gives the node that each shard belongs to, of those that live and take on work: by rendezvous, so that a node
// that comes or goes moves only the shards that it gains or loses. "" is for all when there is no node.
func Owners(nodes []Node) (owners [Shards]string) {
	var best [Shards]uint64
	for _, n := range nodes {
		if !n.Live || n.Draining {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(n.ID))
		seed := h.Sum64()
		for shard := range owners {
			weight := mix(seed ^ mix(uint64(shard)+1))
			if owners[shard] == "" || weight > best[shard] || weight == best[shard] && n.ID > owners[shard] {
				owners[shard], best[shard] = n.ID, weight
			}
		}
	}
	return owners
}

// mix spreads every bit of x over all of them (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
