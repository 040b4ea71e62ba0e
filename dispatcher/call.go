package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"punctual/models"
	"punctual/webhooks"
)

// out is a call that was granted and whose end is not on record yet.
type out struct {
	job   *models.Job
	cut   context.CancelCauseFunc
	begun chan struct{} // closed when it has left, or is known to stay
	ended chan struct{} // closed when its end is on record
}

// calls are all that is out.
type calls struct {
	mu    sync.Mutex // protects byJob
	byJob map[string]*out
}

func (c *calls) add(o *out) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byJob[o.job.ID] = o
}

func (c *calls) remove(o *out) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byJob[o.job.ID] == o {
		delete(c.byJob, o.job.ID)
	}
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byJob)
}

func (c *calls) ofJob(id string) *out {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byJob[id]
}

// cutAll cuts off every call, and tells how many there were.
func (c *calls) cutAll(cause error) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.byJob {
		o.cut(cause)
	}
	return len(c.byJob)
}

// of gives the calls to one target.
func (c *calls) of(targetID string) (all []*out) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.byJob {
		if o.job.TargetID == targetID {
			all = append(all, o)
		}
	}
	return all
}

// claims gives the ids of the claims in this node's hands.
func (c *calls) claims() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make(map[string]bool, len(c.byJob))
	for _, o := range c.byJob {
		ids[o.job.ClaimID] = true
	}
	return ids
}

// start sends a claimed job on its way.
func (d *Dispatcher) start(asked call, c models.Claimed) {
	ctx, cut := context.WithCancelCause(d.callCtx)
	o := &out{job: c.Job, cut: cut, begun: make(chan struct{}), ended: make(chan struct{})}
	d.calls.add(o)
	d.out.Go(func() {
		defer cut(nil)
		job := d.call(ctx, o, c)
		d.calls.remove(o)
		close(o.ended)
		d.mail.put(freed{asked, job})
	})
}

// call makes one attempt at a claimed job and puts its end on record. It gives the job as it then stands, nil if the
// claim was lost or the book is closed.
func (d *Dispatcher) call(ctx context.Context, o *out, c models.Claimed) *models.Job {
	job := c.Job
	d.hub.publishJob(job, job.ClaimedAt)
	attempt, answer, retryAfter := d.send(ctx, o, c)
	end := attempt.StartedAt.Add(attempt.Duration)
	settled := job.Settle(attempt, answer, end, retryAfter, d.cfg.Random())
	finished, err := d.finish(models.Finish{Job: settled, Attempt: attempt, Gone: answer == models.AnsweredGone})
	d.logAttempt(job, attempt, err)
	if finished == nil {
		return nil
	}
	d.counts.finished.Add(1)
	now := end
	if finished.Job.Last != nil {
		d.hub.publishAttempt(finished.Job, finished.Job.Last, now)
	}
	d.hub.publishJob(finished.Job, now)
	if finished.Paused != nil {
		d.log.Warn("target paused: it answered 410", "target", finished.Paused.Name)
		d.mail.put(changed{finished.Paused})
		d.post(models.Hint{Kind: models.HintTarget, ID: finished.Paused.ID})
	}
	return finished.Job
}

