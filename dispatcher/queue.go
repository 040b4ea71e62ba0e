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

const (
	windowSize = 64 // calls of one target and priority
	windowLow  = 16 // a window with more in the book is refilled at this size
)

// queue is the due queue. The dispatcher's loop alone edits it; anybody may read a snapshot.
type queue struct {
	db    *memdb.MemDB
	max   int    // calls in all windows, but for one of each target
	size  int    // calls in all windows
	marks uint64 // the last mark given
}

func newQueue(max int) *queue {
	index := func(name string, i memdb.Indexer, unique, missing bool) *memdb.IndexSchema {
		return &memdb.IndexSchema{Name: name, Unique: unique, AllowMissing: missing, Indexer: i}
	}
	id := func() *memdb.IndexSchema { return index("id", &memdb.StringFieldIndex{Field: "ID"}, true, false) }
	db, err := memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		"target": {Name: "target", Indexes: map[string]*memdb.IndexSchema{
			"id": id(),
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
			"id": id(),
			// order walks the window of one target and priority.
			"order": index("order", orderIndex{}, false, false),
		}},
		"turn": {Name: "turn", Indexes: map[string]*memdb.IndexSchema{
			"id":  id(),
			"due": index("due", timeIndex(func(o any) time.Time { return o.(*turn).DueAt }), false, true),
		}},
	}})
	if err != nil {
		panic(err) // the schema is a constant
	}
	return &queue{db: db, max: max}
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

// orderIndex sorts calls by target, priority and time.
type orderIndex struct{}

// FromObject implements memdb.SingleIndexer.
func (orderIndex) FromObject(o any) (bool, []byte, error) {
	c := o.(*call)
	return true, timeKey(windowKey(c.Target, c.Priority), c.RunAt), nil
}

// FromArgs implements memdb.Indexer.
func (orderIndex) FromArgs(args ...any) ([]byte, error) {
	return nil, fmt.Errorf("the order of calls is walked by window only")
}

// PrefixFromArgs implements memdb.PrefixIndexer.
func (orderIndex) PrefixFromArgs(args ...any) ([]byte, error) {
	return windowKey(args[0].(string), args[1].(models.Priority)), nil
}

