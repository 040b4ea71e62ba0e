package server

import (
	"context"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"punctual/models"
	"punctual/ui"
)

// viewer is who asks: somebody with a key, by header or by having signed in; in dev, everybody.
type viewer struct {
	name    string        // of the key, as the audit has it
	scope   models.Scope  // "": nobody, who may only see what is open to all
	targets []string      // names of those that the key is bound to; nil: all
	limit   *rate.Limiter // of requests; nil: none
	cookie  bool          // signed in: a browser sends the cookie along whether or not its owner wants it
}

// stranger has shown no key.
var stranger = &viewer{}

// developer is everybody in dev.
var developer = &viewer{name: "dev", scope: models.ScopeAdmin}

type viewerKey struct{}

// viewerOf is who asks; a stranger if the request was never looked at.
func viewerOf(ctx context.Context) *viewer {
	if v, ok := ctx.Value(viewerKey{}).(*viewer); ok {
		return v
	}
	return stranger
}

// seenBy makes v the viewer of the request: what it changes is on record as v's doing, and what v may not know of is
// not found.
func seenBy(c *gin.Context, v *viewer) {
	ctx := context.WithValue(c.Request.Context(), viewerKey{}, v)
	c.Request = c.Request.WithContext(models.WithActor(ctx, models.Actor{Who: v.name, Remote: c.ClientIP(),
		At: time.Now(), Reach: v.targets, Show: settingsOf}))
}

// sees tells whether the viewer may know of the target of that name.
func (v *viewer) sees(target string) bool {
	return v.targets == nil || slices.Contains(v.targets, target)
}

// may is what pages leave out or show.
func (v *viewer) may() ui.May {
	return ui.May{Whole: v.targets == nil, Write: v.scope.Covers(models.ScopeWrite), Admin: v.scope.Covers(models.ScopeAdmin),
		Rule: v.scope.Covers(models.ScopeAdmin) && v.targets == nil}
}
