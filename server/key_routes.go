package server

import (
	"context"
	"net/http"
)

type keyPost struct{ Body body[keyIn] }

func (s *Server) postKey(ctx context.Context, in *keyPost) (*made[keyMade], error) {
	k, text, err := s.createKey(ctx, &in.Body.v)
	if err != nil {
		return nil, err
	}
	return &made[keyMade]{Status: http.StatusCreated, Body: keyMade{keyView(k), text}}, nil
}

func (s *Server) listKeys(ctx context.Context, in *Paging) (*ok[page[keyOut]], error) {
	rows, next, err := s.store.Keys(ctx, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, keyView), nil
}

func (s *Server) removeKey(ctx context.Context, in *byName) (*struct{}, error) {
	return nil, s.revokeKey(ctx, in.Name)
}
