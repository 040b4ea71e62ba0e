package models

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Hint tells other nodes of something that they may want to know at once. A hint may get lost, come late or be about
// what is long past: whoever hears one looks into the book.
type Hint struct {
	Kind     HintKind
	ID       string   // what it is about
	Target   string   // of HintOwed: the job's target
	Priority Priority // of HintOwed
	At       time.Time
	Token    string // of HintTarget: answered by HintDone once nothing that is against the change can begin there
}

// HintKind says what a hint is about.
type HintKind string

// The kinds of hints.
const (
	HintOwed     HintKind = "o" // a job that is due at At
	HintMore     HintKind = "m" // a target with more owed, due since At, than is told one by one
	HintSchedule HintKind = "s" // a schedule that has changed
	HintTarget   HintKind = "t" // a target that has changed
	HintDone     HintKind = "d" // an answer to a token, ID
	HintCancel   HintKind = "c" // a running job that somebody wants canceled
	HintNodes    HintKind = "n" // a node that has come, or that goes
	HintJob      HintKind = "j" // an event: a job
	HintAttempt  HintKind = "a" // an event: an attempt
)

// messageBytes bounds a message: the engine takes a little less than 8,000 bytes.
const messageBytes = 7000

// Tell passes hints on to the other nodes, if the book is shared.
func (s *Store) Tell(ctx context.Context, node string, hints []Hint) error {
	if !s.manner.shared || len(hints) == 0 {
		return nil
	}
	ctx, done := context.WithTimeout(ctx, beatPatience)
	defer done()
	return wrap("tell other nodes", s.dialect.tell(ctx, s.writeDB, messages(node, hints)))
}

// messages writes hints into as few messages as they fit: the node, then a line for each.
func messages(node string, hints []Hint) (all []string) {
	var b strings.Builder
	for _, h := range hints {
		if b.Len() > messageBytes {
			all = append(all, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(node)
		}
		b.WriteByte('\n')
		b.WriteString(string(h.Kind) + " " + h.ID)
		switch h.Kind {
		case HintOwed, HintMore:
			b.WriteString(" " + h.Target + " " + strconv.Itoa(int(h.Priority)) + " " + strconv.FormatInt(h.At.UnixMicro(), 10))
		case HintTarget:
			b.WriteString(" " + h.Token)
		}
	}
	return append(all, b.String())
}

// Hear passes on what other nodes tell, until ctx ends; missed is called whenever hints may have got lost, and once at
// the beginning. Where the book is not shared it only waits.
func (s *Store) Hear(ctx context.Context, node string, heard func([]Hint), missed func()) error {
	return s.dialect.hear(ctx, s.cfg.Log, func(message string) {
		if from, lines, _ := strings.Cut(message, "\n"); from != node {
			heard(parseHints(lines))
		}
	}, missed)
}

// parseHints leaves out what it does not understand: another version may know more kinds.
func parseHints(lines string) (hints []Hint) {
	for line := range strings.Lines(lines) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) < 2 {
			continue
		}
		h := Hint{Kind: HintKind(f[0]), ID: f[1]}
		switch {
		case (h.Kind == HintOwed || h.Kind == HintMore) && len(f) >= 5:
			p, _ := strconv.Atoi(f[3])
			at, _ := strconv.ParseInt(f[4], 10, 64)
			h.Target, h.Priority, h.At = f[2], Priority(min(max(p, int(High)), int(Low))), time.UnixMicro(at).UTC()
		case h.Kind == HintTarget && len(f) >= 3:
			h.Token = f[2]
		}
		hints = append(hints, h)
	}
	return hints
}

// Seen reads what events are about: jobs and attempts by id, in no order; those that are gone are left out.
func (s *Store) Seen(ctx context.Context, jobIDs, attemptIDs []string) (jobs []*Job, attempts []*Attempt, err error) {
	db, done := s.read(ctx)
	defer done()
	if len(jobIDs) > 0 {
		if jobs, err = jobsWhere(db, "id", "id IN ?", jobIDs); err != nil {
			return nil, nil, err
		}
	}
	if len(attemptIDs) > 0 {
		if err = db.Where("id IN ?", attemptIDs).Find(&attempts).Error; err == nil {
			err = nameTargets(db, attempts)
		}
	}
	return jobs, attempts, err
}
