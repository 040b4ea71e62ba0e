package models

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// MatchOperation counts the jobs that an operation would come to, and notes it. It looks at each of them. Ids grow in one
// process whatever its clock does; where another one's was ahead the newest job in the book says where to begin. The
// operation keeps to what its asker may know of, also when it is done after the asker's key has ended.
func (s *Store) MatchOperation(ctx context.Context, o *Operation) error {
	o.Reach = reachOf(ctx)
	f, err := o.Filter()
	if err != nil {
		return err
	}
	db, done := s.read(ctx)
	defer done()
	var newest []string
	if err := db.Raw(`SELECT id FROM jobs WHERE id >= ? ORDER BY id DESC LIMIT 1`, o.Position).Scan(&newest).Error; err != nil {
		return err
	}
	for _, id := range newest {
		o.Position = id + "~"
	}
	walks, err := f.walks(db, o.Position)
	if err != nil {
		return err
	}
	o.Matched, err = count(db, walks)
	return err
}

// CreateOperation records an operation, which the dispatcher then does. It gives the one that the same request made
// before, if idem says so.
func (s *Store) CreateOperation(ctx context.Context, o *Operation, idem *Idempotency, now time.Time) (made *Operation, replayed bool, err error) {
	line := trailOf(ctx, "create", "operation")
	err = s.write(ctx, work{act: "create operation", run: func(t *tx) error {
		made, replayed = o, false
		if idem != nil {
			ids, body, err := t.recall(idem.Path, idem.Key)
			switch {
			case err != nil:
				return err
			case len(ids) > 0 && body != idem.Body:
				return &Invalid{"Idempotency-Key", "was used for another request"}
			case len(ids) > 0 && ids[0] != o.ID:
				if made, err = operation(t.DB, ids[0]); err == nil && !slices.Equal(made.Reach, o.Reach) {
					return &Invalid{"Idempotency-Key", "was used for another request"} // by a key that reaches elsewhere
				}
				replayed = true
				return notKept(err)
			}
			if err := t.remember(idem.Path, idem.Key, idem.Body, []string{o.ID}, now); err != nil {
				return err
			}
		}
		if _, err := operation(t.DB, o.ID); err != ErrNotFound {
			return err // recorded by a run whose COMMIT was unclear
		}
		if err := t.audit(line, o.ID, nil, line.shown(o)); err != nil {
			return err
		}
		return t.Create(o).Error
	}})
	return made, replayed, err
}

func operation(db *gorm.DB, id string) (*Operation, error) {
	var o Operation
	if err := db.Where("id = ?", id).Take(&o).Error; err != nil {
		return nil, notFound(err)
	}
	return &o, nil
}

// Operation is the operation of that id, or ErrNotFound.
func (s *Store) Operation(ctx context.Context, id string) (*Operation, error) {
	db, done := s.read(ctx)
	defer done()
	o, err := operation(db, id)
	if err == nil && !o.inReach(reachOf(ctx)) {
		return nil, ErrNotFound
	}
	return o, err
}

// operationsLooked is how many operations a page looks at. Where those in reach are rare among them it comes back short,
// with a cursor that goes on behind the last one looked at.
const operationsLooked = 4 * MaxPage

// Operations lists the operations in reach, newest first.
func (s *Store) Operations(ctx context.Context, p Page) ([]*Operation, string, error) {
	const kind = "operations"
	before, err := p.key(kind)
	if err != nil {
		return nil, "", err
	}
	db, done := s.read(ctx)
	defer done()
	reach, look := reachOf(ctx), p.limit()+1
	if reach != nil {
		look = operationsLooked
	}
	query := db.Order("id DESC").Limit(look)
	if before != "" {
		query = query.Where("id < ?", before)
	}
	var rows []*Operation
	if err := query.Find(&rows).Error; err != nil {
		return nil, "", err
	}
	last := ""
	if len(rows) == look {
		last = rows[look-1].ID
	}
	rows = slices.DeleteFunc(rows, func(o *Operation) bool { return !o.inReach(reach) })
	if len(rows) <= p.limit() && last != "" {
		return rows, cursor(kind, last), nil
	}
	rows, next := cut(p, kind, rows, func(o *Operation) string { return o.ID })
	return rows, next, nil
}

// RunningOperations gives the ids of the operations that are not over, oldest first.
func (s *Store) RunningOperations(ctx context.Context) (ids []string, err error) {
	db, done := s.read(ctx)
	defer done()
	err = db.Raw(`SELECT id FROM operations WHERE state = 'running' ORDER BY id`).Scan(&ids).Error
	return ids, err
}

