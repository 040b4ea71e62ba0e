package models

import (
	"hash/fnv"
	"strconv"
	"time"
)

// The words of schedules.
//
// An occurrence is one time that a schedule's timing names, its nominal time. It comes due at that time plus its
// jitter, which depends on nothing but the schedule and the time itself, and it comes due before the next one does.
// When it has come due it is settled: it becomes a job, or it is skipped with a reason, overlap, paused, missed or
// limit. A turn settles everything that is due; one plan says how. A job is out when the line has let it go: it is
// due, running or between attempts. A job is held when it waits in the line for those that are out to end.
//
// The invariants.
//
//   - NextAt is the first occurrence that is not settled. Occurrences are settled in order, and only a turn or an
//     edit moves NextAt, so that none is settled twice and none is left out. An edit, a pause, a resume and a
//     backfill first settle what is due, by the rule as it stood. After an edit of the timing no occurrence is at or
//     before TimingSince but NextAt, if that had come and only waits for its jitter.
//   - Each settled occurrence is told by one row: its own if it became a job; if it was skipped, that of a stretch of
//     neighbours that were skipped for the same reason. The counts of skips add up to the occurrences not run.
//   - What a turn decides depends on the schedule's row, its unfinished jobs and the clock alone.
//   - While a job is held, one is out: each end of a job lets the next one go, in the same transaction. Backfilled
//     jobs stand behind all others in the line, and waiting there they count for nothing but the limit.
//   - No schedule has more than MaxUnfinished unfinished jobs but by a retry by hand.
//   - A schedule is parked when its last turn had to skip an occurrence because of its unfinished jobs and would have
//     to skip the next one too. Any end of one of its jobs, and any that goes back to wait for its next attempt,
//     unparks it; what came due until then is skipped for the reason for which it was parked.
//   - A paused or parked schedule takes a turn an hour: it writes down what it passed over, so that the unsettled
//     stretch, which has to be counted one by one, stays short.
//   - A living schedule that has not ended has a DueAt. At DueAt a turn changes the row, so that none is due for ever.

// The bounds of one turn: it ends when either is reached, and the next turn goes on where it ended.
const (
	turnOccurrences = 10_000 // looked at; must be more than MaxCatchUp
	turnJobs        = 100    // made
)

// lookIn is how long a paused or parked schedule goes without a turn.
const lookIn = time.Hour

// Plan is what a turn does: what became of the occurrences that were due, and of the jobs that stood in their way.
type Plan struct {
	Schedule *Schedule     // as it stands afterwards
	Settled  []*Occurrence // oldest first; neighbouring equal skips are one
	Made     []*Job        // one for each occurrence that was not skipped; without target
	More     bool          // more is due

	// Jobs that were there before, as they stand afterwards, with what a plan knows of a job.
	Released   []*Job // held until now
	Superseded []*Job // waited between attempts
	Canceled   []*Job // had not begun
	Asked      []*Job // running: asked to end

	rule    *Recurrence
	now     time.Time
	jobs    []*Job // unfinished ones, the line's head first
	skipped bool   // the last occurrence was skipped because of jobs
}

// pending is an occurrence that is not settled yet.
type pending struct {
	at, due time.Time
	missed  bool   // could not be settled in time
	skip    string // why it is passed over whatever the jobs are; "": it is not
}

// Plan settles what is due at now, and is pure. The schedule must not have ended. jobs are its unfinished ones in the
// order of its line; of each it needs the state, whether it is held, how it was made and what it used of its
// allowance; with OverlapAllow only their number. missedAfter is how late an occurrence may be and still be only late.
func (s *Schedule) Plan(rule *Recurrence, jobs []*Job, now time.Time, missedAfter time.Duration) *Plan {
	after := *s
	p := &Plan{Schedule: &after, rule: rule, now: now, jobs: make([]*Job, len(jobs))}
	for i, j := range jobs {
		own := *j
		p.jobs[i] = &own
	}
	due, next := p.look(missedAfter)
	due, next = p.catchUp(due, next)
	for i, o := range due {
		if after.usedUp() || len(p.Made) == turnJobs {
			next = due[i]
			break
		}
		if o.skip == "" {
			o.skip = p.meet(o)
			p.skipped = o.skip != ""
		}
		p.settle(o)
	}
	p.advance(next)
	return p
}

// look finds what is due, oldest first, and the first occurrence behind that: one that is not due yet, or due but
// beyond the bounds of a turn. Its time is zero if there is none.
func (p *Plan) look(missedAfter time.Duration) (due []pending, next pending) {
	for at := p.Schedule.NextAt; !at.IsZero(); at = next.at {
		o := pending{at: at}
		o.due, next.at = p.Schedule.comesDue(p.rule, at)
		o.skip = p.Schedule.passesOver(o.due)
		o.missed = o.skip == "" && p.now.Sub(o.due) > missedAfter
		if o.due.After(p.now) || len(due) == turnOccurrences {
			return due, o
		}
		due = append(due, o)
	}
	return due, pending{}
}

// comesDue says when the occurrence of a nominal time comes due, and which one follows it; zero: none.
func (s *Schedule) comesDue(rule *Recurrence, at time.Time) (due, following time.Time) {
	following = s.following(rule, at)
	window := s.Jitter
	if !following.IsZero() {
		window = min(window, following.Sub(at))
	}
	due = at
	if window >= time.Millisecond {
		hash := fnv.New64a()
		hash.Write([]byte(s.ID + strconv.FormatInt(at.UnixMicro(), 36)))
		due = at.Add(time.Duration(hash.Sum64()%uint64(window.Milliseconds())) * time.Millisecond)
	}
	if at.Before(s.TimingSince) {
		due = latest(due, s.TimingSince) // an edit found it waiting: it does not come due before the edit
	}
	return due, following
}

