package dispatcher

import (
	"sync"
	"time"

	"punctual/models"
)

// mailbox passes notices to the loop. It never blocks and never loses one: what is in it is bounded by what other
// bounds let through.
type mailbox struct {
	mu      sync.Mutex // protects notices
	notices []any
	wake    chan struct{} // holds a token when there may be notices
}

func (m *mailbox) put(notice any) {
	m.mu.Lock()
	m.notices = append(m.notices, notice)
	m.mu.Unlock()
	m.poke()
}

// poke wakes the loop.
func (m *mailbox) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.notices
	m.notices = nil
	return all
}

// The notices that the loop understands.
type (
	offered   struct{ jobs []*models.Job }
	scheduled struct{ schedules []*models.Schedule }
	changed   struct{ target *models.Target }
	refused   struct { // claims that were not granted
		jobs   []*models.Job // as they stand
		gone   []string      // no longer in the book
		asks   []call        // all that were asked for
		failed bool          // the book is in trouble: nothing was granted
	}
	released struct{ target string } // a slot that was reserved is not needed
	freed    struct {                // a call has ended
		call call
		job  *models.Job // as it stands; nil: unknown
	}
	loaded struct { // what the book has for a target
		wanted
		spec  *models.Target // nil: it was known already
		mark  uint64
		owed  [3][]models.Owed
		later time.Time
		err   error
	}
	heads  struct{ heads []models.Head }
	turned struct {
		asked turn
		got   models.Turned
		err   error
	}
	window struct { // schedules that come due before until
		until time.Time
		due   []models.DueSchedule
		sweep bool // read by the sweep for forgotten ones
		err   error
	}
)
