package dispatcher

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hashicorp/go-memdb"

	"punctual/models"
)

// The due queue has two levels. A target entry stands for each target with work owed; behind it stands a window of its
// calls, ids only, for each priority. Whatever does not fit a window stays in the book, and the entry says so. Entries
// got from memdb are never changed, only replaced by changed copies.

// target is the queue's entry for a target with work owed.
type target struct {
	ID       string
	HeadAt   time.Time // when the earliest call of its windows is due; zero: its windows are empty
	LoadAt   time.Time // when the book must be asked for more; zero: never
	Later    time.Time // the earliest work known to be in the book beyond the horizon; zero: none
	More     [3]uint64 // by priority: the mark set when work stayed in the book; 0: the window holds all that is due
	Count    [3]int    // by priority: calls in the window
	Loading  bool      // the book is being asked
	LoadFrom time.Time // the book is not asked before this: it was in trouble; zero: it was not
	Parked   string    // held, or why none of its calls may be taken
	Until    time.Time // when a target that is parked for its rate may go on; zero: it waits for something else
}

// call is a job that is due soon.
type call struct {
	ID       string
	Target   string
	Priority models.Priority
	RunAt    time.Time
}

// turn is a schedule whose next turn is due soon.
type turn struct {
	ID      string
	DueAt   time.Time
	Version int64
}

// queue is the due queue. The dispatcher's loop alone edits it; anybody may read a snapshot.
type queue struct {
	db    *memdb.MemDB
	calls map[string]*call // what stands in the windows, by job: the loop's, in no snapshot
	max   int              // calls in all windows, but for one of each target
	size  int              // calls in all windows
	marks uint64           // the last mark given
}

func newQueue(max int) *queue {
	index := func(name string, i memdb.Indexer, unique, missing bool) *memdb.IndexSchema {
		return &memdb.IndexSchema{Name: name, Unique: unique, AllowMissing: missing, Indexer: i}
	}
	db, err := memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		"target": {Name: "target", Indexes: map[string]*memdb.IndexSchema{
			"id": index("id", idIndex(func(o any) string { return o.(*target).ID }), true, false),
			// head walks the targets that may be called, by their earliest call.
			"head": index("head", timeIndex(func(o any) time.Time {
				if t := o.(*target); t.Parked == held {
					return t.HeadAt
				}
				return time.Time{}
			}), false, true),
			// until walks the targets that are parked for a time.
			"until": index("until", timeIndex(func(o any) time.Time { return o.(*target).Until }), false, true),
			// load walks the targets by when the book must be asked.
			"load": index("load", timeIndex(func(o any) time.Time {
				if t := o.(*target); !t.Loading && t.Parked != parkedPaused {
					return t.LoadAt
				}
				return time.Time{}
			}), false, true),
		}},
		"call": {Name: "call", Indexes: map[string]*memdb.IndexSchema{
			// id walks the window of one target and priority: its prefixes are windows.
			"id": index("id", orderIndex{}, true, false),
		}},
		"turn": {Name: "turn", Indexes: map[string]*memdb.IndexSchema{
			"id":  index("id", idIndex(func(o any) string { return o.(*turn).ID }), true, false),
			"due": index("due", timeIndex(func(o any) time.Time { return o.(*turn).DueAt }), false, true),
		}},
	}})
	if err != nil {
		panic(err) // the schema is a constant
	}
	return &queue{db: db, calls: map[string]*call{}, max: max}
}

// timeIndex sorts entries by a time; those with the zero time are not in it.
type timeIndex func(any) time.Time

// FromObject implements memdb.SingleIndexer.
func (f timeIndex) FromObject(o any) (bool, []byte, error) {
	at := f(o)
	if at.IsZero() {
		return false, nil, nil
	}
	return true, timeKey(nil, at), nil
}

// FromArgs implements memdb.Indexer.
func (f timeIndex) FromArgs(args ...any) ([]byte, error) {
	return timeKey(nil, args[0].(time.Time)), nil
}

// timeKey appends t so that the bytes sort as the times do.
func timeKey(to []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(to, uint64(t.UnixMicro())^1<<63)
}

// idIndex finds an entry by its id.
type idIndex func(any) string

// FromObject implements memdb.SingleIndexer.
func (f idIndex) FromObject(o any) (bool, []byte, error) { return true, idKey(f(o)), nil }

// FromArgs implements memdb.Indexer.
func (f idIndex) FromArgs(args ...any) ([]byte, error) { return idKey(args[0].(string)), nil }

// idKey ends an id, so that none is the beginning of another.
func idKey(id string) []byte { return append(append(make([]byte, 0, len(id)+1), id...), 0) }

// orderIndex sorts calls by target, priority and time; the job's id makes the key unique.
type orderIndex struct{}

// FromObject implements memdb.SingleIndexer.
func (orderIndex) FromObject(o any) (bool, []byte, error) {
	c := o.(*call)
	return true, append(timeKey(windowKey(c.Target, c.Priority, len(c.ID)), c.RunAt), c.ID...), nil
}

// FromArgs implements memdb.Indexer.
func (orderIndex) FromArgs(args ...any) ([]byte, error) {
	return nil, fmt.Errorf("the order of calls is walked by window only")
}