// following is the first occurrence after t that the timing names since it was last changed; zero if there is none.
func (s *Schedule) following(rule *Recurrence, t time.Time) time.Time {
	if t.Before(s.TimingSince) {
		t = s.TimingSince
	}
	next, _ := rule.Next(t)
	return next
}

// passesOver says why an occurrence that comes due at due is skipped whatever jobs there are: while the schedule is
// paused, and while it is parked. What came due before the pause is settled as ever.
func (s *Schedule) passesOver(due time.Time) string {
	switch {
	case s.Parked != "" && (s.ParkedUntil.IsZero() || !due.After(s.ParkedUntil)):
		return s.Parked
	case s.Paused() && due.After(s.PausedAt) && (s.PausedUntil.IsZero() || due.Before(s.PausedUntil)):
		return SkipPaused
	}
	return ""
}

// madeUp is how many of the missed occurrences are let through, the newest.
var madeUp = map[CatchUp]int{CatchUpNone: 0, CatchUpLast: 1, CatchUpAll: MaxCatchUp}

// catchUp marks the missed occurrences that are not made up for: those older than the window, and all but the newest.
// If there are more of them than a turn looks at, what is not certain yet is left to the next turn.
func (p *Plan) catchUp(due []pending, next pending) ([]pending, pending) {
	newer, certain := 0, true // of missed ones newer than the one at hand
	if next.missed {
		newer, certain = 1, false
	}
	for i := len(due) - 1; i >= 0; i-- {
		o := &due[i]
		if !o.missed {
			continue
		}
		switch {
		case p.now.Sub(o.due) > p.Schedule.CatchUpWindow, newer >= madeUp[p.Schedule.CatchUp]:
			o.skip = SkipMissed
		case !certain && i > 0: // a turn settles one at least
			due, next = due[:i], *o
		}
		newer++
	}
	return due, next
}

// settle records what became of an occurrence; its job is made already.
func (p *Plan) settle(o pending) {
	row := &Occurrence{ScheduleID: p.Schedule.ID, At: o.at, Until: o.at, Count: 1, Outcome: OccurrenceJob}
	if o.skip == "" {
		row.JobID = p.Made[len(p.Made)-1].ID
	} else {
		row.Outcome, row.Reason = OccurrenceSkipped, o.skip
	}
	if n := len(p.Settled); n > 0 && p.Settled[n-1].absorb(row) {
		return
	}
	p.Settled = append(p.Settled, row)
}

// absorb makes one stretch of o and the skip that follows it, if they are equal.
func (o *Occurrence) absorb(following *Occurrence) bool {
	if o.Outcome != OccurrenceSkipped || following.Outcome != OccurrenceSkipped || o.Reason != following.Reason {
		return false
	}
	o.Until, o.Count = following.Until, o.Count+following.Count
	return true
}

// advance moves the schedule's place in the book behind what was settled.
func (p *Plan) advance(next pending) {
	s := p.Schedule
	if s.NextAt = next.at; s.usedUp() {
		s.NextAt = time.Time{}
	}
	p.More = !s.NextAt.IsZero() && !next.due.After(p.now)
	if !s.ParkedUntil.IsZero() && next.due.After(s.ParkedUntil) {
		s.unpark()
	}
	if !s.PausedUntil.IsZero() && !s.PausedUntil.After(p.now) && !next.due.Before(s.PausedUntil) {
		s.resume()
	}
	switch stuck := p.stuck(); {
	case stuck == "" && s.parked():
		s.unpark()
	case stuck != "" && p.skipped && !p.More && !s.Paused():
		s.Parked, s.ParkedUntil = stuck, time.Time{}
	}
	s.aim(next.due, p.now)
}

// usedUp tells whether max_runs jobs were made.
func (s *Schedule) usedUp() bool { return s.MaxRuns > 0 && s.Runs >= s.MaxRuns }

// parked tells whether only a job of the schedule can change what becomes of its occurrences.
func (s *Schedule) parked() bool { return s.Parked != "" && s.ParkedUntil.IsZero() }

func (s *Schedule) unpark() { s.Parked, s.ParkedUntil = "", time.Time{} }

// pause passes over what comes due after now, until then if until is given.
func (s *Schedule) pause(reason string, until, now time.Time) {
	s.PausedAt, s.PausedReason, s.PausedUntil = Stamp(now), reason, ceilMilliOrZero(until)
}

// resume ends a pause; jobs that failed before it no longer count.
func (s *Schedule) resume() {
	s.PausedAt, s.PausedReason, s.PausedUntil, s.FailuresInRow = time.Time{}, "", time.Time{}, 0
}

// aim sets when the next turn is due, due being when the occurrence at NextAt comes due: then; but if the schedule only
// passes over what comes, no sooner than after lookIn, or when its pause ends.
func (s *Schedule) aim(due, now time.Time) {
	if s.NextAt.IsZero() {
		s.DueAt = time.Time{}
		s.unpark()
		return
	}
	s.DueAt = due
	if due.After(now) && (s.parked() || s.passesOver(due) == SkipPaused) && due.Before(now.Add(lookIn)) {
		s.DueAt = now.Add(lookIn)
	}
	if !s.PausedUntil.IsZero() && s.PausedUntil.Before(s.DueAt) {
		s.DueAt = s.PausedUntil
	}
}
