package server

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

func (s *Server) showJob(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	job, err := s.store.Job(ctx, c.Param("id"))
	if err != nil {
		return reply{}, err
	}
	attempts, err := s.store.AttemptsOf(ctx, job.ID)
	if err != nil {
		return reply{}, err
	}
	page := &ui.Job{Frame: s.frame(c, job.ID, ui.TabJobs), Job: job, Attempts: attempts, Request: requestOf(job),
		Whole: c.Query("whole") != ""}
	page.Held = s.heldBy(job, page.Now)
	if page.Before, page.After, err = s.store.Neighbours(ctx, job); err != nil {
		return reply{}, err
	}
	page.Watch = ui.Watch{On: true, Job: job.ID}
	return reply{page: page}, nil
}

// requestShown bounds the line that makes a job again, in bytes of its body.
const requestShown = 8 << 10

// requestOf is the JSON that asks for the same job, "" when it cannot be asked for, or not in a line.
func requestOf(j *models.Job) string {
	if j.Of == nil || j.Of.Deleted() || len(j.Body) > requestShown {
		return ""
	}
	in := jobIn{Target: j.Of.Name, Path: j.Path, Headers: j.Headers.Mask(), Timeout: optionalDuration(j.Timeout),
		Retry: retryOverView(j.Retry), Labels: j.Labels}
	in.Payload, in.Body, in.BodyBase64 = contentView(j.BodyForm, j.Body)
	if in.Body != nil || in.BodyBase64 != nil {
		in.ContentType = optional(j.ContentType)
	}
	if j.Priority != models.Normal {
		in.Priority = j.Priority.String()
	}
	doc, err := encode(in)
	if err != nil {
		return ""
	}
	return string(doc)
}

func (s *Server) showNewJob(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	page := &ui.NewJob{Frame: s.frame(c, "New job", ui.TabJobs), Targets: s.targetNames(ctx), CopyOf: c.Query("copy")}
	page.Form.Values = url.Values{"target": {c.Query("target")}, "body_form": {string(models.BodyPayload)},
		"priority": {models.Normal.String()}}
	if page.CopyOf != "" {
		job, err := s.store.Job(ctx, page.CopyOf)
		if err != nil {
			return reply{}, err
		}
		page.Form.Values = jobFields(job)
	}
	return reply{page: page}, nil
}

// jobFields fills in the form with a job, but for its times and its key.
func jobFields(j *models.Job) url.Values {
	v := url.Values{"target": {j.Of.Name}, "path": {j.Path}, "priority": {j.Priority.String()},
		"headers": {pairsField(j.Headers.Mask())}, "labels": {pairsField(j.Labels)}}
	contentFields(v, j.BodyForm, j.Body, j.ContentType)
	optionalField(v, "timeout", j.Timeout)
	retryFields(v, j.Retry)
	return v
}

// makeJob is the form for a job.
func (s *Server) makeJob(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	job, err := s.jobAsked(ctx, c.Request.PostForm)
	if err == nil {
		return reply{to: ui.Link("jobs", job.ID), flash: "The job is made."}, nil
	}
	page := &ui.NewJob{Frame: s.frame(c, "New job", ui.TabJobs), Targets: s.targetNames(ctx),
		CopyOf: c.PostForm("copy")}
	page.Form.Values = c.Request.PostForm
	if !blame(&page.Form, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

func (s *Server) jobAsked(ctx context.Context, form url.Values) (*models.Job, error) {
	d := newFormDoc(form)
	d.texts("target", "delay", "expires_in", "priority", "path", "timeout", "key")
	d.times("run_at")
	d.pairs("headers", "labels")
	d.content()
	d.retry()
	in, err := readDocument[jobIn](d)
	if err != nil {
		return nil, err
	}
	if id := form.Get("copy"); id != "" && len(in.Headers) > 0 { // *** stands for what the copied job has
		old, err := s.store.Job(ctx, id)
		if err != nil {
			return nil, err
		}
		in.Headers = models.Headers(in.Headers).Unmask(old.Headers)
	}
	created, err := s.createJob(ctx, &in, nil)
	if err != nil {
		return nil, err
	}
	return created.Jobs[0], nil
}

// actOnJob does what one of a job's buttons says.
func (s *Server) actOnJob(c *gin.Context) (reply, error) {
	ctx, id := c.Request.Context(), c.Param("id")
	to := ui.Link("jobs", id)
	switch c.Param("action") {
	case "cancel":
		job, err := s.cancelJob(ctx, id)
		if err == nil && !job.State.Final() {
			return reply{to: to, flash: "The job ends as soon as its call does."}, nil
		}
		return afterAction(to, "The job is canceled.", err)
	case "retry":
		_, err := s.retryJob(ctx, id)
		return afterAction(to, "The job is due again, with all its attempts.", err)
	case "run":
		_, err := s.runJob(ctx, id)
		return afterAction(to, "The job is due now.", err)
	case "rerun":
		return s.rerunAsked(c, id)
	case "delete":
		err := s.deleteJob(ctx, id)
		if err == nil {
			to = "/jobs"
		}
		return afterAction(to, "The job is deleted.", err)
	}
	return reply{}, models.ErrNotFound
}

func (s *Server) showRerun(c *gin.Context) (reply, error) {
	job, err := s.store.Job(c.Request.Context(), c.Param("id"))
	switch {
	case err != nil:
		return reply{}, err
	case !job.State.Final():
		return afterAction(ui.Link("jobs", job.ID), "", &models.Conflict{Why: "The job has not ended yet."})
	}
	page := &ui.Rerun{Frame: s.frame(c, "Run again", ui.TabJobs), Job: job}
	page.Form.Values = url.Values{"body": {ui.Pretty(job.Body)}}
	return reply{page: page}, nil
}

// rerunAsked makes a new job like the other one, with the payload that was edited or with the one there was.
func (s *Server) rerunAsked(c *gin.Context, id string) (reply, error) {
	ctx, in := c.Request.Context(), rerunIn{}
	d := newFormDoc(url.Values{"body": c.Request.PostForm["body"], "body_form": {string(models.BodyPayload)}})
	var err error
	if c.PostForm("edited") != "" {
		d.content()
		in, err = readDocument[rerunIn](d)
	}
	var created *models.Created
	if err == nil {
		if created, err = s.rerunJob(ctx, id, &in, nil); err == nil {
			return reply{to: ui.Link("jobs", created.Jobs[0].ID), flash: "This is a new job like the other one."}, nil
		}
	}
	page := &ui.Rerun{Frame: s.frame(c, "Run again", ui.TabJobs)}
	page.Form.Values = c.Request.PostForm
	if c.PostForm("edited") == "" || !blame(&page.Form, err) {
		return afterAction(ui.Link("jobs", id), "", err)
	}
	if page.Job, err = s.store.Job(ctx, id); err != nil {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}
