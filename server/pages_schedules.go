package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// scheduleStates are the tabs of the list.
var scheduleStates = []string{models.ScheduleActive, models.SchedulePaused, models.ScheduleEnded}

func (s *Server) showSchedules(c *gin.Context) (reply, error) {
	if target := c.Query("target"); target != "" {
		return reply{to: "/schedules?" + url.Values{"q": {target}}.Encode()}, nil
	}
	ctx := c.Request.Context()
	page := &ui.Schedules{Frame: s.frame(c, "Schedules", ui.TabSchedules), Search: strings.TrimSpace(c.Query("q")),
		ByName: c.Query("sort") == "name", Older: c.Query("cursor") != ""}
	if state := c.Query("state"); slices.Contains(scheduleStates, state) {
		page.State = state
	}
	filter := models.ScheduleFilter{Match: page.Search, State: page.State}
	list := s.store.SchedulesBySoonest
	if page.ByName {
		list = s.store.Schedules
	}
	var err error
	if page.Schedules, page.More, err = list(ctx, filter, pageAt(c, listShown)); err != nil {
		return reply{}, err
	}
	if page.Counts, err = s.store.CountSchedules(ctx, filter); err != nil {
		return reply{}, err
	}
	ids := make([]string, len(page.Schedules))
	for i, sc := range page.Schedules {
		ids[i] = sc.ID
	}
	if page.Past, err = s.store.LastRuns(ctx, ids, ui.SparkMax); err != nil {
		return reply{}, err
	}
	page.Watch.On = true
	return reply{page: page}, err
}

// runsShown is how many coming runs a schedule's page shows.
const runsShown = 10

// schedulePage is the page of a schedule. It is live when it stands at its own address and shows the newest runs.
func (s *Server) schedulePage(c *gin.Context, name string) (*ui.Schedule, error) {
	ctx, now := c.Request.Context(), s.store.Now()
	sc, err := s.store.Schedule(ctx, name)
	if err != nil {
		return nil, err
	}
	past, next, err := s.store.Occurrences(ctx, name, pageAt(c, callsShown), now)
	if err != nil {
		return nil, err
	}
	page := &ui.Schedule{Frame: s.frame(c, sc.Name, ui.TabSchedules), Schedule: sc, Preview: coming(sc, runsShown),
		Occurrences: past, Next: next, Older: c.Query("cursor") != "", Whole: c.Query("whole") != ""}
	page.Watch = ui.Watch{On: c.Request.Method == http.MethodGet && !page.Older}
	return page, nil
}

func (s *Server) showSchedule(c *gin.Context) (reply, error) {
	page, err := s.schedulePage(c, named(c))
	return reply{page: page}, err
}

// coming are the next runs of a schedule, from its own place in the book.
func coming(s *models.Schedule, count int) ui.Preview {
	from := s.NextAt
	if s.PausedUntil.After(from) {
		from = s.PausedUntil
	}
	if s.MaxRuns > 0 {
		count = min(count, s.MaxRuns-s.Runs)
	}
	if s.Status() == models.ScheduleEnded || count < 1 {
		return ui.Preview{Asked: true}
	}
	if s.Paused() && s.PausedUntil.IsZero() {
		return ui.Preview{Asked: true} // until somebody resumes it, none
	}
	// A stored timing is valid; if a zone has gone from the zone database, nothing can be shown.
	runs, warnings, _ := s.Timing().Preview(from, true, count)
	return ui.Preview{Asked: true, Coming: runs, Warnings: warnings}
}

func (s *Server) showNewSchedule(c *gin.Context) (reply, error) {
	fresh := models.DefaultSchedule()
	fresh.Target = c.Query("target")
	return reply{page: &ui.ScheduleForm{Frame: s.frame(c, "New schedule", ui.TabSchedules),
		Targets: s.targetNames(c.Request.Context()), Form: ui.Form{Values: scheduleFields(&fresh)}}}, nil
}

func (s *Server) showScheduleForm(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	sc, err := s.store.Schedule(ctx, named(c))
	if err != nil {
		return reply{}, err
	}
	return reply{page: &ui.ScheduleForm{Frame: s.frame(c, "Settings of "+sc.Name, ui.TabSchedules), Name: sc.Name,
		Targets: s.targetNames(ctx), Form: ui.Form{Values: scheduleFields(sc)}, Preview: coming(sc, nextRuns)}}, nil
}

