package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// actOnMany does one thing with the jobs that somebody has selected on a page of the list.
func (s *Server) actOnMany(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	act, known := ui.ActOf(c.PostForm("do"))
	back := ui.SearchURL(c.PostForm("q"))
	if !known {
		return reply{}, models.ErrNotFound
	}
	if c.PostForm("all") != "" {
		return reply{to: ui.ManyURL(act, c.PostForm("q"))}, nil
	}
	ids := c.PostFormArray("job")
	if len(ids) == 0 {
		return reply{to: back, flash: "No job was selected.", sorry: true}, nil
	}
	done, missed := 0, map[string]int{}
	var canceled []*models.Job
	for _, id := range ids[:min(len(ids), models.MaxPage)] {
		job, why, err := s.actOnOne(ctx, act.Name, id)
		switch {
		case err != nil:
			return reply{}, err
		case why != "":
			missed[why]++
		default:
			done++
		}
		if act.Name == "cancel" && why == "" {
			canceled = append(canceled, job)
		}
	}
	s.abort(ctx, canceled)
	return reply{to: back, flash: act.Told(done) + missedWords(missed), sorry: done == 0}, nil
}

// actOnOne does it with one job; why says what kept it from happening, if that is not our fault. The call of a job that
// is canceled while it runs is left for the caller to cut off.
func (s *Server) actOnOne(ctx context.Context, act, id string) (job *models.Job, why string, err error) {
	switch act {
	case "retry":
		job, err = s.retryJob(ctx, id)
	case "run":
		job, err = s.runJob(ctx, id)
	case "rerun":
		_, err = s.rerunJob(ctx, id, &rerunIn{}, nil)
	case "cancel":
		job, err = s.store.CancelJob(ctx, id, s.store.Now())
	case "delete":
		err = s.deleteJob(ctx, id)
	}
	if conflict := new(models.Conflict); errors.As(err, &conflict) {
		return nil, conflict.Why, nil
	}
	if errors.Is(err, models.ErrNotFound) {
		return nil, "The job is gone.", nil
	}
	return job, "", err
}

// missedWords tells how many were left as they were, and why.
func missedWords(missed map[string]int) string {
	var b strings.Builder
	for why, n := range missed {
		fmt.Fprintf(&b, " %d left as they were: %s", n, why)
	}
	return b.String()
}

// actOnSchedules pauses, resumes or triggers the schedules that somebody has selected.
func (s *Server) actOnSchedules(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	acts := map[string]struct {
		done string
		do   func(name string) error
	}{
		"pause":   {"paused", func(name string) error { _, err := s.pauseSchedule(ctx, name, "", time.Time{}); return err }},
		"resume":  {"active", func(name string) error { _, err := s.resumeSchedule(ctx, name); return err }},
		"trigger": {"run once", func(name string) error { _, err := s.triggerSchedule(ctx, name, &rerunIn{}, nil); return err }},
	}
	act, known := acts[c.PostForm("do")]
	if !known {
		return reply{}, models.ErrNotFound
	}
	back := ui.ScheduleList(c.PostForm("q"), c.PostForm("state"), c.PostForm("sort") == "name", "")
	names := c.PostFormArray("schedule")
	if len(names) == 0 {
		return reply{to: back, flash: "No schedule was selected.", sorry: true}, nil
	}
	done, missed := 0, map[string]int{}
	for _, name := range names[:min(len(names), listShown)] {
		err := act.do(name)
		if conflict := new(models.Conflict); errors.As(err, &conflict) {
			missed[conflict.Why]++
		} else if errors.Is(err, models.ErrNotFound) {
			missed["The schedule is gone."]++
		} else if err != nil {
			return reply{}, err
		} else {
			done++
		}
	}
	news := fmt.Sprintf("%d schedules are %s.", done, act.done)
	if done == 1 {
		news = "1 schedule is " + act.done + "."
	}
	return reply{to: back, flash: news + missedWords(missed), sorry: done == 0}, nil
}
