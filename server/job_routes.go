package server

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"punctual/models"
)

type jobPost struct {
	Key  string `header:"Idempotency-Key" doc:"1–255 printable characters: the same request with the same key is done once."`
	Body body[jobIn]
}

func (s *Server) postJob(ctx context.Context, in *jobPost) (*made[jobOut], error) {
	idem, err := idempotency("/v1/jobs", in.Key, in.Body.sum)
	if err != nil {
		return nil, err
	}
	return s.madeJob(s.createJob(ctx, &in.Body.v, idem))
}

// idempotency is nil when no key was given.
func idempotency(path, key string, sum [32]byte) (*models.Idempotency, error) {
	if key == "" {
		return nil, nil
	}
	return &models.Idempotency{Path: path, Key: key, Body: sum}, models.CheckKey("Idempotency-Key", key)
}

// madeJob answers 201, or 200 if the job was there already.
func (s *Server) madeJob(created *models.Created, err error) (*made[jobOut], error) {
	if err != nil {
		return nil, err
	}
	job := created.Jobs[0]
	out := &made[jobOut]{Location: "/v1/jobs/" + job.ID, Body: s.viewJob(job)}
	out.Status, out.Replayed = madeStatus(created)
	return out, nil
}

func madeStatus(created *models.Created) (status int, replayed string) {
	if slices.Contains(created.Fresh, true) {
		return http.StatusCreated, ""
	}
	return http.StatusOK, "true"
}

type batchPost struct {
	Key  string `header:"Idempotency-Key" doc:"1–255 printable characters: the same request with the same key is done once."`
	Body body[batchIn]
}

func (s *Server) postBatch(ctx context.Context, in *batchPost) (*made[jobsOut], error) {
	idem, err := idempotency("/v1/jobs/batch", in.Key, in.Body.sum)
	if err != nil {
		return nil, err
	}
	created, err := s.createBatch(ctx, in.Body.v.Jobs, idem)
	if err != nil {
		return nil, err
	}
	out := &made[jobsOut]{Body: jobsOut{make([]jobOut, len(created.Jobs))}}
	for i, job := range created.Jobs {
		out.Body.Items[i] = s.viewJob(job)
	}
	out.Status, out.Replayed = madeStatus(created)
	return out, nil
}

type jobQuery struct {
	Paging
	JobFilterQuery
}

// JobFilterQuery are the filters of jobs. It is exported for huma, which looks into no other embedded struct.
type JobFilterQuery struct {
	Target        string   `query:"target" doc:"Name of the target."`
	State         []string `query:"state,explode" enum:"scheduled,running,succeeded,failed,canceled,retrying" doc:"May be given several times: any of them. retrying is scheduled with attempts on record."`
	Schedule      string   `query:"schedule" doc:"Name of the schedule."`
	Label         []string `query:"label,explode" example:"[\"customer:42\"]" doc:"key:value; may be given several times: all of them."`
	Origin        string   `query:"origin" enum:"api,schedule,trigger,backfill,rerun"`
	StatusCode    int      `query:"status_code" minimum:"100" maximum:"999" doc:"Its last attempt on record was answered with it."`
	CreatedAfter  moment   `query:"created_after" doc:"Made at or after it."`
	CreatedBefore moment   `query:"created_before" doc:"Made before it."`
	DueBefore     moment   `query:"due_before" doc:"Its run_at is before it."`
	Q             string   `query:"q" maxLength:"64" doc:"How its id begins, with or without job_."`
}

// filter is what q chooses; the error is an Invalid or Invalids that name its fields.
func (q *JobFilterQuery) filter() (models.JobFilter, error) {
	f := models.JobFilter{Target: q.Target, Schedule: q.Schedule, Origin: models.Origin(q.Origin), StatusCode: q.StatusCode,
		CreatedAfter: q.CreatedAfter.value(), CreatedBefore: q.CreatedBefore.value(), DueBefore: q.DueBefore.value()}
	return f, chooseWords(&f, q.State, q.Label, q.Q)
}

// chooseWords adds to a filter what is read from text, and checks it.
func chooseWords(f *models.JobFilter, states, labels []string, prefix string) error {
	var bad faults
	f.Prefix = strings.ToLower(prefix)
	for _, state := range states {
		if !slices.Contains(f.States, models.State(state)) {
			f.States = append(f.States, models.State(state))
		}
	}
	for _, label := range labels {
		key, value, isPair := strings.Cut(label, ":")
		if !isPair || key == "" {
			bad.add("label", "must be key:value")
			continue
		}
		if old, twice := f.Labels[key]; twice && old != value {
			bad.add("label", "must not name two values of one key: a job has one")
		}
		if f.Labels == nil {
			f.Labels = models.Labels{}
		}
		f.Labels[key] = value
	}
	bad.append(f.Validate())
	return bad.orNil()
}

func (s *Server) listJobs(ctx context.Context, in *jobQuery) (*ok[page[jobOut]], error) {
	filter, err := in.filter()
	if err != nil {
		return nil, inQuery(err)
	}
	rows, next, err := s.store.Jobs(ctx, filter, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, s.viewJob), nil
}

type byJob struct {
	ID string `path:"id" example:"job_01kcr3x5yw9m0bq4t6z8d2e7fn"`
}

func (s *Server) getJob(ctx context.Context, in *byJob) (*ok[jobOut], error) {
	return s.okJob(s.store.Job(ctx, in.ID))
}

func (s *Server) okJob(job *models.Job, err error) (*ok[jobOut], error) {
	if err != nil {
		return nil, err
	}
	return &ok[jobOut]{s.viewJob(job)}, nil
}

type jobPatchRequest struct {
	ID   string `path:"id" example:"job_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Body patch[jobPatch]
}

func (s *Server) patchJob(ctx context.Context, in *jobPatchRequest) (*ok[jobOut], error) {
	return s.okJob(s.editJob(ctx, in.ID, &in.Body))
}

func (s *Server) removeJob(ctx context.Context, in *byJob) (*struct{}, error) {
	return nil, s.deleteJob(ctx, in.ID)
}

type jobAction struct {
	ID   string `path:"id" example:"job_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Body body[emptyIn]
}

func (s *Server) postCancel(ctx context.Context, in *jobAction) (*done[jobOut], error) {
	job, err := s.cancelJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &done[jobOut]{http.StatusOK, s.viewJob(job)}
	if !job.State.Final() {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

func (s *Server) postRetry(ctx context.Context, in *jobAction) (*ok[jobOut], error) {
	return s.okJob(s.retryJob(ctx, in.ID))
}

func (s *Server) postRun(ctx context.Context, in *jobAction) (*ok[jobOut], error) {
	return s.okJob(s.runJob(ctx, in.ID))
}

type rerunPost struct {
	ID   string `path:"id" example:"job_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Key  string `header:"Idempotency-Key" doc:"1–255 printable characters: the same request with the same key is done once."`
	Body body[rerunIn]
}

func (s *Server) postRerun(ctx context.Context, in *rerunPost) (*made[jobOut], error) {
	idem, err := idempotency("/v1/jobs/"+in.ID+"/rerun", in.Key, in.Body.sum)
	if err != nil {
		return nil, err
	}
	return s.madeJob(s.rerunJob(ctx, in.ID, &in.Body.v, idem))
}
