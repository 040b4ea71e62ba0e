package server

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// scheduleOut is a schedule as the API shows it.
type scheduleOut struct {
	Name               string            `json:"name" example:"report"`
	Target             string            `json:"target" example:"billing"`
	Cron               *string           `json:"cron" example:"0 9 * * MON-FRI"`
	Every              *duration         `json:"every" nullable:"true"`
	Timezone           string            `json:"timezone" example:"Europe/Berlin"`
	Description        string            `json:"description"`
	Payload            json.RawMessage   `json:"payload,omitempty" doc:"Absent when none was given."`
	Body               *string           `json:"body,omitempty"`
	BodyBase64         *string           `json:"body_base64,omitempty"`
	ContentType        *string           `json:"content_type,omitempty"`
	Path               string            `json:"path"`
	Headers            map[string]string `json:"headers" doc:"Values of credentials read as ***."`
	Labels             map[string]string `json:"labels"`
	Priority           string            `json:"priority" enum:"high,normal,low"`
	Timeout            *duration         `json:"timeout" nullable:"true" doc:"null: the target's."`
	Retry              *retryIn          `json:"retry" doc:"What is set over the target's policy."`
	ExpiresIn          *duration         `json:"expires_in" nullable:"true"`
	DayMatch           string            `json:"day_match" enum:"any,all"`
	DSTGap             string            `json:"dst_gap" enum:"run_after,skip"`
	DSTRepeat          string            `json:"dst_repeat" enum:"first,last,both"`
	Jitter             duration          `json:"jitter"`
	Overlap            string            `json:"overlap" enum:"skip,queue,queue_all,cancel_running,allow"`
	RetryPastNext      bool              `json:"retry_past_next"`
	CatchUp            string            `json:"catch_up" enum:"none,last,all"`
	CatchUpWindow      duration          `json:"catch_up_window"`
	StartAt            *moment           `json:"start_at" nullable:"true"`
	EndAt              *moment           `json:"end_at" nullable:"true"`
	MaxRuns            *int              `json:"max_runs"`
	Runs               int               `json:"runs" doc:"Jobs made by occurrences."`
	PauseAfterFailures int               `json:"pause_after_failures"`
	State              string            `json:"state" enum:"active,paused,ended"`
	Paused             bool              `json:"paused"`
	PausedReason       string            `json:"paused_reason"`
	PausedUntil        *moment           `json:"paused_until" nullable:"true"`
	NextRuns           []moment          `json:"next_runs" doc:"Its next five occurrences."`
	LastJob            *jobRef           `json:"last_job"`
	CreatedAt          moment            `json:"created_at"`
	UpdatedAt          moment            `json:"updated_at"`
}

// TransformSchema lets null be where an object may be missing.
func (scheduleOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "last_job", "retry", "payload")
}

