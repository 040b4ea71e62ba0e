package models

import (
	"slices"
	"strings"
	"time"
)

// Schedule is a cron line or interval that keeps making jobs. Its row is its own place in the book: NextAt is the
// first occurrence not yet settled, and only Turn and an edit move it.
type Schedule struct {
	ID          string `gorm:"primaryKey"`
	Name        string // unique among the living
	TargetID    string
	Description string

	Cron      string        // exactly one of Cron and Every
	Every     time.Duration // 0: Cron says when
	Timezone  string        // IANA name
	DayMatch  string        // any, all
	DSTGap    string        `gorm:"column:dst_gap"`    // run_after, skip
	DSTRepeat string        `gorm:"column:dst_repeat"` // first, last, both
	Jitter    time.Duration // each run is due in [at, at+Jitter)
	StartAt   time.Time     `gorm:"serializer:micro"` // start_at ≤ t; zero: no bound
	EndAt     time.Time     `gorm:"serializer:micro"` // t < end_at; zero: no bound
	Anchor    time.Time     `gorm:"serializer:micro"` // Every counts from here when there is no StartAt

	BodyForm    BodyForm
	ContentType string
	Body        []byte
	Path        string
	Headers     Headers `gorm:"serializer:json"`
	Labels      Labels  `gorm:"serializer:json"`
	Priority    Priority
	Timeout     time.Duration // 0: the target's
	Retry       *RetryOver    `gorm:"serializer:json"`
	ExpiresIn   time.Duration // of each job, from its creation; 0: never

	Overlap            Overlap
	RetryPastNext      bool // a job between attempts holds the next occurrence up
	CatchUp            CatchUp
	CatchUpWindow      time.Duration
	MaxRuns            int // 0: no bound
	Runs               int // jobs made by occurrences
	PauseAfterFailures int // 0: never
	FailuresInRow      int

	PausedAt     time.Time `gorm:"serializer:micro"` // zero: not paused
	PausedReason string
	PausedUntil  time.Time `gorm:"serializer:micro"` // zero: until resumed

	NextAt      time.Time `gorm:"serializer:micro"` // nominal time of the first unsettled occurrence; zero: it has ended
	TimingSince time.Time `gorm:"serializer:micro"` // no occurrence but NextAt is at or before it
	DueAt       time.Time `gorm:"serializer:micro"` // when the next turn is due, see Schedule.aim; zero: never
	Parked      string    // why every coming occurrence can only be skipped: SkipOverlap, SkipLimit; "": it need not
	ParkedUntil time.Time `gorm:"serializer:micro"` // when an end of a job unparked it; the turn that follows skips up to here

	Version   int64     // one more at each change of the row that a turn must not overlook; see Store.Turn
	CreatedAt time.Time `gorm:"serializer:micro;autoCreateTime:false"`
	UpdatedAt time.Time `gorm:"serializer:micro;autoUpdateTime:false"`
	DeletedAt time.Time `gorm:"serializer:micro"` // zero: living

	Target  string `gorm:"-"` // its target's name, filled by reads
	LastJob *Job   `gorm:"-"` // its newest job, filled by reads; nil: none
}

// Overlap says what becomes of an occurrence that comes due while a job of the same schedule is unfinished.
type Overlap string

// The overlap policies.
const (
	OverlapSkip     Overlap = "skip"           // it is skipped
	OverlapQueue    Overlap = "queue"          // one waits, further ones are skipped
	OverlapQueueAll Overlap = "queue_all"      // each waits
	OverlapCancel   Overlap = "cancel_running" // the unfinished one is canceled first
	OverlapAllow    Overlap = "allow"          // it runs beside
)

// Overlaps lists every overlap policy.
var Overlaps = []Overlap{OverlapSkip, OverlapQueue, OverlapQueueAll, OverlapCancel, OverlapAllow}

// CatchUp says what becomes of missed occurrences that are younger than the window.
type CatchUp string

// The catch-up policies.
const (
	CatchUpNone CatchUp = "none" // all are skipped
	CatchUpLast CatchUp = "last" // the newest runs
	CatchUpAll  CatchUp = "all"  // all run, oldest first
)

// CatchUps lists every catch-up policy.
var CatchUps = []CatchUp{CatchUpNone, CatchUpLast, CatchUpAll}

// Bounds of schedules.
const (
	MaxUnfinished = 1000      // jobs of one schedule at a time; beyond, occurrences are skipped: limit
	MaxCatchUp    = 1000      // missed occurrences that CatchUpAll runs, the newest
	MaxBackfill   = 1000      // occurrences of one backfill
	MaxWindow     = 366 * day // catch_up_window and jitter
)

