package server

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

func (s *Server) showTargets(c *gin.Context) (reply, error) {
	targets, next, err := s.store.Targets(c.Request.Context(), pageAt(c, listShown))
	if err != nil {
		return reply{}, err
	}
	page := &ui.Targets{Frame: s.frame(c, "Targets", ui.TabTargets), Targets: targets, Loads: loads(s.engine.Snapshot()), Next: next,
		Older: c.Query("cursor") != ""}
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.ID
	}
	if page.Health, err = s.store.Health(c.Request.Context(), ids, page.Now); err != nil {
		return reply{}, err
	}
	if page.Counts, err = s.store.JobCountsOf(c.Request.Context(), ids); err != nil {
		return reply{}, err
	}
	page.Watch.On = true
	return reply{page: page}, nil
}

// callsShown is how many recent calls a target's page shows.
const callsShown = 20

// targetPage is the page of a target. It is live when it stands at its own address.
func (s *Server) targetPage(c *gin.Context, name string) (*ui.Target, error) {
	ctx := c.Request.Context()
	t, err := s.store.Target(ctx, name)
	if err != nil {
		return nil, err
	}
	recent, _, err := s.store.Attempts(ctx, models.AttemptFilter{Target: name}, models.Page{Limit: callsShown})
	if err != nil {
		return nil, err
	}
	page := &ui.Target{Frame: s.frame(c, t.Name, ui.TabTargets), Target: t, Load: loads(s.engine.Snapshot())[t.ID], Recent: recent,
		Rotate: ui.Form{Values: url.Values{"overlap": {models.FormatDuration(defaultOverlap)}}}}
	if page.PublicKeys, err = s.store.PublicKeys(ctx, t.ID, s.store.Now()); err != nil {
		return nil, err
	}
	if err := s.fillHealth(ctx, page); err != nil {
		return nil, err
	}
	page.Watch = ui.Watch{On: c.Request.Method == http.MethodGet, Target: t.Name}
	return page, nil
}

// fillHealth adds how the target did in the last day.
func (s *Server) fillHealth(ctx context.Context, page *ui.Target) error {
	t := page.Target
	health, err := s.store.Health(ctx, []string{t.ID}, page.Now)
	if err != nil {
		return err
	}
	counts, err := s.store.JobCountsOf(ctx, []string{t.ID})
	if err != nil {
		return err
	}
	page.Health, page.Counts = health[t.ID], counts[t.ID]
	page.Stats, err = s.store.Stats(ctx, models.Day, t.Name, page.Now)
	return err
}

func (s *Server) showTarget(c *gin.Context) (reply, error) {
	page, err := s.targetPage(c, named(c))
	if err != nil {
		return reply{}, err
	}
	if id := c.Query("tested"); id != "" {
		if a, err := s.store.Attempt(c.Request.Context(), id); err == nil && a.TargetID == page.Target.ID {
			page.Tested = a
		}
	}
	return reply{page: page}, nil
}

func (s *Server) showNewTarget(c *gin.Context) (reply, error) {
	t := models.DefaultTarget()
	return reply{page: &ui.TargetForm{Frame: s.frame(c, "New target", ui.TabTargets),
		Form: ui.Form{Values: targetFields(&t)}}}, nil
}

func (s *Server) showTargetForm(c *gin.Context) (reply, error) {
	t, err := s.store.Target(c.Request.Context(), named(c))
	if err != nil {
		return reply{}, err
	}
	return reply{page: &ui.TargetForm{Frame: s.frame(c, "Settings of "+t.Name, ui.TabTargets), Name: t.Name,
		Form: ui.Form{Values: targetFields(t)}}}, nil
}

// targetFields fills in the form with a target.
func targetFields(t *models.Target) url.Values {
	r := t.Retry
	v := url.Values{"name": {t.Name}, "url": {t.URL}, "method": {t.Method}, "headers": {pairsField(t.Headers.Mask())},
		"timeout": {models.FormatDuration(t.Timeout)}, "description": {t.Description},
		"max_in_flight": {strconv.Itoa(t.MaxInFlight)}, "rate_limit": {t.RateLimit}, "signing": {t.Signing}, "on_lost": {t.OnLost},
		"on_gone": {t.OnGone}, "retry.max_attempts": {strconv.Itoa(r.MaxAttempts)}, "retry.min_backoff": {models.FormatDuration(r.MinBackoff)},
		"retry.max_backoff": {models.FormatDuration(r.MaxBackoff)}, "retry.factor": {decimal(r.Factor)},
		"retry.jitter": {decimal(r.Jitter)}, "retry.fail_on": {codesField(r.FailOn)},
		"capture.request_body": {models.FormatSize(int64(t.Capture.RequestBody))}, "capture.redact_headers": {strings.Join(t.Capture.RedactHeaders, " ")}}
	if kept := t.Capture.ResponseBody; kept != nil {
		v.Set("capture.response_body", models.FormatSize(int64(*kept)))
	}
	optionalField(v, "keep.succeeded", t.KeepSucceeded)
	optionalField(v, "keep.failed", t.KeepFailed)
	return v
}

