package models

import (
	"maps"
	"strings"
	"time"
)

// Job is one call owed to a target: now, later, or because a schedule said so.
type Job struct {
	ID          string `gorm:"primaryKey"`
	TargetID    string
	Shard       int
	State       State
	Reason      string // why it ended so; "" while it has not, and when it succeeded
	Origin      Origin
	Priority    Priority
	BodyForm    BodyForm
	ContentType string
	Body        []byte
	BodyApart   bool          // Body is not in the job's row but beside it
	Path        string        // joined below the target's URL path; may carry a query
	Headers     Headers       `gorm:"serializer:json"`
	Labels      Labels        `gorm:"serializer:json"`
	Timeout     time.Duration // 0: the target's
	Retry       *RetryOver    `gorm:"serializer:json"`
	ScheduleID  string
	RerunOf     string // the job that this one repeats
	Key         string // the key in its maker's request, unique for its target

	ScheduledFor time.Time `gorm:"serializer:micro"` // the time asked for
	RunAt        time.Time `gorm:"serializer:micro"` // when the next attempt is due; of a finished job: when its last was
	ExpiresAt    time.Time `gorm:"serializer:micro"` // no attempt begins at or after it; zero: never
	Attempts     int       // allowance used
	LastNumber   int       // attempts on record, whatever came of them
	LostInRow    int
	Held         bool // waits in its schedule's line: not due, whatever RunAt says

	ClaimID   string // the id of the attempt that is out
	ClaimNode string
	ClaimedAt time.Time `gorm:"serializer:micro"`

	CancelRequestedAt time.Time `gorm:"serializer:micro"`
	CreatedAt         time.Time `gorm:"serializer:micro;autoCreateTime:false"`
	UpdatedAt         time.Time `gorm:"serializer:micro;autoUpdateTime:false"`
	FinishedAt        time.Time `gorm:"serializer:micro"`

	Of       *Target  `gorm:"-"` // its target as it stands, filled by reads
	Schedule string   `gorm:"-"` // its schedule's name, filled by reads; "": of no schedule
	Last     *Attempt `gorm:"-"` // its last attempt on record, filled by reads; nil: none
}

// Claim makes a job that is about to be created running under a claim of node.
func (j *Job) Claim(node string, now time.Time) {
	j.State, j.ClaimID, j.ClaimNode, j.ClaimedAt = Running, NewAttemptID(), node, Stamp(now)
}

// BodyForm is how a job's body was given, so that it reads back the same way.
type BodyForm string

// The forms of a body.
const (
	BodyNone    BodyForm = ""
	BodyPayload BodyForm = "payload" // JSON
	BodyText    BodyForm = "text"
	BodyBase64  BodyForm = "base64"
)

// Labels are a user's marks on a job, to find it by.
type Labels map[string]string

// Policy is the retry policy in force for the job's next attempt: the target's as it stands, with what the job
// was made with over it.
func (j *Job) Policy() Retry { return j.Retry.Over(j.Of.Retry) }

// CallTimeout is the time limit in force for the job's next attempt.
func (j *Job) CallTimeout() time.Duration {
	if j.Timeout > 0 {
		return j.Timeout
	}
	return j.Of.Timeout
}

// Due tells whether an attempt may begin at now, as far as the job alone knows.
func (j *Job) Due(now time.Time) bool {
	return j.State == Scheduled && !j.Held && !j.RunAt.After(now)
}

// Expired tells whether no attempt may begin at or after now.
func (j *Job) Expired(now time.Time) bool { return !j.ExpiresAt.IsZero() && !now.Before(j.ExpiresAt) }

// CallURL is the URL that the job calls: its path joined below the target's with one slash, its query behind the
// target's.
func (j *Job) CallURL() string {
	if j.Path == "" {
		return j.Of.URL
	}
	base, baseQuery, _ := strings.Cut(j.Of.URL, "?")
	path, query, _ := strings.Cut(j.Path, "?")
	if path != "" {
		base = strings.TrimRight(base, "/") + "/" + strings.TrimLeft(path, "/")
	}
	if baseQuery != "" && query != "" {
		baseQuery += "&"
	}
	if baseQuery += query; baseQuery != "" {
		base += "?" + baseQuery
	}
	return base
}

// CallHeaders are the user's headers of the job's call: the target's, with the job's own over them.
func (j *Job) CallHeaders() Headers {
	if len(j.Headers) == 0 {
		return j.Of.Headers
	}
	all := maps.Clone(j.Of.Headers)
	if all == nil {
		all = Headers{}
	}
	maps.Copy(all, j.Headers)
	return all
}
