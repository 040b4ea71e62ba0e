package server

import (
	"context"
	"net/http"
	"net/url"
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
		page.States = filter.States
		if page.Jobs, page.Next, err = s.store.Jobs(ctx, filter, pageAt(c, listShown)); err == nil {
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

// countedMost bounds what is counted for a tab: more is told as "1,000+".
const countedMost = 1000

// countByState counts what matches, for each tab, whatever states the search itself names.
func (s *Server) countByState(ctx context.Context, f models.JobFilter) (map[string]ui.Count, error) {
	counts := map[string]ui.Count{}
	for _, state := range append([]models.State{"", models.Retrying}, models.States...) {
		if f.States = nil; state != "" {
			f.States = []models.State{state}
		}
		n, err := s.store.CountJobs(ctx, f, countedMost+1)
		if err != nil {
			return nil, err
		}
		counts[string(state)] = ui.Count{N: min(n, countedMost), More: n > countedMost}
	}
	return counts, nil
}

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
