// Package server is the door: HTTP in, JSON and pages out.
//
// # The way of a request
//
//	recover and log → same site? (403) → right host? (421) → key? (401) → size and deadlines (413)
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
// Two things, and losing either costs nothing but time: targets by name for a second (target_cache.go), so that making
// a job need not look one up each time, and the sessions of people who have signed in.
//
// # Files
//
// routes.go is the whole URL space, openapi.go and endpoints.go what is said about it, problem.go how errors become
// answers; entry.go, auth.go and metrics.go are what every request passes. read.go, scan.go and patch.go read bodies,
// faults.go collects what is wrong with them, wire*.go are the JSON shapes. Each noun has its acting methods in a file
// of its name (targets.go) and its handlers beside it (target_routes.go); pages*.go are the same for people.
package server
