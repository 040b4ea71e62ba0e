package server

import (
	"context"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

// viewer is who asks: somebody with a key, by header or by having signed in; in dev, everybody.
type viewer struct {
	name   string       // of the key, as the audit has it
	scope  models.Scope // "": nobody, who may only see what is open to all
	cookie bool         // signed in: a browser sends the cookie along whether or not its owner wants it
}

// stranger has shown no key.
var stranger = &viewer{}

type viewerKey struct{}

// viewerOf is who asks; a stranger if the request was never looked at.
func viewerOf(ctx context.Context) *viewer {
	if v, ok := ctx.Value(viewerKey{}).(*viewer); ok {
		return v
	}
	return stranger
}

// seenBy makes v the viewer of the request.
func seenBy(c *gin.Context, v *viewer) {
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), viewerKey{}, v))
}

// may is what pages leave out or show.
func (v *viewer) may() ui.May {
	return ui.May{Write: v.scope.Covers(models.ScopeWrite), Admin: v.scope.Covers(models.ScopeAdmin),
		Rule: v.scope.Covers(models.ScopeAdmin)}
}
