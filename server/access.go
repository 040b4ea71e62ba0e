package server

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
)

// need is what a route asks of whoever comes.
//
// A key that is bound to targets passes where the path names something of one of them (see behind), and where bound is
// set; it is refused everywhere else, so that a route that nobody thought about shows it nothing.
type need struct {
	scope models.Scope // "": nothing, not even a key
	bound bool         // the handler keeps to the targets of a bound key: what it reads is narrowed by models.Actor
	makes bool         // it makes things to keep: refused while the disk is nearly full
}

func (n need) narrowed() need { n.bound = true; return n }
func (n need) making() need   { n.makes = true; return n }

var (
	anyone = need{}
	reads  = need{scope: models.ScopeRead}
	writes = need{scope: models.ScopeWrite}
	admins = need{scope: models.ScopeAdmin}
)

// needs is the one table of who may what. A route that is not in it keeps the server from starting.
var needs = map[string]need{
	"POST /v1/targets":                     admins.narrowed().making(),
	"GET /v1/targets":                      reads.narrowed(),
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

	"POST /v1/jobs":             writes.narrowed().making(),
	"POST /v1/jobs/batch":       writes.narrowed().making(),
	"GET /v1/jobs":              reads.narrowed(),
	"GET /v1/jobs/export":       reads.narrowed(),
	"GET /v1/jobs/:id":          reads,
	"PATCH /v1/jobs/:id":        writes,
	"DELETE /v1/jobs/:id":       writes,
	"GET /v1/jobs/:id/attempts": reads,
	"POST /v1/jobs/:id/cancel":  writes,
	"POST /v1/jobs/:id/retry":   writes,
	"POST /v1/jobs/:id/run":     writes,
	"POST /v1/jobs/:id/rerun":   writes.making(),

	"POST /v1/operations":            reads.narrowed(), // a dry run, see doing
	"GET /v1/operations":             reads.narrowed(),
	"GET /v1/operations/:id":         reads.narrowed(),
	"POST /v1/operations/:id/cancel": writes.narrowed(),

	"POST /v1/schedules":                  writes.narrowed().making(),
	"POST /v1/schedules/preview":          reads.narrowed(),
	"GET /v1/schedules":                   reads.narrowed(),
	"GET /v1/schedules/:name":             reads,
	"PUT /v1/schedules/:name":             writes.making(),
	"PATCH /v1/schedules/:name":           writes,
	"DELETE /v1/schedules/:name":          writes,
	"POST /v1/schedules/:name/pause":      writes,
	"POST /v1/schedules/:name/resume":     writes,
	"POST /v1/schedules/:name/trigger":    writes.making(),
	"POST /v1/schedules/:name/backfill":   reads.making(), // a dry run, see doing
	"GET /v1/schedules/:name/occurrences": reads,

	"GET /v1/attempts":     reads.narrowed(),
	"GET /v1/attempts/:id": reads,
	"GET /v1/upcoming":     reads.narrowed(),
	"GET /v1/stats":        reads.narrowed(),
	"GET /v1/nodes":        reads,
	"GET /v1/events":       reads.narrowed(),

	"POST /v1/keys":         admins.making(),
	"GET /v1/keys":          admins,
	"DELETE /v1/keys/:name": admins,
	"GET /v1/audit":         admins,

	"GET /healthz":      anyone,
	"GET /readyz":       anyone,
	"GET /metrics":      reads,
	"GET /openapi.json": reads.narrowed(),
	"GET /docs":         reads.narrowed(),
	"GET /docs/*asset":  reads.narrowed(),

	"GET /":             reads.narrowed(),
	"GET /find":         reads.narrowed(),
	"POST /theme":       reads.narrowed(),
	"POST /clock":       reads.narrowed(),
	"GET /assets/*file": anyone,
	"GET /login":        anyone,
	"POST /login":       anyone,
	"POST /logout":      anyone,

	"GET /jobs":       reads.narrowed(),
	"GET /jobs/new":   writes.narrowed(),
	"POST /jobs/new":  writes.narrowed().making(),
	"GET /jobs/:id":   reads,
	"GET /jobs/many":  writes.narrowed(),
	"POST /jobs/many": writes.narrowed(),

	"GET /operations":             reads.narrowed(),
	"POST /operations":            writes.narrowed(),
	"GET /operations/:id":         reads.narrowed(),
	"POST /operations/:id/cancel": writes.narrowed(),

	"GET /jobs/:id/rerun":    writes,
	"POST /jobs/:id/:action": writes,

	"GET /targets":                reads.narrowed(),
	"GET /targets/new":            admins.narrowed(),
	"POST /targets/new":           admins.narrowed().making(),
	"GET /targets/:name":          reads,
	"GET /targets/:name/edit":     admins,
	"POST /targets/:name/:action": admins,

	"GET /schedules":                reads.narrowed(),
	"GET /schedules/new":            writes.narrowed(),
	"POST /schedules/new":           writes.narrowed().making(),
	"GET /schedules/:name":          reads,
	"GET /schedules/:name/edit":     writes,
	"POST /schedules/many":          writes.narrowed(),
	"POST /schedules/:name/:action": writes,

	"GET /attempts":     reads.narrowed(),
	"GET /attempts/:id": reads,

	"GET /system":             reads,
	"GET /keys":               admins,
	"POST /keys":              admins.making(),
	"POST /keys/:name/revoke": admins,
	"GET /audit":              admins,
}

