package ui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"punctual/models"
)

// Schedules is the list of schedules, the one that runs next first.
type Schedules struct {
	Frame
	Schedules []*models.Schedule
	Search    string                  // part of a name, or of the target's
	Past      map[string][]models.Run // by schedule id: its newest runs, oldest first
	More      bool                    // there are more than are shown: they are sorted among themselves
}

func (*Schedules) template() string { return "schedules" }

// Matches tells whether a schedule is searched for.
func (p *Schedules) Matches(s *models.Schedule) bool {
	q := strings.ToLower(strings.TrimSpace(p.Search))
	return strings.Contains(s.Name, q) || strings.Contains(s.Target, q)
}

// Pick tells whether rows can be selected.
func (p *Schedules) Pick() bool { return p.May.Write && len(p.Schedules) > 0 }

// ScheduleRow is a schedule in a list.
type ScheduleRow struct {
	*models.Schedule
	Sign Sign
	When string // the cron line, or "every 5m"
	Next Moment // empty when it has ended or is paused
	Last Sign   // of its newest job
	Past Spark  // of its newest runs
}

// Rows are the schedules as they are drawn.
func (p *Schedules) Rows() []ScheduleRow {
	var out []ScheduleRow
	for _, s := range BySoonest(p.Schedules) {
		if p.Matches(s) {
			row := p.scheduleRow(s)
			var signs []Sign
			for _, run := range slices.Backward(p.Past[s.ID]) {
				signs = append(signs, StateSign(run.State))
			}
			row.Past = sparkOf(signs)
			out = append(out, row)
		}
	}
	return out
}

func (f *Frame) scheduleRow(s *models.Schedule) ScheduleRow {
	row := ScheduleRow{Schedule: s, When: s.Cron, Sign: Sign{"ok", s.Status()}}
	if s.Every > 0 {
		row.When = "every " + models.FormatDuration(s.Every)
	}
	switch s.Status() {
	case models.SchedulePaused:
		row.Sign.Name = "hold"
	case models.ScheduleEnded:
		row.Sign.Name = "off"
	default:
		row.Next = f.At(s.NextAt)
	}
	if s.LastJob != nil {
		row.Last = Standing(s.LastJob, f.Now)
	}
	return row
}

// BySoonest orders schedules by their next run; those without one come last, by name.
func BySoonest(all []*models.Schedule) []*models.Schedule {
	sorted := slices.Clone(all)
	key := func(s *models.Schedule) time.Time {
		if s.Status() != models.ScheduleActive {
			return never
		}
		return s.NextAt
	}
	slices.SortStableFunc(sorted, func(a, b *models.Schedule) int {
		return cmp.Or(key(a).Compare(key(b)), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}

// never is later than any run.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
