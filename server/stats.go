package server

import (
	"context"

	"punctual/models"
)

type statsQuery struct {
	Window string `query:"window" enum:"1h,24h,7d" default:"1h" doc:"How far to look back: by the minute, by ten minutes, by the hour."`
	Target string `query:"target" doc:"Name of the target; all by default."`
}

func (s *Server) getStats(ctx context.Context, in *statsQuery) (*ok[statsOut], error) {
	for _, w := range models.Windows {
		if w.Name == in.Window {
			stats, err := s.store.Stats(ctx, w, in.Target, s.store.Now())
			if err != nil {
				return nil, err
			}
			return &ok[statsOut]{statsView(w, in.Target, stats)}, nil
		}
	}
	return nil, invalidQuery("window", "must be 1h, 24h or 7d")
}
