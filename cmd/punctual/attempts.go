package main

import (
	"strconv"
	"time"

	"github.com/urfave/cli/v3"
)

const attemptsPath = "/v1/attempts"

type attemptRow struct {
	ID         string     `json:"id"`
	JobID      string     `json:"job_id"`
	Target     string     `json:"target"`
	Number     int        `json:"number"`
	Outcome    string     `json:"outcome"`
	StatusCode int        `json:"status_code"`
	StartedAt  *time.Time `json:"started_at"`
	DurationMS float64    `json:"duration_ms"`
	RetryAt    *time.Time `json:"retry_at"`
	Error      *struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
	} `json:"error"`
}

// result is what came of the attempt in a word or two.
func (r attemptRow) result() string {
	switch {
	case r.StatusCode > 0:
		return r.Outcome + " " + count(r.StatusCode)
	case r.Error != nil:
		return r.Outcome + " " + r.Error.Kind
	}
	return r.Outcome
}

var attemptView = view[attemptRow]{
	titles: []string{"ID", "JOB", "TARGET", "NUMBER", "RESULT", "STARTED", "TOOK", "RETRY"},
	row: func(r attemptRow, now time.Time) []string {
		took := ""
		if r.Outcome != "running" && r.Outcome != "lost" {
			took = strconv.FormatFloat(r.DurationMS, 'f', 1, 64) + " ms"
		}
		return []string{r.ID, r.JobID, r.Target, count(r.Number), r.result(), ago(r.StartedAt, now), took, ago(r.RetryAt, now)}
	},
	name: func(r attemptRow) string { return r.ID },
}

func (a *app) attempts() *cli.Command {
	return a.noun("attempts", "requests that were made, and what came of them",
		list(a, "list", "", "list attempts, newest first", attemptsPath, attemptView,
			filter{"target", "target", "of this `TARGET`"},
			filter{"job", "job", "of the job with this `ID`"},
			filter{"outcome", "outcome", "`running|succeeded|retryable|failed|canceled|interrupted|lost`"},
			filter{"status-code", "status_code", "answered with this `CODE`"}),
		a.get("ID...", "show an attempt with its request and answer", attemptsPath, ""),
		a.verb("watch", "", "print attempts as they are made", watchFlags(), a.watchAttempts),
	)
}
