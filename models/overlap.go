package models

import (
	"fmt"
	"slices"
	"time"
)

// meet lets an occurrence meet the unfinished jobs of its schedule: it becomes a job, or the answer is why it is skipped.
func (p *Plan) meet(o pending) (skip string) {
	policy := p.Schedule.Overlap
	if o.missed && p.Schedule.CatchUp == CatchUpAll && policy == OverlapSkip {
		policy = OverlapQueueAll
	}
	p.makeWay(policy)
	if skip := p.blocked(policy); skip != "" {
		return skip
	}
	out, _ := p.line()
	j := p.Schedule.occurrenceJob(o.at, o.due, p.now)
	j.Held = policy != OverlapAllow && len(out) > 0
	p.Schedule.Runs++
	p.Made, p.jobs = append(p.Made, j), append(p.jobs, j)
	return ""
}

// line splits the unfinished jobs into those that are out and those that wait. Backfilled ones that are held are
// neither: they stand behind all that is to come.
func (p *Plan) line() (out, waiting []*Job) {
	for _, j := range p.jobs {
		switch {
		case !j.Held:
			out = append(out, j)
		case j.Origin != FromBackfill:
			waiting = append(waiting, j)
		}
	}
	return out, waiting
}

// makeWay ends what the coming occurrence takes the place of.
func (p *Plan) makeWay(policy Overlap) {
	out, waiting := p.line()
	switch {
	case policy == OverlapAllow:
	case policy == OverlapCancel:
		if p.blocked(policy) == "" {
			p.cancel(append(out, waiting...))
		}
	case p.givesWay(out):
		for _, j := range out {
			p.supersede(j)
		}
		if len(waiting) > 0 {
			waiting[0].Held, waiting[0].RunAt, waiting[0].UpdatedAt = false, p.now, p.now
			p.Released = append(p.Released, waiting[0])
		}
	}
}

// givesWay tells whether the jobs that are out only wait for their next attempts, so that none holds the schedule up.
func (p *Plan) givesWay(out []*Job) bool {
	return !p.Schedule.RetryPastNext && !slices.ContainsFunc(out, func(j *Job) bool { return !j.betweenAttempts() })
}

// betweenAttempts tells whether an attempt was made and another one follows.
func (j *Job) betweenAttempts() bool {
	return j.State == Scheduled && !j.Held && (j.Attempts > 0 || j.LostInRow > 0)
}

// blocked says why an occurrence that comes due now would be skipped; "": it would not.
func (p *Plan) blocked(policy Overlap) string {
	out, waiting := p.line()
	switch {
	case policy == OverlapSkip && len(out)+len(waiting) > 0, policy == OverlapQueue && len(waiting) > 0:
		return SkipOverlap
	case len(p.jobs) >= MaxUnfinished:
		return SkipLimit
	}
	return ""
}

// stuck says why every coming occurrence will be skipped until a job ends or waits for its next attempt; "": it will not.
func (p *Plan) stuck() string {
	if out, _ := p.line(); p.Schedule.Overlap != OverlapAllow && len(out) > 0 && p.givesWay(out) {
		return ""
	}
	return p.blocked(p.Schedule.Overlap)
}

// cancel ends jobs that have not begun, asks running ones to end, and supersedes those that wait between attempts.
func (p *Plan) cancel(jobs []*Job) {
	for _, j := range jobs {
		switch {
		case j.betweenAttempts() && !p.Schedule.RetryPastNext:
			p.supersede(j)
		case j.State == Scheduled:
			j.CancelRequestedAt = p.now
			if p.end(j, Canceled, ReasonCanceled); !slices.Contains(p.Made, j) {
				p.Canceled = append(p.Canceled, j)
			}
		case j.CancelRequestedAt.IsZero():
			j.CancelRequestedAt, j.UpdatedAt = p.now, p.now
			p.Asked = append(p.Asked, j)
		}
	}
}

func (p *Plan) supersede(j *Job) {
	p.end(j, Failed, ReasonSuperseded)
	p.Superseded = append(p.Superseded, j)
}

func (p *Plan) end(j *Job, state State, reason string) {
	j.State, j.Reason, j.Held, j.FinishedAt, j.UpdatedAt = state, reason, false, p.now, p.now
	p.jobs = slices.DeleteFunc(p.jobs, func(other *Job) bool { return other == j })
	p.Schedule.countEnd(state, p.now)
}

// countEnd counts the failures in a row, in order of ending, and pauses the schedule when there are too many.
func (s *Schedule) countEnd(state State, now time.Time) {
	switch {
	case s.PauseAfterFailures == 0:
	case state != Failed:
		s.FailuresInRow = 0
	default:
		if s.FailuresInRow++; s.FailuresInRow >= s.PauseAfterFailures && !s.Paused() {
			s.pause(fmt.Sprintf("failures in a row: %d", s.FailuresInRow), time.Time{}, now)
		}
	}
}

// occurrenceJob makes the job of an occurrence. The template was checked when the schedule was made or changed.
func (s *Schedule) occurrenceJob(at, due, now time.Time) *Job {
	j := s.fromTemplate(FromSchedule, now)
	j.ScheduledFor, j.RunAt = at, due
	return j
}

// fromTemplate makes a job of what the schedule holds for its jobs, due now.
func (s *Schedule) fromTemplate(origin Origin, now time.Time) *Job {
	spec := s.Template()
	j := &Job{ID: NewJobID(), TargetID: s.TargetID, Shard: ShardOf(s.TargetID), State: Scheduled, Origin: origin,
		Priority: s.Priority, BodyForm: s.BodyForm, ContentType: spec.contentType(), Body: s.Body, Path: s.Path,
		Headers: s.Headers, Labels: s.Labels, Timeout: s.Timeout, Retry: s.Retry, ScheduleID: s.ID, Schedule: s.Name,
		ScheduledFor: now, RunAt: now, CreatedAt: now, UpdatedAt: now}
	if s.ExpiresIn > 0 {
		j.ExpiresAt = ceilMilli(now.Add(s.ExpiresIn))
	}
	return j
}