// scheduleFields fills in the form with a schedule.
func scheduleFields(s *models.Schedule) url.Values {
	v := url.Values{"name": {s.Name}, "target": {s.Target}, "cron": {s.Cron}, "timezone": {s.Timezone},
		"description": {s.Description}, "path": {s.Path}, "headers": {pairsField(s.Headers.Mask())},
		"labels": {pairsField(s.Labels)}, "priority": {s.Priority.String()}, "overlap": {string(s.Overlap)},
		"catch_up": {string(s.CatchUp)}, "catch_up_window": {models.FormatDuration(s.CatchUpWindow)},
		"day_match": {s.DayMatch}, "dst_gap": {s.DSTGap},
		"dst_repeat": {s.DSTRepeat}, "start_at": {timeField(s.StartAt)}, "end_at": {timeField(s.EndAt)}}
	optionalField(v, "every", s.Every)
	optionalField(v, "timeout", s.Timeout)
	optionalField(v, "expires_in", s.ExpiresIn)
	optionalField(v, "jitter", s.Jitter)
	if s.MaxRuns > 0 {
		v.Set("max_runs", strconv.Itoa(s.MaxRuns))
	}
	if s.PauseAfterFailures > 0 {
		v.Set("pause_after_failures", strconv.Itoa(s.PauseAfterFailures))
	}
	if s.RetryPastNext {
		v.Set("retry_past_next", "true")
	}
	contentFields(v, s.BodyForm, s.Body, s.ContentType)
	retryFields(v, s.Retry)
	return v
}

// scheduleAsked reads the form.
func scheduleAsked(form url.Values) (scheduleIn, error) {
	d := newFormDoc(form)
	d.texts("name", "target", "cron", "every", "timezone", "description", "path", "priority", "timeout",
		"expires_in", "day_match", "dst_gap", "dst_repeat", "jitter", "overlap", "catch_up", "catch_up_window")
	d.numbers("max_runs", "pause_after_failures")
	d.checks("retry_past_next")
	d.times("start_at", "end_at")
	d.pairs("headers", "labels")
	d.content()
	d.retry()
	return readDocument[scheduleIn](d)
}

// timingFields are the fields that a preview looks at.
var timingFields = []string{"cron", "every", "timezone", "day_match", "dst_gap", "dst_repeat", "start_at", "end_at"}

// previewAsked draws the form again with what its timing comes to. It finds fault with nothing else: the form is still
// being filled in.
func (s *Server) previewAsked(ctx context.Context, page *ui.ScheduleForm) reply {
	in, err := scheduleAsked(page.Form.Values)
	blame(&page.Form, err)
	page.Form.Faults = slices.DeleteFunc(page.Form.Faults,
		func(f ui.Fault) bool { return !slices.Contains(timingFields, f.Field) })
	if len(page.Form.Faults) > 0 {
		return reply{page: page, status: http.StatusUnprocessableEntity}
	}
	asked := previewIn{Name: in.Name, Cron: in.Cron, Every: in.Every, Timezone: in.Timezone, DayMatch: in.DayMatch,
		DSTGap: in.DSTGap, DSTRepeat: in.DSTRepeat, StartAt: in.StartAt, EndAt: in.EndAt}
	timing := asked.timing()
	if page.Name != "" {
		timing.Name = page.Name
		if old, err := s.store.Schedule(ctx, page.Name); err == nil {
			timing.Anchor = old.Anchor
		}
	}
	page.Preview.Coming, page.Preview.Warnings, err = timing.Preview(page.Now, false, nextRuns)
	page.Preview.Asked = err == nil
	if blame(&page.Form, err) {
		return reply{page: page, status: http.StatusUnprocessableEntity}
	}
	return reply{page: page}
}

// makeSchedule is the form for a new schedule; saveSchedule the one for changing it. Both show a preview on demand.
func (s *Server) makeSchedule(c *gin.Context) (reply, error) {
	ctx := c.Request.Context()
	page := &ui.ScheduleForm{Frame: s.frame(c, "New schedule", ui.TabSchedules), Targets: s.targetNames(ctx),
		Form: ui.Form{Values: c.Request.PostForm}}
	if c.PostForm("do") == "preview" {
		return s.previewAsked(ctx, page), nil
	}
	in, err := scheduleAsked(c.Request.PostForm)
	if err == nil {
		var made *models.Schedule
		if made, err = s.createSchedule(ctx, &in); err == nil {
			return reply{to: ui.Link("schedules", made.Name), flash: "The schedule is made."}, nil
		}
	}
	if !blame(&page.Form, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

func (s *Server) saveSchedule(c *gin.Context, name string) (reply, error) {
	ctx := c.Request.Context()
	page := &ui.ScheduleForm{Frame: s.frame(c, "Settings of "+name, ui.TabSchedules), Name: name,
		Targets: s.targetNames(ctx), Form: ui.Form{Values: c.Request.PostForm}}
	if c.PostForm("do") == "preview" {
		return s.previewAsked(ctx, page), nil
	}
	in, err := scheduleAsked(c.Request.PostForm)
	if err == nil {
		_, err = s.editSchedule(ctx, name, func(*models.Schedule) (*scheduleIn, error) { return &in, nil })
	}
	if err == nil {
		return reply{to: ui.Link("schedules", name), flash: "The settings are saved. They count for runs to come."}, nil
	}
	if !blame(&page.Form, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}
