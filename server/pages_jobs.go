package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

func (s *Server) showJobs(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	if to, isOld := searchOfFilters(c); isOld {
		return reply{to: to}, nil
	}
	page := &ui.Jobs{Frame: s.frame(c, "Jobs", ui.TabJobs), Older: c.Query("cursor") != "", Search: c.Query("q"),
		Targets: s.targetNames(ctx), Schedules: s.scheduleNames(ctx)}
	var form ui.Form
	filter, err := models.ParseSearch(page.Search, page.Now)
	if err == nil {
		page.Filter = filter
		if page.Jobs, page.Next, err = s.store.JobsWithoutBodies(ctx, filter, pageAt(c, listShown)); err == nil {
			page.Counts, err = s.countByState(ctx, filter)
		}
	}
	if blame(&form, err) {
		page.Faults = form.Faults
		return reply{page: page, status: http.StatusUnprocessableEntity}, nil
	}
	page.Held = map[string]string{}
	for _, j := range page.Jobs {
		page.Held[j.ID] = s.heldBy(j, page.Now)
	}
	page.Watch = ui.Watch{On: !page.Older}
	return reply{page: page}, err
}

// filterNames are the filters of GET /v1/jobs that addresses of the list may hold instead of a search.
var filterNames = []string{"target", "state", "schedule", "label", "origin"}

// searchOfFilters is the address that searches for what the filters in this one say; isOld is false if it holds none.
func searchOfFilters(c *gin.Context) (to string, isOld bool) {
	words := []string{c.Query("q")}
	for _, name := range filterNames {
		for _, v := range c.QueryArray(name) {
			if name == "label" {
				v = strings.Replace(v, ":", "=", 1)
			}
			if isOld = true; v != "" {
				words = append(words, name+":"+v)
			}
		}
	}
	return ui.SearchURL(strings.Join(words, " ")), isOld
}

// onlyTarget tells whether the filter asks for nothing but a target.
func onlyTarget(f models.JobFilter) bool {
	f.Target, f.States = "", nil
	return f.Empty()
}

// countByState counts what matches, for each tab, whatever states the search itself names. What was not looked at to the
// end is told as "1,000+", and not told where nothing was found so far.
func (s *Server) countByState(ctx context.Context, f models.JobFilter) (counts map[string]ui.Count, err error) {
	found := models.Found{Exact: true}
	if onlyTarget(f) {
		found.JobCounts, err = s.store.JobCounts(ctx, f.Target)
	} else {
		found, err = s.store.CountByState(ctx, f)
	}
	if err != nil {
		return nil, err
	}
	counts = map[string]ui.Count{}
	tell := func(state models.State, n int) {
		if n > 0 || found.Exact {
			counts[string(state)] = ui.Count{N: n, More: !found.Exact}
		}
	}
	tell("", found.Total())
	for _, state := range append([]models.State{models.Retrying}, models.States...) {
		tell(state, found.Of(state))
	}
	return counts, nil
}
