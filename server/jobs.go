package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"punctual/models"
)

// createJob makes one job. What it gives is not fresh if it was made before under the same key.
func (s *Server) createJob(ctx context.Context, in *jobIn, idem *models.Idempotency) (*models.Created, error) {
	created, err := s.tryJob(ctx, in, idem)
	if s.outdated(err, in.Target) {
		created, err = s.tryJob(ctx, in, idem)
	}
	return created, err
}

func (s *Server) tryJob(ctx context.Context, in *jobIn, idem *models.Idempotency) (*models.Created, error) {
	now := s.store.Now()
	job, err := s.jobFrom(ctx, in, now)
	if err != nil {
		return nil, err
	}
	var keys [][32]byte
	if in.Key != nil {
		keys = [][32]byte{in.sum}
	}
	reserved := s.engine.Reserve(job, now)
	created, err := s.record(ctx, []*models.Job{job}, keys, idem, now)
	if reserved && (err != nil || !created.Fresh[0] || created.Jobs[0].State != models.Running) {
		s.engine.Release(job)
	}
	return created, err
}

// createBatch makes many jobs, all or none.
func (s *Server) createBatch(ctx context.Context, in []jobIn, idem *models.Idempotency) (*models.Created, error) {
	if len(in) < 1 || len(in) > models.MaxBatch {
		return nil, &models.Invalid{Field: "jobs", Why: "must have 1 to 1000 entries"}
	}
	created, err := s.tryBatch(ctx, in, idem)
	if err != nil && s.outdated(err, targetsOf(in)...) {
		created, err = s.tryBatch(ctx, in, idem)
	}
	return created, err
}

