package server

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// actOnSchedule does what one of a schedule's buttons or small forms says.
func (s *Server) actOnSchedule(c *gin.Context) (reply, error) {
	ctx, name := c.Request.Context(), named(c)
	to := ui.Link("schedules", name)
	switch c.Param("action") {
	case "edit":
		return s.saveSchedule(c, name)
	case "trigger":
		created, err := s.triggerSchedule(ctx, name, &rerunIn{}, nil)
		if err == nil {
			to = ui.Link("jobs", created.Jobs[0].ID)
		}
		return afterAction(to, "The schedule was run once: this is its job.", err)
	case "backfill":
		return s.backfillAsked(c, name)
	case "pause":
		return s.pauseAsked(c, name)
	case "resume":
		_, err := s.resumeSchedule(ctx, name)
		return afterAction(to, "The schedule is active.", err)
	case "delete":
		err := s.deleteSchedule(ctx, name, c.PostForm("cancel_jobs") != "")
		if err == nil {
			to = "/schedules"
		}
		return afterAction(to, "The schedule is deleted.", err)
	}
	return reply{}, models.ErrNotFound
}

func (s *Server) pauseAsked(c *gin.Context, name string) (reply, error) {
	d := newFormDoc(c.Request.PostForm)
	d.texts("reason")
	d.times("until")
	in, err := readDocument[pauseUntilIn](d)
	if err == nil {
		_, err = s.pauseSchedule(c.Request.Context(), name, in.Reason, in.Until.value())
	}
	if err == nil {
		return reply{to: ui.Link("schedules", name), flash: "The schedule is paused."}, nil
	}
	page, lost := s.schedulePage(c, name)
	if lost != nil {
		return reply{}, lost
	}
	page.Pause.Values = c.Request.PostForm
	if !blame(&page.Pause, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

// backfillAsked counts the jobs of a backfill, and makes them when somebody has seen the count.
func (s *Server) backfillAsked(c *gin.Context, name string) (reply, error) {
	d := newFormDoc(c.Request.PostForm)
	d.times("from", "to")
	dry := c.PostForm("do") != "make"
	in, err := readDocument[backfillIn](d)
	var made *models.Backfilled
	if err == nil {
		made, err = s.backfillSchedule(c.Request.Context(), name, in.From.value(), in.To.value(), dry, nil)
	}
	if err == nil && !dry {
		return reply{to: ui.Link("schedules", name), flash: fmt.Sprintf("The backfill made %d jobs.", made.Created)}, nil
	}
	page, lost := s.schedulePage(c, name)
	if lost != nil {
		return reply{}, lost
	}
	page.Backfill.Values = c.Request.PostForm
	if err == nil {
		page.Counted = made
		return reply{page: page}, nil
	}
	if !blame(&page.Backfill, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}
