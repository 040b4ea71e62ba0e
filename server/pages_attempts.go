package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

func (s *Server) showAttempts(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	page := &ui.Attempts{Frame: s.frame(c, "Attempts", ui.TabAttempts), Older: c.Query("cursor") != "",
		Targets: s.targetNames(ctx), Filter: filterForm(c, "target", "outcome", "status_code", "job")}
	filter := attemptFilter(&page.Filter)
	if len(page.Filter.Faults) > 0 {
		return reply{page: page, status: http.StatusUnprocessableEntity}, nil
	}
	var err error
	page.Attempts, page.Next, err = s.store.Attempts(ctx, filter, pageAt(c, listShown))
	page.Watch = ui.Watch{On: !page.Older}
	if blame(&page.Filter, err) {
		return reply{page: page, status: http.StatusUnprocessableEntity}, nil
	}
	return reply{page: page}, err
}

func attemptFilter(form *ui.Form) models.AttemptFilter {
	v := form.Values
	f := models.AttemptFilter{Target: v.Get("target"), Job: v.Get("job"), Outcome: models.Outcome(v.Get("outcome"))}
	if f.Outcome != "" && !slices.Contains(models.Outcomes, f.Outcome) {
		form.Blame(&models.Invalid{Field: "outcome", Why: "must be one of the outcomes"})
	}
	if text := v.Get("status_code"); text != "" {
		var err error
		if f.StatusCode, err = strconv.Atoi(text); err != nil || f.StatusCode < 100 || f.StatusCode > 999 {
			form.Blame(&models.Invalid{Field: "status_code", Why: "must be a status from 100 to 999"})
		}
	}
	return f
}

// filterForm takes the named filters from the address.
func filterForm(c *gin.Context, names ...string) ui.Form {
	form := ui.Form{Values: url.Values{}}
	for _, name := range names {
		for _, v := range c.QueryArray(name) {
			if v != "" {
				form.Values.Add(name, v)
			}
		}
	}
	return form
}

func (s *Server) showAttempt(c *gin.Context) (reply, error) {
	a, err := s.store.Attempt(c.Request.Context(), c.Param("id"))
	if err != nil {
		return reply{}, err
	}
	page := &ui.Attempt{Frame: s.frame(c, "Attempt "+a.ID, ui.TabAttempts), Attempt: a, Whole: c.Query("whole") != ""}
	page.Watch = ui.Watch{On: a.Outcome == models.Calling, Job: a.JobID}
	return reply{page: page}, nil
}