// PrefixFromArgs implements memdb.PrefixIndexer.
func (orderIndex) PrefixFromArgs(args ...any) ([]byte, error) {
	return windowKey(args[0].(string), args[1].(models.Priority), 0), nil
}

// windowKey begins the keys of one window, with room for a time and so many bytes behind it.
func windowKey(target string, p models.Priority, more int) []byte {
	key := make([]byte, 0, len(target)+2+8+more)
	return append(append(key, target...), 0, byte(p))
}

// edit is one batch of changes to the queue: one memdb transaction.
type edit struct {
	*queue
	txn   *memdb.Txn
	now   time.Time
	dirty map[string]*target // changed, and not yet in the transaction: see settle
}

func (q *queue) edit(now time.Time) *edit {
	return &edit{queue: q, txn: q.db.Txn(true), now: now, dirty: map[string]*target{}}
}

// commit makes the changes visible.
func (e *edit) commit() {
	e.flush()
	e.txn.Commit()
}

// flush brings all changed targets into the transaction, where the walks see them.
func (e *edit) flush() {
	for id := range e.dirty {
		e.settle(id)
	}
}

// must drops errors that memdb gives only for tables and indexes that the schema does not know.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (e *edit) insert(table string, o any) {
	if err := e.txn.Insert(table, o); err != nil {
		panic(err)
	}
}

func (e *edit) delete(table string, o any) {
	if err := e.txn.Delete(table, o); err != nil && err != memdb.ErrNotFound {
		panic(err)
	}
}

// target gives a copy of a target's entry to change and put back; a new one if there is none.
func (e *edit) target(id string) target {
	if t := e.dirty[id]; t != nil {
		return *t
	}
	if o := must(e.txn.First("target", "id", id)); o != nil {
		return *o.(*target)
	}
	return target{ID: id}
}

func (e *edit) put(t target) { e.dirty[t.ID] = &t }

// settle computes when a changed target's next call and its next load are due, and brings its entry into the
// transaction, or drops it when the target is owed nothing. Targets change many times in a batch: this is done once.
func (e *edit) settle(id string) {
	if e.dirty[id] == nil {
		return
	}
	t := *e.dirty[id]
	delete(e.dirty, id)
	t.HeadAt, t.LoadAt = time.Time{}, time.Time{}
	starved := false
	for _, p := range models.Priorities {
		if t.Count[p] > 0 {
			head := must(e.txn.First("call", "id_prefix", id, p)).(*call)
			if t.HeadAt.IsZero() || head.RunAt.Before(t.HeadAt) {
				t.HeadAt = head.RunAt
			}
		}
		starved = starved || t.starved(p)
	}
	switch {
	case starved && t.LoadFrom.After(e.now):
		t.LoadAt = t.LoadFrom
	case starved:
		t.LoadAt = e.now
	case !t.Later.IsZero():
		t.LoadAt = t.Later.Add(-horizon)
	}
	if t.HeadAt.IsZero() && t.LoadAt.IsZero() && !t.Loading && t.Parked == held {
		e.delete("target", &t)
		return
	}
	e.insert("target", &t)
}

// targets gives the ids of all targets in the queue.
func (e *edit) targets() (ids []string) {
	e.flush()
	it := must(e.txn.Get("target", "id"))
	for o := it.Next(); o != nil; o = it.Next() {
		ids = append(ids, o.(*target).ID)
	}
	return ids
}

// unscheduleAll drops every turn.
func (e *edit) unscheduleAll() { must(e.txn.DeleteAll("turn", "id")) }

// schedule takes up a turn, or replaces the one that the schedule had.
func (e *edit) schedule(t turn) { e.insert("turn", &t) }

// hasTurn tells whether the schedule stands in the queue.
func (e *edit) hasTurn(id string) bool { return must(e.txn.First("turn", "id", id)) != nil }

// unschedule drops the turn of a schedule.
func (e *edit) unschedule(id string) { e.delete("turn", &turn{ID: id}) }

// turns takes the turns that are due, at most limit.
func (e *edit) turns(limit int) (all []turn) {
	it := must(e.txn.Get("turn", "due"))
	for o := it.Next(); o != nil && len(all) < limit; o = it.Next() {
		t := o.(*turn)
		if t.DueAt.After(e.now) {
			break
		}
		all = append(all, *t)
	}
	for i := range all {
		e.delete("turn", &all[i])
	}
	return all
}

// wakeAt is when something in the queue is due next; zero: nothing.
func (q *queue) wakeAt() (first time.Time) {
	txn := q.db.Txn(false)
	earlier := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if o := must(txn.First("target", "head")); o != nil {
		earlier(o.(*target).HeadAt.Add(-ahead))
	}
	if o := must(txn.First("target", "load")); o != nil {
		earlier(o.(*target).LoadAt)
	}
	if o := must(txn.First("target", "until")); o != nil {
		earlier(o.(*target).Until)
	}
	if o := must(txn.First("turn", "due")); o != nil {
		earlier(o.(*turn).DueAt)
	}
	return first
}
