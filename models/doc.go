// Package models is what the words mean, what may follow what, and the book in which it is kept.
//
// # Words
//
//	target      a registered HTTP endpoint, with its secrets, limits and retry policy
//	job         one call owed to a target: now, later, or because a schedule said so
//	schedule    a cron line or interval that keeps making jobs
//	occurrence  one time that a schedule names; it becomes a job, or is skipped with a reason
//	attempt     one HTTP request made for a job, and what came of it
//	claim       the exclusive right of one node to make one attempt at a job
//
// # The states of a job
//
//	            ┌──────── another attempt follows ────────┐
//	            ▼                                         │
//	created ─► scheduled ──────── Claim ──────────────► running
//	            │  ▲                                      │
//	  expired,  │  └──── retry ────┐          Finish,     │
//	  canceled, │                  │          Reclaim     │
//	 superseded │              ┌───┴────┐                 │
//	            ├────────────► │ failed │ ◄───────────────┤
//	            │              └────────┘                 │
//	            │              ┌──────────┐               │
//	            └────────────► │ canceled │ ◄─────────────┤
//	                           └──────────┘               │
//	                           ┌───────────┐              │
//	                           │ succeeded │ ◄────────────┘
//	                           └───────────┘
//
// Retrying is scheduled with attempts on record; queued is scheduled and due; held is scheduled and waiting in its
// schedule's line. state.go has the legal moves, settle.go what an attempt does to its job, plan.go the words and
// invariants of schedules.
//
// # The book
//
// Store is the only way to it. Reads run on a pool of read-only connections and never wait for a write. Writes go to one
// writer (writer.go), which gathers what waits at that moment, of all kinds and callers, into one transaction, commits
// once and answers each caller: a 2xx is a durable commit. While one commit syncs, the next batch gathers.
//
// Invariants:
//
//   - A write either happened whole or not at all; its caller hears of it only after the commit.
//   - Every unit of work can run twice: ids are made by the caller, and each finds its own work done. So a batch whose
//     COMMIT was unclear just runs again.
//   - Only Finish and Reclaim move a claimed job, and both heed cancel_requested_at. The claim's token is the id of the
//     attempt that it will become: a running attempt is read off its job's row, and recording one twice changes nothing.
//   - attempts counts used allowance, last_number counts attempts on record: interrupted and lost ones use none.
//   - What a commit changes of the counts, tallies of jobs and rollups of calls, is added to them in the same transaction
//     (tally.go): they are exact, and nobody counts jobs to show how many there are.
//   - A step of an operation on many jobs moves the place where the next one begins in the same transaction: a crash does
//     nothing twice and leaves nothing out (store_operation.go).
//   - The indexes that the dispatcher walks hold unfinished jobs only. Finished ones cost disk, never time; lists walk
//     one index each (filter.go), and a test holds their plans.
//   - The caches of targets and secrets in the writer are right because that writer is the only one.
//
// # Units
//
// Times are UTC, kept as Unix microseconds; the zero time is NULL and means: none. Times that a user names are rounded up
// to the millisecond, so that nothing is early. Durations are kept as nanoseconds. Ids are UUIDv7 in 26 characters of
// Crockford's base 32 behind a prefix: they sort by the time they were made, which need not be the order in which they are
// delivered.
package models
