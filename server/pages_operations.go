package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// askMany shows what would be done with all jobs that a search finds, before it is. It has an address of its own, so that
// somebody can go back to it.
func (s *Server) askMany(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	act, known := ui.ActOf(c.Query("do"))
	if !known {
		return reply{}, models.ErrNotFound
	}
	page := &ui.AskMany{Frame: s.frame(c, act.Label, ui.TabJobs), Back: c.Query("q"),
		Operation: &models.Operation{Action: models.Action(act.Name)}}
	var form ui.Form
	filter, err := models.ParseSearch(page.Back, page.Now)
	if err == nil {
		var o *models.Operation
		if o, err = s.matchOperation(ctx, page.Operation.Action, filter); err == nil {
			page.Operation = o
		}
	}
	if blame(&form, err) {
		page.Faults = form.Faults
		return reply{page: page, status: http.StatusUnprocessableEntity}, nil
	}
	return reply{page: page}, err
}

// beginOperation does what askMany has shown.
func (s *Server) beginOperation(c *gin.Context) (reply, error) {
	act, known := ui.ActOf(c.PostForm("do"))
	if !known {
		return reply{}, models.ErrNotFound
	}
	filter, err := models.ParseSearch(c.PostForm("q"), s.store.Now())
	if err != nil {
		return reply{to: ui.ManyURL(act, c.PostForm("q"))}, nil
	}
	o, _, err := s.startOperation(c.Request.Context(), models.Action(act.Name), filter, nil)
	if err != nil {
		return reply{}, err
	}
	return reply{to: ui.Link("operations", o.ID)}, nil
}

func (s *Server) showOperations(c *gin.Context) (reply, error) {
	page := &ui.Operations{Frame: s.frame(c, "Operations", ui.TabJobs), Older: c.Query("cursor") != ""}
	var err error
	page.Operations, page.Next, err = s.store.Operations(c.Request.Context(), pageAt(c, listShown))
	page.Watch = ui.Watch{On: !page.Older, Every: 2}
	return reply{page: page}, err
}

func (s *Server) showOperation(c *gin.Context) (reply, error) {
	o, err := s.store.Operation(c.Request.Context(), c.Param("id"))
	if err != nil {
		return reply{}, err
	}
	page := &ui.Operation{Frame: s.frame(c, "Operation", ui.TabJobs), Operation: o}
	page.Watch = ui.Watch{On: o.FinishedAt.IsZero(), Every: 1}
	return reply{page: page}, nil
}

func (s *Server) stopOperation(c *gin.Context) (reply, error) {
	_, err := s.store.CancelOperation(c.Request.Context(), c.Param("id"), s.store.Now())
	return afterAction(ui.Link("operations", c.Param("id")), "It stops after the batch that it is in.", err)
}
