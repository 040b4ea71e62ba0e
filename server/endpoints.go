package server

// endpoints says of each operation what its shapes do not. Keys are operation ids.
var endpoints = map[string]about{
	"createTarget": {tag: "Targets", summary: "Register a target", status: []int{201},
		more:    "The answer holds the secret that signs its calls; later only `/secret` and `rotate-secret` show it.",
		example: `{"name":"billing","url":"https://api.example.com/hooks/billing"}`},
	"listTargets": {tag: "Targets", summary: "List targets", more: "By name."},
	"getTarget":   {tag: "Targets", summary: "Show a target"},
	"putTarget": {tag: "Targets", summary: "Create or replace a target", status: []int{200, 201},
		more: "Takes what GET gave: read-only fields are ignored, a value of `***` keeps the stored one, and absent " +
			"`paused` and `secret` leave both as they are. Whatever else is left out gets its default.",
		example: `{"url":"https://api.example.com/hooks/billing","max_in_flight":20}`},
	"patchTarget": {tag: "Targets", summary: "Change a target",
		more: "Counts for every attempt that begins afterwards, also of jobs made before.", example: `{"timeout":"10s"}`},
	"deleteTarget": {tag: "Targets", summary: "Delete a target", status: []int{204},
		more: "409 while schedules name it, unless `delete_schedules` is true, or while jobs are unfinished, unless " +
			"`cancel_jobs` is true. History keeps its name."},
	"pauseTarget": {tag: "Targets", summary: "Pause a target", bare: true, example: `{"reason":"maintenance"}`,
		more: "No attempt begins after the answer. Calls that are out finish; jobs are accepted and wait."},
	"resumeTarget": {tag: "Targets", summary: "Resume a target", bare: true},
	"testTarget": {tag: "Targets", summary: "Call a target now", bare: true, slow: true,
		more: "One signed call over the same path and guard as real ones, also to a paused target. Answers with the attempt."},
	"rotateSecret": {tag: "Targets", summary: "Give a target a new secret", bare: true, example: `{"overlap":"24h"}`,
		more: "The old one signs beside the new one for the overlap. A target that is signed for with `v1a` gets a new key, too."},
	"listPublicKeys": {tag: "Targets", summary: "List a target's public keys",
		more: "What `v1a` signatures are verified with, newest first. Empty for a target that never asked for them."},
	"getSecret": {tag: "Targets", summary: "Show a target's secret"},

	"createJob": {tag: "Jobs", summary: "Make a job", status: []int{201, 200},
		example: `{"target":"billing","payload":{"invoice":7},"delay":"10m"}`,
		more: "Now, or later with `delay` or `run_at`. 200 with `Idempotency-Replayed: true` when the same request was " +
			"made before under the same `Idempotency-Key` or `key`."},
	"createJobs": {tag: "Jobs", summary: "Make many jobs", status: []int{201, 200},
		example: `{"jobs":[{"target":"billing","payload":{"invoice":7}}]}`,
		more:    "All or none, in one commit."},
	"listJobs": {tag: "Jobs", summary: "List jobs", more: "Newest first. A page of a combination that is rare among " +
		"very many jobs may be short or empty and still have a `next_cursor`: every page costs the same."},
	"exportJobs": {tag: "Jobs", summary: "Write out jobs", slow: true,
		more: "All jobs of a filter, newest first, as CSV without bodies and headers, or as JSON with a job on each line. " +
			"A stream that breaks off is not whole."},
	"getJob": {tag: "Jobs", summary: "Show a job"},
	"patchJob": {tag: "Jobs", summary: "Change a job", example: `{"run_at":"2026-12-06T09:00:00Z"}`,
		more: "`run_at`, `priority` and `expires_at` while it is scheduled; also `payload`, `headers` and `labels` while no " +
			"attempt is on record. 409 otherwise, also when an attempt began first."},
	"deleteJob":       {tag: "Jobs", summary: "Forget a job", more: "One that has ended.", status: []int{204}},
	"listJobAttempts": {tag: "Jobs", summary: "List a job's attempts", more: "Oldest first; one that is out is last."},
	"cancelJob": {tag: "Jobs", summary: "Cancel a job", status: []int{200, 202}, bare: true,
		more: "A scheduled job ends at once. Of a running one the call is aborted: 200 as it ended, or 202 if it still " +
			"runs after 5 s. An answer that came first wins. 409 if it has ended."},
	"retryJob": {tag: "Jobs", summary: "Retry a job", bare: true,
		more: "A failed or canceled one: due now, under the same id, with its allowance anew."},
	"runJob": {tag: "Jobs", summary: "Run a job now", more: "A scheduled one becomes due.", bare: true},
	"rerunJob": {tag: "Jobs", summary: "Repeat a job", status: []int{201, 200}, bare: true,
		example: `{"payload":{"invoice":8}}`,
		more:    "A new job like one that has ended, with another payload if one is given."},

	"createOperation": {tag: "Jobs", summary: "Act on all jobs of a filter", status: []int{202, 200},
		example: `{"action":"retry","filter":{"target":"billing","state":["failed"]}}`,
		more: "Takes the jobs that exist when it is asked for, newest first, step by step beside everything else; it goes on after " +
			"a restart where it ended, and does nothing twice. Jobs that the action does not fit are counted as failed, with " +
			"the reason. 200 with `dry_run`, for which a key of scope read will do, or when the same request was made before under the same `Idempotency-Key`."},
	"listOperations": {tag: "Jobs", summary: "List operations", more: "Newest first. A key that is bound to targets sees those that keep to its own."},
	"getOperation":   {tag: "Jobs", summary: "Show an operation"},
	"cancelOperation": {tag: "Jobs", summary: "Stop an operation", bare: true,
		more: "What it has done stays done. 409 if it is done."},

	"createSchedule": {tag: "Schedules", summary: "Make a schedule", status: []int{201},
		example: `{"name":"report","target":"billing","cron":"0 9 * * MON-FRI","timezone":"Europe/Berlin"}`},
	"previewSchedule": {tag: "Schedules", summary: "Preview a timing",
		example: `{"cron":"0 9 * * MON-FRI","timezone":"Europe/Berlin","count":3}`,
		more:    "What a cron line or interval comes to, with a note where a daylight-saving rule applies."},
	"listSchedules": {tag: "Schedules", summary: "List schedules", more: "By name."},
	"getSchedule":   {tag: "Schedules", summary: "Show a schedule"},
	"putSchedule": {tag: "Schedules", summary: "Create or replace a schedule", status: []int{200, 201},
		more: "Takes what GET gave: read-only fields are ignored, a value of `***` keeps the stored one, and absent " +
			"`paused` leaves it as it is. Whatever else is left out gets its default.",
		example: `{"target":"billing","cron":"0 9 * * MON-FRI","timezone":"Europe/Berlin"}`},
	"patchSchedule": {tag: "Schedules", summary: "Change a schedule", example: `{"overlap":"allow"}`,
		more: "Counts for occurrences not yet settled, and never looks back."},
	"deleteSchedule": {tag: "Schedules", summary: "Delete a schedule", status: []int{204},
		more: "Jobs already made go on, unless `cancel_jobs` is true."},
	"pauseSchedule": {tag: "Schedules", summary: "Pause a schedule", bare: true,
		example: `{"reason":"holidays","until":"2027-01-07T00:00:00Z"}`,
		more:    "Occurrences are passed over and never caught up."},
	"resumeSchedule": {tag: "Schedules", summary: "Resume a schedule", bare: true},
	"triggerSchedule": {tag: "Schedules", summary: "Make one job now", status: []int{201, 200}, bare: true,
		example: `{"payload":{"day":"2026-12-06"}}`,
		more:    "Whatever pause, end or overlap say."},
	"backfillSchedule": {tag: "Schedules", summary: "Run occurrences of the past", status: []int{201, 200},
		more: "By the present rule, one after another, with low priority; those that have a job are left. 200 with " +
			"`dry_run`, for which a key of scope read will do.",
		example: `{"from":"2026-12-01T00:00:00Z","to":"2026-12-05T00:00:00Z","dry_run":true}`},
	"listOccurrences": {tag: "Schedules", summary: "List a schedule's occurrences",
		more: "Newest first. Neighbouring ones that were skipped for the same reason are one entry."},

	"listAttempts": {tag: "Attempts", summary: "List attempts", more: "Newest first."},
	"getAttempt":   {tag: "Attempts", summary: "Show an attempt"},

	"listUpcoming": {tag: "Schedules", summary: "List what is coming",
		more: "The coming runs of all active schedules, in the order in which they come due, as things stand: overlap and limits " +
			"may yet skip one."},
	"getStats": {tag: "Server", summary: "Show how things stand",
		more: "What is owed now, and what came of calls in a window that ends now. Nothing is counted for it: what every " +
			"commit changes is added up in the same transaction."},
	"listNodes": {tag: "Server", summary: "List the nodes",
		more: "The processes that share the work, the oldest first. A dead one is listed until its calls have been taken over."},
	"createKey": {tag: "Access", summary: "Make a key", status: []int{201}, example: `{"name":"billing-worker","scope":"write"}`,
		more: "The answer holds its text, which nothing shows again."},
	"listKeys":  {tag: "Access", summary: "List keys", more: "By name, also those that have expired."},
	"revokeKey": {tag: "Access", summary: "Revoke a key", status: []int{204}, more: "It opens nothing any more, within 5 s on every node, and ends the sessions begun with it."},
	"listAudit": {tag: "Access", summary: "List who changed what",
		more: "Newest first: each change that somebody made, and each secret that somebody was shown. Kept for 365 days."},

	"streamEvents": {tag: "Server", summary: "Watch what happens",
		more: "Server-sent events, named `job` and `attempt`, with the object as data. A stream that begins with `reset` " +
			"has missed events: read anew what you show."},
	"getHealth": {tag: "Server", summary: "Tell whether the process lives"},
	"getReady":  {tag: "Server", summary: "Tell whether it can work", more: "The database answers and the dispatcher runs."},
}
