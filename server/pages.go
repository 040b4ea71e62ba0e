package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/dispatcher"
	"punctual/models"
	"punctual/ui"
)

// pageRoutes is everything that people see. A page is drawn by GET; a form is sent by POST, which draws the form again
// if something is wrong with it, and otherwise leads to the page of what it changed.
func (s *Server) pageRoutes(r gin.IRouter) {
	show := func(path string, draw pageHandler) { r.GET(path, s.paged(draw)) }
	act := func(path string, do pageHandler) { r.POST(path, s.paged(do)) }

	show("/", s.showOverview)
	show("/find", s.find)
	act("/theme", s.setTheme)
	act("/clock", s.setClock)

	show("/jobs", s.showJobs)
	show("/jobs/new", s.showNewJob)
	act("/jobs/new", s.makeJob)
	show("/jobs/many", s.askMany)
	act("/jobs/many", s.actOnMany)
	show("/jobs/:id", s.showJob)
	show("/jobs/:id/rerun", s.showRerun)
	act("/jobs/:id/:action", s.actOnJob)

	show("/operations", s.showOperations)
	act("/operations", s.beginOperation)
	show("/operations/:id", s.showOperation)
	act("/operations/:id/cancel", s.stopOperation)

	show("/targets", s.showTargets)
	show("/targets/new", s.showNewTarget)
	act("/targets/new", s.makeTarget)
	show("/targets/:name", s.showTarget)
	show("/targets/:name/edit", s.showTargetForm)
	act("/targets/:name/:action", s.actOnTarget)

	show("/schedules", s.showSchedules)
	show("/schedules/new", s.showNewSchedule)
	act("/schedules/new", s.makeSchedule)
	act("/schedules/many", s.actOnSchedules)
	show("/schedules/:name", s.showSchedule)
	show("/schedules/:name/edit", s.showScheduleForm)
	act("/schedules/:name/:action", s.actOnSchedule)

	show("/attempts", s.showAttempts)
	show("/attempts/:id", s.showAttempt)

	show("/system", s.showSystem)

	r.GET("/assets/*file", gin.WrapH(ui.Assets()))
	show("/keys", s.showKeys)
	act("/keys", s.makeKey)
	act("/keys/:name/revoke", s.endKey)
	show("/audit", s.showAudit)
	if !s.cfg.Dev {
		show(loginPath, s.showLogin)
		act(loginPath, s.login)
		act("/logout", s.logout)
	}
}

// reply is what a request for a page comes to: a page to draw, or a place to go to.
type reply struct {
	page   ui.Page
	status int // of the page; 0: 200

	to    string // where to go instead
	flash string // told on the next page
	sorry bool   // flash is bad news
}

// pageHandler draws a page or does what a form asks for. Its error becomes a page too.
type pageHandler func(c *gin.Context) (reply, error)

// paged answers with what handle comes to.
func (s *Server) paged(handle pageHandler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Method == http.MethodPost {
			if err := readForm(c.Request); err != nil {
				s.drawProblem(c, problemOf(err))
				return
			}
		}
		r, err := handle(c)
		switch {
		case err != nil:
			s.drawProblem(c, s.pageProblem(c.Request.Context(), err))
		case r.to != "":
			s.setFlash(c, r)
			c.Redirect(http.StatusSeeOther, r.to)
		default:
			s.draw(c, cmp.Or(r.status, http.StatusOK), r.page)
		}
	}
}

// readForm reads the fields of a form. Line ends are what people mean by them, whatever browsers send.
func readForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			return err
		}
		return malformed("must be the fields of a form")
	}
	for _, values := range r.PostForm {
		for i, v := range values {
			values[i] = strings.ReplaceAll(v, "\r\n", "\n")
		}
	}
	return nil
}

// pagePolicy is the Content-Security-Policy of pages: our own style sheets, scripts and forms, and nothing else.
var pagePolicy = []string{"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"}

// sameOriginReferrer lets a form's request carry its origin, which browsers without Sec-Fetch-Site are judged by.
var sameOriginReferrer = []string{"same-origin"}