// scheduleIn is a schedule as it is asked for. Nil fields are left to their defaults.
type scheduleIn struct {
	Name               string            `json:"name,omitempty" posted:"true" example:"report" doc:"1 to 64 of a-z 0-9 . _ - beginning with a letter or digit. POST needs it; PUT has it in the path. It never changes."`
	Target             string            `json:"target" example:"billing"`
	Cron               *string           `json:"cron,omitempty" example:"0 9 * * MON-FRI" doc:"Five fields, or six with seconds first. Exactly one of cron and every."`
	Every              *duration         `json:"every,omitempty" doc:"1s–366d of elapsed time; first at start_at, else one step after creation."`
	Timezone           *string           `json:"timezone,omitempty" default:"UTC" doc:"An IANA name."`
	Description        *string           `json:"description,omitempty" doc:"At most 1000 characters."`
	Payload            json.RawMessage   `json:"payload,omitempty" doc:"Of each job."`
	Body               *string           `json:"body,omitempty"`
	BodyBase64         *string           `json:"body_base64,omitempty"`
	ContentType        *string           `json:"content_type,omitempty"`
	Path               string            `json:"path,omitempty"`
	Headers            map[string]string `json:"headers,omitempty" doc:"A value of *** keeps the stored one."`
	Labels             map[string]string `json:"labels,omitempty"`
	Priority           string            `json:"priority,omitempty" enum:"high,normal,low" default:"normal"`
	Timeout            *duration         `json:"timeout,omitempty"`
	Retry              *retryIn          `json:"retry,omitempty"`
	ExpiresIn          *duration         `json:"expires_in,omitempty" doc:"Of each job, from its creation."`
	DayMatch           *string           `json:"day_match,omitempty" enum:"any,all" default:"any" doc:"With both day fields restricted: any of them, or all."`
	DSTGap             *string           `json:"dst_gap,omitempty" enum:"run_after,skip" default:"run_after"`
	DSTRepeat          *string           `json:"dst_repeat,omitempty" enum:"first,last,both" default:"first"`
	Jitter             *duration         `json:"jitter,omitempty" default:"0s" doc:"Each run is due up to so much later."`
	Overlap            *string           `json:"overlap,omitempty" enum:"skip,queue,queue_all,cancel_running,allow" default:"skip"`
	RetryPastNext      *bool             `json:"retry_past_next,omitempty" default:"false"`
	CatchUp            *string           `json:"catch_up,omitempty" enum:"none,last,all" default:"last"`
	CatchUpWindow      *duration         `json:"catch_up_window,omitempty" default:"1h"`
	StartAt            *moment           `json:"start_at,omitempty" doc:"start_at ≤ t"`
	EndAt              *moment           `json:"end_at,omitempty" doc:"t < end_at"`
	MaxRuns            *int              `json:"max_runs,omitempty"`
	PauseAfterFailures *int              `json:"pause_after_failures,omitempty" default:"0" doc:"Jobs in a row; 0 is never."`
	Paused             *bool             `json:"paused,omitempty" doc:"Not given: stays as it is."`
	PausedReason       *string           `json:"paused_reason,omitempty" doc:"Counts when the request pauses the schedule."`
	PausedUntil        *moment           `json:"paused_until,omitempty" doc:"Counts when the request pauses the schedule."`
	Runs               any               `json:"runs,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	State              any               `json:"state,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	NextRuns           any               `json:"next_runs,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	LastJob            any               `json:"last_job,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	CreatedAt          any               `json:"created_at,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
	UpdatedAt          any               `json:"updated_at,omitempty" readOnly:"true" doc:"Only in answers: PUT passes over it, POST and PATCH refuse it."`
}

// onto sets everything of s that can be asked for, to what in asks for or to the default; its target is set by the
// caller. The error is an Invalids of what models cannot see.
func (in *scheduleIn) onto(s *models.Schedule, now time.Time) error {
	var bad faults
	n := models.DefaultSchedule()
	given(&n.Cron, in.Cron)
	n.Every = in.Every.value()
	given(&n.Timezone, in.Timezone)
	given(&n.DayMatch, in.DayMatch)
	given(&n.DSTGap, in.DSTGap)
	given(&n.DSTRepeat, in.DSTRepeat)
	n.Jitter = in.Jitter.orZero()
	n.StartAt, n.EndAt = in.StartAt.value(), in.EndAt.value()
	s.Cron, s.Every, s.Timezone, s.Jitter = n.Cron, n.Every, n.Timezone, n.Jitter
	s.DayMatch, s.DSTGap, s.DSTRepeat = n.DayMatch, n.DSTGap, n.DSTRepeat
	s.StartAt, s.EndAt = n.StartAt, n.EndAt

	in.template(s, &bad)

	given(&n.Description, in.Description)
	given(&n.Overlap, (*models.Overlap)(in.Overlap))
	given(&n.RetryPastNext, in.RetryPastNext)
	given(&n.CatchUp, (*models.CatchUp)(in.CatchUp))
	if in.CatchUpWindow != nil {
		n.CatchUpWindow = in.CatchUpWindow.orZero()
	}
	if given(&n.MaxRuns, in.MaxRuns); in.MaxRuns != nil && *in.MaxRuns == 0 {
		n.MaxRuns = -1 // 0 is no bound only in models
	}
	given(&n.PauseAfterFailures, in.PauseAfterFailures)
	s.Description, s.Overlap, s.RetryPastNext, s.CatchUp = n.Description, n.Overlap, n.RetryPastNext, n.CatchUp
	s.CatchUpWindow, s.MaxRuns, s.PauseAfterFailures = n.CatchUpWindow, n.MaxRuns, n.PauseAfterFailures

	bad.append(checkReason("paused_reason", in.PausedReason))
	wasPaused := s.Paused()
	s.PausedAt, s.PausedReason = paused(s.PausedAt, s.PausedReason, in.Paused, in.PausedReason, now)
	if s.Paused() != wasPaused {
		s.PausedUntil = time.Time{}
		if s.Paused() {
			s.PausedUntil = in.PausedUntil.value()
		}
	}
	return bad.orNil()
}

