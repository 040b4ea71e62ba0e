package models

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// JobFilter chooses jobs; the zero value of each field chooses all.
type JobFilter struct {
	Target, Schedule            string  // names
	States                      []State // any of them; Retrying is a part of Scheduled
	Origin                      Origin
	Labels                      Labels    // all of them
	StatusCode                  int       // what the last attempt on record was answered with
	CreatedAfter, CreatedBefore time.Time // after ≤ t < before
	DueBefore                   time.Time // run_at < t
	Prefix                      string    // of the id, with or without "job_"
	Reach                       []string  // names of targets: jobs of others are not there; nil: all. The Store sets it
}

// Retrying, in a filter, is scheduled with attempts on record. No job's State is Retrying.
const Retrying State = "retrying"

// Empty tells whether the filter chooses all jobs.
func (f JobFilter) Empty() bool {
	return f.Target == "" && f.Schedule == "" && len(f.States) == 0 && f.Origin == "" && len(f.Labels) == 0 &&
		f.StatusCode == 0 && f.CreatedAfter.IsZero() && f.CreatedBefore.IsZero() && f.DueBefore.IsZero() && f.Prefix == "" &&
		f.Reach == nil
}

// Bounds of the status codes that a filter names.
const (
	minStatus = 100
	maxStatus = 999
)

// Validate checks the words of a filter and returns Invalids that name them as GET /v1/jobs does.
func (f JobFilter) Validate() error {
	var bad Invalids
	for _, s := range f.States {
		if s != Retrying && !slices.Contains(States, s) {
			bad.add("state", "must be one of "+join(append(slices.Clone(States), Retrying)))
			break
		}
	}
	if f.Origin != "" && !slices.Contains(Origins, f.Origin) {
		bad.add("origin", "must be one of "+join(Origins))
	}
	if f.StatusCode != 0 && (f.StatusCode < minStatus || f.StatusCode > maxStatus) {
		bad.add("status_code", "must be between 100 and 999")
	}
	if _, keyless := f.Labels[""]; keyless {
		bad.add("label", "must have a key")
	}
	if f.Prefix != "" && !beginsID(f.Prefix) {
		bad.add("q", "must be how the id of a job begins")
	}
	return bad.orNil()
}

// The conditions of partial indexes. SQLite takes such an index only if the query holds its condition to the letter.
const (
	ended     = "j.state IN ('succeeded', 'failed', 'canceled')"
	retrying  = "j.state = 'scheduled' AND j.attempts > 0"
	noSuccess = "j.last_status > 299"
)

// walks gives the ways to the jobs before (exclusive; "" is from the newest). No job is on two of them.
func (f JobFilter) walks(db *gorm.DB, before string) ([]walk, error) {
	c := f.conditions(before)
	if f.Schedule == "" {
		return f.walksByTarget(db, c)
	}
	if f.Target != "" {
		c.check("j.target_id IN (SELECT id FROM targets WHERE name = ?)", f.Target)
	}
	if f.Reach != nil {
		c.check("j.target_id IN (SELECT id FROM targets WHERE name IN ?)", f.Reach)
	}
	var ids []string
	err := db.Raw(`SELECT id FROM schedules WHERE name = ?`, f.Schedule).Scan(&ids).Error
	var all []walk
	for _, id := range ids {
		if len(f.Labels) > 0 {
			all = append(all, f.anyState(c.checking("j.schedule_id = ?", id)).walk(f.from()))
		} else {
			all = append(all, f.anyState(c.with("j.schedule_id = ? AND j.schedule_id <> ''", id)).walk(f.from()))
		}
	}
	return all, err
}

func (f JobFilter) walksByTarget(db *gorm.DB, c conditions) (all []walk, err error) {
	ids, any, err := reachIDs(db, f.Target, f.Reach)
	if any {
		return f.perState(db, c, ""), nil
	}
	for _, id := range ids {
		all = append(all, f.perState(db, c, id)...)
	}
	return all, err
}

// targetIDs are the ids of the target of that name, and of dead ones that had it.
func targetIDs(db *gorm.DB, name string) (ids []string, err error) {
	err = db.Raw(`SELECT id FROM targets WHERE name = ? ORDER BY id DESC`, name).Scan(&ids).Error
	return ids, err
}

// from is what a walk goes over, and the column that orders it. The jobs of a label are looked up one by one: PostgreSQL would
// merge the label's list with that of all jobs, if both stood in order.
func (f JobFilter) from() (from, order string) {
	if len(f.Labels) > 0 {
		return "labels l CROSS JOIN jobs j", "l.job_id" // in this order: the engine must not choose another
	}
	return "jobs j", "j.id"
}

