package models

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Idempotency names a request that must not be done twice.
type Idempotency struct {
	Path string   // of the request
	Key  string   // the Idempotency-Key
	Body [32]byte // SHA-256 of the raw body
}

// Created is what became of a request for jobs.
type Created struct {
	Jobs     []*Job // in the order asked; one that was there already as it is now
	Fresh    []bool // which of them this request made
	Replayed bool   // the whole request was made before: nothing is new
}

// rememberFor is how long a request is remembered at least; longer while one of its jobs is kept.
const rememberFor = 24 * time.Hour

// CreateJobs records jobs, all or none. A job that comes with a claim is born running, if its target is not paused, and
// handed to the Listener as soon as it is durable; otherwise it is born scheduled. keyBodies, which may be nil, holds for
// each job the SHA-256 of what was asked for under its Key. A key that was used for something else is Invalid, and so is a
// target that has gone meanwhile; one whose job has been deleted is a Conflict as long as it is remembered.
func (s *Store) CreateJobs(ctx context.Context, jobs []*Job, keyBodies [][32]byte, idem *Idempotency, now time.Time) (*Created, error) {
	var out *Created
	var size int64
	for _, j := range jobs {
		size += int64(len(j.Body))
	}
	var line *trail
	if len(jobs) == 1 && jobs[0].RerunOf != "" {
		line = trailOf(ctx, "rerun", "job")
	}
	var born []Claimed
	// Where statements travel, a savepoint costs as much as an insert; what has no key hardly ever fails.
	hot := s.manner.shared && idem == nil && !slices.ContainsFunc(jobs, func(j *Job) bool { return j.Key != "" })
	err := s.write(ctx, work{act: "create jobs", size: size, hot: hot, run: func(tx *tx) (err error) {
		if out, err = tx.createJobs(jobs, keyBodies, idem, now); err != nil {
			return err
		}
		if line != nil && !out.Replayed {
			if err := tx.audit(line, jobs[0].RerunOf, nil, said("job", jobs[0].ID)); err != nil {
				return err
			}
		}
		born, err = tx.born(out, now)
		return err
	}, hand: func() {
		if to := s.writer.listen.Load(); to != nil {
			for _, c := range born {
				to.Born(c)
			}
		}
	}})
	return out, err
}

