package models

import (
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// walk is one way down an index that gives ids of matching rows, newest first. A list is merged from one walk for
// each state and target, so that each is a plain descent of an index, however rare its rows are among the others.
type walk struct {
	sql  string
	args []any
}

// conditions collects the parts of a WHERE.
type conditions struct {
	sql  []string
	args []any
}

func (c *conditions) add(sql string, args ...any) {
	c.sql, c.args = append(c.sql, sql), append(c.args, args...)
}

func (c conditions) with(sql string, args ...any) conditions {
	return conditions{append(c.sql[:len(c.sql):len(c.sql)], sql), append(c.args[:len(c.args):len(c.args)], args...)}
}

func (c conditions) walk(from, order string) walk {
	sql := "SELECT j.id FROM " + from
	if len(c.sql) > 0 {
		sql += " WHERE " + strings.Join(c.sql, " AND ")
	}
	return walk{sql + " ORDER BY " + order + " DESC", c.args}
}

// ended is the condition of the partial indexes over ended jobs. SQLite takes such an index only if the query holds
// its condition to the letter.
const ended = "j.state IN ('succeeded', 'failed', 'canceled')"

// walks gives the ways to the jobs before (exclusive; "" is from the newest).
func (f JobFilter) walks(db *gorm.DB, before string) ([]walk, error) {
	c := f.conditions(before)
	if f.Schedule != "" {
		var ids []string
		if err := db.Raw(`SELECT id FROM schedules WHERE name = ?`, f.Schedule).Scan(&ids).Error; err != nil {
			return nil, err
		}
		return f.walksOf(c, "j.schedule_id = ? AND j.schedule_id <> ''", ids), nil
	}
	if f.Target == "" {
		return f.perState(c), nil
	}
	ids, err := targetIDs(db, f.Target)
	return f.walksOf(c, "j.target_id = ?", ids), err
}

// targetIDs are the ids of the target of that name, and of dead ones that had it.
func targetIDs(db *gorm.DB, name string) (ids []string, err error) {
	err = db.Raw(`SELECT id FROM targets WHERE name = ? ORDER BY id DESC`, name).Scan(&ids).Error
	return ids, err
}

func (f JobFilter) walksOf(c conditions, where string, ids []string) (all []walk) {
	for _, id := range ids {
		all = append(all, f.perState(c.with(where, id))...)
	}
	return all
}

// perState gives a walk for each state asked for, or one for all.
func (f JobFilter) perState(c conditions) (all []walk) {
	from, order := "jobs j", "j.id"
	if f.LabelKey != "" {
		from, order = "labels l CROSS JOIN jobs j ON j.id = l.job_id", "l.job_id"
	}
	if len(f.States) == 0 {
		return []walk{c.walk(from, order)}
	}
	for _, state := range f.States {
		each := c.with("j.state = '" + string(state) + "'")
		if state.Final() {
			each = each.with(ended)
		}
		all = append(all, each.walk(from, order))
	}
	return all
}

// conditions is everything but target, schedule and state.
func (f JobFilter) conditions(before string) (c conditions) {
	id := "j.id"
	if f.LabelKey != "" {
		id = "l.job_id"
		c.add("l.key = ? AND l.value = ?", f.LabelKey, f.LabelValue)
	}
	top, bottom := before, ""
	narrow := func(low, high string) {
		bottom = max(bottom, low)
		if high != "" && (top == "" || high < top) {
			top = high
		}
	}
	if f.Prefix != "" {
		prefix := f.Prefix
		if !strings.HasPrefix(prefix, prefixJob) {
			prefix = prefixJob + prefix
		}
		narrow(prefix, prefix+"~")
	}
	// Ids sort by the time they were made, which is the job's creation but for the moment between the two.
	const moment = time.Minute
	if !f.CreatedAfter.IsZero() {
		narrow(idFloor(prefixJob, f.CreatedAfter.Add(-moment)), "")
		c.add("j.created_at >= ?", f.CreatedAfter.UnixMicro())
	}
	if !f.CreatedBefore.IsZero() {
		narrow("", idFloor(prefixJob, f.CreatedBefore.Add(moment)))
		c.add("j.created_at < ?", f.CreatedBefore.UnixMicro())
	}
	if top != "" {
		c.add(id+" < ?", top)
	}
	if bottom != "" {
		c.add(id+" >= ?", bottom)
	}
	if f.Origin != "" {
		c.add("j.origin = ?", f.Origin)
	}
	if !f.DueBefore.IsZero() {
		c.add("j.run_at < ?", f.DueBefore.UnixMicro())
	}
	return c
}

// walks gives the ways to the attempts on record before (exclusive; "" is from the newest).
func (f AttemptFilter) walks(db *gorm.DB, before string) (all []walk, err error) {
	var c conditions
	if before != "" {
		c.add("j.id < ?", before)
	}
	if f.Job != "" {
		c.add("j.job_id = ? AND j.job_id <> ''", f.Job)
	}
	if f.StatusCode != 0 {
		c.add("j.status_code = ?", f.StatusCode)
	}
	if f.Outcome != "" {
		c.add("j.outcome = ?", f.Outcome)
	}
	if f.Outcome != "" && f.Outcome != Success {
		c.add("j.outcome <> 'succeeded'") // the condition of the partial indexes, to the letter
	}
	if f.Target == "" {
		return []walk{c.walk("attempts j", "j.id")}, nil
	}
	ids, err := targetIDs(db, f.Target)
	for _, id := range ids {
		all = append(all, c.with("j.target_id = ?", id).walk("attempts j", "j.id"))
	}
	return all, err
}

// walkAll goes all ways at once: the newest ids, at most limit.
func walkAll(db *gorm.DB, walks []walk, limit int) (ids []string, err error) {
	for _, w := range walks {
		var some []string
		if err := db.Raw(w.sql+" LIMIT ?", append(w.args, limit)...).Scan(&some).Error; err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids[:min(limit, len(ids))], nil
}