// targetAsked reads the form. A target without statuses to fail on says so by an empty field.
func targetAsked(form url.Values) (targetIn, error) {
	d := newFormDoc(form)
	d.texts("name", "url", "method", "timeout", "rate_limit", "signing", "on_lost", "on_gone", "description", "secret")
	d.numbers("max_in_flight")
	d.texts("capture.request_body", "capture.response_body", "keep.succeeded", "keep.failed")
	if names := strings.FieldsFunc(form.Get("capture.redact_headers"), func(r rune) bool { return r == ',' || r <= ' ' }); len(names) > 0 {
		d.set("capture.redact_headers", names)
	}
	d.pairs("headers")
	d.set("retry.fail_on", []int{})
	d.retry()
	return readDocument[targetIn](d)
}

func (s *Server) makeTarget(c *gin.Context) (reply, error) {
	in, err := targetAsked(c.Request.PostForm)
	if err == nil {
		var t *models.Target
		if t, _, err = s.createTarget(c.Request.Context(), &in); err == nil {
			return reply{to: ui.Link("targets", t.Name), flash: strings.Join(append([]string{"The target is registered. " +
				"Its calls are signed with the secret below."}, s.warnings(c.Request.Context(), t)...), " But ")}, nil
		}
	}
	page := &ui.TargetForm{Frame: s.frame(c, "New target", ui.TabTargets), Form: ui.Form{Values: c.Request.PostForm}}
	if !blame(&page.Form, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

func (s *Server) saveTarget(c *gin.Context, name string) (reply, error) {
	in, err := targetAsked(c.Request.PostForm)
	if err == nil {
		_, err = s.editTarget(c.Request.Context(), name, func(*models.Target) (*targetIn, error) { return &in, nil })
	}
	if err == nil {
		return reply{to: ui.Link("targets", name),
			flash: "The settings are saved. They count from the next attempt on."}, nil
	}
	page := &ui.TargetForm{Frame: s.frame(c, "Settings of "+name, ui.TabTargets), Name: name,
		Form: ui.Form{Values: c.Request.PostForm}}
	if !blame(&page.Form, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

// actOnTarget does what one of a target's buttons or small forms says.
func (s *Server) actOnTarget(c *gin.Context) (reply, error) {
	ctx, name := c.Request.Context(), named(c)
	to := ui.Link("targets", name)
	switch c.Param("action") {
	case "edit":
		return s.saveTarget(c, name)
	case "test":
		unhurried(c.Writer)
		a, err := s.testTarget(ctx, name)
		if err != nil {
			return reply{}, err
		}
		return reply{to: to + "?tested=" + a.ID + "#tested"}, nil
	case "pause":
		_, err := s.pauseTarget(ctx, name, c.PostForm("reason"))
		return s.targetAgain(c, name, "The target is paused.", err, func(p *ui.Target) *ui.Form { return &p.Pause })
	case "resume":
		_, err := s.resumeTarget(ctx, name)
		return afterAction(to, "The target is called again.", err)
	case "secret":
		return s.revealSecret(c, name, nil)
	case "rotate-secret":
		return s.revealSecret(c, name, s.rotateAsked(ctx, name, c.PostForm("overlap")))
	case "delete":
		err := s.deleteTarget(ctx, name, models.DeleteTarget{Schedules: c.PostForm("delete_schedules") != "",
			CancelJobs: c.PostForm("cancel_jobs") != ""})
		if err == nil {
			return reply{to: "/targets", flash: "The target is deleted. Its history stays."}, nil
		}
		return s.targetAgain(c, name, "", err, func(p *ui.Target) *ui.Form { return &p.Delete })
	}
	return reply{}, models.ErrNotFound
}

// targetAgain draws a target's page with one of its small forms filled in again if err is about that; otherwise it
// goes there with news.
func (s *Server) targetAgain(c *gin.Context, name, news string, err error,
	form func(*ui.Target) *ui.Form) (reply, error) {
	if err == nil {
		return reply{to: ui.Link("targets", name), flash: news}, nil
	}
	page, lost := s.targetPage(c, name)
	if lost != nil {
		return reply{}, lost
	}
	form(page).Values = c.Request.PostForm
	if !blame(form(page), err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

func (s *Server) rotateAsked(ctx context.Context, name, overlap string) error {
	length, ok := models.ParseDuration(overlap)
	if !ok || length > maxOverlap {
		return &models.Invalid{Field: "overlap", Why: "must be between 0s and 7d"}
	}
	_, err := s.rotateSecret(ctx, name, models.Rotation{Secret: makeSecret(), Keys: true, Overlap: length})
	return err
}

// revealSecret draws a target's page with its secrets on it. It answers a POST, so that no secret is in a history.
func (s *Server) revealSecret(c *gin.Context, name string, err error) (reply, error) {
	if err != nil {
		return s.targetAgain(c, name, "", err, func(p *ui.Target) *ui.Form { return &p.Rotate })
	}
	page, err := s.targetPage(c, name)
	if err != nil {
		return reply{}, err
	}
	if page.Secrets, err = s.store.Secrets(c.Request.Context(), page.Target.ID, s.store.Now()); err != nil {
		return reply{}, err
	}
	return reply{page: page}, s.store.Record(c.Request.Context(), "reveal-secret", "target", name)
}
