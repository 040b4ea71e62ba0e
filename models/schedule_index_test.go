package models

import (
	"strings"
	"testing"
)

// TestSchedulesWalkSmallIndexes holds what turns, ends of jobs and edits ask for to indexes that grow neither with the
// finished jobs nor with the history.
func TestSchedulesWalkSmallIndexes(t *testing.T) {
	const unfinished = ` FROM jobs WHERE schedule_id = 's' AND schedule_id <> '' AND state IN ('scheduled', 'running')`
	s := openAlone(t)
	for _, c := range []struct{ sql, index string }{
		{`SELECT 1` + unfinished + ` AND held = 1 AND id <> 'j'`, "jobs_unfinished (schedule_id=? AND held=?)"},
		{`SELECT 1` + unfinished + ` AND held = 0 AND id <> 'j' AND (origin = 'backfill') = 1`,
			"jobs_unfinished (schedule_id=? AND held=? AND <expr>=?)"},
		{`SELECT id` + unfinished + ` AND held = 1 AND id <> 'j' ORDER BY (origin = 'backfill'), scheduled_for, id LIMIT 1`,
			"jobs_unfinished (schedule_id=? AND held=?)"},
		{`SELECT id, state` + unfinished + ` ORDER BY held, (origin = 'backfill'), scheduled_for, id`, "jobs_unfinished (schedule_id=?)"},
		{`SELECT count(*)` + unfinished + ` AND held IN (0, 1)`, "jobs_unfinished (schedule_id=? AND held=?)"},
		{`SELECT max(id) FROM jobs WHERE schedule_id = 's' AND schedule_id <> ''`, "jobs_schedule (schedule_id=?)"},
		{`SELECT id, due_at, version FROM schedules WHERE deleted_at IS NULL AND due_at IS NOT NULL AND due_at < 5
			AND (due_at, id) > (1, 's') ORDER BY due_at, id LIMIT 5`, "schedules_due ("},
		{`UPDATE occurrences SET until = 1, count = count + 1 WHERE schedule_id = 's' AND outcome = 'skipped' AND reason = 'r'
			AND until < 5 AND at = (SELECT max(at) FROM occurrences WHERE schedule_id = 's')`, "PRIMARY KEY (schedule_id=? AND at=?)"},
		{`SELECT until FROM occurrences WHERE schedule_id = 's' ORDER BY at DESC LIMIT 1`, "PRIMARY KEY (schedule_id=?)"},
		{`SELECT at, until FROM occurrences WHERE schedule_id = 's' AND at < 9 AND at >= coalesce((SELECT max(at) FROM occurrences
			WHERE schedule_id = 's' AND at <= 5), 5) AND until >= 5 AND outcome = 'skipped'`, "PRIMARY KEY (schedule_id=? AND at>? AND at<?)"},
	} {
		if got := plan(t, s.reads, c.sql); strings.Contains(got, "TEMP B-TREE") || !strings.Contains(got, c.index) {
			t.Errorf("%s: want %s without a sort, got\n%s", c.sql, c.index, got)
		}
	}
}