// template sets what each job is made from.
func (in *scheduleIn) template(s *models.Schedule, bad *faults) {
	s.BodyForm, s.Body, s.ContentType = models.BodyNone, nil, ""
	bad.content(&s.BodyForm, &s.Body, in.Payload, in.Body, in.BodyBase64)
	given(&s.ContentType, in.ContentType)
	headers, err := unmask(in.Headers, s.Headers)
	bad.append(err)
	s.Path, s.Headers, s.Labels = in.Path, headers, orEmpty(in.Labels)
	bad.priority(&s.Priority, in.Priority)
	s.Timeout, s.Retry, s.ExpiresIn = in.Timeout.value(), in.Retry.over(), in.ExpiresIn.value()
}

// nextRuns is how many occurrences a schedule shows.
const nextRuns = 5

func scheduleView(s *models.Schedule) scheduleOut {
	out := scheduleOut{Name: s.Name, Target: s.Target, Cron: optional(s.Cron), Every: optionalDuration(s.Every),
		Timezone: s.Timezone, Description: s.Description, ContentType: optional(s.ContentType), Path: s.Path,
		Headers: s.Headers.Mask(), Labels: orEmpty(s.Labels), Priority: s.Priority.String(),
		Timeout: optionalDuration(s.Timeout), Retry: retryOverView(s.Retry), ExpiresIn: optionalDuration(s.ExpiresIn),
		DayMatch: s.DayMatch, DSTGap: s.DSTGap, DSTRepeat: s.DSTRepeat, Jitter: durationOf(s.Jitter),
		Overlap: string(s.Overlap), RetryPastNext: s.RetryPastNext, CatchUp: string(s.CatchUp),
		CatchUpWindow: durationOf(s.CatchUpWindow), StartAt: optionalMoment(s.StartAt), EndAt: optionalMoment(s.EndAt),
		Runs: s.Runs, PauseAfterFailures: s.PauseAfterFailures, State: s.Status(), Paused: s.Paused(),
		PausedReason: s.PausedReason, PausedUntil: optionalMoment(s.PausedUntil), NextRuns: comingRuns(s),
		CreatedAt: momentOf(s.CreatedAt), UpdatedAt: momentOf(s.UpdatedAt)}
	out.Payload, out.Body, out.BodyBase64 = contentView(s.BodyForm, s.Body)
	if s.MaxRuns > 0 {
		out.MaxRuns = &s.MaxRuns
	}
	if s.LastJob != nil {
		out.LastJob = refOf(s.LastJob.ID, s.LastJob.State)
	}
	return out
}

// retryOverView shows what is set, and nothing else.
func retryOverView(o *models.RetryOver) *retryIn {
	if o == nil {
		return nil
	}
	out := &retryIn{MaxAttempts: o.MaxAttempts, Factor: o.Factor, Jitter: o.Jitter, FailOn: o.FailOn}
	if o.MinBackoff != nil {
		out.MinBackoff = new(durationOf(*o.MinBackoff))
	}
	if o.MaxBackoff != nil {
		out.MaxBackoff = new(durationOf(*o.MaxBackoff))
	}
	return out
}

