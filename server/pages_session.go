package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/ui"
)

// In serve the pages need a login. Whoever shows the admin key gets a session, which is worth as much as the key until
// it ends; the cookie holds a random token, and nothing is kept on disk: a restart ends all sessions.
const (
	loginPath     = "/login"
	sessionCookie = "punctual_session"
	sessionLength = 12 * time.Hour
	maxSessions   = 1000 // the one that ends first makes room
)

// sessions are those who have signed in.
type sessions struct {
	mu    sync.Mutex                      // protects the field below
	until map[[sha256.Size]byte]time.Time // by the token's hash: the time a look-up takes tells nothing about a token
}

// begin makes a session and gives its token.
func (s *sessions) begin(now time.Time) string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	token := base64.RawURLEncoding.EncodeToString(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[[sha256.Size]byte]time.Time{}
	}
	s.makeRoom(now)
	s.until[sha256.Sum256([]byte(token))] = now.Add(sessionLength)
	return token
}

// makeRoom drops what has ended and, of too many, the one that ends first.
func (s *sessions) makeRoom(now time.Time) {
	var oldest [sha256.Size]byte
	for id, until := range s.until {
		if !until.After(now) {
			delete(s.until, id)
		} else if first, ok := s.until[oldest]; !ok || until.Before(first) {
			oldest = id
		}
	}
	if len(s.until) >= maxSessions {
		delete(s.until, oldest)
	}
}

// holds tells whether the token is one of a session that has not ended.
func (s *sessions) holds(token string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until[sha256.Sum256([]byte(token))].After(now)
}

// end ends the token's session.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.until, sha256.Sum256([]byte(token)))
}

// signedIn tells whether the request belongs to a session.
func (s *Server) signedIn(c *gin.Context) bool {
	token, err := c.Cookie(sessionCookie)
	return err == nil && s.sessions.holds(token, time.Now())
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
	next := ownPath(c.PostForm("next"))
	want, shown := sha256.Sum256([]byte(s.cfg.AdminKey)), sha256.Sum256([]byte(strings.TrimSpace(c.PostForm("key"))))
	if subtle.ConstantTimeCompare(want[:], shown[:]) != 1 {
		s.log.Warn("sign-in refused", "remote", c.Request.RemoteAddr)
		page := s.loginPage(c, next)
		page.Form.Faults = []ui.Fault{{Field: "key", Why: "is not the admin key"}}
		return reply{status: http.StatusForbidden, page: page}, nil
	}
	setCookie(c, sessionCookie, s.sessions.begin(time.Now()), int(sessionLength/time.Second))
	return reply{to: next}, nil
}

func (s *Server) logout(c *gin.Context) (reply, error) {
	if token, err := c.Cookie(sessionCookie); err == nil {
		s.sessions.end(token)
	}
	setCookie(c, sessionCookie, "", -1)
	return reply{to: loginPath}, nil
}
