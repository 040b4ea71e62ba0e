package server

import (
	"context"
	"time"

	"punctual/models"
)

// nodeOut is one process that works on the database.
type nodeOut struct {
	ID          string  `json:"id"`
	Version     string  `json:"version"`
	State       string  `json:"state" enum:"live,draining,dead" doc:"draining: it ends, and takes on nothing new. dead: its lease has ended, and its calls are being taken over."`
	StartedAt   moment  `json:"started_at"`
	HeartbeatAt moment  `json:"heartbeat_at" doc:"The last one, by the database's clock."`
	LeaseUntil  *moment `json:"lease_until" doc:"When the other nodes may take over its calls; null where it works alone."`
	Shards      int     `json:"shards" doc:"How many of the 1,024 shards of targets are its own."`
	InFlight    int     `json:"in_flight" doc:"Calls that were out at its last heartbeat."`
	Slots       int     `json:"slots" doc:"Calls that may be out."`
	SkewMS      float64 `json:"skew_ms" doc:"By how much its clock is ahead of the database's, which all nodes go by."`
}

func (s *Server) listNodes(ctx context.Context, _ *struct{}) (*ok[page[nodeOut]], error) {
	nodes, err := s.store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	shards := shardsOf(nodes)
	out := page[nodeOut]{Items: []nodeOut{}}
	for _, n := range nodes {
		out.Items = append(out.Items, nodeOut{ID: n.ID, Version: n.Version, State: n.State(), StartedAt: momentOf(n.StartedAt),
			HeartbeatAt: momentOf(n.HeartbeatAt), LeaseUntil: optionalMoment(n.LeaseUntil), Shards: shards[n.ID],
			InFlight: n.InFlight, Slots: n.Slots, SkewMS: float64(n.Skew) / float64(time.Millisecond)})
	}
	return &ok[page[nodeOut]]{out}, nil
}

// shardsOf counts the shards of each node.
func shardsOf(nodes []models.Node) map[string]int {
	count := map[string]int{}
	for _, id := range models.Owners(nodes) {
		count[id]++
	}
	return count
}
