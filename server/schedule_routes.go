package server

import (
	"context"
	"net/http"

	"punctual/models"
)

type schedulePost struct{ Body body[scheduleIn] }

func (s *Server) postSchedule(ctx context.Context, in *schedulePost) (*made[scheduleOut], error) {
	sc, err := s.createSchedule(ctx, &in.Body.v)
	if err != nil {
		return nil, err
	}
	return madeSchedule(sc, true), nil
}

func madeSchedule(sc *models.Schedule, isNew bool) *made[scheduleOut] {
	out := &made[scheduleOut]{Status: http.StatusOK, Body: scheduleView(sc)}
	if isNew {
		out.Status, out.Location = http.StatusCreated, "/v1/schedules/"+sc.Name
	}
	return out
}

type scheduleQuery struct {
	Paging
	Target string `query:"target" doc:"Name of the target."`
}

func (s *Server) listSchedules(ctx context.Context, in *scheduleQuery) (*ok[page[scheduleOut]], error) {
	rows, next, err := s.store.Schedules(ctx, models.ScheduleFilter{Target: in.Target}, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, scheduleView), nil
}

func (s *Server) getSchedule(ctx context.Context, in *byName) (*ok[scheduleOut], error) {
	return okSchedule(s.store.Schedule(ctx, in.Name))
}

func okSchedule(sc *models.Schedule, err error) (*ok[scheduleOut], error) {
	if err != nil {
		return nil, err
	}
	return &ok[scheduleOut]{scheduleView(sc)}, nil
}

type schedulePut struct {
	Name string `path:"name" example:"report"`
	Body whole[scheduleIn]
}

func (s *Server) putSchedule(ctx context.Context, in *schedulePut) (*made[scheduleOut], error) {
	sc, isNew, err := s.replaceSchedule(ctx, in.Name, &in.Body.v)
	if err != nil {
		return nil, err
	}
	return madeSchedule(sc, isNew), nil
}

type schedulePatch struct {
	Name string `path:"name" example:"report"`
	Body patch[scheduleIn]
}

func (s *Server) patchSchedule(ctx context.Context, in *schedulePatch) (*ok[scheduleOut], error) {
	return okSchedule(s.editSchedule(ctx, in.Name, func(sc *models.Schedule) (*scheduleIn, error) {
		merged, err := in.Body.over(scheduleView(sc))
		if merged.Paused == nil {
			merged.Paused = new(false) // null restores the default
		}
		return &merged, err
	}))
}

type scheduleDelete struct {
	Name string `path:"name" example:"report"`
	Jobs bool   `query:"cancel_jobs" doc:"Cancel its unfinished jobs."`
}

func (s *Server) removeSchedule(ctx context.Context, in *scheduleDelete) (*struct{}, error) {
	return nil, s.deleteSchedule(ctx, in.Name, in.Jobs)
}

// pauseUntilIn says why, and until when.
type pauseUntilIn struct {
	Reason string  `json:"reason,omitempty" doc:"At most 1000 characters."`
	Until  *moment `json:"until,omitempty" doc:"Resumes by itself then."`
}

type schedulePause struct {
	Name string `path:"name" example:"report"`
	Body body[pauseUntilIn]
}

func (s *Server) postSchedulePause(ctx context.Context, in *schedulePause) (*ok[scheduleOut], error) {
	return okSchedule(s.pauseSchedule(ctx, in.Name, in.Body.v.Reason, in.Body.v.Until.value()))
}

func (s *Server) postScheduleResume(ctx context.Context, in *nameAction) (*ok[scheduleOut], error) {
	return okSchedule(s.resumeSchedule(ctx, in.Name))
}

type triggerPost struct {
	Name string `path:"name" example:"report"`
	Key  string `header:"Idempotency-Key" doc:"1–255 printable characters: the same request with the same key is done once."`
	Body body[rerunIn]
}

func (s *Server) postTrigger(ctx context.Context, in *triggerPost) (*made[jobOut], error) {
	idem, err := idempotency("/v1/schedules/"+in.Name+"/trigger", in.Key, in.Body.sum)
	if err != nil {
		return nil, err
	}
	return s.madeJob(s.triggerSchedule(ctx, in.Name, &in.Body.v, idem))
}

type backfillPost struct {
	Name string `path:"name" example:"report"`
	Key  string `header:"Idempotency-Key" doc:"1–255 printable characters: the same request with the same key is done once."`
	Body body[backfillIn]
}

func (s *Server) postBackfill(ctx context.Context, in *backfillPost) (*made[backfillOut], error) {
	asked := &in.Body.v
	dryRun := asked.DryRun != nil && *asked.DryRun
	if err := doing(ctx, dryRun); err != nil {
		return nil, err
	}
	idem, err := idempotency("/v1/schedules/"+in.Name+"/backfill", in.Key, in.Body.sum)
	if err != nil {
		return nil, err
	}
	did, err := s.backfillSchedule(ctx, in.Name, asked.From.value(), asked.To.value(), dryRun, idem)
	if err != nil {
		return nil, err
	}
	out := &made[backfillOut]{Status: http.StatusCreated, Body: backfillOut{did.Created, did.Existing}}
	if did.Replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	if dryRun {
		out.Status = http.StatusOK
	}
	return out, nil
}

type occurrenceQuery struct {
	Name string `path:"name" example:"report"`
	Paging
}

func (s *Server) listOccurrences(ctx context.Context, in *occurrenceQuery) (*ok[page[occurrenceOut]], error) {
	rows, next, err := s.store.Occurrences(ctx, in.Name, in.page(), s.store.Now())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, occurrenceView), nil
}

type previewPost struct{ Body body[previewIn] }

func (s *Server) postPreview(_ context.Context, in *previewPost) (*ok[previewOut], error) {
	out, err := preview(&in.Body.v, s.store.Now())
	if err != nil {
		return nil, err
	}
	return &ok[previewOut]{out}, nil
}
