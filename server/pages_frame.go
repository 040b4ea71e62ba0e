package server

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// frame is what is around every page.
func (s *Server) frame(c *gin.Context, title, tab string) ui.Frame {
	v := viewerOf(c.Request.Context())
	f := ui.Frame{Title: title, Tab: tab, Now: s.store.Now(), Theme: themeOf(c), Clock: clockOf(c), Here: here(c.Request),
		Origin: s.origin(c.Request), Version: s.cfg.Version, Dev: s.cfg.Dev, May: v.may(), Bare: v.scope == "",
		Flash: s.takeFlash(c)}
	if !s.cfg.Dev {
		f.Who = v.name
	}
	if !f.Bare {
		// A page without this word is still a page: what is wrong with the store shows where it is asked for.
		state, _ := s.wellness.look(c.Request.Context(), s, f.Now, false)
		f.Alarm = ui.AlarmOf(state.attention)
	}
	return f
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
func (s *Server) origin(r *http.Request) string {
	if s.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// secure tells whether the reader speaks TLS, with us or with the proxy before us.
func (s *Server) secure(r *http.Request) bool {
	return r.TLS != nil || s.cfg.BehindProxy && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// Cookies hold no secrets but the session's.
const (
	themeCookie = "punctual_theme"
	clockCookie = "punctual_clock"
	flashCookie = "punctual_flash"
)

// setCookie sets a cookie for this site's own requests, out of reach of scripts; age in seconds, below 0 removes it.
func (s *Server) setCookie(c *gin.Context, name, value string, age int) {
	http.SetCookie(c.Writer, s.cookie(c, name, value, age, http.SameSiteStrictMode))
}

func (s *Server) cookie(c *gin.Context, name, value string, age int, site http.SameSite) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure(c.Request),
		SameSite: site}
}

// setFlash keeps what came of a form for the next page.
func (s *Server) setFlash(c *gin.Context, r reply) {
	if r.flash == "" {
		return
	}
	mark := "+"
	if r.sorry {
		mark = "-"
	}
	s.setCookie(c, flashCookie, base64.RawURLEncoding.EncodeToString([]byte(mark+r.flash)), 30)
}

// takeFlash reads what the last form left, once.
func (s *Server) takeFlash(c *gin.Context) *ui.Flash {
	value, err := c.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	s.setCookie(c, flashCookie, "", -1)
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

// clockOf is whose clock times of day are shown by: "utc", or "" for the reader's own.
func clockOf(c *gin.Context) string {
	if clock, _ := c.Cookie(clockCookie); clock == "utc" {
		return clock
	}
	return ""
}

func (s *Server) setTheme(c *gin.Context) (reply, error) {
	return s.keep(c, themeCookie, c.PostForm("theme"), "light", "dark"), nil
}

func (s *Server) setClock(c *gin.Context) (reply, error) {
	return s.keep(c, clockCookie, c.PostForm("clock"), "utc"), nil
}

// keep remembers a choice of this reader for a year if it is one of the choices; anything else is the default, which
// needs no cookie.
func (s *Server) keep(c *gin.Context, cookie, value string, choices ...string) reply {
	const year = 365 * 24 * 60 * 60
	if slices.Contains(choices, value) {
		s.setCookie(c, cookie, value, year)
	} else {
		s.setCookie(c, cookie, "", -1)
	}
	return reply{to: ownPath(c.PostForm("back"))}
}

// ownPath is to if it leads to a path of this site, else the first page.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path,
		"//") ||
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
