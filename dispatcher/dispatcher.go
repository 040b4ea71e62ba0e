package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// Config is how a dispatcher works. The zero value of every field has a meaning.
type Config struct {
	Node        string        // id of this process start; "": a new one
	Version     string        // shown to those who ask for the nodes
	MaxInFlight int           // calls out at once, whole node; 0: 4096
	QueueWindow int           // calls in the due queue; 0: 65,536
	Grace       time.Duration // for calls that are out when Run's context ends; 0: 30s
	Retention   time.Duration // how long succeeded and canceled jobs are kept; 0: 7d
	// RetentionFailed is how long failed jobs are kept; 0: 30d.
	RetentionFailed time.Duration
	// RetentionOccurrences is how long what became of occurrences is kept; 0: 90d.
	RetentionOccurrences time.Duration
	// Room says whether there is room for what schedules make. Where there is none they stand still, and settle what came
	// due meanwhile by their catch-up when there is again. It is asked at most once a second; nil: there always is.
	Room   func() bool
	Random func() float64 // in [0,1), from any goroutine; nil: the runtime's
	Log    *slog.Logger   // nil: silent
}

func (c Config) withDefaults() Config {
	const day = 24 * time.Hour
	setDefault(&c.Node, models.NewNodeID())
	setDefault(&c.MaxInFlight, 4096)
	setDefault(&c.QueueWindow, 65536)
	setDefault(&c.Grace, 30*time.Second)
	setDefault(&c.Retention, 7*day)
	setDefault(&c.RetentionFailed, 30*day)
	setDefault(&c.RetentionOccurrences, 90*day)
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Book is what the dispatcher needs of the book. *models.Store is one.
type Book interface {
	Shared() bool
	Now() time.Time
	Listen(to *models.Listener)
	Reclaim(ctx context.Context, node string, now time.Time, random func() float64) (int, error)
	Beat(ctx context.Context, n models.Node, now time.Time) (skew time.Duration, err error)
	Leave(ctx context.Context, node string) error
	Nodes(ctx context.Context) ([]models.Node, error)
	Tell(ctx context.Context, node string, hints []models.Hint) error
	Hear(ctx context.Context, node string, heard func([]models.Hint), missed func()) error
	Seen(ctx context.Context, jobIDs, attemptIDs []string) ([]*models.Job, []*models.Attempt, error)
	Job(ctx context.Context, id string) (*models.Job, error)
	ScheduleByID(ctx context.Context, id string) (*models.Schedule, error)
	Heads(ctx context.Context) ([]models.Head, error)
	Owed(ctx context.Context, targetID string, p models.Priority, before time.Time, limit int) ([]models.Owed, error)
	NextAfter(ctx context.Context, targetID string, after time.Time) (time.Time, error)
	TargetsByID(ctx context.Context, ids []string) (map[string]*models.Target, error)
	TargetsChanged(ctx context.Context, since time.Time) ([]*models.Target, error)
	Claim(node string, asks []models.Ask, now time.Time, hand func(models.Claims)) error
	Finish(f models.Finish) (*models.Finished, error)
	Claims(ctx context.Context, node string) ([]string, error)
	Wishes(ctx context.Context, node string) ([]string, error)
	GiveBack(ctx context.Context, node, claim string, now time.Time) error
	Turn(ask models.TurnAsk, now time.Time, done func(models.Turned, error))
	DueSchedules(ctx context.Context, before, afterDue time.Time, afterID string, limit int) ([]models.DueSchedule, error)
	Expire(ctx context.Context, now time.Time) ([]*models.Job, error)
	Prune(ctx context.Context, keep models.Keep) (total int, more bool, err error)
	Signers(ctx context.Context, t *models.Target, now time.Time) ([]string, error)
	RecordTest(ctx context.Context, a *models.Attempt) error
	RunningOperations(ctx context.Context) ([]string, error)
	StepOperation(ctx context.Context, id string, now time.Time) (*models.OperationStep, error)
}

// Sender makes one call. *webhooks.Sender is one.
type Sender interface {
	Send(ctx context.Context, r webhooks.Request) webhooks.Result
}

// Why a call is cut off: the causes of its context's end.
var (
	errCanceled = errors.New("the job was canceled")
	errShutdown = errors.New("the node is shutting down")
)

// Dispatcher is the engine: it knows what is due, calls it and settles it. Its methods may be called from any
// goroutine, also before Run and after it.
type Dispatcher struct {
	cfg    Config
	book   Book
	sender Sender
	log    *slog.Logger
	pace   pace

	queue  *queue  // edited by the loop alone
	limits *limits // has its own lock
	mail   mailbox // how everybody speaks to the loop
	calls  calls   // what is out, has its own lock
	hub    hub     // watchers, has its own lock

	cluster cluster        // this node among the others
	outbox  outbox         // hints for them, has its own lock
	sights  sights         // events of theirs that are to be shown, has its own lock
	acks    answers        // of them, has its own lock
	ears    sync.WaitGroup // goroutines that look into what was heard

	operations chan struct{} // holds a token when an operation may have been made or ended

	asked     atomic.Int64 // calls whose claims the book owes an answer to
	counts    counters
	startedAt time.Time
	recovered atomic.Bool
	gate      sync.RWMutex // held for reading while a slot is reserved, so that none is after running is false
	running   atomic.Bool
	stopping  atomic.Bool     // calls that have not left stay here
	callCtx   context.Context // of all calls; ended with errShutdown when the grace is over
	cutCalls  context.CancelCauseFunc
	hands     sync.WaitGroup // claims, turns and reservations that the book still owes an answer to
	out       sync.WaitGroup // goroutines that settle a call
}

// counters are the dispatcher's running totals.
type counters struct {
	claimed, refused, finished, turns, orphans, mended, lost, expired, pruned atomic.Uint64
}

// New makes a dispatcher over a book and a sender; Run starts it.
func New(cfg Config, book Book, sender Sender) *Dispatcher {
	cfg = cfg.withDefaults()
	d := &Dispatcher{cfg: cfg, book: book, sender: sender, log: cfg.Log, pace: usual, queue: newQueue(cfg.QueueWindow),
		limits: newLimits(cfg.MaxInFlight), startedAt: time.Now()}
	d.mail.wake = make(chan struct{}, 1)
	d.operations = make(chan struct{}, 1)
	d.calls.byJob = map[string]*out{}
	d.hub.init(d.startedAt)
	d.cluster.shared, d.cluster.look = book.Shared(), make(chan struct{}, 1)
	d.cluster.beat, d.sights.wake = make(chan struct{}, 1), make(chan struct{}, 1)
	if d.outbox.wake = make(chan struct{}, 1); d.cluster.shared {
		d.hub.relay = d.relay
	}
	d.callCtx, d.cutCalls = context.WithCancelCause(context.Background())
	return d
}

// Recover puts on record what a former process left behind: each call that was out then is lost. Run begins with it;
// calling it before lets nobody see such a call as running. It does nothing the second time.
func (d *Dispatcher) Recover(ctx context.Context) error {
	if d.recovered.Load() {
		return nil
	}
	lost, err := d.book.Reclaim(ctx, d.cfg.Node, d.now(), d.cfg.Random)
	if err != nil {
		return fmt.Errorf("reclaim what was out: %w", err)
	}
	d.recovered.Store(true)
	if d.counts.lost.Add(uint64(lost)); lost > 0 {
		d.log.Warn("calls were out when the last process ended", "lost", lost)
	}
	return nil
}

// Run dispatches until ctx ends, after Recover. When ctx ends it takes on nothing new, lets calls that are out finish
// within the grace, gives the rest back as interrupted, and returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	err := d.Recover(ctx)
	if err == nil {
		err = d.join(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return nil // it was told to end before it had begun
	}
	if err != nil {
		return fmt.Errorf("begin to dispatch: %w", err)
	}
	d.book.Listen(&models.Listener{Due: d.hear, Born: d.born})
	alive, die := context.WithCancel(context.WithoutCancel(ctx)) // until nothing is out any more
	var life sync.WaitGroup
	life.Go(func() { d.member(alive) })
	var hands sync.WaitGroup
	loads := make(chan reading)
	for range loaders {
		hands.Go(func() { d.loader(ctx, loads) })
	}
	hands.Go(func() { d.mend(ctx) })
	hands.Go(func() { d.prune(ctx) })
	hands.Go(func() { d.operate(ctx) })
	d.running.Store(true)
	d.loop(ctx, loads)
	d.gate.Lock()
	d.running.Store(false)
	d.gate.Unlock()
	close(loads)
	hands.Wait()
	d.leave()
	d.drain()
	die()
	life.Wait()
	d.left()
	d.book.Listen(nil)
	return nil
}

// drain ends what is out: first by patience, then by force.
func (d *Dispatcher) drain() {
	d.stopping.Store(true)
	d.hands.Wait()
	ended := make(chan struct{})
	go func() {
		d.out.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(d.cfg.Grace):
		d.log.Info("grace is over", "out", d.calls.count())
		d.cutCalls(errShutdown)
		<-ended
	}
	d.cutCalls(errShutdown)
	d.hub.close()
}

// Ready is nil while Run dispatches.
func (d *Dispatcher) Ready() error {
	if !d.running.Load() {
		return errors.New("the dispatcher is not running")
	}
	return nil
}

// Offer takes notice of jobs that a commit made or changed: those that are owed are dispatched when they are due, and
// the calls of those whose cancellation was recorded are cut off.
func (d *Dispatcher) Offer(jobs ...*models.Job) {
	for _, j := range jobs {
		d.hub.publishJob(j, d.now())
		d.cutOff(j)
	}
	d.mail.put(offered{jobs})
}

// now is the time by which all nodes go.
func (d *Dispatcher) now() time.Time { return d.book.Now() }

// cutOff ends the call of a job that somebody wants canceled, if it is out here.
func (d *Dispatcher) cutOff(j *models.Job) {
	if j.State != models.Running || j.CancelRequestedAt.IsZero() {
		return
	}
	if c := d.calls.ofJob(j.ID); c != nil {
		c.cut(errCanceled)
	} else if j.ClaimNode != d.cfg.Node {
		d.post(models.Hint{Kind: models.HintCancel, ID: j.ID})
	}
}

// OfferSchedule takes notice of a schedule that a commit made or changed.
func (d *Dispatcher) OfferSchedule(s *models.Schedule) { d.offerSchedules([]*models.Schedule{s}) }

func (d *Dispatcher) offerSchedules(all []*models.Schedule) {
	for _, s := range all {
		if !d.owns(s.TargetID) {
			d.post(models.Hint{Kind: models.HintSchedule, ID: s.ID})
		}
	}
	d.mail.put(scheduled{all})
}

// hear takes notice of what a commit made due beside what it was asked for.
func (d *Dispatcher) hear(jobs []*models.Job, schedules []*models.Schedule) {
	if len(jobs) > 0 {
		d.Offer(jobs...)
	}
	d.offerSchedules(schedules)
}

// TargetChanged takes notice of a target that a commit changed, paused, resumed or deleted. When it returns, no
// attempt at a paused or deleted target can begin any more.
func (d *Dispatcher) TargetChanged(ctx context.Context, t *models.Target) {
	d.targetChanged(ctx, t)
	d.tellTarget(ctx, t)
}

// targetChanged is TargetChanged for this node.
func (d *Dispatcher) targetChanged(ctx context.Context, t *models.Target) {
	d.mail.put(changed{t})
	if !t.Paused() && !t.Deleted() {
		return
	}
	// Claims that the pause came too late for have been handed over before its commit was answered: wait until each
	// of them has left.
	for _, c := range d.calls.of(t.ID) {
		select {
		case <-c.begun:
		case <-ctx.Done():
			return
		}
	}
}

// Cancel cuts off the call of a job whose cancellation a commit recorded, if it is out here, and returns when its end
// is on record or ctx ends.
func (d *Dispatcher) Cancel(ctx context.Context, job *models.Job) {
	c := d.calls.ofJob(job.ID)
	if c == nil {
		if d.Offer(job); d.cluster.shared && job.State == models.Running && job.ClaimNode != d.cfg.Node {
			d.cancelElsewhere(ctx, job)
		}
		return
	}
	c.cut(errCanceled)
	select {
	case <-c.ended:
	case <-ctx.Done():
	}
}
