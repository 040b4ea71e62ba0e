package server

import (
	"context"
	"net/http"
	"time"

	"punctual/models"
)

type operationPost struct {
	Key  string `header:"Idempotency-Key" doc:"1–255 printable characters: the same request with the same key is done once."`
	Body body[operationIn]
}

func (s *Server) postOperation(ctx context.Context, in *operationPost) (*made[operationOut], error) {
	if err := doing(ctx, in.Body.v.DryRun); err != nil {
		return nil, err
	}
	idem, err := idempotency("/v1/operations", in.Key, in.Body.sum)
	if err != nil {
		return nil, err
	}
	filter, err := in.Body.v.Filter.filter()
	if err != nil {
		return nil, in.Body.v.rules(true, time.Now())
	}
	if in.Body.v.DryRun {
		o, err := s.matchOperation(ctx, models.Action(in.Body.v.Action), filter)
		if err != nil {
			return nil, err
		}
		view := operationView(o)
		view.ID, view.State = nil, "dry_run"
		return &made[operationOut]{Status: http.StatusOK, Body: view}, nil
	}
	o, replayed, err := s.startOperation(ctx, models.Action(in.Body.v.Action), filter, idem)
	if err != nil {
		return nil, err
	}
	out := &made[operationOut]{Status: http.StatusAccepted, Location: "/v1/operations/" + o.ID, Body: operationView(o)}
	if replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	return out, nil
}

// matchOperation is an operation that is not recorded, with the jobs counted that it would come to.
func (s *Server) matchOperation(ctx context.Context, action models.Action, f models.JobFilter) (*models.Operation, error) {
	o, err := models.NewOperation(action, f, s.store.Now())
	if err != nil {
		return nil, err
	}
	return o, s.store.MatchOperation(ctx, o)
}

// startOperation records an operation, which the engine does step by step. idem may be nil.
func (s *Server) startOperation(ctx context.Context, action models.Action, f models.JobFilter,
	idem *models.Idempotency) (o *models.Operation, replayed bool, err error) {
	if action == models.ActRerun { // the only one that makes jobs
		if err := s.roomy(); err != nil {
			return nil, false, err
		}
	}
	if o, err = s.matchOperation(ctx, action, f); err != nil {
		return nil, false, err
	}
	if o, replayed, err = s.store.CreateOperation(ctx, o, idem, s.store.Now()); err == nil {
		s.engine.OperationChanged()
	}
	return o, replayed, err
}

func (s *Server) listOperations(ctx context.Context, in *Paging) (*ok[page[operationOut]], error) {
	rows, next, err := s.store.Operations(ctx, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, operationView), nil
}

type byOperation struct {
	ID string `path:"id" example:"op_01kcr3x5yw9m0bq4t6z8d2e7fn"`
}

func okOperation(o *models.Operation, err error) (*ok[operationOut], error) {
	if err != nil {
		return nil, err
	}
	return &ok[operationOut]{operationView(o)}, nil
}

func (s *Server) getOperation(ctx context.Context, in *byOperation) (*ok[operationOut], error) {
	return okOperation(s.store.Operation(ctx, in.ID))
}

type operationAction struct {
	ID   string `path:"id" example:"op_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Body body[emptyIn]
}

func (s *Server) postOperationCancel(ctx context.Context, in *operationAction) (*ok[operationOut], error) {
	return okOperation(s.store.CancelOperation(ctx, in.ID, s.store.Now()))
}