// born gives the jobs that were created under a claim.
func (t *tx) born(created *Created, now time.Time) (all []Claimed, err error) {
	for i, j := range created.Jobs {
		if !created.Fresh[i] || j.State != Running {
			continue
		}
		c := Claimed{Job: j}
		if c.Secrets, err = t.signersOf(j.TargetID, now); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (t *tx) createJobs(jobs []*Job, keyBodies [][32]byte, idem *Idempotency, now time.Time) (*Created, error) {
	if idem != nil {
		if done, err := t.replay(idem, jobs, now); done != nil || err != nil {
			return done, err
		}
	}
	out := &Created{Jobs: make([]*Job, len(jobs)), Fresh: make([]bool, len(jobs))}
	for i, j := range jobs {
		made, err := t.createJob(j, i, keyBodies, now)
		if err != nil {
			return nil, within(err, i, len(jobs))
		}
		out.Jobs[i], out.Fresh[i] = made, made == j
	}
	if idem == nil {
		return out, nil
	}
	return out, t.remember(idem.Path, idem.Key, idem.Body, idsOf(out.Jobs), now)
}

// createJob records one job, or finds the one that was made under its key.
func (t *tx) createJob(j *Job, i int, keyBodies [][32]byte, now time.Time) (*Job, error) {
	target, err := t.living(j.TargetID)
	if err != nil {
		return nil, err
	}
	if j.Of = target; j.ClaimID != "" && target.Paused() {
		j.State, j.ClaimID, j.ClaimNode, j.ClaimedAt = Scheduled, "", "", time.Time{}
	}
	if j.Key == "" {
		return j, t.insertJob(j)
	}
	path := "key:" + j.TargetID
	ids, body, err := t.recall(path, j.Key)
	switch {
	case err != nil:
		return nil, err
	case len(ids) > 0 && body != keyBodies[i]:
		return nil, &Invalid{"key", "was used for another request to this target"}
	case len(ids) > 0 && ids[0] != j.ID:
		old, err := t.jobToShow(ids[0])
		return old, notKept(err)
	}
	if err := t.insertJob(j); err != nil {
		return nil, err
	}
	return j, t.remember(path, j.Key, keyBodies[i], []string{j.ID}, now)
}

// living is a target for something new. One that has gone is Invalid; trouble with the book is told as it is, so that the
// work runs again.
func (t *tx) living(id string) (*Target, error) {
	target, err := t.target(id)
	if err == ErrNotFound || err == nil && target.Deleted() {
		return nil, &Invalid{"target", "is not a registered target"}
	}
	return target, err
}

// replay gives what the same request made before; nil if it is new, or is this very one run again by the writer.
func (t *tx) replay(idem *Idempotency, jobs []*Job, now time.Time) (*Created, error) {
	ids, body, err := t.recall(idem.Path, idem.Key)
	if err != nil || ids == nil {
		return nil, err
	}
	if body != idem.Body {
		return nil, &Invalid{"Idempotency-Key", "was used for another request"}
	}
	for i, id := range ids {
		if i < len(jobs) && jobs[i].ID == id {
			return nil, nil
		}
	}
	out := &Created{Replayed: true, Fresh: make([]bool, len(ids))}
	for _, id := range ids {
		j, err := t.jobToShow(id)
		if err != nil {
			return nil, notKept(err)
		}
		out.Jobs = append(out.Jobs, j)
	}
	return out, nil
}

// notKept is the answer to a replay of a request whose jobs were deleted meanwhile.
func notKept(err error) error {
	if err == ErrNotFound {
		return &Conflict{"this request was done before, and what it made has been deleted since"}
	}
	return err
}

// recall gives what was made under a key; nil ids if nothing is remembered.
func (t *tx) recall(path, key string) (ids []string, body [32]byte, err error) {
	if err := t.lockKey(path, key); err != nil {
		return nil, body, err
	}
	var list string
	var sum []byte
	err = t.one(`SELECT job_ids, body FROM idempotency WHERE path = ? AND key = ?`, []any{path, key}, &list, &sum)
	if err == ErrNotFound {
		return nil, body, nil
	}
	if err != nil {
		return nil, body, err
	}
	if list == "" {
		return nil, body, nil // locked by us
	}
	copy(body[:], sum)
	return ids, body, json.Unmarshal([]byte(list), &ids)
}

// lockKey lets nobody else remember a request under the same key until the commit: it puts an empty row in its place,
// which remember fills, and waits for those who have done so before.
func (t *tx) lockKey(path, key string) error {
	if !t.shared {
		return nil
	}
	_, err := t.exec(`INSERT INTO idempotency (path, key, body, job_ids, expires_at) VALUES (?, ?, '', '', 0)
		ON CONFLICT (path, key) DO NOTHING`, path, key)
	return err
}

func idsOf(jobs []*Job) []string {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	return ids
}

// remember notes what a request has made: the ids of jobs, or of an operation.
func (t *tx) remember(path, key string, body [32]byte, ids []string, now time.Time) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO idempotency (path, key, body, job_ids, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (path, key) DO UPDATE SET body = excluded.body, job_ids = excluded.job_ids,
		expires_at = excluded.expires_at`, path, key, body[:], string(list), now.Add(rememberFor).UnixMicro())
	return err
}

// within names the job of a batch that an error is about.
func within(err error, i, of int) error {
	if of == 1 {
		return err
	}
	switch bad := err.(type) {
	case *Invalid:
		return &Invalid{fmt.Sprintf("jobs[%d].%s", i, bad.Field), bad.Why}
	case *Conflict:
		return &Conflict{fmt.Sprintf("%s: jobs[%d]", bad.Why, i)}
	}
	return err
}