// perState gives a walk for each state asked for, or one for all, among the jobs of a target by its id; "" is all targets.
// Labels and status codes have indexes of their own, rarer than the states of the jobs in them.
func (f JobFilter) perState(db *gorm.DB, c conditions, target string) (all []walk) {
	of := c
	from, order := f.from()
	by := func(index string) string { // from, entered by an index of the target's rows
		if target == "" {
			return from
		}
		return from + entered(db, index)
	}
	switch {
	case target == "":
	case len(f.Labels) > 0:
		of = c.checking("j.target_id = ?", target)
	default:
		of = c.with("j.target_id = ?", target)
	}
	switch {
	case len(f.Labels) == 0 && f.StatusCode > 299:
		return []walk{f.anyState(of).walk(by("jobs_status_target"), order)}
	case len(f.States) == 0 || len(f.Labels) > 0:
		return []walk{f.anyState(of).walk(from, order)}
	}
	for _, state := range f.States {
		switch {
		case state == Retrying && slices.Contains(f.States, Scheduled): // walked already
		case state == Retrying:
			all = append(all, of.with(retrying).walk(from, order))
		case state == Running:
			all = append(all, c.running(target))
		case state.Final():
			all = append(all, of.with(is(state)).with(ended).walk(by("jobs_ended_target"), order))
		default:
			all = append(all, of.with(is(state)).walk(from, order))
		}
	}
	return all
}

// running goes over all running jobs, which are few, and sorts them. Their index begins with the node; without the word
// about it, and with a plain order, the engine would go over all jobs instead, which are in order already.
func (c conditions) running(target string) walk {
	c = c.with(is(Running)).with("j.claim_node >= ''")
	if target != "" {
		c = c.checking("j.target_id = ?", target)
	}
	return c.walk("jobs j", "j.id || ''")
}

func is(state State) string { return "j.state = '" + string(state) + "'" }

// anyState looks at the states of the jobs that a walk comes by.
func (f JobFilter) anyState(c conditions) conditions {
	var any []string
	for _, state := range f.States {
		if state == Retrying {
			any = append(any, retrying)
		} else {
			any = append(any, is(state))
		}
	}
	if len(any) == 0 {
		return c
	}
	return c.checking("(" + strings.Join(any, " OR ") + ")")
}

// conditions is everything but target, schedule and state.
func (f JobFilter) conditions(before string) (c conditions) {
	_, id := f.from()
	for i, key := range slices.Sorted(maps.Keys(f.Labels)) {
		if i == 0 {
			c.add("l.key = ? AND l.value = ? AND j.id = l.job_id || ''", key, f.Labels[key])
		} else {
			c.check("EXISTS (SELECT 1 FROM labels o WHERE o.key = ? AND o.value = ? AND o.job_id = j.id)", key, f.Labels[key])
		}
	}
	bottom, top := f.ids(before)
	if top != "" {
		c.add(id+" < ?", top)
	}
	if bottom != "" {
		c.add(id+" >= ?", bottom)
	}
	if !f.CreatedAfter.IsZero() {
		c.check("j.created_at >= ?", f.CreatedAfter.UnixMicro())
	}
	if !f.CreatedBefore.IsZero() {
		c.check("j.created_at < ?", f.CreatedBefore.UnixMicro())
	}
	if f.Origin != "" {
		c.check("j.origin = ?", f.Origin)
	}
	if !f.DueBefore.IsZero() {
		c.check("j.run_at < ?", f.DueBefore.UnixMicro())
	}
	switch {
	case f.StatusCode > 299 && len(f.Labels) == 0 && f.Schedule == "":
		c.add("j.last_status = ? AND "+noSuccess, f.StatusCode)
	case f.StatusCode != 0:
		c.check("j.last_status = ?", f.StatusCode)
	}
	return c
}

// ids are the bounds between which the ids of the jobs lie: at or behind bottom and before top; "" is none.
func (f JobFilter) ids(before string) (bottom, top string) {
	top = before
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
	}
	if !f.CreatedBefore.IsZero() {
		narrow("", idFloor(prefixJob, f.CreatedBefore.Add(moment)))
	}
	return bottom, top
}

// AttemptFilter chooses attempts; the zero value of each field chooses all.
type AttemptFilter struct {
	Target     string // name
	Job        string // id
	Outcome    Outcome
	StatusCode int
	Reach      []string // as JobFilter has it
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
		c.check("j.status_code = ?", f.StatusCode)
	}
	switch f.Outcome {
	case "":
	case Success: // nearly all are: found by walking
		c.check("j.outcome = ?", f.Outcome)
	default:
		c.add("j.outcome = ?", f.Outcome)
		c.add("j.outcome <> 'succeeded'") // the condition of the partial indexes, to the letter
	}
	ids, any, err := reachIDs(db, f.Target, f.Reach)
	if any {
		return []walk{c.walk("attempts j", "j.id")}, nil
	}
	for _, id := range ids {
		all = append(all, c.with("j.target_id = ?", id).walk("attempts j", "j.id"))
	}
	return all, err
}