func windowKey(target string, p models.Priority) []byte {
	key := make([]byte, 0, len(target)+16)
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
			head := must(e.txn.First("call", "order_prefix", id, p)).(*call)
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

// offer takes up a job that is owed, or leaves it to the book when it is due beyond the horizon or its window is full.
func (e *edit) offer(c call) {
	t := e.target(c.Target)
	if old := e.call(c.ID); old != nil {
		if *old == c {
			return
		}
		e.take(old, &t)
	}
	switch {
	case t.Parked == parkedPaused:
		t.More[c.Priority] = e.mark()
	case c.RunAt.Sub(e.now) > horizon:
		if t.Later.IsZero() || c.RunAt.Before(t.Later) {
			t.Later = c.RunAt
		}
	case e.fits(&t, c):
		e.insert("call", &c)
		t.Count[c.Priority]++
		e.size++
	default:
		t.More[c.Priority] = e.mark()
	}
	e.put(t)
}

func (q *queue) mark() uint64 {
	q.marks++
	return q.marks
}

// fits tells whether a call belongs into its window, and makes room for it if it sorts before the window's tail.
func (e *edit) fits(t *target, c call) bool {
	p := c.Priority
	if t.Count[p] > 0 && (t.Count[p] >= windowSize || t.More[p] != 0 || e.size >= e.max) {
		it := must(e.txn.GetReverse("call", "order_prefix", t.ID, p))
		tail := it.Next().(*call)
		if !c.RunAt.Before(tail.RunAt) {
			return false
		}
		if t.Count[p] >= windowSize || e.size >= e.max {
			e.delete("call", tail)
			t.Count[p]--
			e.size--
			t.More[p] = e.mark()
		}
		return true
	}
	return t.More[p] == 0 || t.Count[p] > 0
}

// call is the window entry of a job; nil if it stands in none.
func (e *edit) call(id string) *call {
	o := must(e.txn.First("call", "id", id))
	if o == nil {
		return nil
	}
	return o.(*call)
}

// take takes a call out of its window; t is its target's entry, which the caller puts back.
func (e *edit) take(c *call, t *target) {
	e.delete("call", c)
	t.Count[c.Priority]--
	e.size--
}

// forget takes a job out of the queue.
func (e *edit) forget(id, targetID string) {
	c := e.call(id)
	if c == nil {
		return
	}
	t := e.target(targetID)
	e.take(c, &t)
	e.put(t)
}

// next takes the earliest call of a window that is due; nil if there is none.
func (e *edit) next(t *target, p models.Priority) *call {
	if t.Count[p] == 0 {
		return nil
	}
	c := must(e.txn.First("call", "order_prefix", t.ID, p)).(*call)
	if c.RunAt.After(e.now) {
		return nil
	}
	return c
}

// due gives the targets that have a call due and may be called, the longest waiting first.
func (e *edit) due() (all []target) {
	e.flush()
	it := must(e.txn.Get("target", "head"))
	for o := it.Next(); o != nil; o = it.Next() {
		t := o.(*target)
		if t.HeadAt.After(e.now) {
			break
		}
		all = append(all, *t)
	}
	return all
}

// wanted is a target for which the book must be asked.
type wanted struct {
	ID      string
	Windows [3]bool // by priority: those to be read
	Rows    int     // of each at most: what a window holds, and what stands in the book only until its claim is answered
	Later   bool    // also what comes beyond the horizon
}

// loads marks the targets for which the book must be asked now, at most limit, as loading.
func (e *edit) loads(limit int) (want []wanted) {
	e.flush()
	var all []target
	it := must(e.txn.Get("target", "load"))
	for o := it.Next(); o != nil && len(all) < limit; o = it.Next() {
		t := o.(*target)
		if t.LoadAt.After(e.now) {
			break
		}
		all = append(all, *t)
	}
	for i := range all {
		want = append(want, e.want(&all[i]))
		e.insert("target", &all[i])
	}
	return want
}

// want says what of a target must be read: the windows that run low while the book has more for them, or everything
// when work from beyond the horizon has come near.
func (e *edit) want(t *target) wanted {
	w := wanted{ID: t.ID}
	t.Loading = true
	if !t.Later.IsZero() && !t.Later.Add(-horizon).After(e.now) {
		t.Later = time.Time{} // what is read tells it anew
		w.Windows, w.Later = [3]bool{true, true, true}, true
		return w
	}
	for _, p := range models.Priorities {
		w.Windows[p] = t.starved(p)
	}
	return w
}

// starved tells whether a window runs low while the book has more for it.
func (t *target) starved(p models.Priority) bool { return t.More[p] != 0 && t.Count[p] <= windowLow }

// park lets no call of a target be taken. A paused target keeps its entry and no calls: whatever is in its windows
// goes back to the book.
func (e *edit) park(id, why string, until time.Time) {
	t := e.target(id)
	t.Parked, t.Until = why, until
	if why == parkedPaused {
		for _, p := range models.Priorities {
			if t.Count[p] == 0 {
				continue
			}
			n := must(e.txn.DeleteAll("call", "order_prefix", id, p))
			e.size -= n
			t.Count[p] = 0
			t.More[p] = e.mark()
		}
	}
	e.put(t)
}

// unpark lets the calls of a target be taken again.
func (e *edit) unpark(id string) {
	t := e.target(id)
	if t.Parked == held {
		return
	}
	t.Parked, t.Until = held, time.Time{}
	e.put(t)
}

// release unparks the targets whose time has come. What this batch has changed so far needs no look: nobody parks a
// target for a time that is over.
func (e *edit) release() {
	it := must(e.txn.Get("target", "until"))
	var over []string
	for o := it.Next(); o != nil; o = it.Next() {
		t := o.(*target)
		if t.Until.After(e.now) {
			break
		}
		over = append(over, t.ID)
	}
	for _, id := range over {
		e.unpark(id)
	}
}

// remove drops a target with all its calls.
func (e *edit) remove(id string) {
	for _, p := range models.Priorities {
		e.size -= must(e.txn.DeleteAll("call", "order_prefix", id, p))
	}
	if o := must(e.txn.First("target", "id", id)); o != nil {
		e.delete("target", o)
	}
	delete(e.dirty, id)
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
		earlier(o.(*target).HeadAt)
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
