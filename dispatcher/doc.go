// Package dispatcher is the engine: it knows what is due, calls it and settles it.
//
// # The loop
//
// One goroutine owns the due queue (queue.go). It wakes for the head of the queue, for mail or after a second, and at
// each beat (clock.go) does all that can be done, as one memdb transaction:
//
//	mail ──► heed: offers, ends of calls, refused claims, answers of the book
//	         turns due ──► Book.Turn                       ─► mail
//	         calls due, allowed, fair between targets ──► Book.Claim ─► granted ─► a goroutine for each call
//	         windows that run low ──► a loader reads the book        ─► mail
//
// A call's goroutine (call.go) sends, settles (models.Job.Settle, pure) and finishes under the claim, then tells the
// loop, which frees the slot and takes the job up again if it is still owed.
//
// # The hint rule
//
// The queue is a hint, the book is the truth. A lost or stale hint costs at most five seconds of latency, never a job; any
// disagreement is settled by the conditional update in Book.Claim: what it refuses is looked at as it stands and
// offered or dropped.
//
// A claim, on the other hand, is an obligation. The book hands each granted one straight to the dispatcher, under no
// caller's deadline, and mend.go compares those in the book with those in hand: one that is strange twice is given back
// and counted (Counts.Orphans). Only a bug makes that more than zero, or a commit that was durable when the book broke off, and
// whose answer never came: of that one, nobody knows that the claim was granted.
//
// # Levels of the queue
//
// For each target with work owed there is an entry; behind it, for each priority, a window of at most windowSize ids
// of jobs due within the horizon. What does not fit stays in the book and the entry says so (More, Later). A refill asks
// for one target and one priority at a time, never across targets: else the flooded target's rows are all it would see.
// It reads past what is asked for already, which stands in the book until its claim is answered, only the windows that run
// low, and clears only marks older than its reading. A target that is paused or at its limit is parked: it keeps its entry, so
// that the loop neither spins nor walks over what it may not take.
//
// # Many at once
//
// Operations on all jobs of a filter have a goroutine of their own (operations.go), which asks the book for one step of
// each at a time. Between two steps it rests for as long as the step took, and waits until the windows of the targets
// that the step made jobs due at hold all that is due there: a new job stands behind one step, not behind all of them.
//
// # Many nodes
//
// Where nodes share the book each shard has an owner (cluster.go), which refills, turns and claims; hints (hints.go) tell it of
// what others commit. Ownership is a hint too: Claim decides. A node without a right sends nothing and has cut off what is
// out, so that no other node calls a job that may still be out here.
//
// # What a crash costs
//
//	before the claim's commit       nothing: the job is scheduled and due
//	after it, before the call       one attempt on record as lost, though nothing left
//	during the call                 one attempt on record as lost: it may have arrived
//	after the answer, before Finish the same: the receiver sees the same webhook-id again
//	after Finish                    nothing
//
// At the next start Book.Reclaim writes the lost attempts before the loop begins. A lost attempt uses no allowance;
// three in a row end the job.
//
// # Who may do what
//
// queue and loop belong to the loop's goroutine; limits, calls and hub have locks of their own and may be read by
// anybody. Run ends in the order loop, readers, claims and turns under way, calls.
package dispatcher
