package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"punctual/models"
)

// routes is the whole URL space. What is said about each operation stands in openapi.go.
func (s *Server) routes() (*gin.Engine, error) {
	r, err := s.newRouter()
	if err != nil {
		return nil, err
	}
	api := humagin.New(r, apiConfig(s.cfg))

	route(s, api, "POST /v1/targets", "createTarget", s.postTarget)
	route(s, api, "GET /v1/targets", "listTargets", s.listTargets)
	route(s, api, "GET /v1/targets/{name}", "getTarget", s.getTarget)
	route(s, api, "PUT /v1/targets/{name}", "putTarget", s.putTarget)
	route(s, api, "PATCH /v1/targets/{name}", "patchTarget", s.patchTarget)
	route(s, api, "DELETE /v1/targets/{name}", "deleteTarget", s.removeTarget)
	route(s, api, "POST /v1/targets/{name}/pause", "pauseTarget", s.postTargetPause)
	route(s, api, "POST /v1/targets/{name}/resume", "resumeTarget", s.postTargetResume)
	route(s, api, "POST /v1/targets/{name}/test", "testTarget", s.postTargetTest)
	route(s, api, "POST /v1/targets/{name}/rotate-secret", "rotateSecret", s.postRotateSecret)
	route(s, api, "GET /v1/targets/{name}/secret", "getSecret", s.getSecret)
	route(s, api, "GET /v1/targets/{name}/keys", "listPublicKeys", s.listPublicKeys)

	route(s, api, "POST /v1/jobs", "createJob", s.postJob)
	route(s, api, "POST /v1/jobs/batch", "createJobs", s.postBatch)
	route(s, api, "GET /v1/jobs", "listJobs", s.listJobs)
	route(s, api, "GET /v1/jobs/export", "exportJobs", s.exportJobs)
	route(s, api, "GET /v1/jobs/{id}", "getJob", s.getJob)
	route(s, api, "PATCH /v1/jobs/{id}", "patchJob", s.patchJob)
	route(s, api, "DELETE /v1/jobs/{id}", "deleteJob", s.removeJob)
	route(s, api, "GET /v1/jobs/{id}/attempts", "listJobAttempts", s.listJobAttempts)
	route(s, api, "POST /v1/jobs/{id}/cancel", "cancelJob", s.postCancel)
	route(s, api, "POST /v1/jobs/{id}/retry", "retryJob", s.postRetry)
	route(s, api, "POST /v1/jobs/{id}/run", "runJob", s.postRun)
	route(s, api, "POST /v1/jobs/{id}/rerun", "rerunJob", s.postRerun)

	route(s, api, "POST /v1/operations", "createOperation", s.postOperation)
	route(s, api, "GET /v1/operations", "listOperations", s.listOperations)
	route(s, api, "GET /v1/operations/{id}", "getOperation", s.getOperation)
	route(s, api, "POST /v1/operations/{id}/cancel", "cancelOperation", s.postOperationCancel)

	route(s, api, "POST /v1/schedules", "createSchedule", s.postSchedule)
	route(s, api, "POST /v1/schedules/preview", "previewSchedule", s.postPreview)
	route(s, api, "GET /v1/schedules", "listSchedules", s.listSchedules)
	route(s, api, "GET /v1/schedules/{name}", "getSchedule", s.getSchedule)
	route(s, api, "PUT /v1/schedules/{name}", "putSchedule", s.putSchedule)
	route(s, api, "PATCH /v1/schedules/{name}", "patchSchedule", s.patchSchedule)
	route(s, api, "DELETE /v1/schedules/{name}", "deleteSchedule", s.removeSchedule)
	route(s, api, "POST /v1/schedules/{name}/pause", "pauseSchedule", s.postSchedulePause)
	route(s, api, "POST /v1/schedules/{name}/resume", "resumeSchedule", s.postScheduleResume)
	route(s, api, "POST /v1/schedules/{name}/trigger", "triggerSchedule", s.postTrigger)
	route(s, api, "POST /v1/schedules/{name}/backfill", "backfillSchedule", s.postBackfill)
	route(s, api, "GET /v1/schedules/{name}/occurrences", "listOccurrences", s.listOccurrences)

	route(s, api, "GET /v1/attempts", "listAttempts", s.listAttempts)
	route(s, api, "GET /v1/attempts/{id}", "getAttempt", s.getAttempt)
	route(s, api, "GET /v1/upcoming", "listUpcoming", s.getUpcoming)
	route(s, api, "GET /v1/stats", "getStats", s.getStats)
	route(s, api, "GET /v1/nodes", "listNodes", s.listNodes)
	route(s, api, "GET "+eventsPath, "streamEvents", s.streamEvents)

	route(s, api, "POST /v1/keys", "createKey", s.postKey)
	route(s, api, "GET /v1/keys", "listKeys", s.listKeys)
	route(s, api, "DELETE /v1/keys/{name}", "revokeKey", s.removeKey)
	route(s, api, "GET /v1/audit", "listAudit", s.listAudit)

	route(s, api, "GET /healthz", "getHealth", s.getHealth)
	route(s, api, "GET /readyz", "getReady", s.getReady)
	r.GET("/metrics", noQuery, gin.WrapH(s.metrics.handler()))
	r.GET("/openapi.json", noQuery, serveDocument(api))
	docs := serveDocs()
	r.GET("/docs", noQuery, docs)
	r.GET("/docs/*asset", docs)
	s.pageRoutes(r)
	s.rules = rulesOf(r, s.cfg.OpenMetrics)
	return r, nil
}

// newRouter is an empty router behind what every request passes, in this order.
func (s *Server) newRouter() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.RedirectTrailingSlash, r.HandleMethodNotAllowed = false, true
	if err := r.SetTrustedProxies(s.cfg.TrustedProxies); err != nil {
		return nil, &models.Invalid{Field: "trusted-proxies", Why: "must be addresses or CIDRs"}
	}
	r.Use(s.watched, secureHeaders, sameSite(), s.admitted)
	if s.cfg.Dev {
		r.Use(ownHost, inDev)
	} else {
		r.Use(s.keyed)
	}
	r.Use(s.allowed, s.reached, s.paced, s.batchOnly, jsonOnly, s.kept, asJSON(s.cfg.MaxRequest))
	r.NoRoute(func(c *gin.Context) {
		s.lost(c, newProblem(http.StatusNotFound, "There is nothing at this path."))
	})
	r.NoMethod(func(c *gin.Context) {
		allowHead(c)
		if to := above(c.Request); to != "" {
			c.Redirect(http.StatusSeeOther, to)
			return
		}
		s.lost(c, newProblem(http.StatusMethodNotAllowed, detailMethod))
	})
	return r, nil
}

const detailMethod = "This path takes other methods; the Allow header lists them."

// allowHead adds HEAD to the methods that a path takes, where GET stands for it; see Handler.
func allowHead(c *gin.Context) {
	const name = "Allow"
	methods := strings.Split(c.Writer.Header().Get(name), ", ")
	if slices.Contains(methods, http.MethodGet) && c.Request.URL.Path != eventsPath {
		c.Header(name, strings.Join(append(methods, http.MethodHead), ", "))
	}
}

// batchOnly answers 405 where another method would be taken for one on a job of the id "batch", which is none. (A
// schedule may well be called "preview".)
func (s *Server) batchOnly(c *gin.Context) {
	if c.Request.URL.Path == "/v1/jobs/batch" && c.Request.Method != http.MethodPost {
		c.Header("Allow", http.MethodPost)
		refuse(c, newProblem(http.StatusMethodNotAllowed, detailMethod))
	}
}
