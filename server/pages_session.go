package server

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// In serve the pages need a login. Whoever shows a key gets a session, which is worth what the key is worth: it ends
// when the key does, or after sessionLength. The cookie holds a random token, of which the book keeps the hash.
const (
	loginPath     = "/login"
	sessionCookie = "punctual_session"
	sessionLength = 12 * time.Hour
)

// signedIn is who signed in with the request's cookie; nil: nobody.
func (s *Server) signedIn(c *gin.Context) (*viewer, *problem) {
	token, err := c.Cookie(sessionCookie)
	if err != nil || token == "" {
		return nil, nil
	}
	ctx, now := c.Request.Context(), time.Now()
	session, err := s.sessions.get(ctx, sha256.Sum256([]byte(token)), now)
	if errors.Is(err, models.ErrNotFound) || err == nil && !now.Before(session.ExpiresAt) {
		return nil, nil
	}
	var h *holder
	if err == nil {
		h, err = s.keys.byHash(ctx, session.KeyHash, now)
	}
	if err != nil || h == nil {
		return nil, maybeProblem(err)
	}
	v := h.viewer
	v.cookie = true
	return &v, nil
}

func maybeProblem(err error) *problem {
	if err == nil {
		return nil
	}
	return problemOf(err)
}

// toLogin leads people to the login; programs are left to get their 401.
func (s *Server) toLogin(c *gin.Context) (led bool) {
	r := c.Request
	if strings.HasPrefix(r.URL.Path, "/v1/") || r.Header.Get("Authorization") != "" ||
		!strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	c.Redirect(http.StatusSeeOther, loginPath+"?"+url.Values{"next": {here(r)}}.Encode())
	c.Abort()
	return true
}

func (s *Server) showLogin(c *gin.Context) (reply, error) {
	return reply{page: s.loginPage(c, ownPath(c.Query("next")))}, nil
}

func (s *Server) loginPage(c *gin.Context, next string) *ui.Login {
	page := &ui.Login{Frame: s.frame(c, "Sign in", ""), Next: next}
	page.Bare = true
	return page
}

func (s *Server) login(c *gin.Context) (reply, error) {
	next, shown := ownPath(c.PostForm("next")), strings.TrimSpace(c.PostForm("key"))
	v, p := s.holderOf(c, shown)
	if p != nil && p.Status != http.StatusTooManyRequests {
		return reply{}, p
	}
	if v == nil {
		s.log.Warn("sign-in refused", "remote", c.ClientIP())
		if err := s.noteRefused(c); err != nil {
			return reply{}, err
		}
		page, status := s.loginPage(c, next), http.StatusForbidden
		page.Form.Faults = []ui.Fault{{Field: "key", Why: "is not a valid key"}}
		if p != nil {
			page.Form.Faults[0].Why, status = "cannot be tried now: too many wrong ones came from your address", p.Status
			c.Header("Retry-After", p.GetHeaders().Get("Retry-After"))
		}
		return reply{status: status, page: page}, nil
	}
	token, now := rand.Text()+rand.Text(), time.Now()
	seenBy(c, v)
	err := s.store.BeginSession(c.Request.Context(), models.Session{Hash: sha256.Sum256([]byte(token)),
		KeyHash: sha256.Sum256([]byte(shown)), CreatedAt: now, ExpiresAt: now.Add(sessionLength)})
	if err != nil {
		return reply{}, err
	}
	// Lax, so that a link to a page works from a chat or a mail. It is sent with no request that changes anything, and
	// sameSite refuses those besides.
	http.SetCookie(c.Writer, s.cookie(c, sessionCookie, token, int(sessionLength/time.Second), http.SameSiteLaxMode))
	return reply{to: next}, nil
}

// nobody is whom the audit names where a sign-in was refused.
const nobody = "nobody"

// noteRefused puts a sign-in that was refused on record, the first in a while from its address.
func (s *Server) noteRefused(c *gin.Context) error {
	now, from := time.Now(), c.ClientIP()
	if !s.guesses.note(from, now) {
		return nil
	}
	return s.store.Record(models.WithActor(c.Request.Context(), models.Actor{Who: nobody, Remote: from, At: now}),
		"sign-in-refused", "session", "")
}

func (s *Server) logout(c *gin.Context) (reply, error) {
	if token, err := c.Cookie(sessionCookie); err == nil {
		hash := sha256.Sum256([]byte(token))
		if err := s.store.EndSession(c.Request.Context(), hash); err != nil {
			return reply{}, err
		}
		s.sessions.forget(hash)
	}
	s.setCookie(c, sessionCookie, "", -1)
	return reply{to: loginPath}, nil
}