func (s *Server) draw(c *gin.Context, status int, page ui.Page) {
	var out bytes.Buffer
	if err := ui.Render(&out, page); err != nil {
		s.log.Error("page not drawn", "path", c.Request.URL.Path, "error", err)
		refuse(c, newProblem(http.StatusInternalServerError, "This page could not be drawn; the log says more."))
		return
	}
	h := c.Writer.Header()
	h["Content-Security-Policy"], h["Referrer-Policy"] = pagePolicy, sameOriginReferrer
	c.Data(status, "text/html; charset=utf-8", out.Bytes())
}

// pageProblem is what a handler's error becomes. What is no fault of the reader's is logged.
func (s *Server) pageProblem(ctx context.Context, err error) *problem {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		s.log.LogAttrs(ctx, failureLevel(p.Status), "page failed", slog.Int("status", p.Status), slog.Any("error", err))
	}
	return p
}

func (s *Server) drawProblem(c *gin.Context, p *problem) {
	detail := p.Detail
	for _, f := range p.Errors {
		detail += " " + strings.TrimPrefix(strings.TrimPrefix(f.Location, "query."), "body.") + " " + f.Message + "."
	}
	s.draw(c, p.Status, &ui.Problem{Frame: s.frame(c, p.Title, ""), Status: p.Status, Detail: detail})
}

// lost answers a request that no route takes: with a page where a page was asked for.
func (s *Server) lost(c *gin.Context, p *problem) {
	if !strings.HasPrefix(c.Request.URL.Path, "/v1/") && strings.Contains(c.GetHeader("Accept"), "text/html") {
		s.drawProblem(c, p)
		return
	}
	refuse(c, p)
}

// above is the page that a form stands on whose address is asked for by GET, as a browser does when somebody goes back to
// what the form answered with: nothing is sent again. It is "" for all other requests.
func above(r *http.Request) string {
	path := r.URL.EscapedPath()
	if r.Method != http.MethodGet || strings.HasPrefix(path, "/v1/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return ""
	}
	switch parts := strings.Split(path, "/"); {
	case len(parts) != 4:
		return "/"
	case parts[1] == "keys":
		return "/keys"
	default:
		return "/" + parts[1] + "/" + parts[2]
	}
}

// named is the name in the path. Pages of things that are called "new" have it as "~new"; see ui.Link.
func named(c *gin.Context) string { return strings.TrimPrefix(c.Param("name"), "~") }

// pageAt is the first page of a list, or the one at the cursor in the query.
func pageAt(c *gin.Context, limit int) models.Page {
	return models.Page{Limit: limit, Cursor: c.Query("cursor")}
}

// namesShown is how many names are suggested in a form.
const namesShown = 200

// targetNames are suggestions; without them a form works as well.
func (s *Server) targetNames(ctx context.Context) []string {
	names, _ := s.store.TargetNames(ctx, namesShown)
	return names
}

// scheduleNames are suggestions too.
func (s *Server) scheduleNames(ctx context.Context) []string {
	names, _ := s.store.ScheduleNames(ctx, namesShown)
	return names
}

// loads are what the targets' calls are doing, by target id.
func loads(now dispatcher.Snapshot) map[string]ui.Load {
	loads := map[string]ui.Load{}
	for id, l := range now.Targets {
		loads[id] = ui.Load{InFlight: l.InFlight, Queued: l.Queued, Held: l.HeldBy}
	}
	return loads
}

// blame takes down in the form what err finds wrong with it, and tells whether err is of that kind.
func blame(form *ui.Form, err error) bool {
	p := new(problem)
	if !errors.As(err, &p) {
		return form.Blame(err)
	}
	for _, f := range p.Errors {
		form.Blame(&models.Invalid{Field: strings.TrimPrefix(strings.TrimPrefix(f.Location, "query."), "body."),
			Why: f.Message})
	}
	return len(p.Errors) > 0
}

// afterAction goes to a page with news of an action, or of the conflict that kept it from happening.
func afterAction(to, news string, err error) (reply, error) {
	if conflict := new(models.Conflict); errors.As(err, &conflict) {
		return reply{to: to, flash: conflict.Why, sorry: true}, nil
	}
	return reply{to: to, flash: news}, err
}
