package models

import (
	"errors"
	"strings"
)

// The errors a caller tells apart with errors.Is. Every other error of this package means that the book
// itself is in trouble.
var (
	ErrNotFound  = errors.New("not found")
	ErrClaimLost = errors.New("claim lost")               // the claim was given to somebody else, or the job has ended
	ErrBusy      = errors.New("the waiting line is full") // more than Config.MaxWaiting bytes wait for the writer
	ErrClosed    = errors.New("the book is closed")
	ErrNewer     = errors.New("the database was written by a newer version")
	ErrLocked    = errors.New("the database is in use by another process")
	ErrAway      = errors.New("the database does not answer") // it may at another try
)

// Conflict is a request that is well formed but cannot be met as things stand: the answer is 409.
type Conflict struct{ Why string }

// Error gives the reason as a sentence.
func (c *Conflict) Error() string { return c.Why }

// Invalid is one field that breaks a rule. It never carries the value it refuses.
type Invalid struct {
	Field string // dotted path as the API spells it: "retry.max_attempts", "jobs[3].target"
	Why   string // what would be right: "must be between 1 and 100"
}

// Error gives field and rule.
func (i *Invalid) Error() string { return i.Field + ": " + i.Why }

// Invalids is every rule that a request breaks, in the order in which they were found.
type Invalids []*Invalid

// Error joins them all.
func (is Invalids) Error() string {
	each := make([]string, len(is))
	for i, one := range is {
		each[i] = one.Error()
	}
	return strings.Join(each, "; ")
}

// add notes that a field breaks a rule.
func (is *Invalids) add(field, why string) { *is = append(*is, &Invalid{Field: field, Why: why}) }

// under puts a prefix before the field names of err, when it is an Invalid or Invalids, and adds them.
func (is *Invalids) under(prefix string, err error) {
	var one *Invalid
	var many Invalids
	switch {
	case errors.As(err, &many):
	case errors.As(err, &one):
		many = Invalids{one}
	default:
		return
	}
	for _, i := range many {
		is.add(prefix+i.Field, i.Why)
	}
}

// orNil makes an empty list a nil error.
func (is Invalids) orNil() error {
	if len(is) == 0 {
		return nil
	}
	return is
}
