package models

import (
	"encoding/json"
	"time"
)

// Attempt is one HTTP request made for a job, and what came of it. A row is written once, when its end is known;
// an attempt that is out is read off its job's claim.
type Attempt struct {
	ID           string `gorm:"primaryKey"`
	JobID        string // "" for a test call
	TargetID     string
	Number       int // of the job, from 1, without gaps; 0 for a test call
	Outcome      Outcome
	StatusCode   int    // 0: no answer
	ErrorKind    string // "" or a kind of webhooks.Error
	ErrorMessage string
	RetryAt      time.Time     `gorm:"serializer:micro"` // when the next attempt is due; zero: none follows
	StartedAt    time.Time     `gorm:"serializer:micro"`
	Duration     time.Duration // 0 for one that is out, and for one that was lost
	Node         string
	DNS          time.Duration `gorm:"column:dns"`
	Connect      time.Duration
	TLS          time.Duration `gorm:"column:tls"`
	FirstByte    time.Duration
	Method       string
	URL          string          `gorm:"column:url"`
	ReqHeaders   json.RawMessage // a JSON object of strings, secrets masked; nil: nothing was sent
	RespHeaders  json.RawMessage // likewise
	ReqBody      []byte          // what was sent, if the target wants it kept; else nil
	ReqTruncated bool            // more was sent than ReqBody
	RespBody     []byte          // at most the response capture
	Truncated    bool            // the answer's body was longer than RespBody

	Target string    `gorm:"-"` // the target's name, filled by reads
	DueAt  time.Time `gorm:"-"` // when it could have begun, filled by Settle; see Stats for what late is
}

// Answer is what a call came to, before the job's policy is applied.
type Answer int

// The answers.
const (
	AnsweredOK        Answer = iota // 2xx
	AnsweredRetry                   // worth another attempt
	AnsweredRejected                // the target said: do not retry
	AnsweredGone                    // 410
	AnsweredBlocked                 // refused by the guard
	AnsweredCanceled                // cut off because the job was canceled
	AnsweredInterrupt               // cut off by a shutdown or a lost right, or never sent
	AnsweredLost                    // the node died while the call was out
)
