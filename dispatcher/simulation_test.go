package dispatcher

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/models"
	"punctual/models/testdata/postgres"
	"punctual/webhooks"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "run the simulation with this seed only")
	simDays  = flag.Uint64("sim.days", 60, "how long the simulation of schedules lives")
	simSeeds = flag.Uint64("sim.seeds", 3, "run the simulation with so many seeds")
)

// TestSimulation lets the engine work on a real book through hours of trouble, seeded: failures, slow calls, pauses,
// edits, cancels, expiries, crashes between any two steps. It checks the promises while it goes and at the end. With
// PUNCTUAL_TEST_DATABASE=postgres it does the same on that engine in real time, which takes a minute or two.
func TestSimulation(t *testing.T) {
	var seeds []uint64
	for seed := range *simSeeds {
		seeds = append(seeds, seed+1)
	}
	if *simSeed != 0 {
		seeds = []uint64{*simSeed}
	}
	var server *postgres.Server
	if postgres.Asked() {
		server = postgres.New(t, postgres.Options{})
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			if server != nil { // a bubble's clock stands still while a socket is waited for
				newWorld(t, server.Database(t), seed, brisk).live()
			} else {
				path := filepath.Join(t.TempDir(), "book.db")
				synctest.Test(t, func(t *testing.T) { newWorld(t, path, seed, leisurely).live() })
			}
			if t.Failed() {
				t.Logf("run it again: go test ./dispatcher -run TestSimulation -sim.seed=%d", seed)
			}
		})
	}
}

// world is one simulation.
type world struct {
	*testing.T
	path   string
	pace   pace
	tempo  tempo
	eras   map[string][]era // by schedule: its timings, oldest first
	random *rand.Rand       // of the world's own decisions, by its one goroutine
	engine *engine
	book   *frail
	lives  int

	mu        sync.Mutex // protects the fields below
	dice      *rand.Rand // of the targets' answers
	calls     []received
	active    map[string]int       // by job
	inFlight  map[string]int       // by target
	paused    map[string]bool      // by target id: a pause was answered
	canceled  map[string]bool      // by job: a cancel was answered
	targets   map[string]*target_  // by id
	accepted  map[string]*accepted // by job
	life      int                  // grows at each start: calls of an earlier life are dead
	schedules []*models.Schedule
	out       map[string]map[string]bool // by schedule: its jobs that are out
	triggered map[string]bool            // by job: made by hand, whatever the overlap policy says
	meetings  []meeting
	excused   map[string]bool // by attempt: granted before its job was canceled or its target paused
}

// target_ is a target and how it behaves.
type target_ struct {
	*models.Target
	failing, slow, lossy float64 // odds
}

// accepted is a job that a client was told is safe.
type accepted struct {
	target string
	due    time.Time
	expiry time.Time
	max    int
}

func newWorld(t *testing.T, path string, seed uint64, how tempo) *world {
	return &world{T: t, path: path, pace: usual, tempo: how, eras: map[string][]era{}, random: rand.New(rand.NewPCG(seed, 1)), dice: rand.New(rand.NewPCG(seed, 2)),
		active: map[string]int{}, inFlight: map[string]int{}, paused: map[string]bool{}, canceled: map[string]bool{},
		targets: map[string]*target_{}, accepted: map[string]*accepted{}, out: map[string]map[string]bool{},
		triggered: map[string]bool{}, excused: map[string]bool{}}
}

// Send implements Sender: it is the target.
func (w *world) Send(ctx context.Context, r webhooks.Request) webhooks.Result {
	life, status, takes := w.receive(r)
	out := webhooks.Result{Started: time.Now()}
	timer := time.NewTimer(min(takes, r.Timeout))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		out.Aborted = true
	case <-timer.C:
		if out.StatusCode = status; takes > r.Timeout || status == 0 {
			out.StatusCode, out.Err = 0, &webhooks.Error{Kind: webhooks.KindTimeout, Message: "timeout"}
		}
	}
	out.Duration = time.Since(out.Started)
	w.mu.Lock()
	defer w.mu.Unlock()
	if life == w.life {
		w.active[r.ID]--
		w.inFlight[w.called(r).ID]--
		delete(w.out[r.Schedule], r.ID)
	}
	return out
}

