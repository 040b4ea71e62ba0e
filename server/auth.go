package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// secureHeaders go out with every answer. Pages loosen what they need to.
func secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h["Content-Security-Policy"] = strictPolicy
	h["X-Content-Type-Options"] = noSniff
	h["X-Frame-Options"] = noFrame
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Cross-Origin-Opener-Policy"] = sameOrigin
	h["Cache-Control"] = noStore
}

// The values are shared by all answers and never changed.
var (
	strictPolicy = []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}
	noSniff      = []string{"nosniff"}
	noFrame      = []string{"DENY"}
	noReferrer   = []string{"no-referrer"}
	sameOrigin   = []string{"same-origin"}
	noStore      = []string{"no-store"}
)

// sameSite refuses what a browser sends for another site: whatever may change something, and whatever another site
// loads as a part of its own pages, so that it cannot even count or time our answers. What is left is a link that
// somebody follows.
func sameSite() gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		if protection.Check(c.Request) != nil || loadedElsewhere(c.Request.Header) {
			refuse(c, newProblem(http.StatusForbidden, "Requests from other sites are refused."))
		}
	}
}

// loadedElsewhere tells whether the page of another site loads this, by what browsers say about it (Fetch Metadata).
func loadedElsewhere(h http.Header) bool {
	switch h.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document"
	}
	return false
}

// ownHost refuses names that are not this machine's, so that a page of another site cannot reach a server without
// keys by having its own name lead here.
func ownHost(c *gin.Context) {
	host := strings.ToLower(c.Request.Host)
	for _, own := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if port, isOwn := strings.CutPrefix(host, own); isOwn && (port == "" || port[0] == ':') {
			return
		}
	}
	refuse(c, newProblem(http.StatusMisdirectedRequest, "This server answers to localhost, 127.0.0.1 and [::1] only."))
}

// inDev lets everybody in.
func inDev(c *gin.Context) { seenBy(c, developer) }

// keyed finds out who asks, by the key that is shown or by the session, and refuses whoever is nobody where that is
// not enough.
func (s *Server) keyed(c *gin.Context) {
	scheme, shown, isShown := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	var v *viewer
	var p *problem
	if isShown && strings.EqualFold(scheme, "Bearer") {
		v, p = s.holderOf(c, strings.TrimSpace(shown))
	} else if v, p = s.signedIn(c); isShown && v == nil {
		s.guesses.wrong(c.ClientIP(), time.Now())
	}
	switch {
	case v != nil:
		seenBy(c, v)
	case s.needOf(c).scope == "":
	case p != nil:
		refuse(c, p)
	case !s.toLogin(c):
		c.Header("WWW-Authenticate", `Bearer realm="punctual"`)
		refuse(c, newProblem(http.StatusUnauthorized, "A valid key is needed, as Authorization: Bearer <key>."))
	}
}

// stillIn tells whether the key or the session of a request that was let in is still good: a stream may outlive both. As
// long as the book does not answer, nothing is known against it.
func (s *Server) stillIn(c *gin.Context, now time.Time) bool {
	if s.cfg.Dev {
		return true
	}
	scheme, shown, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		h, err := s.keys.byText(c.Request.Context(), strings.TrimSpace(shown), now)
		return h != nil || err != nil
	}
	v, p := s.signedIn(c)
	return v != nil || p != nil
}

// holderOf is who holds the key that is shown, nil for a wrong one. Where too many wrong ones came from nothing is
// looked at but keys that nobody can guess: those are never held up by what others do.
func (s *Server) holderOf(c *gin.Context, shown string) (*viewer, *problem) {
	now, from := time.Now(), c.ClientIP()
	h, err := s.keys.byText(c.Request.Context(), shown, now)
	switch {
	case err != nil:
		return nil, problemOf(err)
	case h != nil && !h.guess:
		return &h.viewer, nil
	case s.guesses.blocked(from, now):
		p := newProblem(http.StatusTooManyRequests, "Too many wrong keys came from this address.")
		p.retryAfter = int(guessEvery / time.Second)
		return nil, p
	case h != nil:
		return &h.viewer, nil
	}
	s.guesses.wrong(from, now)
	return nil, nil
}
