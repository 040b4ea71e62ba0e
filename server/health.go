package server

import (
	"context"
	"time"
)

// healthOut says that all is well; when it is not, the answer is a problem.
type healthOut struct {
	Status   string   `json:"status" example:"ok"`
	Warnings []string `json:"warnings,omitempty" doc:"What its keeper should know of a server that works."`
}

// getHealth answers as long as the process does.
func (s *Server) getHealth(context.Context, *struct{}) (*ok[healthOut], error) {
	return &ok[healthOut]{healthOut{Status: "ok"}}, nil
}

// pingPatience is how long the book may take to answer and still count as there.
const pingPatience = 2 * time.Second

// getReady answers when the book answers and the dispatcher runs.
func (s *Server) getReady(ctx context.Context, _ *struct{}) (*ok[healthOut], error) {
	ctx, stop := context.WithTimeout(ctx, pingPatience)
	defer stop()
	if err := s.store.Ping(ctx); err != nil {
		return nil, unavailable("The database does not answer.", err)
	}
	if err := s.engine.Ready(); err != nil {
		return nil, unavailable("The dispatcher does not run.", err)
	}
	return &ok[healthOut]{healthOut{Status: "ready", Warnings: append(s.diskWarning(), s.store.Warnings()...)}}, nil
}