// receive checks what must hold at the moment a call arrives, and decides what comes of it.
func (w *world) receive(r webhooks.Request) (life, status int, takes time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	target := w.called(r)
	w.calls = append(w.calls, received{r.ID, r.AttemptID, now})
	w.active[r.ID]++
	w.inFlight[target.ID]++
	switch a := w.accepted[r.ID]; {
	case w.active[r.ID] > 1:
		w.Errorf("two calls of %s at once", r.ID)
	case w.inFlight[target.ID] > target.MaxInFlight:
		w.Errorf("%d calls to %s at once, at most %d", w.inFlight[target.ID], target.Name, target.MaxInFlight)
	case w.paused[target.ID] && !w.excused[r.AttemptID]:
		w.Errorf("a call of %s began at a paused target", r.ID)
	case w.canceled[r.ID] && !w.excused[r.AttemptID]:
		w.Errorf("a call of %s began after it was canceled", r.ID)
	case a != nil && now.Before(a.due):
		w.Errorf("%s was called %v early", r.ID, a.due.Sub(now))
	case a != nil && !a.expiry.IsZero() && !now.Before(a.expiry) && !w.tempo.real: // where it is real, time passes on the way
		w.Errorf("a call of %s began %v after it expired", r.ID, now.Sub(a.expiry))
	}
	if r.Schedule != "" {
		w.meet(r.Schedule, r.ID)
		if w.out[r.Schedule] == nil {
			w.out[r.Schedule] = map[string]bool{}
		}
		w.out[r.Schedule][r.ID] = true
	}
	takes = time.Duration(w.dice.ExpFloat64() * float64(w.tempo.answer))
	if w.dice.Float64() < target.slow {
		takes += time.Duration(w.dice.Float64() * float64(4*w.tempo.timeout))
	}
	status = 200
	switch x := w.dice.Float64(); {
	case x < target.failing:
		status = 503
	case x < target.failing+target.lossy:
		status = []int{0, 400, 429}[w.dice.IntN(3)]
	}
	return w.life, status, takes
}

// called is the target of a call, which its URL ends with. The caller holds mu.
func (w *world) called(r webhooks.Request) *target_ {
	for _, t := range w.targets {
		if strings.HasSuffix(r.URL, "/"+t.Name) {
			return t
		}
	}
	w.Errorf("a call to %s, where nobody is", r.URL)
	return nil
}

// live runs the world: a day of trouble with many lives, then a quiet time in which all must come to an end.
func (w *world) live() {
	w.rise(w.tempo.odds)
	for range 4 {
		w.addTarget()
	}
	for _, t := range w.allTargets()[:2] {
		w.addSchedules(t)
	}
	for range w.tempo.acts {
		w.act()
		w.sleep(w.tempo.between)
		select {
		case <-w.book.died:
			w.die()
			w.rise(w.tempo.odds)
		default:
		}
	}
	w.die()
	w.rise(0)
	for _, t := range w.targets {
		t.failing, t.slow, t.lossy = 0, 0, 0
		w.resume(t)
	}
	w.resumeSchedules()
	w.tempo.settle(w)
	w.judge()
	w.engine.stop()
}

// sleep lets a random time pass.
func (w *world) sleep(mean time.Duration) {
	time.Sleep(time.Duration(w.random.ExpFloat64() * float64(mean)))
}

// settle lets the quiet time pass, and then the calls end that schedules have begun in its last moment.
func (w *world) settle(quiet time.Duration) {
	time.Sleep(quiet)
	synctest.Wait()
	for range 1000 {
		if w.engine.Snapshot().InFlight == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
	}
}

// rise starts a process.
func (w *world) rise(odds float64) {
	w.mu.Lock()
	w.life++
	clear(w.active)
	clear(w.inFlight)
	clear(w.out)
	w.mu.Unlock()
	w.engine = startAt(w.T, w.path, w, func(s *models.Store) Book {
		w.book = newFrail(s, rand.New(rand.NewPCG(w.random.Uint64(), 3)), odds)
		return w.book
	}, w.pace)
	if !w.tempo.real {
		synctest.Wait()
		w.checkCounts()
	}
}

// checkCounts compares the counts that the book keeps with the jobs in it.
func (w *world) checkCounts() {
	ctx := context.Background()
	kept, err := w.engine.store.JobCounts(ctx, "")
	if err != nil {
		w.Fatal(err)
	}
	for _, state := range append(slices.Clone(models.States), models.Retrying) {
		n, err := w.engine.store.CountJobs(ctx, models.JobFilter{States: []models.State{state}})
		if err != nil || n != kept.Of(state) {
			w.Errorf("%d jobs are %s, the book says %d; %v", n, state, kept.Of(state), err)
		}
	}
}

// die ends the process without a goodbye: nothing that it does from now on reaches the book.
func (w *world) die() {
	w.lives++
	w.book.mu.Lock()
	if !w.book.crashed {
		w.book.crashed = true
		close(w.book.died)
	}
	w.book.mu.Unlock()
	w.engine.stopping.Store(true)
	w.engine.cutCalls(errShutdown)
	w.engine.stop()
}

// act does one thing that a client might do.
func (w *world) act() {
	target := w.anyTarget()
	switch n := w.random.IntN(100); {
	case n < 60:
		w.create(target)
	case n < 70:
		w.cancel()
	case n < 76:
		w.pause(target)
	case n < 86:
		w.resume(target)
	case n < 90:
		w.edit(target)
	case n < 94:
		w.retryOrRun()
	case n < 96:
		w.patch()
	case n < 98:
		w.actOnSchedule()
	default:
		w.sleep(w.tempo.rest)
	}
}

