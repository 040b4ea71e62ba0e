package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// insertAttempt records an attempt. One that is there already is left as it is.
func (t *tx) insertAttempt(a *Attempt) error {
	n, err := t.exec(`INSERT INTO attempts (id, job_id, target_id, number, outcome, status_code, error_kind, error_message,
		retry_at, started_at, duration, node, dns, connect, tls, first_byte, method, url, req_headers, resp_headers, resp_body,
		truncated) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`,
		a.ID, a.JobID, a.TargetID, a.Number, a.Outcome, a.StatusCode, a.ErrorKind, a.ErrorMessage, toMicro(a.RetryAt),
		a.StartedAt.UnixMicro(), int64(a.Duration), a.Node, int64(a.DNS), int64(a.Connect), int64(a.TLS), int64(a.FirstByte),
		a.Method, a.URL, []byte(a.ReqHeaders), []byte(a.RespHeaders), a.RespBody, a.Truncated)
	if err != nil || n != 1 {
		return err
	}
	t.ledger.called(a)
	if a.ReqBody == nil {
		return nil
	}
	_, err = t.exec(`UPDATE attempts SET req_body = ?, req_truncated = ? WHERE id = ?`, a.ReqBody, a.ReqTruncated, a.ID)
	return err
}

// RecordTest puts a test call on record.
func (s *Store) RecordTest(ctx context.Context, a *Attempt) error {
	line := trailOf(ctx, "test", "target")
	return s.write(ctx, work{act: "record test", run: func(tx *tx) error {
		if err := tx.insertAttempt(a); err != nil {
			return err
		}
		return tx.audit(line, a.Target, nil, said("attempt", a.ID, "outcome", a.Outcome))
	}})
}

// AttemptsOf lists the attempts of a job, oldest first; one that is out is last.
func (s *Store) AttemptsOf(ctx context.Context, jobID string) ([]*Attempt, error) {
	db, done := s.read(ctx)
	defer done()
	jobs, err := jobsWhere(db, "id", "id = ?", jobID)
	if err == nil && len(jobs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	var rows []*Attempt
	err = db.Where("job_id = ? AND job_id <> ''", jobID).Order("number").Find(&rows).Error
	if err := reached(ctx, jobs[0].Of.Name, err); err != nil {
		return nil, err
	}
	if j := jobs[0]; j.State == Running && !slices.ContainsFunc(rows, func(a *Attempt) bool { return a.ID == j.ClaimID }) {
		rows = append(rows, j.Out())
	}
	for _, a := range rows {
		a.Target = jobs[0].Of.Name
	}
	return rows, err
}

// Out is the attempt that a running job's claim stands for.
func (j *Job) Out() *Attempt {
	return &Attempt{ID: j.ClaimID, JobID: j.ID, TargetID: j.TargetID, Number: j.LastNumber + 1, Outcome: Calling,
		StartedAt: j.ClaimedAt, Node: j.ClaimNode, Method: j.Of.Method, URL: j.Of.URL, Target: j.Of.Name}
}

// Attempt is the attempt of that id, also one that is out, or ErrNotFound.
func (s *Store) Attempt(ctx context.Context, id string) (*Attempt, error) {
	db, done := s.read(ctx)
	defer done()
	var a Attempt
	err := db.Where("id = ?", id).Take(&a).Error
	if notFound(err) == ErrNotFound {
		out, err := running(db, AttemptFilter{}, "claim_id = ?", id)
		if err == nil && len(out) == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		return out[0], reached(ctx, out[0].Target, nil)
	}
	if err == nil {
		err = nameTargets(db, []*Attempt{&a})
	}
	return &a, reached(ctx, a.Target, err)
}

// Attempts lists attempts, newest first.
func (s *Store) Attempts(ctx context.Context, f AttemptFilter, p Page) ([]*Attempt, string, error) {
	before, err := p.key("attempts")
	if err != nil {
		return nil, "", err
	}
	f.Reach = reachOf(ctx)
	db, done := s.read(ctx)
	defer done()
	var rows []*Attempt
	var next string
	if f.Outcome != Calling {
		if rows, next, err = recorded(db, f, before, p); err != nil {
			return nil, "", err
		}
	}
	if (f.Outcome == "" || f.Outcome == Calling) && f.StatusCode == 0 {
		out, err := running(db, f, "(? = '' OR claim_id < ?) AND claim_id >= ?", before, before, next)
		if err != nil {
			return nil, "", err
		}
		if rows = merge(rows, out); len(rows) > p.limit() {
			rows = rows[:p.limit()]
			next = rows[len(rows)-1].ID
		}
	}
	return rows, nextCursor("attempts", next), nameTargets(db, rows)
}

// merge puts the attempts that are out among those on record, newest first. One that was recorded between the two
// reads is kept as recorded.
func merge(rows, out []*Attempt) []*Attempt {
	for _, a := range out {
		if !slices.ContainsFunc(rows, func(b *Attempt) bool { return b.ID == a.ID }) {
			rows = append(rows, a)
		}
	}
	slices.SortFunc(rows, func(a, b *Attempt) int { return strings.Compare(b.ID, a.ID) })
	return rows
}

// recorded reads a page of the attempts on record before an id, and gives the id behind which the next one begins.
func recorded(db *gorm.DB, f AttemptFilter, before string, p Page) (rows []*Attempt, next string, err error) {
	walks, err := f.walks(db, before)
	if err != nil {
		return nil, "", err
	}
	ids, next, err := walkAll(db, walks, p, lookMost)
	if err != nil {
		return nil, "", err
	}
	err = db.Where("id IN ?", ids).Order("id DESC").Find(&rows).Error
	return rows, next, err
}

// running reads the attempts that are out off their claims. There are never more than the slots of all nodes.
func running(db *gorm.DB, f AttemptFilter, where string, args ...any) ([]*Attempt, error) {
	if f.Job != "" {
		where, args = where+" AND id = ?", append(args, f.Job)
	}
	jobs, err := jobsWhere(db, "claim_id DESC", "state = 'running' AND "+where, args...)
	var out []*Attempt
	for _, j := range jobs {
		if (f.Target == "" || j.Of.Name == f.Target) && inReach(f.Reach, j.Of.Name) {
			out = append(out, j.Out())
		}
	}
	return out, err
}

func nameTargets(db *gorm.DB, rows []*Attempt) error {
	ids := map[string]bool{}
	for _, a := range rows {
		ids[a.TargetID] = true
	}
	of, err := targetsByID(db, keys(ids))
	for _, a := range rows {
		if t := of[a.TargetID]; t != nil {
			a.Target = t.Name
		}
	}
	return err
}

// forgetTests forgets test calls that began before a time, at most limit of them.
func (t *tx) forgetTests(before time.Time, limit int) (int64, error) {
	return t.exec(`DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE job_id = '' AND started_at < ? LIMIT ?)`,
		before.UnixMicro(), limit)
}
