package server

import (
	"context"
	"time"

	"punctual/models"
)

// createKey makes a key and gives its text, which nobody can find out again.
func (s *Server) createKey(ctx context.Context, in *keyIn) (*models.Key, string, error) {
	now := time.Now()
	spec, err := in.spec(viewerOf(ctx).name, now)
	if err != nil {
		return nil, "", beside(err, in, true, now)
	}
	k, text, err := models.NewKey(spec, now)
	if err != nil {
		return nil, "", in.named(err)
	}
	return k, text, s.store.CreateKey(ctx, k)
}

// revokeKey ends a key and the sessions that were begun with it. Other nodes see it within keyFresh.
func (s *Server) revokeKey(ctx context.Context, name string) error {
	k, err := s.store.RevokeKey(ctx, name, time.Now())
	if err == nil {
		s.keys.forget(k)
	}
	return err
}
