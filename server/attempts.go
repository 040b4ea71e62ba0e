package server

import (
	"context"
	"slices"

	"punctual/models"
)

func okAttempt(a *models.Attempt, err error) (*ok[attemptOut], error) {
	if err != nil {
		return nil, err
	}
	return &ok[attemptOut]{attemptView(a)}, nil
}

type attemptQuery struct {
	Paging
	Target     string `query:"target" doc:"Name of the target."`
	Job        string `query:"job" doc:"Id of the job."`
	Outcome    string `query:"outcome" enum:"running,succeeded,retryable,failed,canceled,interrupted,lost"`
	StatusCode int    `query:"status_code" minimum:"100" maximum:"999"`
}

func (s *Server) listAttempts(ctx context.Context, in *attemptQuery) (*ok[page[attemptOut]], error) {
	rows, next, err := s.store.Attempts(ctx, models.AttemptFilter{Target: in.Target, Job: in.Job,
		Outcome: models.Outcome(in.Outcome), StatusCode: in.StatusCode}, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, attemptView), nil
}

type byAttempt struct {
	ID string `path:"id" example:"att_01kcr3x5zb4h8v1s2q7n0m6dpc"`
}

func (s *Server) getAttempt(ctx context.Context, in *byAttempt) (*ok[attemptOut], error) {
	return okAttempt(s.store.Attempt(ctx, in.ID))
}

type jobAttemptsQuery struct {
	ID string `path:"id" example:"job_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Paging
}

// listJobAttempts pages through what is read whole: a job has some attempts, not thousands. The cursor is the id of
// the last one shown.
func (s *Server) listJobAttempts(ctx context.Context, in *jobAttemptsQuery) (*ok[page[attemptOut]], error) {
	rows, err := s.store.AttemptsOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		last := slices.IndexFunc(rows, func(a *models.Attempt) bool { return a.ID == in.Cursor })
		if last < 0 {
			return nil, invalidQuery("cursor", "must be a next_cursor of the same list")
		}
		rows = rows[last+1:]
	}
	next := ""
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		next = rows[in.Limit-1].ID
	}
	return pageOf(rows, next, attemptView), nil
}