// Schedule states as the API spells them; they are computed, not stored.
const (
	ScheduleActive = "active"
	SchedulePaused = "paused"
	ScheduleEnded  = "ended"
)

// DefaultSchedule is a schedule with every setting that its maker did not name.
func DefaultSchedule() Schedule {
	return Schedule{Timezone: "UTC", DayMatch: "any", DSTGap: "run_after", DSTRepeat: "first", Headers: Headers{},
		Labels: Labels{}, Priority: Normal, Overlap: OverlapSkip, CatchUp: CatchUpLast, CatchUpWindow: time.Hour}
}

// Paused tells whether its occurrences are passed over.
func (s *Schedule) Paused() bool { return !s.PausedAt.IsZero() }

// Deleted tells whether the schedule is only remembered by its history.
func (s *Schedule) Deleted() bool { return !s.DeletedAt.IsZero() }

// Status is active, paused or ended.
func (s *Schedule) Status() string {
	switch {
	case s.NextAt.IsZero():
		return ScheduleEnded
	case s.Paused():
		return SchedulePaused
	}
	return ScheduleActive
}

// Timing is the part of the schedule that says when.
func (s *Schedule) Timing() Timing {
	return Timing{Name: s.Name, Cron: s.Cron, Every: s.Every, Timezone: s.Timezone, DayMatch: s.DayMatch,
		DSTGap: s.DSTGap, DSTRepeat: s.DSTRepeat, StartAt: optional(s.StartAt), EndAt: optional(s.EndAt),
		Anchor: s.Anchor}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Template is what each of the schedule's jobs is made from.
func (s *Schedule) Template() JobSpec {
	return JobSpec{BodyForm: s.BodyForm, ContentType: s.ContentType, Body: s.Body, Path: s.Path, Headers: s.Headers,
		Labels: s.Labels, Priority: s.Priority, Timeout: s.Timeout, Retry: s.Retry, ExpiresIn: s.ExpiresIn}
}

// Validate checks every setting against its bounds and its target's method, and returns Invalids.
func (s *Schedule) Validate(target *Target) error {
	var bad Invalids
	bad.under("", CheckName(s.Name))
	_, err := s.Timing().Compile()
	bad.under("", err)
	template := s.Template()
	bad.under("", template.Validate(target))
	if s.Jitter < 0 || s.Jitter > MaxWindow {
		bad.add("jitter", "must be between 0s and 366d")
	}
	if !slices.Contains(Overlaps, s.Overlap) {
		bad.add("overlap", "must be one of "+join(Overlaps))
	}
	if !slices.Contains(CatchUps, s.CatchUp) {
		bad.add("catch_up", "must be one of "+join(CatchUps))
	}
	if s.CatchUpWindow < 0 || s.CatchUpWindow > MaxWindow {
		bad.add("catch_up_window", "must be between 0s and 366d")
	}
	if s.MaxRuns < 0 || s.MaxRuns > 1_000_000_000 {
		bad.add("max_runs", "must be between 1 and 1000000000")
	}
	if s.PauseAfterFailures < 0 || s.PauseAfterFailures > 1_000_000 {
		bad.add("pause_after_failures", "must be between 0 and 1000000")
	}
	bad.under("", checkText("description", s.Description))
	return bad.orNil()
}

func join[T ~string](words []T) string {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = string(w)
	}
	return strings.Join(plain, " ")
}

// Occurrence is one time that a schedule named and what became of it, or a stretch of neighbouring ones that were
// skipped for the same reason.
type Occurrence struct {
	ScheduleID string    `gorm:"primaryKey"`
	At         time.Time `gorm:"serializer:micro;primaryKey"` // nominal; of a stretch the first
	Until      time.Time `gorm:"serializer:micro"`            // of a stretch the last; of one occurrence the same as At
	Count      int
	Outcome    string // OccurrenceJob or OccurrenceSkipped
	Reason     string // why it was skipped
	JobID      string // "" when skipped

	JobState State `gorm:"->;-:migration"` // of its job, filled by reads; "" when the job is no longer kept
}

// Outcomes of occurrences, and the reasons for skipping one.
const (
	OccurrenceJob     = "job"
	OccurrenceSkipped = "skipped"

	SkipOverlap = "overlap"
	SkipPaused  = "paused"
	SkipMissed  = "missed"
	SkipLimit   = "limit"
)
