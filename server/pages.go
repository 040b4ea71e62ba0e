package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

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

	show("/jobs", s.showJobs)
	show("/jobs/new", s.showNewJob)
	act("/jobs/new", s.makeJob)
	show("/jobs/:id", s.showJob)
	act("/jobs/:id/:action", s.actOnJob)

	show("/targets", s.showTargets)
	show("/targets/new", s.showNewTarget)
	act("/targets/new", s.makeTarget)
	show("/targets/:name", s.showTarget)
	show("/targets/:name/edit", s.showTargetForm)
	act("/targets/:name/:action", s.actOnTarget)

	show("/schedules", s.showSchedules)
	show("/schedules/new", s.showNewSchedule)
	act("/schedules/new", s.makeSchedule)
	show("/schedules/:name", s.showSchedule)
	show("/schedules/:name/edit", s.showScheduleForm)
	act("/schedules/:name/:action", s.actOnSchedule)

	show("/attempts", s.showAttempts)
	show("/attempts/:id", s.showAttempt)

	r.GET("/assets/*file", gin.WrapH(ui.Assets()))
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
			setFlash(c, r)
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
		s.log.LogAttrs(ctx, slog.LevelError, "page failed", slog.Int("status", p.Status), slog.Any("error", err))
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

// frame is what is around every page.
func (s *Server) frame(c *gin.Context, title, tab string) ui.Frame {
	return ui.Frame{Title: title, Tab: tab, Now: time.Now(), Theme: themeOf(c), Here: here(c.Request), Origin: origin(c.Request),
		Version: s.cfg.Version, Dev: s.cfg.Dev, Flash: takeFlash(c)}
}

// here is the address of the page: of one that a form's request draws, the address that shows it without.
func here(r *http.Request) string {
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	if last := path.Base(r.URL.Path); last == "new" || last == "edit" || r.URL.Path == loginPath {
		return r.URL.EscapedPath()
	}
	return path.Dir(r.URL.EscapedPath())
}

// origin is how the reader reached us.
func origin(r *http.Request) string {
	if secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// Cookies hold no secrets but the session's.
const (
	themeCookie = "punctual_theme"
	flashCookie = "punctual_flash"
)

// setCookie sets a cookie for this site's own requests, out of reach of scripts; age in seconds, below 0 removes it.
func setCookie(c *gin.Context, name, value string, age int) {
	http.SetCookie(c.Writer, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: secure(c.Request), SameSite: http.SameSiteStrictMode})
}

// setFlash keeps what came of a form for the next page.
func setFlash(c *gin.Context, r reply) {
	if r.flash == "" {
		return
	}
	mark := "+"
	if r.sorry {
		mark = "-"
	}
	setCookie(c, flashCookie, base64.RawURLEncoding.EncodeToString([]byte(mark+r.flash)), 30)
}

// takeFlash reads what the last form left, once.
func takeFlash(c *gin.Context) *ui.Flash {
	value, err := c.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	setCookie(c, flashCookie, "", -1)
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(text) < 2 {
		return nil
	}
	return &ui.Flash{Good: text[0] == '+', Text: string(text[1:])}
}

func themeOf(c *gin.Context) string {
	if theme, _ := c.Cookie(themeCookie); theme == "light" || theme == "dark" {
		return theme
	}
	return ""
}

func (s *Server) setTheme(c *gin.Context) (reply, error) {
	const year = 365 * 24 * 60 * 60
	switch theme := c.PostForm("theme"); theme {
	case "light", "dark":
		setCookie(c, themeCookie, theme, year)
	default:
		setCookie(c, themeCookie, "", -1)
	}
	return reply{to: ownPath(c.PostForm("back"))}, nil
}

// ownPath is to if it leads to a path of this site, else the first page.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.Contains(to, `\`) {
		return "/"
	}
	return u.RequestURI()
}

// find goes to what has the id or name asked for, or to the jobs whose ids begin so.
func (s *Server) find(c *gin.Context) (reply, error) {
	ctx, q := c.Request.Context(), strings.ToLower(strings.TrimSpace(c.Query("q")))
	switch {
	case models.IsJobID(q):
		return reply{to: ui.Link("jobs", q)}, nil
	case models.IsAttemptID(q):
		return reply{to: ui.Link("attempts", q)}, nil
	}
	if models.CheckName(q) == nil {
		for kind, look := range map[string]func() error{
			"targets":   func() error { _, err := s.store.Target(ctx, q); return err },
			"schedules": func() error { _, err := s.store.Schedule(ctx, q); return err },
		} {
			if err := look(); err == nil {
				return reply{to: ui.Link(kind, q)}, nil
			} else if !errors.Is(err, models.ErrNotFound) {
				return reply{}, err
			}
		}
	}
	return reply{to: "/jobs?" + url.Values{"q": {q}}.Encode()}, nil
}

// named is the name in the path. Pages of things that are called "new" have it as "~new"; see ui.Link.
func named(c *gin.Context) string { return strings.TrimPrefix(c.Param("name"), "~") }

// first page of a list, or the page at the cursor in the query.
func pageAt(c *gin.Context, limit int) models.Page {
	return models.Page{Limit: limit, Cursor: c.Query("cursor")}
}

// namesShown is how many names are suggested in a form.
const namesShown = 200

// targetNames are suggestions; without them a form works as well.
func (s *Server) targetNames(ctx context.Context) []string {
	targets, _, err := s.store.Targets(ctx, models.Page{Limit: namesShown})
	if err != nil {
		return nil
	}
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.Name
	}
	return names
}

// loads are what the targets' calls are doing now, by target id.
func (s *Server) loads() map[string]ui.Load {
	loads := map[string]ui.Load{}
	for id, l := range s.engine.Snapshot().Targets {
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
		form.Blame(&models.Invalid{Field: strings.TrimPrefix(strings.TrimPrefix(f.Location, "query."), "body."), Why: f.Message})
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
