// Package webhooks is the wire: it makes one signed HTTP request for one
// attempt and says what came of it. It is the only package that dials, signs
// or owns an HTTP client, and it knows nothing of jobs, stores or retries.
//
// One Send is at most one request that a target could have received. Go's own
// transport would send some requests again when a kept connection breaks under
// them; see resend.go for how that is stopped. What remains is a second try of
// a request of which not one header had been written.
//
// A failure is a Result, never an error: what a stranger's server does is the
// ordinary business of this package. Result.Verdict is the table of what each
// answer means.
//
// What is bounded, whatever the target does:
//
//	time      Request.Timeout, from before the name lookup to the last byte of the answer kept
//	body      Config.Capture bytes kept, drainLimit more read so that the connection can be kept
//	headers   maxHeaderBytes, interim (1xx) answers included
//	sockets   one for each call out, and keptConns unused ones for each origin, closed after idleTimeout
//	pools     Config.MaxPools and those with a call out
//
// Where a request may go is decided by a Guard on the address that is dialed,
// after the name lookup, so that a name cannot be checked as one address and
// called as another.
//
// Signatures are those of Standard Webhooks 1.0.
package webhooks
