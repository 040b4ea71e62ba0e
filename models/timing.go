package models

import (
	"slices"
	"time"
)

// Timing is the part of a schedule that says when.
type Timing struct {
	Name      string        // the schedule's name, by which H is spread
	Cron      string        // an expression; exactly one of Cron and Every is given
	Every     time.Duration // elapsed time between occurrences, MinEvery to MaxEvery in whole milliseconds
	Timezone  string        // IANA name; "" is UTC
	DayMatch  string        // where both day fields are restricted: any (or "") or all
	DSTGap    string        // for local times that a zone leaves out: run_after (or "") or skip
	DSTRepeat string        // for local times that a zone shows twice: first (or ""), last or both
	StartAt   *time.Time    // no occurrence is earlier; nil: no bound
	EndAt     *time.Time    // every occurrence is earlier; nil: no bound
	Anchor    time.Time     // when the schedule was made: without StartAt, Every first falls one step later
}

// Bounds of Timing.Every.
const (
	MinEvery = time.Second
	MaxEvery = 366 * 24 * time.Hour
)

// Compile checks a timing and makes it ready to be asked. The error is an Invalids that names fields of a schedule.
// An expression must fire at some time after StartAt, or else Anchor; EndAt is not looked at.
func (t Timing) Compile() (*Recurrence, error) {
	var wrong Invalids
	r := &Recurrence{timing: t}
	var err error
	if r.zone, err = loadZone(t.Timezone); err != nil {
		wrong.add("timezone", "must be a name from the IANA time zone database, like Europe/Berlin")
	}
	t.checkWords(&wrong)
	t.checkBounds(&wrong)
	switch {
	case t.Cron == "" && t.Every == 0:
		wrong.add("cron", "give either cron or every")
	case t.Cron != "" && t.Every != 0:
		wrong.add("every", "cannot go together with cron")
	case t.Cron != "":
		wrong.under("", r.readCron())
	case t.Every < MinEvery || t.Every > MaxEvery || t.Every%time.Millisecond != 0:
		wrong.add("every", "must be between 1s and 366d, in whole milliseconds")
	}
	if len(wrong) == 0 && r.calendar != nil {
		// A gap that is skipped may hold every match from some year on. What holds in rulesFrom holds for ever.
		if _, ok := r.nextCron(min(r.notBefore(t.Anchor.Unix()), rulesFrom)); !ok {
			wrong.add("cron", "never fires")
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return r, nil
}

// readCron makes the calendar of the expression.
func (r *Recurrence) readCron() error {
	text, err := readCron(r.timing.Cron, r.timing.Name)
	if err != nil {
		return err
	}
	sets, err := text.sets()
	if err != nil {
		return err
	}
	both := r.timing.DayMatch == "all"
	r.calendar = newCalendar(sets, !both && text.restricts(cronDay) && text.restricts(cronWeekday))
	if r.calendar.empty() {
		return badCron("never fires")
	}
	r.interval, r.warnings = text.interval(), text.warnings(sets, both)
	return nil
}

func (t Timing) checkWords(wrong *Invalids) {
	for _, word := range []struct {
		field, given, why string
		allowed           []string
	}{
		{"day_match", t.DayMatch, "must be any or all", []string{"", "any", "all"}},
		{"dst_gap", t.DSTGap, "must be run_after or skip", []string{"", "run_after", "skip"}},
		{"dst_repeat", t.DSTRepeat, "must be first, last or both", []string{"", "first", "last", "both"}},
	} {
		if !slices.Contains(word.allowed, word.given) {
			wrong.add(word.field, word.why)
		}
	}
}

func (t Timing) checkBounds(wrong *Invalids) {
	inRange := func(at *time.Time) bool {
		return at == nil || at.Unix() >= firstSecond && at.Unix() <= lastSecond
	}
	if !inRange(t.StartAt) {
		wrong.add("start_at", "must lie in the years 1 to 9999")
	}
	if !inRange(t.EndAt) {
		wrong.add("end_at", "must lie in the years 1 to 9999")
	}
	if t.StartAt != nil && t.EndAt != nil && !t.EndAt.After(*t.StartAt) {
		wrong.add("end_at", "must be later than start_at")
	}
}
