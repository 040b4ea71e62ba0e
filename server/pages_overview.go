package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// listShown is how many rows a list shows; everything is as many targets or schedules as the overview looks at.
const (
	listShown  = 50
	everything = models.MaxPage
)

// showOverview reads tallies, rollups and a few rows from the ends of indexes, and counts nothing.
func (s *Server) showOverview(c *gin.Context) (reply, error) {
	ctx, now := c.Request.Context(), s.store.Now()
	window := models.Hour
	if i := slices.IndexFunc(models.Windows, func(w models.Window) bool { return w.Name == c.Query("window") }); i >= 0 {
		window = models.Windows[i]
	}
	stats, err := s.store.Stats(ctx, window, "", now)
	if err != nil {
		return reply{}, err
	}
	failures, _, err := s.store.JobsWithoutBodies(ctx, models.JobFilter{States: []models.State{models.Failed}},
		models.Page{Limit: ui.FailuresShown})
	if err != nil {
		return reply{}, err
	}
	state, err := s.wellness.look(ctx, s, now, true)
	if err != nil {
		return reply{}, err
	}
	page := &ui.Overview{Frame: s.frame(c, "Overview", ui.TabOverview), Targets: state.targets,
		InFlight: s.engine.Snapshot().InFlight, Window: window.Name, Stats: stats, FailedDay: state.failed,
		Attention: state.attention, Failures: failures}
	if err := s.comingHour(ctx, page); err != nil {
		return reply{}, err
	}
	page.Watch.On = true
	return reply{page: page}, nil
}

// comingHour fills in what the schedules will do within the hour.
func (s *Server) comingHour(ctx context.Context, page *ui.Overview) error {
	runs, more, err := s.store.Upcoming(ctx, page.Now, page.Now.Add(time.Hour), "", ui.ComingShown)
	if err != nil {
		return err
	}
	page.MoreComing, page.HasSchedule = more, len(runs) > 0
	for _, r := range runs {
		page.Coming = append(page.Coming, ui.Upcoming{Schedule: r.Schedule.Name, Target: r.Schedule.Target, At: page.At(r.DueAt),
			Note: r.Note})
	}
	if !page.HasSchedule {
		some, _, err := s.store.Schedules(ctx, models.ScheduleFilter{}, models.Page{Limit: 1})
		page.HasSchedule = len(some) > 0
		return err
	}
	return nil
}

// wellness is how the targets do, looked at again when what is known is older than wellnessKept: every page shows a
// word of it.
type wellness struct {
	mu    sync.Mutex // protects the fields below; held while one request looks, so that others wait for what it finds
	until time.Time
	last  standing
}

// standing is what a look at all targets comes to.
type standing struct {
	targets   int // registered, up to everything
	failed    int // jobs in the last 24 hours
	attention []ui.Attention
}

const wellnessKept = 2 * time.Second

// look tells how the targets do; anew is without what is still known.
func (w *wellness) look(ctx context.Context, s *Server, now time.Time, anew bool) (standing, error) {
	if viewerOf(ctx).targets != nil { // who may see a part only must not see what others see, nor they that part
		return s.lookAtTargets(ctx, now)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !anew && now.Before(w.until) {
		return w.last, nil
	}
	found, err := s.lookAtTargets(ctx, now)
	if err == nil {
		w.last, w.until = found, now.Add(wellnessKept)
	}
	return found, err
}

func (s *Server) lookAtTargets(ctx context.Context, now time.Time) (standing, error) {
	targets, _, err := s.store.Targets(ctx, models.Page{Limit: everything})
	if err != nil {
		return standing{}, err
	}
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.ID
	}
	health, err := s.store.Health(ctx, ids, now)
	if err != nil {
		return standing{}, err
	}
	found := standing{targets: len(targets), attention: ui.AttentionOf(targets, loads(s.engine.Snapshot()), health)}
	for _, h := range health {
		found.failed += h.Total.Ended.Failed
	}
	return found, nil
}