// CancelOperation ends an operation where it stands: what it has done stays done. One that is done is a Conflict.
func (s *Store) CancelOperation(ctx context.Context, id string, now time.Time) (out *Operation, err error) {
	line := trailOf(ctx, "cancel", "operation")
	err = s.write(ctx, work{act: "cancel operation", run: func(t *tx) error {
		if out, err = operation(t.locking(), id); err != nil {
			return err
		}
		if !out.inReach(reachOf(ctx)) {
			return ErrNotFound
		}
		switch out.State {
		case OperationDone:
			return &Conflict{"the operation is done already"}
		case OperationRunning:
			out.end(OperationCanceled, now)
			out.UpdatedAt = Stamp(now)
			if err := t.audit(line, id, nil, nil); err != nil {
				return err
			}
			return t.saveOperation(out)
		}
		return nil
	}})
	return out, err
}

// locking is the transaction's handle for a row that must not change before the commit.
func (t *tx) locking() *gorm.DB {
	if t.shared {
		return locked(t.DB)
	}
	return t.DB
}

func (t *tx) saveOperation(o *Operation) error {
	return t.Select("*").Omit("ID", "CreatedAt").Updates(o).Error
}

// pruneOperations forgets a step of the operations that ended before a time.
func (t *tx) pruneOperations(before time.Time) (int64, error) {
	return t.exec(`DELETE FROM operations WHERE id IN (SELECT id FROM operations WHERE finished_at IS NOT NULL AND finished_at < ?
		ORDER BY finished_at LIMIT ?)`, before.UnixMicro(), step)
}

// The bounds of one step of an operation: whichever is reached first ends it. The writer's other work waits for it.
const (
	operationJobs = 200
	operationTime = 10 * time.Millisecond
)

// OperationStep is what a step of an operation did.
type OperationStep struct {
	Operation *Operation
	Jobs      []*Job // changed or made, as they stand now
	Due       int    // of Jobs: due now
}

// StepOperation does the next step of a running operation, and ends it after the last. Its jobs, what is counted of
// them and the place where it goes on change in one transaction: a crash does nothing twice and leaves nothing out. It
// is a turn of its own among the writer's work, and short.
func (s *Store) StepOperation(ctx context.Context, id string, now time.Time) (*OperationStep, error) {
	asked, jobs, rest, err := s.nextOf(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &OperationStep{Operation: asked}
	if asked.State != OperationRunning {
		return out, nil
	}
	err = s.write(ctx, work{act: "step " + id, lane: swept, run: func(t *tx) error {
		out.Jobs, out.Due = nil, 0
		o, err := operation(t.locking(), id)
		if err != nil {
			return err
		}
		if out.Operation = o; o.State != OperationRunning || o.Position != asked.Position {
			return nil // it was canceled, or somebody else, or this very work, has done this step
		}
		spent, position := stopwatch(), rest
		for i, j := range jobs {
			if i > 0 && spent() > operationTime {
				position = jobs[i-1].ID
				break
			}
			changed, err := t.act(o.Action, j, now)
			var conflict *Conflict
			var bad *Invalid
			var many Invalids
			switch {
			case errors.As(err, &conflict):
				o.fail(conflict.Why)
			case errors.As(err, &bad) || errors.As(err, &many):
				o.fail(err.Error())
			case err == ErrNotFound:
				o.fail("the job is gone")
			case err != nil:
				return err
			default:
				o.Done++
				if changed != nil {
					out.Jobs = append(out.Jobs, changed)
					if changed.Due(now) {
						out.Due++
					}
				}
			}
		}
		if o.Position, o.UpdatedAt = position, Stamp(now); position == "" {
			o.end(OperationDone, now)
		}
		return t.saveOperation(o)
	}})
	return out, err
}

// nextOf reads the jobs that a running operation comes to next, and behind which id it goes on when it is through with
// them; "" is the end.
func (s *Store) nextOf(ctx context.Context, id string) (o *Operation, jobs []*Job, rest string, err error) {
	db, done := s.read(ctx)
	defer done()
	if o, err = operation(db, id); err != nil || o.State != OperationRunning {
		return o, nil, "", err
	}
	f, err := o.Filter()
	if err != nil {
		return nil, nil, "", err
	}
	ids, rest, err := f.page(db, o.Position, Page{Limit: operationJobs}, lookMost)
	if err != nil || len(ids) == 0 {
		return o, nil, rest, err
	}
	if ids, rest, err = cutBytes(db, ids, rest); err != nil {
		return nil, nil, "", err
	}
	jobs, err = jobsWhere(db, "id DESC", "id IN ?", ids)
	return o, jobs, rest, err
}
