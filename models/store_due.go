package models

import (
	"strings"
	"time"

	"gorm.io/gorm"
)

// due is what is due now.
type due struct {
	n      int
	exact  bool      // else n is what there is at least
	oldest time.Time // since when; zero: nothing is due
}

// dueLook is how many jobs of one target and priority are counted one by one.
const dueLook = 10_000

// dueJobs counts the jobs that are due at now, of targets by their ids; no ids is all. It counts at most look of each
// target and priority one by one, and where more are due, those of the target that come later: what is left is due.
func dueJobs(db *gorm.DB, ids []string, now time.Time, look int) (all due, err error) {
	const (
		counted = `(SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = t.target_id
			AND priority = %d AND run_at %s @now LIMIT @look) w)`
		first = `(SELECT min(run_at) FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = t.target_id AND priority = %d)`
	)
	each := func(part, compare string) string {
		var columns []string
		for _, p := range []string{"0", "1", "2"} {
			columns = append(columns, strings.NewReplacer("%d", p, "%s", compare).Replace(part))
		}
		return strings.Join(columns, ", ")
	}
	only := ""
	if len(ids) > 0 {
		only = " AND target_id IN @ids"
	}
	from := ` FROM (SELECT target_id, sum(scheduled + retrying) AS waiting FROM tallies WHERE scheduled + retrying <> 0` + only +
		` GROUP BY target_id) t`
	named := map[string]any{"now": now.UnixMicro(), "look": look, "ids": ids}
	rows, err := db.Raw(`SELECT t.target_id, t.waiting, `+each(counted, "<=")+", "+each(first, "")+from, named).Rows()
	if err != nil {
		return all, err
	}
	defer rows.Close()
	all.exact = true
	crowded := map[string]int{} // targets of which more are due than were looked at, and how many jobs wait there
	for rows.Next() {
		var id string
		var waiting int
		var n [3]int
		var at [3]maybeMicro
		if err := rows.Scan(&id, &waiting, &n[0], &n[1], &n[2], &at[0], &at[1], &at[2]); err != nil {
			return all, err
		}
		for _, t := range at {
			if !t.IsZero() && !t.After(now) && (all.oldest.IsZero() || t.Before(all.oldest)) {
				all.oldest = t.Time
			}
		}
		all.n += n[0] + n[1] + n[2]
		if max(n[0], n[1], n[2]) >= look {
			all.n -= n[0] + n[1] + n[2]
			crowded[id] = waiting
		}
	}
	if err := rows.Err(); err != nil {
		return all, err
	}
	for id, waiting := range crowded {
		n, exact, err := crowdedDue(db, id, waiting, now, look)
		if err != nil {
			return all, err
		}
		all.n, all.exact = all.n+n, all.exact && exact
	}
	return all, nil
}

// crowdedDue is what is due of a target of which more is than is counted: what waits there but for what comes later.
func crowdedDue(db *gorm.DB, id string, waiting int, now time.Time, look int) (n int, exact bool, err error) {
	later, most := 0, 0
	for _, p := range Priorities {
		var n int
		if err := db.Raw(`SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'scheduled' AND held = 0 AND target_id = ?
			AND priority = ? AND run_at > ? LIMIT ?) w`, id, p, now.UnixMicro(), look).Scan(&n).Error; err != nil {
			return 0, false, err
		}
		later, most = later+n, max(most, n)
	}
	if most < look {
		return max(waiting-later, look), true, nil
	}
	return look, false, nil
}
