package ui

import (
	"fmt"
	"time"

	"punctual/models"
)

// ScheduleForm is the form for a new schedule, or for changing one.
type ScheduleForm struct {
	Frame
	Form    Form
	Name    string // of the schedule to change; "": a new one
	Targets []string
	Preview Preview
}

func (*ScheduleForm) template() string { return "schedule_form" }

// Action is where the form goes.
func (p *ScheduleForm) Action() string {
	if p.Name == "" {
		return "/schedules/new"
	}
	return Link("schedules", p.Name, "edit")
}

// Previewed tells whether there is anything to say about the coming runs.
func (p *ScheduleForm) Previewed() bool { return p.Preview.Asked }

// Runs are the previewed runs.
func (p *ScheduleForm) Runs() []Run { return p.runs(p.Preview.Coming) }

// Zones are suggestions for the zone: any name of the IANA database will do.
func (p *ScheduleForm) Zones() []string { return zones }

var zones = []string{"UTC", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Bogota",
	"America/Chicago", "America/Denver", "America/Los_Angeles", "America/Mexico_City", "America/New_York",
	"America/Sao_Paulo", "America/Toronto", "Asia/Bangkok", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta",
	"Asia/Karachi", "Asia/Kolkata", "Asia/Manila", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Tehran",
	"Asia/Tokyo", "Australia/Perth", "Australia/Sydney", "Europe/Amsterdam", "Europe/Berlin", "Europe/Istanbul",
	"Europe/Kyiv", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Stockholm",
	"Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland", "Pacific/Honolulu"}

// Preview is what a timing comes to.
type Preview struct {
	Asked    bool // Coming was computed, even if it came out empty
	Coming   []models.Coming
	Warnings []string
}

// Run is one coming run as it is drawn.
type Run struct {
	At    Moment
	Local string // by the clocks of the schedule's zone
	Note  string
}

func (f *Frame) runs(coming []models.Coming) []Run {
	out := make([]Run, len(coming))
	for i, c := range coming {
		out[i] = Run{At: f.At(c.At), Local: localWords(c.Local), Note: c.Note}
	}
	return out
}

// localWords turns RFC 3339 into "Mon 2 Mar 2026, 09:00:00 +01:00"; anything else stays as it is.
func localWords(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return t.Format("Mon 2 Jan 2006, 15:04:05 -07:00")
}

// Schedule is one schedule.
type Schedule struct {
	Frame
	Schedule    *models.Schedule
	Preview     Preview
	Occurrences []*models.Occurrence // newest first
	Next        string               // cursor of older occurrences
	Older       bool
	Pause       Form               // reason, until
	Delete      Form               // cancel_jobs
	Backfill    Form               // from, to
	Counted     *models.Backfilled // what the backfill would make; nil: not counted yet
	Whole       bool
}

func (*Schedule) template() string { return "schedule" }

// Spark is the picture of the newest runs.
func (p *Schedule) Spark() Spark {
	var signs []Sign
	for _, s := range p.Settled() {
		signs = append(signs, s.Sign)
	}
	return sparkOf(signs)
}

// Row is the schedule as lists draw it.
func (p *Schedule) Row() ScheduleRow { return p.scheduleRow(p.Schedule) }

// Runs are the coming runs.
func (p *Schedule) Runs() []Run { return p.runs(p.Preview.Coming) }

// Body is what each of its jobs sends.
func (p *Schedule) Body() Body { return BodyOf(p.Schedule.Body, p.Whole) }

// Headers are what each of its jobs sends beside the target's.
func (p *Schedule) Headers() []Line { return headerLines(p.Schedule.Headers.Mask()) }

// Labels are the labels of each of its jobs.
func (p *Schedule) Labels() []Line { return headerLines(p.Schedule.Labels) }

// JobsURL lists its jobs.
func (p *Schedule) JobsURL() string {
	return withCursor("/jobs", map[string][]string{"schedule": {p.Schedule.Name}}, "")
}

// NextURL is the address of older occurrences.
func (p *Schedule) NextURL() string {
	return withCursor(Link("schedules", p.Schedule.Name), nil, p.Next)
}

// Settled is one occurrence, or a stretch of skipped ones, as it is drawn.
type Settled struct {
	*models.Occurrence
	At, Until Moment
	Sign      Sign
	Why       string
}

// Settled are the occurrences on record.
func (p *Schedule) Settled() []Settled {
	out := make([]Settled, len(p.Occurrences))
	for i, o := range p.Occurrences {
		s := Settled{Occurrence: o, At: p.At(o.At), Sign: StateSign(o.JobState)}
		if o.Outcome == models.OccurrenceSkipped {
			s.Sign, s.Why = Sign{"skip", "skipped"}, skipWords(o.Reason)
		}
		if o.Count > 1 {
			s.Until = p.At(o.Until)
		}
		out[i] = s
	}
	return out
}

// Rules are the settings in words, the plain ones left out: a page of defaults tells nobody anything.
func (p *Schedule) Rules() []Line {
	s, d := p.Schedule, models.DefaultSchedule()
	rules := []Line{{"Overlap", overlapWords(s.Overlap)}, {"Catch-up", catchUpWords(s)}}
	add := func(differs bool, name, value string) {
		if differs {
			rules = append(rules, Line{name, visible(value)})
		}
	}
	add(s.DayMatch != d.DayMatch, "Day match", s.DayMatch)
	add(s.DSTGap != d.DSTGap, "Clock forward", "a run inside the gap is skipped")
	add(s.DSTRepeat != d.DSTRepeat, "Clock back", "runs in the repeated hour: "+s.DSTRepeat)
	add(s.Jitter > 0, "Jitter", "up to "+models.FormatDuration(s.Jitter))
	add(!s.StartAt.IsZero(), "Starts", p.At(s.StartAt).UTC)
	add(!s.EndAt.IsZero(), "Ends", p.At(s.EndAt).UTC)
	add(s.MaxRuns > 0, "Runs", fmt.Sprintf("%d of %d", s.Runs, s.MaxRuns))
	add(s.PauseAfterFailures > 0, "Pauses after", fmt.Sprintf("%d failures in a row", s.PauseAfterFailures))
	add(s.RetryPastNext, "Retries", "hold the next run up")
	add(s.Priority != models.Normal, "Priority", s.Priority.String())
	add(s.Path != "", "Path", s.Path)
	add(s.Timeout > 0, "Timeout", models.FormatDuration(s.Timeout))
	add(s.ExpiresIn > 0, "Jobs expire", "after "+models.FormatDuration(s.ExpiresIn))
	add(s.Retry != nil, "Retry", "its own policy over the target's")
	return rules
}

func overlapWords(o models.Overlap) string {
	return map[models.Overlap]string{
		models.OverlapSkip:     "skip: a run that comes due while one is unfinished is left out",
		models.OverlapQueue:    "queue: one run waits, further ones are left out",
		models.OverlapQueueAll: "queue_all: each run waits for the one before",
		models.OverlapCancel:   "cancel_running: the unfinished run is canceled first",
		models.OverlapAllow:    "allow: runs may be out side by side",
	}[o]
}

func catchUpWords(s *models.Schedule) string {
	window := models.FormatDuration(s.CatchUpWindow)
	return map[models.CatchUp]string{
		models.CatchUpNone: "none: missed runs are left out",
		models.CatchUpLast: "last: the newest missed run of the last " + window,
		models.CatchUpAll:  "all: every missed run of the last " + window,
	}[s.CatchUp]
}
