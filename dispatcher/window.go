package dispatcher

import (
	"time"

	"punctual/models"
)

const (
	windowSize = 64 // calls of one target and priority
	windowLow  = 16 // a window with more in the book is refilled at this size
)

// offer takes up a job that is owed, or leaves it to the book when it is due beyond the horizon or its window is full.
func (e *edit) offer(c call) {
	t := e.target(c.Target)
	if old := e.calls[c.ID]; old != nil {
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
		e.calls[c.ID] = &c
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
		it := must(e.txn.GetReverse("call", "id_prefix", t.ID, p))
		tail := it.Next().(*call)
		if !c.RunAt.Before(tail.RunAt) {
			return false
		}
		if t.Count[p] >= windowSize || e.size >= e.max {
			e.take(tail, t)
			t.More[p] = e.mark()
		}
		return true
	}
	return t.More[p] == 0 || t.Count[p] > 0
}

// take takes a call out of its window; t is its target's entry, which the caller puts back.
func (e *edit) take(c *call, t *target) {
	e.delete("call", c)
	delete(e.calls, c.ID)
	t.Count[c.Priority]--
	e.size--
}

// forget takes a job out of the queue.
func (e *edit) forget(id, targetID string) {
	c := e.calls[id]
	if c == nil {
		return
	}
	t := e.target(targetID)
	e.take(c, &t)
	e.put(t)
}

// soon is the time up to which calls are asked for: the claim is written while the last moments pass.
func (e *edit) soon() time.Time { return e.now.Add(ahead) }

// next takes the earliest call of a window that is due, or is about to be; nil if there is none.
func (e *edit) next(t *target, p models.Priority) *call {
	if t.Count[p] == 0 {
		return nil
	}
	c := must(e.txn.First("call", "id_prefix", t.ID, p)).(*call)
	if c.RunAt.After(e.soon()) {
		return nil
	}
	return c
}

// due gives the targets that have a call due, or about to be, and may be called, the longest waiting first.
func (e *edit) due() (all []*target) {
	e.flush()
	it := must(e.txn.Get("target", "head"))
	for o := it.Next(); o != nil; o = it.Next() {
		t := o.(*target)
		if t.HeadAt.After(e.soon()) {
			break
		}
		all = append(all, t)
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
			e.empty(id, p)
			t.Count[p] = 0
			t.More[p] = e.mark()
		}
	}
	e.put(t)
}

// empty drops all calls of a window.
func (e *edit) empty(id string, p models.Priority) {
	it := must(e.txn.Get("call", "id_prefix", id, p))
	for o := it.Next(); o != nil; o = it.Next() {
		delete(e.calls, o.(*call).ID)
	}
	e.size -= must(e.txn.DeleteAll("call", "id_prefix", id, p))
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
		e.empty(id, p)
	}
	if o := must(e.txn.First("target", "id", id)); o != nil {
		e.delete("target", o)
	}
	delete(e.dirty, id)
}