// awaitDue waits until a call that was claimed ahead is due. It waits no longer than a claim is ahead: a clock that is set
// back meanwhile holds nothing up.
func (d *Dispatcher) awaitDue(ctx context.Context, at time.Time) {
	wait := at.Sub(d.now())
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(min(wait, ahead))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// send makes the call, unless it must stay.
func (d *Dispatcher) send(ctx context.Context, o *out, c models.Claimed) (*models.Attempt, models.Answer, time.Duration) {
	d.awaitDue(ctx, c.Job.RunAt)
	job, now := c.Job, d.now()
	timeout, cutShort := job.CallTimeout(), false
	if left := job.ExpiresAt.Sub(now); !job.ExpiresAt.IsZero() && left < timeout {
		timeout, cutShort = left, true
	}
	close(o.begun)
	if d.stopping.Load() || !d.mayCall() || timeout <= 0 || ctx.Err() != nil {
		a := &models.Attempt{ID: job.ClaimID, StartedAt: models.Stamp(now), Node: d.cfg.Node, Method: job.Of.Method, URL: job.CallURL()}
		if errors.Is(context.Cause(ctx), errCanceled) {
			return a, models.AnsweredCanceled, 0
		}
		return a, models.AnsweredInterrupt, 0
	}
	policy := job.Policy()
	req := request(job, c.Secrets, policy, timeout)
	result := d.sender.Send(ctx, req)
	attempt := record(result, req, job.Of.Capture)
	if d.cluster.shared { // the sender goes by this machine's clock
		attempt.StartedAt = models.Stamp(d.now().Add(-time.Since(result.Started)))
	}
	attempt.Node, attempt.Target = d.cfg.Node, job.Of.Name
	if cutShort && attempt.ErrorKind == string(webhooks.KindTimeout) {
		attempt.ErrorMessage += ", when the job expired"
	}
	return attempt, d.answer(ctx, result.Verdict(policy.FailOn)), result.RetryAfter
}

// answer translates the wire's verdict.
func (d *Dispatcher) answer(ctx context.Context, v webhooks.Verdict) models.Answer {
	switch v {
	case webhooks.Succeeded:
		return models.AnsweredOK
	case webhooks.Rejected:
		return models.AnsweredRejected
	case webhooks.Gone:
		return models.AnsweredGone
	case webhooks.Blocked:
		return models.AnsweredBlocked
	case webhooks.Aborted:
		if errors.Is(context.Cause(ctx), errCanceled) {
			return models.AnsweredCanceled
		}
		return models.AnsweredInterrupt
	}
	return models.AnsweredRetry
}

// finish puts an attempt on record, again and again while the book is in trouble: only a lost claim or a closed book
// ends it without.
func (d *Dispatcher) finish(f models.Finish) (*models.Finished, error) {
	const shortest, longest = 50 * time.Millisecond, 5 * time.Second
	for wait := shortest; ; wait = min(2*wait, longest) {
		finished, err := d.book.Finish(f)
		if err == nil || errors.Is(err, models.ErrClaimLost) || errors.Is(err, models.ErrClosed) {
			return finished, err
		}
		d.log.Error("record an attempt", "attempt", f.Attempt.ID, "err", err)
		select {
		case <-time.After(wait):
		case <-d.callCtx.Done(): // the grace is over: the next process will find the claim and call it lost
			return nil, err
		}
	}
}

// request is the call that a job asks for.
func request(j *models.Job, secrets []string, policy models.Retry, timeout time.Duration) webhooks.Request {
	header := http.Header{}
	for name, value := range j.CallHeaders() {
		header.Set(name, value)
	}
	capture := 0 // the sender's own measure
	if kept := j.Of.Capture.ResponseBody; kept != nil {
		if capture = *kept; capture == 0 {
			capture = -1
		}
	}
	return webhooks.Request{Capture: capture, Redact: j.Of.Capture.RedactHeaders, ID: j.ID, AttemptID: j.ClaimID,
		Method: j.Of.Method, URL: j.CallURL(), Header: header, ContentType: j.ContentType, Body: j.Body, Secrets: secrets,
		Timeout: timeout, Attempt: j.Attempts + 1, MaxAttempts: policy.MaxAttempts, ScheduledFor: j.ScheduledFor,
		Schedule: j.Schedule}
}

// record is what stays of a call: everything that was seen, secrets masked.
func record(r webhooks.Result, req webhooks.Request, capture models.Capture) *models.Attempt {
	a := &models.Attempt{ID: req.AttemptID, StatusCode: r.StatusCode, StartedAt: models.Stamp(r.Started), Duration: r.Duration,
		DNS: r.Timing.DNS, Connect: r.Timing.Connect, TLS: r.Timing.TLS, FirstByte: r.Timing.FirstByte,
		Method: req.Method, URL: req.URL, ReqHeaders: headerJSON(r.RequestHeader), RespHeaders: headerJSON(r.ResponseHeader),
		RespBody: r.Body, Truncated: r.Truncated}
	if kept := capture.RequestBody; kept > 0 && len(req.Body) > 0 {
		a.ReqBody, a.ReqTruncated = req.Body[:min(kept, len(req.Body))], len(req.Body) > kept
	}
	if r.Err != nil {
		a.ErrorKind, a.ErrorMessage = string(r.Err.Kind), r.Err.Message
	}
	return a
}

// headerJSON writes fields as one object, repeated ones joined as RFC 9110, 5.3 allows. The sender has masked them.
func headerJSON(h http.Header) json.RawMessage {
	if h == nil {
		return nil
	}
	flat := make(models.Headers, len(h))
	for name, values := range h {
		flat[name] = strings.Join(values, ", ")
	}
	b, err := json.Marshal(flat)
	if err != nil {
		return nil
	}
	return b
}

// logAttempt writes the one wide line of an attempt.
func (d *Dispatcher) logAttempt(j *models.Job, a *models.Attempt, err error) {
	args := []any{"job", j.ID, "attempt", a.ID, "target", j.Of.Name, "number", a.Number, "outcome", string(a.Outcome),
		"status", a.StatusCode, "duration", a.Duration.Round(10 * time.Microsecond),
		"late", a.StartedAt.Sub(j.RunAt).Round(10 * time.Microsecond)}
	if a.ErrorKind != "" {
		args = append(args, "error", a.ErrorKind)
	}
	if err != nil {
		d.log.Warn("attempt not recorded", append(args, "err", err)...)
		return
	}
	d.log.Debug("attempt", args...)
}

// Test makes one signed call to a target now, over the same path and guard as real ones, also when it is paused, and
// puts it on record.
func (d *Dispatcher) Test(ctx context.Context, t *models.Target) (*models.Attempt, error) {
	now := d.now()
	secrets, err := d.book.Signers(ctx, t, now)
	if err != nil {
		return nil, err
	}
	id := models.NewAttemptID()
	job := &models.Job{ID: id, ClaimID: id, TargetID: t.ID, Of: t, ScheduledFor: now}
	if t.Method != http.MethodGet {
		job.ContentType, job.Body = "application/json", []byte(`{"test":true}`)
	}
	policy := t.Retry
	policy.MaxAttempts = 1
	req := request(job, secrets, policy, t.Timeout)
	result := d.sender.Send(ctx, req)
	a := record(result, req, t.Capture)
	a.TargetID, a.Target, a.Node, a.Outcome = t.ID, t.Name, d.cfg.Node, models.Failure
	if result.Verdict(nil) == webhooks.Succeeded {
		a.Outcome = models.Success
	}
	if err := d.book.RecordTest(context.WithoutCancel(ctx), a); err != nil {
		return nil, err
	}
	d.hub.publishAttempt(nil, a, now)
	return a, nil
}