// rule is a route as gin tells it.
type rule struct{ method, path string }

// openMetrics are the routes that --open-metrics opens to all.
var openMetrics = []string{"GET /metrics", "GET /openapi.json", "GET /docs", "GET /docs/*asset"}

// rulesOf looks up what each route of r needs.
func rulesOf(r *gin.Engine, open bool) map[rule]need {
	rules := map[rule]need{}
	for _, route := range r.Routes() {
		name := route.Method + " " + route.Path
		n, isSaid := needs[name]
		if !isSaid {
			panic("access: nothing is said about who may " + name)
		}
		if open && slices.Contains(openMetrics, name) {
			n = anyone
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
	return reads.narrowed()
}

// allowed refuses what the scope of whoever asks does not reach.
func (s *Server) allowed(c *gin.Context) {
	n, v := s.needOf(c), viewerOf(c.Request.Context())
	if n.scope != "" && !v.scope.Covers(n.scope) {
		c.Abort()
		s.lost(c, outOfScope(n.scope))
	}
}

// doing refuses a key that only reads what is no dry run.
func doing(ctx context.Context, dryRun bool) error {
	if !dryRun && !viewerOf(ctx).scope.Covers(models.ScopeWrite) {
		return outOfScope(models.ScopeWrite)
	}
	return nil
}

func outOfScope(need models.Scope) *problem {
	return newProblem(http.StatusForbidden, "This needs a key of scope "+string(need)+".")
}

// reached keeps a key that is bound to targets to those: everything else is not there.
func (s *Server) reached(c *gin.Context) {
	n, v := s.needOf(c), viewerOf(c.Request.Context())
	if v.targets == nil || n.scope == "" || n.bound {
		return
	}
	target, err := s.behind(c)
	switch {
	case errors.Is(err, models.ErrNotFound):
		// The handler says so itself, or makes it: PUT may, and looks at the target then.
	case err != nil:
		c.Abort()
		s.lost(c, problemOf(err))
	case target == "":
		c.Abort()
		s.lost(c, newProblem(http.StatusForbidden, "This is not for keys that are bound to targets."))
	case !v.sees(target):
		c.Abort()
		s.lost(c, problemOf(models.ErrNotFound))
	}
}

// behind is the name of the target that what the path names belongs to, "" if it names nothing of the kind.
func (s *Server) behind(c *gin.Context) (string, error) {
	// Under the request's own context what is out of reach would not be found, and a PUT could not tell it from new.
	ctx := models.WithActor(c.Request.Context(), models.Actor{})
	noun, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.FullPath(), "/v1"), "/"), "/")
	name, id := named(c), c.Param("id")
	switch {
	case noun == "targets" && name != "":
		return name, nil
	case noun == "schedules" && name != "":
		sc, err := s.store.Schedule(ctx, name)
		if err != nil {
			return "", err
		}
		return sc.Target, nil
	case noun == "jobs" && id != "":
		job, err := s.store.Job(ctx, id)
		if err != nil {
			return "", err
		}
		return job.Of.Name, nil
	case noun == "attempts" && id != "":
		a, err := s.store.Attempt(ctx, id)
		if err != nil {
			return "", err
		}
		return a.Target, nil
	}
	return "", nil
}

// jsonOnly refuses what a form could send to the API in the name of somebody who has signed in.
func jsonOnly(c *gin.Context) {
	r := c.Request
	if r.Method == http.MethodGet || !strings.HasPrefix(r.URL.Path, "/v1/") || !viewerOf(r.Context()).cookie {
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		refuse(c, newProblem(http.StatusUnsupportedMediaType, "With a cookie the API takes application/json only."))
	}
}
