package server

import (
	"crypto/sha256"
	"encoding/hex"

	"punctual/models"
)

// settingsOf is a thing as the audit keeps it: as the API shows it, so that what is secret is masked there too. Of a
// job only what may change is told, and a payload only by its hash: the audit is kept longer than jobs are.
func settingsOf(thing any) any {
	switch t := thing.(type) {
	case *models.Target:
		return targetView(t)
	case *models.Schedule:
		v := scheduleView(t)
		v.NextRuns, v.LastJob, v.Runs = nil, nil, 0 // no settings
		return v
	case *models.Job:
		return jobSettings{string(t.State), momentOf(t.RunAt), optionalMoment(t.ExpiresAt), t.Priority.String(), t.Labels,
			t.Headers.Mask(), bodyMark(t.Body)}
	case *models.Operation:
		return operationView(t)
	case *models.Key:
		return keyView(t)
	}
	return nil
}

type jobSettings struct {
	State     string            `json:"state"`
	RunAt     moment            `json:"run_at"`
	ExpiresAt *moment           `json:"expires_at"`
	Priority  string            `json:"priority"`
	Labels    map[string]string `json:"labels"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
}

// bodyMark tells whether a body has changed, and not what it was.
func bodyMark(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:8])
}
