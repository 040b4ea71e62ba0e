package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"punctual/models"
)

// need is what a route asks of whoever comes.
type need struct {
	scope models.Scope // "": nothing, not even a key
	whole bool         // it shows or changes what belongs to no single target: not for keys that are bound to some
	makes bool         // it makes things to keep: refused while the disk is nearly full
}

func (n need) ofAll() need  { n.whole = true; return n }
func (n need) making() need { n.makes = true; return n }

var (
	anyone = need{}
	reads  = need{scope: models.ScopeRead}
	writes = need{scope: models.ScopeWrite}
	admins = need{scope: models.ScopeAdmin}
)

// needs is the one table of who may what. A route that is not in it keeps the server from starting.
var needs = map[string]need{
	"POST /v1/targets":                     admins.making(),
	"GET /v1/targets":                      reads,
	"GET /v1/targets/:name":                reads,
	"PUT /v1/targets/:name":                admins.making(),
	"PATCH /v1/targets/:name":              admins,
	"DELETE /v1/targets/:name":             admins,
	"POST /v1/targets/:name/pause":         admins,
	"POST /v1/targets/:name/resume":        admins,
	"POST /v1/targets/:name/test":          admins,
	"POST /v1/targets/:name/rotate-secret": admins,
	"GET /v1/targets/:name/secret":         admins,
	"GET /v1/targets/:name/keys":           reads,

	"POST /v1/jobs":             writes.making(),
	"POST /v1/jobs/batch":       writes.making(),
	"GET /v1/jobs":              reads,
	"GET /v1/jobs/:id":          reads,
	"PATCH /v1/jobs/:id":        writes,
	"DELETE /v1/jobs/:id":       writes,
	"GET /v1/jobs/:id/attempts": reads,
	"POST /v1/jobs/:id/cancel":  writes,
	"POST /v1/jobs/:id/retry":   writes,
	"POST /v1/jobs/:id/run":     writes,
	"POST /v1/jobs/:id/rerun":   writes.making(),

	"POST /v1/schedules":                  writes.making(),
	"POST /v1/schedules/preview":          reads,
	"GET /v1/schedules":                   reads,
	"GET /v1/schedules/:name":             reads,
	"PUT /v1/schedules/:name":             writes.making(),
	"PATCH /v1/schedules/:name":           writes,
	"DELETE /v1/schedules/:name":          writes,
	"POST /v1/schedules/:name/pause":      writes,
	"POST /v1/schedules/:name/resume":     writes,
	"POST /v1/schedules/:name/trigger":    writes.making(),
	"POST /v1/schedules/:name/backfill":   writes.making(),
	"GET /v1/schedules/:name/occurrences": reads,

	"GET /v1/attempts":     reads,
	"GET /v1/attempts/:id": reads,
	"GET /v1/stats":        reads.ofAll(),
	"GET /v1/events":       reads,

	"GET /healthz":      anyone,
	"GET /readyz":       anyone,
	"GET /metrics":      reads.ofAll(),
	"GET /openapi.json": reads,
	"GET /docs":         reads,
	"GET /docs/*asset":  reads,

	"GET /":             reads,
	"GET /find":         reads,
	"POST /theme":       reads,
	"POST /clock":       reads,
	"GET /assets/*file": anyone,
	"GET /login":        anyone,
	"POST /login":       anyone,
	"POST /logout":      anyone,

	"GET /jobs":              reads,
	"GET /jobs/new":          writes,
	"POST /jobs/new":         writes.making(),
	"GET /jobs/:id":          reads,
	"POST /jobs/many":        writes,
	"GET /jobs/:id/rerun":    writes,
	"POST /jobs/:id/:action": writes,

	"GET /targets":                reads,
	"GET /targets/new":            admins,
	"POST /targets/new":           admins.making(),
	"GET /targets/:name":          reads,
	"GET /targets/:name/edit":     admins,
	"POST /targets/:name/:action": admins,

	"GET /schedules":                reads,
	"GET /schedules/new":            writes,
	"POST /schedules/new":           writes.making(),
	"GET /schedules/:name":          reads,
	"GET /schedules/:name/edit":     writes,
	"POST /schedules/many":          writes,
	"POST /schedules/:name/:action": writes,

	"GET /attempts":     reads,
	"GET /attempts/:id": reads,

	"GET /system": reads.ofAll(),
}

// rule is a route as gin tells it.
type rule struct{ method, path string }

// rulesOf looks up what each route of r needs.
func rulesOf(r *gin.Engine) map[rule]need {
	rules := map[rule]need{}
	for _, route := range r.Routes() {
		n, isSaid := needs[route.Method+" "+route.Path]
		if !isSaid {
			panic("access: nothing is said about who may " + route.Method + " " + route.Path)
		}
		rules[rule{route.Method, route.Path}] = n
	}
	return rules
}

// needOf is what a request needs. What no route takes needs a key like everything else, so that nobody can find out
// what is there.
func (s *Server) needOf(c *gin.Context) need {
	if n, isRoute := s.rules[rule{c.Request.Method, c.FullPath()}]; isRoute {
		return n
	}
	return reads
}

// allowed refuses what the scope of whoever asks does not reach.
func (s *Server) allowed(c *gin.Context) {
	n, v := s.needOf(c), viewerOf(c.Request.Context())
	if n.scope != "" && !v.scope.Covers(n.scope) {
		s.lost(c, newProblem(http.StatusForbidden, "This needs a key of scope "+string(n.scope)+"."))
	}
}
