package server

import (
	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// listShown is how many rows a list shows; everything is as many targets or schedules as the overview looks at.
const (
	listShown  = 50
	everything = models.MaxPage
)

// showOverview reads a few rows from the ends of indexes, and counts nothing.
func (s *Server) showOverview(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	targets, _, err := s.store.Targets(ctx, models.Page{Limit: everything})
	if err != nil {
		return reply{}, err
	}
	schedules, _, err := s.store.Schedules(ctx, models.Page{Limit: everything}, "")
	if err != nil {
		return reply{}, err
	}
	failures, _, err := s.store.Jobs(ctx, models.JobFilter{States: []models.State{models.Failed}},
		models.Page{Limit: ui.FailuresShown})
	if err != nil {
		return reply{}, err
	}
	recent, _, err := s.store.Attempts(ctx, models.AttemptFilter{}, models.Page{Limit: ui.StripMax})
	if err != nil {
		return reply{}, err
	}
	now := s.engine.Snapshot()
	page := &ui.Overview{Frame: s.frame(c, "Overview", ui.TabOverview), InFlight: now.InFlight, Slots: now.Slots,
		Queued: now.Queued, Targets: targets, Loads: loads(now), Schedules: schedules, Failures: failures,
		Recent: recent}
	page.Watch.On = true
	return reply{page: page}, nil
}
