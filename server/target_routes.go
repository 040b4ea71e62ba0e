package server

import (
	"context"
	"net/http"
	"time"

	"punctual/models"
)

// byName is the request for something that has a name.
type byName struct {
	Name string `path:"name" example:"billing"`
}

type targetPost struct{ Body body[targetIn] }

func (s *Server) postTarget(ctx context.Context, in *targetPost) (*made[targetMade], error) {
	t, secret, err := s.createTarget(ctx, &in.Body.v)
	if err != nil {
		return nil, err
	}
	return s.madeTarget(ctx, t, secret), nil
}

// madeTarget answers 201 if there is a secret to show, which is when the target is new.
func (s *Server) madeTarget(ctx context.Context, t *models.Target, secret string) *made[targetMade] {
	out := &made[targetMade]{Status: http.StatusOK, Body: targetMade{targetView(t), secret, s.warnings(ctx, t)}}
	if secret != "" {
		out.Status, out.Location = http.StatusCreated, "/v1/targets/"+t.Name
	}
	return out
}

// Paging is what every list may be asked.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Items on a page."`
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
}

func (q Paging) page() models.Page { return models.Page{Limit: q.Limit, Cursor: q.Cursor} }

func (s *Server) listTargets(ctx context.Context, in *Paging) (*ok[page[targetOut]], error) {
	rows, next, err := s.store.Targets(ctx, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, targetView), nil
}

func (s *Server) getTarget(ctx context.Context, in *byName) (*ok[targetOut], error) {
	return okTarget(s.store.Target(ctx, in.Name))
}

func okTarget(t *models.Target, err error) (*ok[targetOut], error) {
	if err != nil {
		return nil, err
	}
	return &ok[targetOut]{targetView(t)}, nil
}

type targetPut struct {
	Name string `path:"name" example:"billing"`
	Body whole[targetIn]
}

func (s *Server) putTarget(ctx context.Context, in *targetPut) (*made[targetMade], error) {
	t, secret, err := s.replaceTarget(ctx, in.Name, &in.Body.v)
	if err != nil {
		return nil, err
	}
	return s.madeTarget(ctx, t, secret), nil
}

type targetPatch struct {
	Name string `path:"name" example:"billing"`
	Body patch[targetIn]
}

func (s *Server) patchTarget(ctx context.Context, in *targetPatch) (*ok[targetMade], error) {
	t, err := s.editTarget(ctx, in.Name, func(t *models.Target) (*targetIn, error) {
		merged, err := in.Body.over(targetView(t))
		if merged.Paused == nil {
			merged.Paused = new(false) // null restores the default
		}
		return &merged, err
	})
	if err != nil {
		return nil, err
	}
	out := targetMade{targetOut: targetView(t)}
	if in.Body.touches("url") {
		out.Warnings = s.warnings(ctx, t)
	}
	return &ok[targetMade]{out}, nil
}

type targetDelete struct {
	Name      string `path:"name" example:"billing"`
	Schedules bool   `query:"delete_schedules" doc:"Delete the schedules that name it."`
	Jobs      bool   `query:"cancel_jobs" doc:"Cancel its unfinished jobs."`
}

func (s *Server) removeTarget(ctx context.Context, in *targetDelete) (*struct{}, error) {
	return nil, s.deleteTarget(ctx, in.Name, models.DeleteTarget{Schedules: in.Schedules, CancelJobs: in.Jobs})
}

// pauseIn says why.
type pauseIn struct {
	Reason string `json:"reason,omitempty" doc:"At most 1000 characters."`
}

type targetPause struct {
	Name string `path:"name" example:"billing"`
	Body body[pauseIn]
}

func (s *Server) postTargetPause(ctx context.Context, in *targetPause) (*ok[targetOut], error) {
	return okTarget(s.pauseTarget(ctx, in.Name, in.Body.v.Reason))
}

// emptyIn is a body that says nothing.
type emptyIn struct{}

type nameAction struct {
	Name string `path:"name" example:"billing"`
	Body body[emptyIn]
}

func (s *Server) postTargetResume(ctx context.Context, in *nameAction) (*ok[targetOut], error) {
	return okTarget(s.resumeTarget(ctx, in.Name))
}

func (s *Server) postTargetTest(ctx context.Context, in *nameAction) (*ok[attemptOut], error) {
	return okAttempt(s.testTarget(ctx, in.Name))
}

// rotateIn says how long the old secret signs beside the new one.
type rotateIn struct {
	Overlap *duration `json:"overlap,omitempty" default:"24h" doc:"0s–7d."`
}

// secretOut is a target's secret.
type secretOut struct {
	Secret string `json:"secret" example:"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"`
}

type secretRotate struct {
	Name string `path:"name" example:"billing"`
	Body body[rotateIn]
}

// Bounds of the time for which an old secret signs on.
const (
	defaultOverlap = 24 * time.Hour
	maxOverlap     = 7 * 24 * time.Hour
)

func (s *Server) postRotateSecret(ctx context.Context, in *secretRotate) (*ok[targetMade], error) {
	overlap := defaultOverlap
	if in.Body.v.Overlap != nil {
		overlap = in.Body.v.Overlap.orZero()
	}
	if overlap > maxOverlap {
		return nil, &models.Invalid{Field: "overlap", Why: "must be between 0s and 7d"}
	}
	secret := makeSecret()
	t, err := s.rotateSecret(ctx, in.Name, models.Rotation{Secret: secret, Keys: true, Overlap: overlap})
	if err != nil {
		return nil, err
	}
	return &ok[targetMade]{targetMade{targetView(t), secret, nil}}, nil
}

// publicKeyOut is a public key.
type publicKeyOut struct {
	Algorithm string  `json:"algorithm" enum:"ed25519"`
	PublicKey string  `json:"public_key" example:"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="`
	CreatedAt moment  `json:"created_at"`
	ExpiresAt *moment `json:"expires_at" nullable:"true" doc:"Nothing is signed for it any more from then on; null: it is the present one."`
}

// publicKeysOut is all public keys of a target: there are never many.
type publicKeysOut struct {
	Items []publicKeyOut `json:"items"`
}

func (s *Server) listPublicKeys(ctx context.Context, in *byName) (*ok[publicKeysOut], error) {
	t, err := s.store.Target(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	keys, err := s.store.PublicKeys(ctx, t.ID, s.store.Now())
	if err != nil {
		return nil, err
	}
	out := publicKeysOut{Items: make([]publicKeyOut, len(keys))}
	for i, k := range keys {
		out.Items[i] = publicKeyOut{"ed25519", k.Key, momentOf(k.CreatedAt), optionalMoment(k.ExpiresAt)}
	}
	return &ok[publicKeysOut]{out}, nil
}

func (s *Server) getSecret(ctx context.Context, in *byName) (*ok[secretOut], error) {
	t, err := s.store.Target(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	live, err := s.store.Secrets(ctx, t.ID, s.store.Now())
	if err != nil {
		return nil, err
	}
	if len(live) == 0 {
		return nil, models.ErrNotFound
	}
	if err := s.store.Record(ctx, "reveal-secret", "target", t.Name); err != nil {
		return nil, err // nobody is shown a secret off the record
	}
	return &ok[secretOut]{secretOut{live[0]}}, nil
}
