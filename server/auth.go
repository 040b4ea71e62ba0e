package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
)

// secureHeaders go out with every answer. Pages loosen what they need to.
func secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h["Content-Security-Policy"] = strictPolicy
	h["X-Content-Type-Options"] = noSniff
	h["X-Frame-Options"] = noFrame
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Resource-Policy"] = sameOrigin
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

// sameSite refuses what a browser sends for another site.
func sameSite() gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		if protection.Check(c.Request) != nil {
			refuse(c, newProblem(http.StatusForbidden, "Requests from other sites are refused."))
		}
	}
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
func inDev(c *gin.Context) { seenBy(c, &viewer{name: "dev", scope: models.ScopeAdmin}) }

// keyed finds out who asks, and refuses whoever neither shows the key nor has signed in where that is needed. Hashes
// are compared, so that not even the key's length shows in the time.
func (s *Server) keyed(key string) gin.HandlerFunc {
	want := sha256.Sum256([]byte(key))
	return func(c *gin.Context) {
		scheme, shown, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(strings.TrimSpace(shown)))
		isKey := strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], want[:]) == 1
		switch {
		case isKey:
			seenBy(c, &viewer{name: "admin key", scope: models.ScopeAdmin})
		case s.signedIn(c):
			seenBy(c, &viewer{name: "admin key", scope: models.ScopeAdmin, cookie: true})
		case s.needOf(c).scope == "" || s.toLogin(c):
		default:
			c.Header("WWW-Authenticate", `Bearer realm="punctual"`)
			refuse(c, newProblem(http.StatusUnauthorized, "A valid key is needed, as Authorization: Bearer <key>."))
		}
	}
}
