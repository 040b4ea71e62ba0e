package models

// Scope is how far a key reaches. Each scope includes those before it.
type Scope string

// The scopes, from the least to the most.
const (
	ScopeRead  Scope = "read"  // see everything but secrets
	ScopeWrite Scope = "write" // also make, change and end jobs and schedules
	ScopeAdmin Scope = "admin" // also targets, their secrets, and keys
)

// Scopes lists them all, from the least to the most.
var Scopes = []Scope{ScopeRead, ScopeWrite, ScopeAdmin}

// Covers tells whether whoever has s may do what needs other. An unknown scope covers nothing, and nothing covers it.
func (s Scope) Covers(other Scope) bool { return other.rank() > 0 && s.rank() >= other.rank() }

func (s Scope) rank() int {
	switch s {
	case ScopeRead:
		return 1
	case ScopeWrite:
		return 2
	case ScopeAdmin:
		return 3
	}
	return 0
}