// comingRuns are the next occurrences that are not passed over: none of an ended schedule, nor of one that is paused
// until somebody resumes it.
func comingRuns(s *models.Schedule) []moment {
	count := nextRuns
	if s.MaxRuns > 0 {
		count = min(count, s.MaxRuns-s.Runs)
	}
	from := s.NextAt
	if s.PausedUntil.After(from) {
		from = s.PausedUntil
	}
	if s.Status() == models.ScheduleEnded || s.Paused() && s.PausedUntil.IsZero() || count < 1 {
		return []moment{}
	}
	// A stored timing is valid; if a zone has gone from the zone database, nothing can be shown.
	coming, _, _ := s.Timing().Preview(from, true, count)
	runs := make([]moment, len(coming))
	for i, c := range coming {
		runs[i] = momentOf(c.At)
	}
	return runs
}

// previewIn asks what a timing comes to.
type previewIn struct {
	Name      string    `json:"name,omitempty" doc:"Spreads H."`
	Cron      *string   `json:"cron,omitempty" example:"0 9 * * MON-FRI"`
	Every     *duration `json:"every,omitempty"`
	Timezone  *string   `json:"timezone,omitempty" default:"UTC"`
	DayMatch  *string   `json:"day_match,omitempty" enum:"any,all" default:"any"`
	DSTGap    *string   `json:"dst_gap,omitempty" enum:"run_after,skip" default:"run_after"`
	DSTRepeat *string   `json:"dst_repeat,omitempty" enum:"first,last,both" default:"first"`
	Jitter    *duration `json:"jitter,omitempty" doc:"Changes nothing: a preview shows nominal times."`
	StartAt   *moment   `json:"start_at,omitempty"`
	EndAt     *moment   `json:"end_at,omitempty"`
	After     *moment   `json:"after,omitempty" doc:"Later than this; now if not given."`
	Inclusive *bool     `json:"inclusive,omitempty" default:"false" doc:"Not earlier than after."`
	Count     *int      `json:"count,omitempty" default:"5" doc:"At most 100."`
}

func (in *previewIn) timing() models.Timing {
	s := models.DefaultSchedule()
	given(&s.Cron, in.Cron)
	given(&s.Timezone, in.Timezone)
	given(&s.DayMatch, in.DayMatch)
	given(&s.DSTGap, in.DSTGap)
	given(&s.DSTRepeat, in.DSTRepeat)
	s.Name, s.Every, s.StartAt, s.EndAt = in.Name, in.Every.value(), in.StartAt.value(), in.EndAt.value()
	return s.Timing()
}

// previewOut is what a timing comes to.
type previewOut struct {
	Items    []comingOut `json:"items"`
	Warnings []string    `json:"warnings" doc:"What may surprise the author of the timing."`
}

// comingOut is one occurrence to come.
type comingOut struct {
	At    moment `json:"at"`
	Local string `json:"local" doc:"The same by the clocks of the timezone."`
	Note  string `json:"note" doc:"What a daylight-saving rule did."`
}

// occurrenceOut is what became of an occurrence, or of a stretch of them that were skipped for the same reason.
type occurrenceOut struct {
	At      moment  `json:"at"`
	Until   moment  `json:"until"`
	Count   int     `json:"count"`
	Outcome string  `json:"outcome" enum:"job,skipped"`
	Reason  string  `json:"reason" doc:"overlap, paused, missed or limit; empty for a job."`
	Job     *jobRef `json:"job"`
}

// TransformSchema lets null be where no job was made.
func (occurrenceOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "job")
}

func occurrenceView(o *models.Occurrence) occurrenceOut {
	return occurrenceOut{At: momentOf(o.At), Until: momentOf(o.Until), Count: o.Count, Outcome: o.Outcome,
		Reason: o.Reason, Job: refOf(o.JobID, o.JobState)}
}

// backfillIn asks for the occurrences of the past.
type backfillIn struct {
	From   moment `json:"from"`
	To     moment `json:"to" doc:"Exclusive, and not in the future."`
	DryRun *bool  `json:"dry_run,omitempty" default:"false" doc:"Count, and make nothing."`
}

// backfillOut counts what a backfill made and what was there.
type backfillOut struct {
	Created  int `json:"created"`
	Existing int `json:"existing"`
}
