package server

import (
	"context"
	"errors"
	"time"

	"punctual/models"
)

// createSchedule makes a schedule.
func (s *Server) createSchedule(ctx context.Context, in *scheduleIn) (*models.Schedule, error) {
	made, err := s.trySchedule(ctx, in)
	if s.outdated(err, in.Target) {
		made, err = s.trySchedule(ctx, in)
	}
	return made, err
}

func (s *Server) trySchedule(ctx context.Context, in *scheduleIn) (*models.Schedule, error) {
	now := s.store.Now()
	t, err := s.targetOf(ctx, in.Target, now)
	if err != nil {
		return nil, beside(err, in, true, now)
	}
	asked := models.Schedule{Name: in.Name}
	if err := s.scheduleFrom(in, &asked, now); err != nil {
		return nil, beside(err, in, true, now)
	}
	made, err := models.NewSchedule(asked, t, now)
	if err != nil {
		return nil, err
	}
	if err := s.store.CreateSchedule(ctx, made, now); err != nil {
		return nil, err
	}
	made.Target = t.Name
	s.engine.OfferSchedule(made)
	return made, nil
}

// scheduleFrom sets on a schedule what in asks for, as far as it can be checked without its target.
func (s *Server) scheduleFrom(in *scheduleIn, to *models.Schedule, now time.Time) error {
	if err := in.onto(to, now); err != nil {
		return err
	}
	return s.fits(to.BodyForm, to.Body)
}

// editSchedule replaces a schedule's settings by what ask makes of them. ask may be called several times.
func (s *Server) editSchedule(ctx context.Context, name string,
	ask func(*models.Schedule) (*scheduleIn, error)) (*models.Schedule, error) {
	now := s.store.Now()
	old, err := s.store.Schedule(ctx, name)
	if err != nil {
		return nil, err
	}
	in, err := ask(old)
	if err != nil {
		return nil, err
	}
	t, err := s.targetOf(ctx, in.Target, now) // before the transaction: it may be another one from now on
	if err != nil {
		return nil, beside(err, in, false, now)
	}
	return s.offeredSchedule(s.store.UpdateSchedule(ctx, name, now, func(sc *models.Schedule, _ *models.Target) error {
		in, err := ask(sc)
		if err != nil {
			return err
		}
		if in.Name != "" && in.Name != name {
			return &models.Invalid{Field: "name", Why: "never changes: leave it out, or give the name in the path"}
		}
		if err := s.scheduleFrom(in, sc, now); err != nil {
			return beside(err, in, false, now)
		}
		sc.TargetID, sc.Target = t.ID, t.Name
		return sc.Validate(t)
	}))
}

// offeredSchedule passes a changed schedule on to the engine.
func (s *Server) offeredSchedule(sc *models.Schedule, err error) (*models.Schedule, error) {
	if err == nil {
		s.engine.OfferSchedule(sc)
	}
	return sc, err
}

// replaceSchedule is PUT: it edits, or creates what is not there.
func (s *Server) replaceSchedule(ctx context.Context, name string, in *scheduleIn) (sc *models.Schedule, isNew bool,
	err error) {
	ask := func(*models.Schedule) (*scheduleIn, error) { return in, nil }
	if sc, err = s.editSchedule(ctx, name, ask); !errors.Is(err, models.ErrNotFound) {
		return sc, false, err
	}
	if in.Name != "" && in.Name != name {
		return nil, false, &models.Invalid{Field: "name", Why: "must be the name in the path"}
	}
	in.Name = name
	sc, err = s.createSchedule(ctx, in)
	if conflict := new(models.Conflict); errors.As(err, &conflict) { // somebody was faster
		sc, err = s.editSchedule(ctx, name, ask)
		return sc, false, err
	}
	return sc, true, err
}

// pauseSchedule passes occurrences over, until a time if it is not zero.
func (s *Server) pauseSchedule(ctx context.Context, name, reason string, until time.Time) (*models.Schedule, error) {
	now := s.store.Now()
	var bad faults
	bad.append(checkReason("reason", &reason))
	if !until.IsZero() && !until.After(now) {
		bad.add("until", "must be in the future")
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	return s.offeredSchedule(s.store.PauseSchedule(ctx, name, reason, until, now))
}

// resumeSchedule lets occurrences make jobs again.
func (s *Server) resumeSchedule(ctx context.Context, name string) (*models.Schedule, error) {
	return s.offeredSchedule(s.store.ResumeSchedule(ctx, name, s.store.Now()))
}

// triggerSchedule makes one job now, whatever the schedule's state, with another payload if one is given.
func (s *Server) triggerSchedule(ctx context.Context, name string, in *rerunIn, idem *models.Idempotency) (*models.Created,
	error) {
	if err := s.roomy(); err != nil {
		return nil, err
	}
	var over *models.JobSpec
	if in.Payload != nil {
		over = &models.JobSpec{BodyForm: models.BodyPayload, Body: in.Payload}
		if err := s.fits(over.BodyForm, over.Body); err != nil {
			return nil, err
		}
	}
	created, err := s.store.Trigger(ctx, name, over, idem, s.store.Now())
	if err != nil {
		return nil, err
	}
	s.offerFresh(created)
	return created, nil
}

// backfillSchedule makes jobs of past occurrences that have none, or only counts them.
func (s *Server) backfillSchedule(ctx context.Context, name string, from, to time.Time, dryRun bool,
	idem *models.Idempotency) (*models.Backfilled, error) {
	made, err := s.store.Backfill(ctx, name, from, to, dryRun, idem, s.store.Now())
	if err != nil {
		return nil, err
	}
	if len(made.Jobs) > 0 && !made.Replayed {
		s.engine.Offer(made.Jobs...)
	}
	return made, nil
}

// deleteSchedule ends a schedule; its unfinished jobs go on, or are canceled.
func (s *Server) deleteSchedule(ctx context.Context, name string, cancelJobs bool) error {
	sc, err := s.store.Schedule(ctx, name)
	if err != nil {
		return err
	}
	now := s.store.Now()
	canceled, err := s.store.DeleteSchedule(ctx, name, cancelJobs, now)
	if err != nil {
		return err
	}
	sc.DeletedAt = models.Stamp(now)
	s.engine.OfferSchedule(sc)
	s.abort(ctx, canceled)
	return nil
}

// preview tells what a timing comes to.
func preview(in *previewIn, now time.Time) (previewOut, error) {
	after, count := now, nextRuns
	if in.After != nil {
		after = in.After.value()
	}
	given(&count, in.Count)
	timing := in.timing()
	timing.Anchor = now.Truncate(time.Millisecond)
	coming, warnings, err := timing.Preview(after, in.Inclusive != nil && *in.Inclusive, count)
	if err != nil {
		return previewOut{}, err
	}
	out := previewOut{Items: make([]comingOut, len(coming)), Warnings: append([]string{}, warnings...)}
	for i, c := range coming {
		out.Items[i] = comingOut{momentOf(c.At), c.Local, c.Note}
	}
	return out, nil
}
