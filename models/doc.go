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
//     (tally.go): they are exact, and nobody counts jobs to show how many there are. What a search finds is counted among
//     the newest rows only (store_found.go).
//   - Rollups are added up as they age, to no coarser steps than are shown of that age (fold.go).
//   - A step of an operation on many jobs moves the place where the next one begins in the same transaction: a crash does
//     nothing twice and leaves nothing out (store_operation.go).
//   - The indexes that the dispatcher walks hold unfinished jobs only. Finished ones cost disk, never time; lists walk
//     one index each (filter.go), and a test holds their plans.
//   - The caches of targets and secrets in the writer are right because that writer is the only one, or because each
//     transaction checks the target's version under a lock (checkTarget).
//
// # Many nodes
//
// On PostgreSQL many nodes write side by side, each with a few hands. What one writer excludes by being alone is excluded by
// locks of rows there: a unit of work locks what it decides on, the schedule before its jobs, the target in a mode that those
// who make and claim its jobs share and a change of it does not. A claim locks its jobs in the order of their ids. Conflicts
// that remain (40001, 40P01, a lock waited for too long) undo the whole batch, which runs again; so does a batch whose
// connection broke, for five seconds, after which its callers are told.
//
// nodes holds who is alive: a lease of 15 s by the database's clock, renewed each 5 s by a statement that does not go through
// the writer. Reclaim takes the claims of those whose lease has ended, under a lock of the node's row, so that its next
// heartbeat comes after. A node that stood still may hold locks in an open transaction: the server ends that after 5 s.
// Store.Now is the database's clock, never ahead of it, so that nothing is early by it whatever the nodes' clocks say.
//
// What a job with one call costs, a payload of a few bytes and durable commits included, by TestScaling of cmd/punctual, which
// measures it anew where PUNCTUAL_LONG=1 is set. Nodes, clients, target and PostgreSQL 15 (shared_buffers 512 MB, max_wal_size
// 8 GB) shared one machine of two cores, nothing else ran: a second and a third node have no processor to bring along there,
// and what they cost is all that they show.
//
//	                          nodes  CPU ms in nodes  in the database  rows  commits  bytes of WAL
//	batches of 500, a backlog     1             0.40             0.35   4.2     0.09         4,250  3,170 jobs/s
//	                              2             0.48             0.39   4.2     0.12         4,270  2,740 jobs/s
//	                              3             0.50             0.43   4.2     0.16         4,290  2,590 jobs/s
//	one by one, 200 a second      1              2.5              2.6            1.9         4,200  p50 4 ms, p99 146 ms
//	                              2              3.1              3.5            2.7         5,260  p50 9 ms, p99 88 ms
//	                              3              3.6              4.1            3.2         5,790  p50 29 ms, p99 172 ms
//
// By that a core of PostgreSQL carries 1 s / 0.4 ms = 2,500 jobs/s that come in crowds, and one of a node about 2,000: 10,000
// jobs/s are four cores of the one and five of the other, 43 MB/s of WAL and 1,600 commits/s at most. That is extrapolated:
// what many cores contend for was not measured. At an even trickle each job has commits of its own and costs six times as
// much, until more than one waits when a commit begins.
//
// Ten backlogs of 20,000 jobs each, run while a transaction stayed open that let vacuum remove nothing, took 3.0 KB a job from
// the first to the last and 1,130 to 2,290 jobs/s in no order; tallies grew by 340 KB with each, rollups by 1 MB
// (TestAnIdleTransactionHoldsVacuumBack).
//
// 100 million attempts of 1 KB take about 100 GB with their indexes; pruning deletes by index in steps of 200 jobs, one node at
// a time, and autovacuum is set on the hot tables to come by after 1% of dead rows instead of 20%. For 10,000 jobs/s sustained
// a PostgreSQL needs WAL on a disk of its own, shared_buffers for the unfinished jobs and their indexes, max_wal_size of tens of
// gigabytes, commits that are synced in groups (commit_delay), and random_page_cost = 1.1 where there are no disks that turn:
// else it may look for the few jobs of one target among the many of all. Beyond one server: the shard column is a function of the
// target alone, and no transaction but a deletion touches two targets, so that shards can be spread over databases, or over a
// PostgreSQL-compatible cluster distributed by shard. That is on paper: it has not been built.
//
// # Units
//
// Times are UTC, kept as Unix microseconds; the zero time is NULL and means: none. Times that a user names are rounded up
// to the millisecond, so that nothing is early. Durations are kept as nanoseconds. Ids are UUIDv7 in 26 characters of
// Crockford's base 32 behind a prefix: they sort by the time they were made, which need not be the order in which they are
// delivered.
package models
