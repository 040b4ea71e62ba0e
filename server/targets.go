package server

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"punctual/models"
)

// createTarget registers a target and gives its secret.
func (s *Server) createTarget(ctx context.Context, in *targetIn) (*models.Target, string, error) {
	now := s.store.Now()
	asked, err := s.targetFrom(in, models.Target{}, now)
	if err != nil {
		return nil, "", err
	}
	if !viewerOf(ctx).sees(asked.Name) {
		return nil, "", &models.Invalid{Field: "name", Why: "must be one of the targets that your key is bound to"}
	}
	secret := makeSecret()
	if in.Secret != nil {
		secret = *in.Secret
	}
	if secret == models.Masked {
		return nil, "", &models.Invalid{Field: "secret", Why: "has no stored value that *** could keep"}
	}
	t := models.NewTarget(asked, now)
	if err := s.store.CreateTarget(ctx, t, secret); err != nil {
		return nil, "", err
	}
	s.changed(ctx, t)
	return t, secret, nil
}

// changed tells everybody of a target that a commit changed.
func (s *Server) changed(ctx context.Context, t *models.Target) {
	s.targets.forget(t.Name)
	s.engine.TargetChanged(ctx, t)
}

// targetFrom is the target that in asks for in the place of old, checked.
func (s *Server) targetFrom(in *targetIn, old models.Target, now time.Time) (models.Target, error) {
	t, err := in.checked(old, now)
	if err == nil && s.cfg.Guard != nil && t.URL != old.URL {
		if why := s.cfg.Guard.CheckURL(t.URL); why != nil {
			err = &models.Invalid{Field: "url", Why: why.Error()}
		}
	}
	return t, err
}

// warnings tell what may be wrong with a target that is accepted.
func (s *Server) warnings(ctx context.Context, t *models.Target) []string {
	var all []string
	if models.SecretInURL(t.URL) {
		all = append(all, secretInURL)
	}
	if s.cfg.Guard == nil {
		return all
	}
	if w := s.cfg.Guard.Warn(ctx, t.URL); w != "" {
		all = append(all, "as its name stands now, "+w)
	}
	return all
}

const secretInURL = "its URL holds what looks like a credential, which every key that may read can see: a header such as " +
	"Authorization is encrypted and reads as ***"

// editTarget replaces a target's settings by what ask makes of them. ask may be called twice.
func (s *Server) editTarget(ctx context.Context, name string, ask func(*models.Target) (*targetIn, error)) (*models.Target,
	error) {
	now := s.store.Now()
	var in *targetIn
	t, err := s.store.UpdateTarget(ctx, name, now, func(t *models.Target) (err error) {
		if in, err = ask(t); err != nil {
			return err
		}
		if in.Name != "" && in.Name != name {
			return &models.Invalid{Field: "name", Why: "never changes: leave it out, or give the name in the path"}
		}
		in.Name = name
		changed, err := s.targetFrom(in, *t, now)
		if err == nil {
			*t = changed
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, t)
	if in.Secret == nil || *in.Secret == models.Masked {
		return t, nil
	}
	return s.keepSecret(ctx, t, *in.Secret)
}

// keepSecret makes secret the only one of a target, if it is not its newest already.
func (s *Server) keepSecret(ctx context.Context, t *models.Target, secret string) (*models.Target, error) {
	live, err := s.store.Secrets(ctx, t.ID, s.store.Now())
	if err != nil || len(live) > 0 && live[0] == secret {
		return t, err
	}
	return s.rotateSecret(ctx, t.Name, models.Rotation{Secret: secret})
}

// rotateSecret puts new secrets in front, and lets the old ones sign beside them for the overlap.
func (s *Server) rotateSecret(ctx context.Context, name string, r models.Rotation) (*models.Target, error) {
	t, err := s.store.RotateSecret(ctx, name, r, s.store.Now())
	if err == nil {
		s.changed(ctx, t)
	}
	return t, err
}

// replaceTarget is PUT: it edits, or creates what is not there. The secret is given only for a new target.
func (s *Server) replaceTarget(ctx context.Context, name string, in *targetIn) (t *models.Target, secret string, err error) {
	ask := func(*models.Target) (*targetIn, error) { return in, nil }
	if t, err = s.editTarget(ctx, name, ask); !errors.Is(err, models.ErrNotFound) {
		return t, "", err
	}
	if in.Name != "" && in.Name != name {
		return nil, "", &models.Invalid{Field: "name", Why: "must be the name in the path"}
	}
	in.Name = name
	t, secret, err = s.createTarget(ctx, in)
	if conflict := new(models.Conflict); errors.As(err, &conflict) { // somebody was faster
		t, err = s.editTarget(ctx, name, ask)
	}
	return t, secret, err
}

// pauseTarget returns once no new attempt can begin.
func (s *Server) pauseTarget(ctx context.Context, name, reason string) (*models.Target, error) {
	if err := checkReason("reason", &reason); err != nil {
		return nil, err
	}
	t, err := s.store.PauseTarget(ctx, name, reason, s.store.Now())
	if err == nil {
		s.changed(ctx, t)
	}
	return t, err
}

func checkReason(field string, reason *string) error {
	if reason != nil && utf8.RuneCountInString(*reason) > models.MaxTextLength {
		return &models.Invalid{Field: field, Why: "must have at most 1000 characters"}
	}
	return nil
}

// resumeTarget lets attempts begin again.
func (s *Server) resumeTarget(ctx context.Context, name string) (*models.Target, error) {
	t, err := s.store.ResumeTarget(ctx, name, s.store.Now())
	if err == nil {
		s.changed(ctx, t)
	}
	return t, err
}

// deleteTarget ends a target, and with it what with allows. Calls that are out are aborted.
func (s *Server) deleteTarget(ctx context.Context, name string, with models.DeleteTarget) error {
	t, err := s.store.Target(ctx, name)
	if err != nil {
		return err
	}
	now := s.store.Now()
	canceled, err := s.store.DeleteTarget(ctx, name, now, with)
	if err != nil {
		return err
	}
	t.DeletedAt = models.Stamp(now)
	s.changed(ctx, t)
	s.abort(ctx, canceled)
	return nil
}

// testTarget makes one signed call now.
func (s *Server) testTarget(ctx context.Context, name string) (*models.Attempt, error) {
	t, err := s.store.Target(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.engine.Test(ctx, t)
}
