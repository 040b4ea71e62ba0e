package server

import (
	"encoding/base64"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// jobOut is a job as the API shows it.
type jobOut struct {
	ID                string            `json:"id" example:"job_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Target            string            `json:"target" example:"billing"`
	State             string            `json:"state" enum:"scheduled,running,succeeded,failed,canceled"`
	Reason            string            `json:"reason" doc:"Why it ended so: expired, superseded, lost, rejected, gone, blocked, exhausted, canceled."`
	HeldBy            *string           `json:"held_by" enum:"paused,in_flight,rate,breaker,overlap,node" doc:"Why a due job is not running; node: all slots of this node are taken, or its share of them is."`
	Origin            string            `json:"origin" enum:"api,schedule,trigger,backfill,rerun"`
	Priority          string            `json:"priority" enum:"high,normal,low"`
	Payload           json.RawMessage   `json:"payload,omitempty" doc:"As it was given, without white space between tokens; absent when none was given."`
	Body              *string           `json:"body,omitempty" doc:"When the body was given as text."`
	BodyBase64        *string           `json:"body_base64,omitempty" doc:"When the body was given as base64."`
	ContentType       string            `json:"content_type,omitempty" doc:"Of body and body_base64."`
	Path              string            `json:"path"`
	Headers           map[string]string `json:"headers" doc:"Values of credentials read as ***."`
	Labels            map[string]string `json:"labels"`
	Schedule          *string           `json:"schedule" doc:"The schedule that made it."`
	RerunOf           *string           `json:"rerun_of" doc:"The job that it repeats."`
	ScheduledFor      moment            `json:"scheduled_for" doc:"The time asked for."`
	RunAt             moment            `json:"run_at" doc:"When the next attempt is due; of a finished job: when its last one was."`
	Attempts          int               `json:"attempts" doc:"Allowance used, without a call that is out and without lost and interrupted ones."`
	MaxAttempts       int               `json:"max_attempts"`
	Timeout           duration          `json:"timeout"`
	LastAttempt       *lastAttempt      `json:"last_attempt"`
	CreatedAt         moment            `json:"created_at"`
	UpdatedAt         moment            `json:"updated_at"`
	FinishedAt        *moment           `json:"finished_at" nullable:"true"`
	ExpiresAt         *moment           `json:"expires_at" nullable:"true" doc:"No attempt begins at or after it."`
	CancelRequestedAt *moment           `json:"cancel_requested_at" nullable:"true"`
}

// TransformSchema lets null be where an object or one of some words may be missing.
func (jobOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "last_attempt", "held_by", "payload")
}

// lastAttempt is what a job shows of its last attempt on record.
type lastAttempt struct {
	Number     int           `json:"number"`
	Outcome    string        `json:"outcome"`
	StatusCode *int          `json:"status_code"`
	Error      *attemptError `json:"error"`
	StartedAt  moment        `json:"started_at"`
	DurationMS *float64      `json:"duration_ms"`
}

// TransformSchema lets null be where no error is.
func (lastAttempt) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "error")
}

// jobIn is a job as it is asked for.
type jobIn struct {
	Target      string            `json:"target" example:"billing"`
	Payload     json.RawMessage   `json:"payload,omitempty" doc:"Any JSON, sent as application/json. At most one of payload, body and body_base64."`
	Body        *string           `json:"body,omitempty" doc:"UTF-8 text."`
	BodyBase64  *string           `json:"body_base64,omitempty" doc:"Bytes, in standard base64."`
	ContentType *string           `json:"content_type,omitempty" doc:"Of body (text/plain by default) or body_base64 (application/octet-stream)."`
	Delay       *duration         `json:"delay,omitempty" doc:"Due so long from now. At most one of delay and run_at."`
	RunAt       *moment           `json:"run_at,omitempty" doc:"When it is due; the past is now."`
	Path        string            `json:"path,omitempty" doc:"Joined below the target's URL path with one slash; may carry a query; .. is refused."`
	Headers     map[string]string `json:"headers,omitempty" doc:"Sent beside the target's and over them; at most 32."`
	Timeout     *duration         `json:"timeout,omitempty" doc:"Over the target's; 100ms–15m."`
	Retry       *retryIn          `json:"retry,omitempty" doc:"Over the target's, field by field."`
	Priority    string            `json:"priority,omitempty" enum:"high,normal,low" default:"normal" doc:"Orders the due jobs of one target."`
	Labels      map[string]string `json:"labels,omitempty" doc:"At most 16, to find the job by."`
	ExpiresAt   *moment           `json:"expires_at,omitempty" doc:"No attempt begins at or after it. At most one of expires_at and expires_in."`
	ExpiresIn   *duration         `json:"expires_in,omitempty" doc:"The same, from now."`
	Key         *string           `json:"key,omitempty" doc:"Makes the job once per target: the same key and request again answer with the job as it is."`
	Cron        json.RawMessage   `json:"cron,omitempty" hidden:"true"` // refused, with a hint where it belongs

	sum [32]byte // of the raw bytes, if there is a key
}

// seal notes what the key stands for.
func (in *jobIn) seal(raw []byte) {
	if in.Key != nil {
		in.sum = models.KeyBody(raw)
	}
}

// spec is what in asks for. The error is Invalids of what models cannot see once it is a spec: two ways of saying
// the same thing.
func (in *jobIn) spec() (models.JobSpec, error) {
	var bad faults
	spec := models.JobSpec{Path: in.Path, Headers: in.Headers, Timeout: in.Timeout.value(), Retry: in.Retry.over(),
		Labels: in.Labels, Delay: in.Delay.orZero(), RunAt: in.RunAt.value(), ExpiresAt: in.ExpiresAt.value(),
		ExpiresIn: in.ExpiresIn.value()}
	bad.content(&spec.BodyForm, &spec.Body, in.Payload, in.Body, in.BodyBase64)
	given(&spec.ContentType, in.ContentType)
	bad.priority(&spec.Priority, in.Priority)
	if in.Cron != nil {
		bad.add("cron", "makes a schedule, not a job: send it to POST /v1/schedules")
	}
	if in.Delay != nil && in.RunAt != nil {
		bad.add("run_at", "must not go together with delay")
	}
	if in.ExpiresIn != nil && in.ExpiresAt != nil {
		bad.add("expires_in", "must not go together with expires_at")
	}
	if in.Key != nil {
		if spec.Key = *in.Key; spec.Key == "" {
			bad.add("key", "must be 1 to 255 printable ASCII characters")
		}
	}
	_, err := unmask(in.Headers, nil)
	bad.append(err)
	return spec, bad.orNil()
}

// jobPatch is what may be changed of a job.
type jobPatch struct {
	RunAt     *moment           `json:"run_at,omitempty" doc:"While scheduled. null is now."`
	Priority  string            `json:"priority,omitempty" enum:"high,normal,low" doc:"While scheduled."`
	ExpiresAt *moment           `json:"expires_at,omitempty" doc:"While scheduled. null is never."`
	Payload   json.RawMessage   `json:"payload,omitempty" doc:"While no attempt is on record. null is none."`
	Headers   map[string]string `json:"headers,omitempty" doc:"While no attempt is on record."`
	Labels    map[string]string `json:"labels,omitempty" doc:"While no attempt is on record."`
}

// jobPatchView is the part of a job that a patch is merged into.
func jobPatchView(j *models.Job) jobPatch {
	view := jobPatch{RunAt: optionalMoment(j.RunAt), Priority: j.Priority.String(), ExpiresAt: optionalMoment(j.ExpiresAt),
		Headers: j.Headers.Mask(), Labels: j.Labels}
	if j.BodyForm == models.BodyPayload {
		view.Payload = raw(j.Body)
	}
	return view
}

// rerunIn is what may be asked of a rerun or a trigger.
type rerunIn struct {
	Payload json.RawMessage `json:"payload,omitempty" doc:"In place of the payload there was."`
}

// batchIn is many jobs, made all or none.
type batchIn struct {
	Jobs []jobIn `json:"jobs" minItems:"1" maxItems:"1000"`
}

// jobsOut is the answer to a batch.
type jobsOut struct {
	Items []jobOut `json:"items"`
}

func jobView(j *models.Job, heldBy string) jobOut {
	out := jobOut{ID: j.ID, Target: j.Of.Name, State: string(j.State), Reason: j.Reason, HeldBy: optional(heldBy),
		Origin: string(j.Origin), Priority: j.Priority.String(), Path: j.Path, Headers: j.Headers.Mask(),
		Labels: orEmpty(j.Labels), Schedule: optional(j.Schedule), RerunOf: optional(j.RerunOf),
		ScheduledFor: momentOf(j.ScheduledFor), RunAt: momentOf(j.RunAt), Attempts: j.Attempts,
		MaxAttempts: j.Policy().MaxAttempts, Timeout: durationOf(j.CallTimeout()), LastAttempt: lastAttemptView(j.Last),
		CreatedAt: momentOf(j.CreatedAt), UpdatedAt: momentOf(j.UpdatedAt), FinishedAt: optionalMoment(j.FinishedAt),
		ExpiresAt: optionalMoment(j.ExpiresAt), CancelRequestedAt: optionalMoment(j.CancelRequestedAt)}
	out.Payload, out.Body, out.BodyBase64 = contentView(j.BodyForm, j.Body)
	if out.Body != nil || out.BodyBase64 != nil {
		out.ContentType = j.ContentType
	}
	return out
}

func lastAttemptView(a *models.Attempt) *lastAttempt {
	if a == nil {
		return nil
	}
	return &lastAttempt{Number: a.Number, Outcome: string(a.Outcome), StatusCode: statusOf(a), Error: attemptErrView(a),
		StartedAt: momentOf(a.StartedAt), DurationMS: durationMS(a)}
}

// contentView is a body in the form in which it was given.
func contentView(form models.BodyForm, body []byte) (payload json.RawMessage, text, encoded *string) {
	switch form {
	case models.BodyPayload:
		return raw(body), nil, nil
	case models.BodyText:
		return nil, new(string(body)), nil
	case models.BodyBase64:
		return nil, nil, new(base64.StdEncoding.EncodeToString(body))
	}
	return nil, nil, nil
}
