package server

import (
	"runtime"
	"strconv"

	"github.com/gin-gonic/gin"

	"punctual/dispatcher"
	"punctual/ui"
)

// showSystem is what an operator asks first: is it well, how full is it, how was it set up.
func (s *Server) showSystem(c *gin.Context) (reply, error) {
	book, err := s.store.Condition(c.Request.Context())
	if err != nil {
		return reply{}, err
	}
	now := s.engine.Snapshot()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	page := &ui.System{Frame: s.frame(c, "System", ui.TabSystem), Node: now.Node, StartedAt: now.StartedAt,
		GoVersion: runtime.Version(), Memory: memory.Sys, InFlight: now.InFlight, Slots: now.Slots, Queued: now.Queued,
		Turns: now.Turns, Watchers: now.Watchers, Book: book, Counts: countLines(now.Counts),
		Faults: now.Counts.Orphans + now.Counts.Mended}
	for _, each := range s.cfg.Settings {
		page.Settings = append(page.Settings, ui.Line{Name: each.Name, Value: each.Value})
	}
	if err := s.engine.Ready(); err != nil {
		page.Trouble = err.Error()
	}
	nodes, err := s.store.Nodes(c.Request.Context())
	if err != nil {
		return reply{}, err
	}
	shards := shardsOf(nodes)
	for _, n := range nodes {
		page.Nodes = append(page.Nodes, ui.Member{Node: n, Shards: shards[n.ID]})
	}
	page.Watch.On = true
	return reply{page: page}, nil
}

func countLines(c dispatcher.Counts) []ui.Line {
	line := func(name string, n uint64) ui.Line { return ui.Line{Name: name, Value: strconv.FormatUint(n, 10)} }
	return []ui.Line{line("Attempts", c.Finished), line("Claims", c.Claimed), line("Claims refused", c.Refused),
		line("Claims forgotten", c.Orphans), line("Calls lost", c.Lost), line("Schedule turns", c.Turns),
		line("Schedules mended", c.Mended), line("Jobs expired", c.Expired), line("Rows pruned", c.Pruned)}
}
