package models

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"gorm.io/gorm"
)

// ScheduleFilter chooses living schedules; the zero value of each field chooses all.
type ScheduleFilter struct {
	Target string // name
	Match  string // part of its name, or of its target's
	State  string // ScheduleActive, SchedulePaused or ScheduleEnded
}

// scheduleStates are the conditions of Schedule.Status.
var scheduleStates = map[string]string{
	ScheduleActive: "next_at IS NOT NULL AND paused_at IS NULL",
	SchedulePaused: "next_at IS NOT NULL AND paused_at IS NOT NULL",
	ScheduleEnded:  "next_at IS NULL",
}

// asPart is the pattern of a LIKE that finds text anywhere.
func asPart(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(text)) + "%"
}

// among narrows a query to the living schedules that f chooses and that are in reach.
func (f ScheduleFilter) among(ctx context.Context, db *gorm.DB) *gorm.DB {
	query := db.Where("deleted_at IS NULL")
	if reach := reachOf(ctx); reach != nil {
		query = query.Where("target_id IN (SELECT id FROM targets WHERE name IN ?)", reach)
	}
	if f.Target != "" {
		query = query.Where("target_id = (SELECT id FROM targets WHERE name = ? AND deleted_at IS NULL)", f.Target)
	}
	if f.Match != "" {
		part := asPart(f.Match)
		query = query.Where(`(name LIKE ? ESCAPE '\' OR target_id IN (SELECT id FROM targets WHERE name LIKE ? ESCAPE '\'))`, part, part)
	}
	if f.State != "" {
		query = query.Where(scheduleStates[f.State])
	}
	return query
}

// Schedules lists living schedules by name.
func (s *Store) Schedules(ctx context.Context, f ScheduleFilter, p Page) ([]*Schedule, string, error) {
	after, err := p.key("schedules")
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	var rows []*Schedule
	if err := f.among(ctx, db).Where("name > ?", after).Order("name").Limit(p.limit() + 1).Find(&rows).Error; err != nil {
		return nil, "", err
	}
	rows, next := cut(p, "schedules", rows, func(s *Schedule) string { return s.Name })
	return rows, next, fillSchedules(db, rows)
}

// ScheduleNames are the names of the first living schedules by name, at most limit.
func (s *Store) ScheduleNames(ctx context.Context, limit int) (names []string, err error) {
	db, done := s.read(ctx)
	defer done()
	query := ScheduleFilter{}.among(ctx, db).Model(&Schedule{})
	return names, query.Order("name").Limit(limit).Pluck("name", &names).Error
}

// soonest orders schedules by their next run; those that have none, since they are paused or ended, come last.
const soonest = "CASE WHEN next_at IS NOT NULL AND paused_at IS NULL THEN next_at ELSE " + noRun + " END"

const noRun = "9223372036854775807" // math.MaxInt64

func (s *Schedule) soonest() int64 {
	if s.Status() != ScheduleActive {
		return math.MaxInt64
	}
	return s.NextAt.UnixMicro()
}

// SchedulesBySoonest lists living schedules by their next run, then by name. It reads the times of all that f chooses. One
// that runs while somebody pages comes again where it then stands.
func (s *Store) SchedulesBySoonest(ctx context.Context, f ScheduleFilter, p Page) ([]*Schedule, string, error) {
	const kind = "soonest"
	after, err := p.key(kind)
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	query := f.among(ctx, db)
	if after != "" {
		var at int64
		var name string
		if _, err := fmt.Sscanf(after, "%d/%s", &at, &name); err != nil {
			return nil, "", errCursor
		}
		query = query.Where("("+soonest+", name) > (?, ?)", at, name)
	}
	var rows []*Schedule
	if err := query.Order(soonest + ", name").Limit(p.limit() + 1).Find(&rows).Error; err != nil {
		return nil, "", err
	}
	rows, next := cut(p, kind, rows, func(s *Schedule) string { return fmt.Sprintf("%d/%s", s.soonest(), s.Name) })
	return rows, next, fillSchedules(db, rows)
}

// CountSchedules counts the living schedules that f chooses, by state, whatever state f itself names.
func (s *Store) CountSchedules(ctx context.Context, f ScheduleFilter) (map[string]int, error) {
	f.State = ""
	db, done := s.read(ctx)
	defer done()
	rows, err := f.among(ctx, db).Model(&Schedule{}).
		Select("next_at IS NULL AS over, paused_at IS NOT NULL AS paused, count(*)").Group("1, 2").Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var over, paused bool
		var n int
		if err := rows.Scan(&over, &paused, &n); err != nil {
			return nil, err
		}
		one := Schedule{}
		if !over {
			one.NextAt = time.Unix(1, 0)
		}
		if paused {
			one.PausedAt = time.Unix(1, 0)
		}
		counts[one.Status()] += n
	}
	return counts, rows.Err()
}
