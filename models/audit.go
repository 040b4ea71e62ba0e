package models

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Audit is one line of the record of who changed what, and to whom a secret was shown.
type Audit struct {
	ID     string    `gorm:"primaryKey"`
	At     time.Time `gorm:"serializer:micro"`
	Who    string    // name of a key, or of who needs none
	Remote string    // the address it came from; "": the console of the server's machine
	Action string    // "update", "cancel", "reveal-secret", …
	Kind   string    // what kind of thing it was done to: "target", "job", …
	Name   string    // of the thing, or its id
	Before string    // a JSON object of the settings that changed, as they were; "": there is nothing to tell
	After  string    // the same as they are now
}

// TableName names the table for gorm.
func (Audit) TableName() string { return "audit" }

// Actor is on whose behalf the book is read and changed.
type Actor struct {
	Who, Remote string
	At          time.Time
	Reach       []string // names of the targets that it may know of; nil: all
	// Show gives the settings of a thing as its readers see them, without secrets; what it gives becomes a JSON object.
	// nil: settings are not told.
	Show func(thing any) any
}

type actorKey struct{}

// WithActor makes what is changed under the context go on record as a's doing, and reads give only what a may know of.
// Without one nothing is recorded: then Punctual itself acts, and what it does stands in the history of the things.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// trail is the line that a change will leave in the audit, made before the change so that running it twice leaves one.
// A nil trail leaves none.
type trail struct {
	Audit
	show func(any) any
}

// trailOf begins a line under ctx.
func trailOf(ctx context.Context, action, kind string) *trail {
	a, ok := ctx.Value(actorKey{}).(Actor)
	if !ok {
		return nil
	}
	return &trail{Audit{ID: newID(prefixAudit), At: Stamp(a.At), Who: a.Who, Remote: a.Remote, Action: action, Kind: kind},
		a.Show}
}

// shot is the settings of a thing at one moment.
type shot map[string]json.RawMessage

// shown takes a shot of a thing, nil if nobody will look at it.
func (l *trail) shown(thing any) shot {
	if l == nil || l.show == nil {
		return nil
	}
	raw, err := json.Marshal(l.show(thing))
	var s shot
	if err != nil || json.Unmarshal(raw, &s) != nil {
		return nil
	}
	delete(s, "updated_at")
	return s
}

// said makes a shot of details that are no settings.
func said(pairs ...any) shot {
	s := shot{}
	for i := 0; i < len(pairs); i += 2 {
		raw, err := json.Marshal(pairs[i+1])
		if err == nil {
			s[pairs[i].(string)] = raw
		}
	}
	return s
}

// only drops from both what is the same in both.
func only(before, after shot) {
	for name, was := range before {
		if is, both := after[name]; both && bytes.Equal(was, is) {
			delete(before, name)
			delete(after, name)
		}
	}
}

// auditValue bounds what one setting takes in the audit, in bytes.
const auditValue = 2 << 10

func (s shot) text() string {
	if len(s) == 0 {
		return ""
	}
	for name, v := range s {
		if len(v) > auditValue {
			s[name], _ = json.Marshal(fmt.Sprintf("(%d bytes)", len(v)))
		}
	}
	raw, _ := json.Marshal(s) // what was JSON is JSON
	return string(raw)
}

// audit records that a thing called name changed from before to after; either may be nil. An update that changed
// nothing is not recorded.
func (t *tx) audit(l *trail, name string, before, after shot) error {
	if l == nil {
		return nil
	}
	if before != nil && after != nil {
		if only(before, after); len(before)+len(after) == 0 {
			return nil
		}
	}
	_, err := t.exec(`INSERT INTO audit (id, at, who, remote, action, kind, name, before, after)
		VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`,
		l.ID, l.At.UnixMicro(), l.Who, l.Remote, l.Action, l.Kind, name, before.text(), after.text())
	return err
}