func (s *Server) tryBatch(ctx context.Context, in []jobIn, idem *models.Idempotency) (*models.Created, error) {
	now := s.store.Now()
	var bad faults
	jobs, keys := make([]*models.Job, len(in)), make([][32]byte, len(in))
	for i := range in {
		at := inBatch(i)
		job, err := s.jobFrom(ctx, &in[i], now)
		if !bad.append(err, at) && err != nil {
			return nil, within(err, at)
		}
		jobs[i], keys[i] = job, in[i].sum
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	created, err := s.record(ctx, jobs, keys, idem, now)
	return created, within(err, "jobs[0].")
}

func targetsOf(in []jobIn) []string {
	names := make([]string, len(in))
	for i := range in {
		names[i] = in[i].Target
	}
	return names
}

// inBatch is the place of a job of a batch.
func inBatch(i int) string { return fmt.Sprintf("jobs[%d].", i) }

// within puts at before the place that an error about one job of a batch names, unless it is there already.
func within(err error, at string) error {
	switch err := err.(type) {
	case *models.Invalid:
		if !strings.HasPrefix(err.Field, "jobs[") && err.Field != "Idempotency-Key" {
			return &models.Invalid{Field: at + err.Field, Why: err.Why}
		}
	case *problem:
		for i, f := range err.Errors {
			err.Errors[i].Location = strings.Replace(f.Location, "body.", "body."+at, 1)
		}
	}
	return err
}

// jobFrom is the job that in asks for.
func (s *Server) jobFrom(ctx context.Context, in *jobIn, now time.Time) (*models.Job, error) {
	t, err := s.targetOf(ctx, in.Target, now)
	if err != nil {
		return nil, beside(err, in, true, now)
	}
	spec, err := in.spec()
	if err != nil {
		return nil, beside(err, in, true, now)
	}
	if err := s.fits(spec.BodyForm, spec.Body); err != nil {
		return nil, err
	}
	return models.NewJob(spec, t, models.FromAPI, now)
}

// targetOf is the target that a request names: one that is not there is the request's fault.
func (s *Server) targetOf(ctx context.Context, name string, now time.Time) (*models.Target, error) {
	t, err := s.targets.get(ctx, name, now)
	if errors.Is(err, models.ErrNotFound) || err == nil && !viewerOf(ctx).sees(name) {
		return nil, &models.Invalid{Field: "target", Why: "is not a registered target"}
	}
	return t, err
}

// outdated tells whether err may only say that a target has gone which was still known here by its name. The name may be
// another target's by now, deleted and made anew on another node: it is forgotten, and asking once more finds that out.
func (s *Server) outdated(err error, names ...string) bool {
	var bad *models.Invalid
	if !errors.As(err, &bad) || bad.Field != "target" && !strings.HasSuffix(bad.Field, ".target") {
		return false
	}
	wasKnown := false
	for _, name := range names {
		wasKnown = s.targets.forget(name) || wasKnown
	}
	return wasKnown
}

// fits refuses a body that is too large to be sent.
func (s *Server) fits(form models.BodyForm, body []byte) error {
	if int64(len(body)) <= s.cfg.MaxPayload {
		return nil
	}
	return newProblem(http.StatusRequestEntityTooLarge, detailTooLarge,
		fault{location(form.Field()), fmt.Sprintf("must have at most %d bytes", s.cfg.MaxPayload)})
}

// record commits jobs and offers those that are new.
func (s *Server) record(ctx context.Context, jobs []*models.Job, keys [][32]byte, idem *models.Idempotency,
	now time.Time) (*models.Created, error) {
	created, err := s.store.CreateJobs(ctx, jobs, keys, idem, now)
	if err != nil {
		return nil, err
	}
	s.offerFresh(created)
	return created, nil
}

func (s *Server) offerFresh(created *models.Created) {
	fresh := created.Jobs[:0:0]
	for i, job := range created.Jobs {
		if created.Fresh[i] {
			fresh = append(fresh, job)
		}
	}
	if len(fresh) > 0 {
		s.engine.Offer(fresh...)
	}
}

// rerunJob makes a new job like one that has ended, with another payload if one is given.
func (s *Server) rerunJob(ctx context.Context, id string, in *rerunIn, idem *models.Idempotency) (*models.Created, error) {
	if err := s.roomy(); err != nil {
		return nil, err
	}
	old, err := s.store.Job(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !old.State.Final():
		return nil, &models.Conflict{Why: "The job has not ended yet."}
	case old.Of.Deleted():
		return nil, &models.Conflict{Why: "The job's target is no longer registered."}
	}
	now := s.store.Now()
	spec := old.Respec()
	if in.Payload != nil {
		spec.BodyForm, spec.Body, spec.ContentType = models.BodyPayload, in.Payload, ""
		if err := s.fits(spec.BodyForm, spec.Body); err != nil {
			return nil, err
		}
	}
	job, err := models.NewJob(spec, old.Of, models.FromRerun, now)
	if err != nil {
		return nil, err
	}
	job.RerunOf = old.ID
	return s.record(ctx, []*models.Job{job}, nil, idem, now)
}

// cancelPatience is how long a request waits for the end of a call that it has aborted.
const cancelPatience = 5 * time.Second

// cancelJob ends a job: a scheduled one at once; of a running one the call is aborted. The job it gives is still
// running if that takes longer than cancelPatience.
func (s *Server) cancelJob(ctx context.Context, id string) (*models.Job, error) {
	job, err := s.store.CancelJob(ctx, id, s.store.Now())
	if err != nil {
		return nil, err
	}
	if job.State.Final() {
		s.engine.Offer(job)
		return job, nil
	}
	s.abort(ctx, []*models.Job{job})
	return s.store.Job(ctx, id)
}

// abort drops canceled jobs from the queue and cuts off the calls of those that run.
func (s *Server) abort(ctx context.Context, jobs []*models.Job) {
	if len(jobs) > 0 {
		s.engine.Offer(jobs...)
	}
	ctx, stop := context.WithTimeout(ctx, s.patience)
	defer stop()
	for _, job := range jobs {
		if job.State == models.Running {
			s.engine.Cancel(ctx, job)
		}
	}
}

// offered passes a changed job on to the engine.
func (s *Server) offered(job *models.Job, err error) (*models.Job, error) {
	if err == nil {
		s.engine.Offer(job)
	}
	return job, err
}

// retryJob makes a failed or canceled job due now, with its allowance anew.
func (s *Server) retryJob(ctx context.Context, id string) (*models.Job, error) {
	return s.offered(s.store.RetryJob(ctx, id, s.store.Now()))
}

// runJob makes a scheduled job due now.
func (s *Server) runJob(ctx context.Context, id string) (*models.Job, error) {
	return s.offered(s.store.RunJob(ctx, id, s.store.Now()))
}

// deleteJob forgets a job that has ended.
func (s *Server) deleteJob(ctx context.Context, id string) error { return s.store.DeleteJob(ctx, id) }

// editJob applies a patch. Only what the patch touches is set: times are stored finer than they are shown.
func (s *Server) editJob(ctx context.Context, id string, p *patch[jobPatch]) (*models.Job, error) {
	now := s.store.Now()
	return s.offered(s.store.UpdateJob(ctx, id, now, func(j *models.Job) error {
		in, err := p.over(jobPatchView(j))
		if err != nil {
			return err
		}
		return s.changeJob(j, &in, p)
	}))
}

func (s *Server) changeJob(j *models.Job, in *jobPatch, p *patch[jobPatch]) error {
	var bad faults
	if p.touches("run_at") {
		j.RunAt = in.RunAt.value() // null: the past, which is now
	}
	if p.touches("expires_at") {
		j.ExpiresAt = in.ExpiresAt.value()
	}
	if p.touches("priority") {
		bad.priority(&j.Priority, in.Priority)
	}
	if p.touches("labels") {
		j.Labels = in.Labels
	}
	if p.touches("headers") {
		headers, err := unmask(in.Headers, j.Headers)
		bad.append(err)
		j.Headers = headers
	}
	if p.touches("payload") {
		j.BodyForm, j.ContentType, j.Body = models.BodyNone, "", nil
		if in.Payload != nil {
			j.BodyForm, j.ContentType, j.Body = models.BodyPayload, "application/json", in.Payload
		}
		if err := s.fits(j.BodyForm, j.Body); err != nil {
			return err
		}
	}
	spec := j.Respec()
	bad.append(spec.Validate(j.Of))
	return bad.orNil()
}

// heldBy says why a due job is not running; "" if it is not due, or about to run.
func (s *Server) heldBy(j *models.Job, now time.Time) string {
	switch {
	case j.State != models.Scheduled || j.RunAt.After(now):
		return ""
	case j.Held:
		return "overlap"
	case j.Of.Paused():
		return "paused"
	}
	return s.engine.HeldBy(j.TargetID)
}

func (s *Server) viewJob(j *models.Job) jobOut { return jobView(j, s.heldBy(j, s.store.Now())) }
