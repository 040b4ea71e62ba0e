package models

import (
	"hash/fnv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"
)

// The prefixes of ids. Behind them stand 26 lower-case characters of Crockford's base 32: a UUIDv7, whose first
// 48 bits are Unix milliseconds, so that ids sort by the time they were made.
const (
	prefixJob       = "job_"
	prefixAttempt   = "att_"
	prefixTarget    = "tgt_"
	prefixSchedule  = "sch_"
	prefixNode      = "node_"
	prefixKey       = "key_"
	prefixAudit     = "aud_"
	prefixOperation = "op_"
)

// Shards is how many shards the jobs are spread over, fixed for ever: a job's shard is part of its row.
const Shards = 1024

// NewJobID makes an id for a job.
func NewJobID() string { return newID(prefixJob) }

// NewAttemptID makes an id for an attempt; it is the token of the claim that the attempt is made under.
func NewAttemptID() string { return newID(prefixAttempt) }

// NewNodeID makes an id for one process start.
func NewNodeID() string { return newID(prefixNode) }

// newID panics only if the system's source of randomness does.
func newID(prefix string) string {
	return prefix + strings.ToLower(ulid.ULID(uuid.Must(uuid.NewV7())).String())
}

// idFloor is the smallest id that could have been made at or after t.
func idFloor(prefix string, t time.Time) string {
	var u ulid.ULID
	if ms := t.UnixMilli(); ms > 0 {
		// Only a year beyond 10,000 does not fit 48 bits; such a floor is never exceeded.
		if u.SetTime(uint64(ms)) != nil {
			return prefix + "~"
		}
	}
	return prefix + strings.ToLower(u.String())
}

// IsJobID tells whether s has the form of a job's id.
func IsJobID(s string) bool { return isID(prefixJob, s) }

// IsAttemptID tells whether s has the form of an attempt's id.
func IsAttemptID(s string) bool { return isID(prefixAttempt, s) }

func isID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || strings.ToLower(rest) != rest {
		return false
	}
	_, err := ulid.ParseStrict(rest)
	return err == nil
}

// ShardOf is the shard of a target's jobs: FNV-1a-64 of the target's id, modulo Shards.
func ShardOf(targetID string) int {
	h := fnv.New64a()
	h.Write([]byte(targetID))
	return int(h.Sum64() % Shards)
}
