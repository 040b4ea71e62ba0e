package models

import "context"

// Neighbours are the jobs that a schedule made right before and right after one of its jobs; "" where there is none.
func (s *Store) Neighbours(ctx context.Context, j *Job) (before, after string, err error) {
	if j.ScheduleID == "" {
		return "", "", nil
	}
	db, done := s.read(ctx)
	defer done()
	for _, way := range []struct {
		id  *string
		sql string
	}{
		{&before, `SELECT id FROM jobs WHERE schedule_id = ? AND schedule_id <> '' AND id < ? ORDER BY id DESC LIMIT 1`},
		{&after, `SELECT id FROM jobs WHERE schedule_id = ? AND schedule_id <> '' AND id > ? ORDER BY id LIMIT 1`},
	} {
		if err := db.Raw(way.sql, j.ScheduleID, j.ID).Scan(way.id).Error; err != nil {
			return "", "", err
		}
	}
	return before, after, nil
}
