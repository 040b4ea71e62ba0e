package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

func (s *Server) showJobs(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	page := &ui.Jobs{Frame: s.frame(c, "Jobs", ui.TabJobs), Older: c.Query("cursor") != "", Targets: s.targetNames(ctx),
		Filter: filterForm(c, "target", "state", "schedule", "label", "q")}
	filter, err := jobFilter(page.Filter.Values)
	if err == nil {
		page.Jobs, page.Next, err = s.store.Jobs(ctx, filter, pageAt(c, listShown))
	}
	if blame(&page.Filter, err) {
		return reply{page: page, status: http.StatusUnprocessableEntity}, nil
	}
	page.Held = map[string]string{}
	for _, j := range page.Jobs {
		page.Held[j.ID] = s.heldBy(j, page.Now)
	}
	page.Watch = ui.Watch{On: !page.Older}
	return reply{page: page}, err
}

// jobFilter reads filters as GET /v1/jobs does.
func jobFilter(v url.Values) (models.JobFilter, error) {
	for _, state := range v["state"] {
		if !slices.Contains(stateNames, state) {
			return models.JobFilter{}, &models.Invalid{Field: "state", Why: "must be one of the states"}
		}
	}
	query := jobQuery{Target: v.Get("target"), State: v["state"], Schedule: v.Get("schedule"),
		Q: v.Get("q")}
	if label := v.Get("label"); label != "" {
		query.Label = []string{label}
	}
	return query.filter()
}

var stateNames = func() (names []string) {
	for _, s := range models.States {
		names = append(names, string(s))
	}
	return names
}()

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
		created, err := s.rerunJob(ctx, id, &rerunIn{}, nil)
		if err == nil {
			to = ui.Link("jobs", created.Jobs[0].ID)
		}
		return afterAction(to, "This is a new job like the other one.", err)
	case "delete":
		err := s.deleteJob(ctx, id)
		if err == nil {
			to = "/jobs"
		}
		return afterAction(to, "The job is deleted.", err)
	}
	return reply{}, models.ErrNotFound
}