func (w *world) anyTarget() *target_ {
	all := w.allTargets()
	return all[w.random.IntN(len(all))]
}

// allTargets gives the targets in the order in which they were made.
func (w *world) allTargets() (all []*target_) {
	for _, id := range slices.Sorted(maps.Keys(w.targets)) {
		all = append(all, w.targets[id])
	}
	return all
}

func (w *world) addTarget() {
	t := w.engine.target(w.T, fmt.Sprintf("target-%d", len(w.targets)), func(t *models.Target) {
		t.MaxInFlight = 1 + w.random.IntN(20)
		t.Timeout, t.Retry = w.tempo.timeout, w.tempo.retry
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.targets[t.ID] = &target_{t, w.random.Float64() * 0.5, w.random.Float64() * 0.1, w.random.Float64() * 0.1}
}

// create makes a few jobs. A client whose process dies under it is told nothing, and then nothing is owed.
func (w *world) create(target *target_) {
	jobs := make([]*models.Job, max(1, w.random.IntN(14)-4))
	for i := range jobs {
		spec := models.JobSpec{Priority: models.Priority(w.random.IntN(3)), BodyForm: models.BodyPayload, Body: []byte("1")}
		if w.random.IntN(3) == 0 {
			spec.Delay = time.Duration(w.random.ExpFloat64() * float64(w.tempo.delay))
		}
		if w.random.IntN(5) == 0 {
			spec.ExpiresIn = spec.Delay + time.Duration((0.01+w.random.ExpFloat64())*float64(w.tempo.expiry))
		}
		job, err := models.NewJob(spec, target.Target, models.FromAPI, time.Now())
		if err != nil {
			w.Fatal(err)
		}
		jobs[i] = job
	}
	reserved := len(jobs) == 1 && w.engine.Reserve(jobs[0], time.Now())
	made, err := w.engine.store.CreateJobs(context.Background(), jobs, nil, nil, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	if reserved && made.Jobs[0].State != models.Running {
		w.engine.Release(jobs[0])
	}
	w.mu.Lock()
	for _, j := range made.Jobs {
		w.accepted[j.ID] = &accepted{target: target.ID, due: j.RunAt, expiry: j.ExpiresAt, max: target.Retry.MaxAttempts}
	}
	w.mu.Unlock()
	if w.random.IntN(20) > 0 { // now and then a hint is lost
		w.engine.Offer(made.Jobs...)
	}
}

func (w *world) anyJob() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, 0, len(w.accepted))
	for id := range w.accepted {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	recent := ids[max(0, len(ids)-60):]
	return recent[w.random.IntN(len(recent))]
}

// cancel checks that after the answer no call of the job begins.
func (w *world) cancel() {
	id := w.anyJob()
	job, err := w.engine.store.CancelJob(context.Background(), id, time.Now())
	if w.refused(err) {
		return
	}
	if job.State == models.Running {
		ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
		w.engine.Cancel(ctx, job)
		done()
	} else {
		w.engine.Offer(job)
	}
	w.excuse()
	w.mu.Lock()
	w.canceled[id] = true
	w.mu.Unlock()
}

// refused tells whether an act was answered with a conflict or could not be done; anything else is a failure.
func (w *world) refused(err error) bool {
	var conflict *models.Conflict
	var invalid *models.Invalid
	if err != nil && !errors.As(err, &conflict) && !errors.As(err, &invalid) && !errors.Is(err, models.ErrNotFound) {
		w.Error(err)
	}
	return err != nil
}

func (w *world) pause(t *target_) {
	now, err := w.engine.store.PauseTarget(context.Background(), t.Name, "because", time.Now())
	if w.refused(err) {
		return
	}
	w.engine.TargetChanged(context.Background(), now)
	w.excuse()
	w.mu.Lock()
	w.paused[t.ID] = true
	w.mu.Unlock()
}

func (w *world) resume(t *target_) {
	w.mu.Lock()
	w.paused[t.ID] = false
	w.mu.Unlock()
	now, err := w.engine.store.ResumeTarget(context.Background(), t.Name, time.Now())
	if !w.refused(err) {
		w.engine.TargetChanged(context.Background(), now)
	}
}

// edit raises or lowers a limit. It counts for calls that begin later, so the check takes the larger one.
func (w *world) edit(t *target_) {
	limit := 1 + w.random.IntN(20)
	w.mu.Lock()
	t.MaxInFlight = max(limit, t.MaxInFlight)
	w.mu.Unlock()
	now, err := w.engine.store.UpdateTarget(context.Background(), t.Name, time.Now(), func(t *models.Target) error {
		t.MaxInFlight = limit
		return nil
	})
	if w.refused(err) {
		return
	}
	w.engine.TargetChanged(context.Background(), now)
}

func (w *world) retryOrRun() {
	id, now := w.anyJob(), time.Now()
	if id == "" {
		return
	}
	w.mu.Lock()
	w.accepted[id].due = now
	w.mu.Unlock()
	job, err := w.engine.store.RunJob(context.Background(), id, now)
	if w.refused(err) {
		w.mu.Lock()
		was := w.canceled[id]
		w.canceled[id] = false
		w.mu.Unlock()
		if job, err = w.engine.store.RetryJob(context.Background(), id, now); w.refused(err) {
			w.mu.Lock()
			w.canceled[id] = was
			w.mu.Unlock()
			return
		}
		w.mu.Lock()
		w.accepted[id].expiry = job.ExpiresAt
		w.accepted[id].max += job.Policy().MaxAttempts
		w.mu.Unlock()
	}
	w.engine.Offer(job)
}

func (w *world) patch() {
	id, to := w.anyJob(), time.Now().Add(w.tempo.expiry/2)
	if id == "" {
		return
	}
	w.mu.Lock()
	if a := w.accepted[id]; to.Before(a.due) {
		a.due = to
	}
	w.mu.Unlock()
	job, err := w.engine.store.UpdateJob(context.Background(), id, time.Now(), func(j *models.Job) error {
		j.RunAt, j.Priority = to, models.Low
		return nil
	})
	if !w.refused(err) {
		w.engine.Offer(job)
	}
}

// judge checks the book against what clients were told and what the targets saw.
func (w *world) judge() {
	w.checkCounts()
	onRecord := map[string]bool{}
	states := map[models.State]int{}
	for id, a := range w.accepted {
		job := w.engine.job(w.T, id)
		states[job.State]++
		if !job.State.Final() {
			w.Errorf("%s is still %s, run_at %v, attempts %d, held %v", id, job.State, job.RunAt, job.Attempts, job.Held)
		}
		attempts, err := w.engine.store.AttemptsOf(context.Background(), id)
		if err != nil {
			w.Fatal(err)
		}
		w.judgeAttempts(job, a, attempts)
		for _, one := range attempts {
			onRecord[one.ID] = true
		}
	}
	for _, c := range w.calls {
		if !onRecord[c.attempt] && w.accepted[c.job] == nil { // of a schedule
			w.recordOf(c.job, onRecord)
		}
		if !onRecord[c.attempt] {
			w.Errorf("the call %s of %s at %v is not on record", c.attempt, c.job, c.at)
		}
	}
	if s := w.engine.Snapshot(); s.Counts.Orphans+s.Counts.Mended != 0 || s.InFlight != 0 {
		w.Errorf("at the end: %+v", s)
	}
	w.judgeSchedules()
	w.judgeMeetings()
	w.Logf("%d lives, %d jobs %v, %d calls", w.lives, len(w.accepted), states, len(w.calls))
}

// recordOf adds the attempts of a job.
func (w *world) recordOf(job string, onRecord map[string]bool) {
	attempts, err := w.engine.store.AttemptsOf(context.Background(), job)
	if err != nil {
		w.Fatal(err)
	}
	for _, one := range attempts {
		onRecord[one.ID] = true
	}
}

func (w *world) judgeAttempts(job *models.Job, a *accepted, attempts []*models.Attempt) {
	used := 0
	for i, one := range attempts {
		switch {
		case one.Number != i+1:
			w.Errorf("%s: attempt %d has number %d", job.ID, i+1, one.Number)
		case i > 0 && !attempts[i-1].RetryAt.IsZero() && one.StartedAt.Before(attempts[i-1].RetryAt) && !w.hurried(job):
			w.Errorf("%s: attempt %d began %v before its time", job.ID, i+1, attempts[i-1].RetryAt.Sub(one.StartedAt))
		case i > 0 && one.StartedAt.Before(attempts[i-1].StartedAt.Add(attempts[i-1].Duration)):
			w.Errorf("%s: attempt %d began before the one before had ended", job.ID, i+1)
		}
		if one.Outcome != models.Interrupted && one.Outcome != models.Lost && one.Outcome != models.Aborted {
			used++
		}
	}
	if used > a.max {
		w.Errorf("%s: %d attempts used, at most %d", job.ID, used, a.max)
	}
	if n := len(attempts); job.State == models.Succeeded && (n == 0 || attempts[n-1].Outcome != models.Success) {
		w.Errorf("%s succeeded without a successful attempt", job.ID)
	}
}

// hurried tells whether a client may have moved the job's time: then RetryAt is no bound.
func (w *world) hurried(job *models.Job) bool { return job.UpdatedAt.After(job.CreatedAt) }
