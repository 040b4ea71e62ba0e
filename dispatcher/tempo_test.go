package dispatcher

import (
	"context"
	"time"

	"punctual/models"
)

// tempo is how fast a simulated world lives. Times with a comment are means of random ones.
type tempo struct {
	real    bool // by the clock on the wall, not by that of a bubble
	acts    int  // of the clients
	odds    float64
	between time.Duration // two acts
	rest    time.Duration // a longer one now and then
	delay   time.Duration // of a job that is for later
	expiry  time.Duration // of a job that is for soon or never
	answer  time.Duration // of a target that is well
	timeout time.Duration
	retry   models.Retry
	pause   time.Duration // the longest of a schedule that has an end
	jitter  time.Duration
	rules   []models.Schedule
	settle  func(*world)
}

// leisurely is the tempo of a bubble: an hour and then a night, in no time.
var leisurely = tempo{acts: 600, odds: 0.0006, between: 4 * time.Second, rest: 2 * time.Minute, delay: 10 * time.Minute,
	expiry: 2 * time.Minute, answer: 80 * time.Millisecond, timeout: 5 * time.Second,
	retry: models.Retry{MaxAttempts: 6, MinBackoff: time.Second, MaxBackoff: 10 * time.Minute, Factor: 3, Jitter: 0.5},
	pause: time.Hour, jitter: 20 * time.Second,
	rules: []models.Schedule{{Cron: "*/5 * * * *"}, {Cron: "30 */2 * * * *"}, {Every: 90 * time.Second},
		{Cron: "0 9 * * *", Timezone: "Europe/Berlin"}},
	settle: func(w *world) { w.settle(8 * time.Hour) }}

// brisk is the tempo of real time, where the book is reached through sockets. Nothing that is judged depends on how fast
// the machine is.
var brisk = tempo{real: true, acts: 500, odds: 0.001, between: 30 * time.Millisecond, rest: time.Second, delay: 3 * time.Second,
	expiry: 2 * time.Second, answer: 5 * time.Millisecond, timeout: 200 * time.Millisecond,
	retry: models.Retry{MaxAttempts: 6, MinBackoff: 50 * time.Millisecond, MaxBackoff: 2 * time.Second, Factor: 3, Jitter: 0.5},
	pause: 4 * time.Second, jitter: 300 * time.Millisecond,
	rules:  []models.Schedule{{Cron: "* * * * * *"}, {Cron: "*/2 * * * * *"}, {Every: time.Second}, {Every: 3 * time.Second}},
	settle: (*world).quieten}

// patience is how long a world in real time may take to come to an end.
const patience = 3 * time.Minute

// quieten waits until every job that was accepted has ended, then stops the schedules and waits for what they have made.
// What the last life left behind is taken up when its lease ends.
func (w *world) quieten() {
	until := time.Now().Add(patience)
	owed := func(states ...models.State) bool {
		n, err := w.engine.store.CountJobs(context.Background(), models.JobFilter{States: states})
		if err != nil {
			w.Fatal(err)
		}
		return n > 0
	}
	for w.unfinished() && time.Now().Before(until) {
		time.Sleep(100 * time.Millisecond)
	}
	for _, s := range w.schedules {
		now, err := w.engine.store.PauseSchedule(context.Background(), s.Name, "", time.Time{}, w.engine.now())
		if !w.refused(err) {
			w.engine.OfferSchedule(now)
		}
	}
	for (owed(models.Scheduled, models.Running) || w.engine.Snapshot().InFlight > 0) && time.Now().Before(until) {
		time.Sleep(100 * time.Millisecond)
	}
}

// unfinished tells whether a job that was accepted has not ended.
func (w *world) unfinished() bool {
	for id := range w.accepted {
		if !w.engine.job(w.T, id).State.Final() {
			return true
		}
	}
	return false
}

// excuse notes the attempts that a cancel or a pause came too late for: in real time they may be on their way still. In a
// bubble none is.
func (w *world) excuse() {
	if !w.tempo.real {
		return
	}
	running, _, err := w.engine.store.JobsWithoutBodies(context.Background(),
		models.JobFilter{States: []models.State{models.Running}}, models.Page{Limit: models.MaxPage})
	if err != nil {
		w.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.engine.calls.claims() {
		w.excused[id] = true
	}
	for _, j := range running {
		w.excused[j.ClaimID] = true
	}
}
