// Package server is the door: HTTP in, JSON and pages out.
//
// # The way of a request
//
//	recover and log → same site? (403) → room for it? (503) → right host? (421) → key? (401, 429)
//	   → scope? (403) → its targets? (404) → rate? (429) → disk? (503) → size and deadlines (413)
//	   → router (404, 405) → huma: parameters (422) → read: body (400, 422) → handler → problem or answer
//
// A handler is thin: it takes the request apart, calls one acting method of Server (createTarget, cancelJob, …) and
// puts the answer together. The acting methods know nothing of HTTP, so that pages call them too. Each of them
// tells the dispatcher what it has changed, after the commit; that is a hint, and losing it costs only time.
//
// # What is read
//
// A body is read as JSON whatever its content type says, once, and strictly: an unknown field, one given twice and
// one of the wrong type are each named in the answer, and what was refused is never repeated. Malformed JSON and a
// missing body are 400; everything that is wrong about a well-formed request is 422 with its place: "body.retry.factor",
// "query.limit", "header.Idempotency-Key". null is the same as not given, except in payload, where it is a payload.
//
// A payload is not decoded. It is kept as its bytes, without the white space between its tokens.
//
// A PATCH is merged into what GET shows (RFC 7396) and the result is read as PUT reads it, inside the transaction.
// So null restores a default, and a value shown as *** keeps what is stored.
//
// # What is kept in memory
//
// Answers that are asked for all the time, each for a second or two (cache.go): targets by name, keys and sessions by
// their hashes. Losing them costs nothing but time. Also how many wrong keys came from where (guesses.go).
//
// # Threat model
//
// Assets: the secrets that sign calls and the credentials in headers; payloads and answers, which may be personal data;
// the schedule of what is called when; the network that the server stands in, which its calls could be turned against;
// the record of who did what; the server's memory, disk and connections.
//
// Actors: a stranger on the network; somebody with a key of too little scope, or bound to other targets; a page of
// another site in the browser of somebody who has signed in, or who runs dev; a hostile target; somebody who reads the
// log, the audit or an export; whoever guesses keys.
//
// Promised:
//
//   - Without a key there are health checks, the login and its assets, and nothing else (access.go). Which route needs
//     which scope stands in one table; a route that is not in it keeps the server from starting, and one that nobody
//     thought about is closed to keys that are bound to targets. Those are kept to their targets twice: here by the path,
//     and in models by every read (models.Actor.Reach). What is of the whole server is closed to them: nodes, metrics,
//     settings, keys and the audit. An operation that such a key asks for keeps to its targets until it is done, also
//     when the key has ended.
//   - A key is 178 random bits; its hash is stored. It is looked up by hash, so that time tells nothing. A revoked key
//     opens nothing after 5 s, on any node; its sessions end with it, and the streams of events that it has open. Wrong keys are slowed by address (guesses.go);
//     keys that nobody can guess are not held up by that, so that it is no way to lock others out.
//   - Whatever a browser loads for another site is refused, reading too; a followed link to a page is all that is left.
//     No CORS; pages run no inline script and stand in no frame. A cookie opens the API to application/json only. dev
//     answers only to the names of this machine, so that DNS rebinding finds nobody.
//   - A secret is shown to the scope admin, only when asked for, and that is on record before it is shown. Logs, events,
//     errors, exports and the audit hold none: a refused value is never repeated, and headers that look like credentials
//     read as ***.
//   - Every change that somebody makes leaves a line in the audit, in the same transaction. Making jobs does not: the job
//     is its own record. Signing in and out, test calls, and the first of many sign-ins that are refused leave one too.
//   - Everything that a client can make grow is bounded: header and body and the time they may take, JSON depth and
//     lists, requests and streams at once, a key's rate, what waits for the book, the disk (limits.go, entry.go, read.go).
//     A reader that is too slow is cut off.
//   - Calls go where webhooks.Guard lets them, judged on the address that is dialed.
//
// Not promised:
//
//   - Whoever can write the database or read the process's memory has everything but what --secret-key-file seals, and
//     may make keys: that is what punctual keys does.
//   - Somebody with the scope admin may do all that is possible, to the targets that the key reaches. The
//     names of schedules are not secret between bound keys: who makes one of a name that is taken gets a 409 and so
//     learns that there is one, but nothing else of it.
//   - A credential in a target's URL is no secret: whoever may read sees where calls go. Registering one answers with a
//     warning; headers are for credentials.
//   - The audit is not protected against whoever writes the database. Send it elsewhere if that matters.
//   - Whoever runs dev trusts every program and person on that machine.
//   - A flood that fills the network before a request is read. A proxy may help.
//   - Behind a proxy that is not named in --trusted-proxies all clients are one address, to the audit and to guesses.go.
//
// # Files
//
// routes.go is the whole URL space, openapi.go and endpoints.go what is said about it, problem.go how errors become
// answers; entry.go, auth.go and metrics.go are what every request passes. read.go, scan.go and patch.go read bodies,
// faults.go collects what is wrong with them, wire*.go are the JSON shapes. Each noun has its acting methods in a file
// of its name (targets.go) and its handlers beside it (target_routes.go); pages*.go are the same for people.
package server
