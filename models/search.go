package models

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// MaxSearch bounds a search, in bytes.
const MaxSearch = 1024

// Qualifiers lists the words that a search knows, in the order in which Search writes them.
var Qualifiers = []string{"target", "state", "schedule", "label", "status", "origin", "created", "due"}

// ParseSearch reads a search as people type it, words between spaces:
//
//	target:billing  schedule:report  origin:api  status:503
//	state:failed               repeatable, also as state:failed,canceled; state:retrying is a part of scheduled
//	label:customer=42          repeatable: all of them
//	created:>2h                later than two hours ago; created:<2026-11-01 is before that day, in UTC
//	due:<1h                    before an hour from now; due:<now is due
//	01kcr3                     how the id begins, with or without job_
//
// A value with spaces, or what else would be misread, stands in double quotes, in which \" and \\ are " and \. A length
// of time names the instant so far from now, back for created and ahead for due; > is that instant or later, < is
// before it. The error is an *Invalid that names the qualifier, or q for the rest.
func ParseSearch(text string, now time.Time) (JobFilter, error) {
	var f JobFilter
	if len(text) > MaxSearch {
		return f, &Invalid{"q", "must be at most 1024 bytes"}
	}
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			return f, nil
		}
		var w searchWord
		var bad *Invalid
		if w, text, bad = cutWord(text); bad == nil {
			bad = f.heed(w, now)
		}
		if bad != nil {
			return JobFilter{}, bad
		}
	}
}

// searchWord is one word of a search: qualifier:value.
type searchWord struct {
	qualifier string // "" of free text
	value     string
	equals    int // where in value the first = outside quotes is, negative: nowhere; heedLabel takes one within then
}

// cutWord reads the word that text begins with.
func cutWord(text string) (w searchWord, rest string, bad *Invalid) {
	w.equals = -1
	var b strings.Builder
	quoted, escaped, plain := false, false, true // plain: nothing was quoted so far
	for i, c := range text {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted, plain = !quoted, false
		case !quoted && unicode.IsSpace(c):
			w.value = b.String()
			return w, text[i:], nil
		case !quoted && plain && c == ':' && w.qualifier == "" && b.Len() > 0:
			w.qualifier = b.String()
			b.Reset()
		default:
			if !quoted && c == '=' && w.equals < 0 {
				w.equals = b.Len()
			}
			b.WriteRune(c)
		}
	}
	if quoted {
		return w, "", &Invalid{"q", `must end each " with another`}
	}
	w.value = b.String()
	return w, "", nil
}

// heed adds what a word says to the filter.
func (f *JobFilter) heed(w searchWord, now time.Time) *Invalid {
	known := w.qualifier == "" || slices.Contains(Qualifiers, w.qualifier)
	switch {
	case !known && len(w.qualifier) <= 32 && isWord(w.qualifier):
		return &Invalid{w.qualifier, "is not one of " + join(Qualifiers)}
	case !known:
		return &Invalid{"q", "must use the qualifiers " + join(Qualifiers)}
	case w.qualifier == "":
		return f.heedID(w.value)
	case w.value == "":
		return &Invalid{w.qualifier, "must have a value"}
	}
	switch w.qualifier {
	case "target":
		return once(&f.Target, w)
	case "schedule":
		return once(&f.Schedule, w)
	case "origin":
		if !slices.Contains(Origins, Origin(w.value)) {
			return &Invalid{"origin", "must be one of " + join(Origins)}
		}
		return once(&f.Origin, w)
	case "state":
		return f.heedStates(w.value)
	case "label":
		return f.heedLabel(w)
	case "status":
		return f.heedStatus(w.value)
	case "created":
		return f.heedCreated(w.value, now)
	}
	return f.heedDue(w.value, now)
}

func isWord(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') })
}

// once sets a field that is not set yet.
func once[T ~string](field *T, w searchWord) *Invalid {
	if *field != "" {
		return &Invalid{w.qualifier, "must be given once"}
	}
	*field = T(w.value)
	return nil
}

func (f *JobFilter) heedID(value string) *Invalid {
	prefix := strings.ToLower(value)
	switch {
	case f.Prefix != "":
		return &Invalid{"q", "must hold one id, or how it begins"}
	case !beginsID(prefix):
		return &Invalid{"q", "must be how an id begins; a name goes with target: or schedule:"}
	}
	f.Prefix = prefix
	return nil
}

// idAlphabet are the characters of ids.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// beginsID tells whether the id of a job can begin with prefix, with or without "job_".
func beginsID(prefix string) bool {
	rest := strings.TrimPrefix(prefix, prefixJob)
	return prefix != "" && strings.Trim(rest, idAlphabet) == "" && (rest == "" || rest[0] <= '7')
}

func (f *JobFilter) heedStates(value string) *Invalid {
	for name := range strings.SplitSeq(value, ",") {
		state := State(name)
		if state != Retrying && !slices.Contains(States, state) {
			return &Invalid{"state", "must be one of " + join(append(slices.Clone(States), Retrying))}
		}
		if !slices.Contains(f.States, state) {
			f.States = append(f.States, state)
		}
	}
	return nil
}

func (f *JobFilter) heedLabel(w searchWord) *Invalid {
	if w.equals < 0 {
		w.equals = strings.IndexByte(w.value, '=') // the whole of it stands in quotes
	}
	if w.equals < 1 {
		return &Invalid{"label", "must be key=value"}
	}
	key, value := w.value[:w.equals], w.value[w.equals+1:]
	if old, twice := f.Labels[key]; twice && old != value {
		return &Invalid{"label", "must not name two values of one key: a job has one"}
	}
	if f.Labels == nil {
		f.Labels = Labels{}
	}
	f.Labels[key] = value
	return nil
}

func (f *JobFilter) heedStatus(value string) *Invalid {
	n, err := strconv.Atoi(value)
	switch {
	case f.StatusCode != 0:
		return &Invalid{"status", "must be given once"}
	case err != nil || n < minStatus || n > maxStatus || len(value) != 3:
		return &Invalid{"status", "must be between 100 and 999"}
	}
	f.StatusCode = n
	return nil
}

func (f *JobFilter) heedCreated(value string, now time.Time) *Invalid {
	at, ok := searchTime(value[1:], now, -1)
	field := &f.CreatedAfter
	if value[0] == '<' {
		field = &f.CreatedBefore
	}
	switch {
	case !ok || value[0] != '<' && value[0] != '>':
		return &Invalid{"created", "must be > or < and a time, such as >2h or <2026-11-01"}
	case !field.IsZero():
		return &Invalid{"created", "must be given once with > and once with <"}
	}
	*field = at
	return nil
}

func (f *JobFilter) heedDue(value string, now time.Time) *Invalid {
	at, ok := searchTime(value[1:], now, 1)
	switch {
	case !ok || value[0] != '<':
		return &Invalid{"due", "must be < and a time, such as <1h, <now or <2026-11-01"}
	case !f.DueBefore.IsZero():
		return &Invalid{"due", "must be given once"}
	}
	f.DueBefore = at
	return nil
}

// searchTime reads an instant: a day, a time as RFC 3339 has it, now, or a length of time that lies so far from now in
// the direction of sign.
func searchTime(text string, now time.Time, sign time.Duration) (time.Time, bool) {
	if text == "now" {
		return ceilMilli(now), true
	}
	if d, ok := ParseDuration(text); ok {
		return ceilMilli(now.Add(sign * d)), true
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 && t.Year() < 10_000 && !t.IsZero() {
			return ceilMilli(t), true
		}
	}
	return time.Time{}, false
}

// Search writes the filter so that ParseSearch reads it back, with its times as instants. The zero filter is "".
func (f JobFilter) Search() string {
	var words []string
	add := func(qualifier, value string) {
		if value != "" {
			words = append(words, qualifier+":"+quoteSearch(value))
		}
	}
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	add("target", f.Target)
	add("state", strings.Join(states, ","))
	add("schedule", f.Schedule)
	for _, key := range slices.Sorted(maps.Keys(f.Labels)) {
		words = append(words, "label:"+quoteSearch(key)+"="+quoteSearch(f.Labels[key]))
	}
	if f.StatusCode != 0 {
		add("status", strconv.Itoa(f.StatusCode))
	}
	add("origin", string(f.Origin))
	for _, bound := range []struct {
		word string
		at   time.Time
	}{{"created:>", f.CreatedAfter}, {"created:<", f.CreatedBefore}, {"due:<", f.DueBefore}} {
		if !bound.at.IsZero() {
			words = append(words, bound.word+bound.at.UTC().Format(time.RFC3339Nano))
		}
	}
	if f.Prefix != "" {
		words = append(words, quoteSearch(f.Prefix))
	}
	return strings.Join(words, " ")
}

// quoteSearch puts a value in quotes if it would be misread without.
func quoteSearch(value string) string {
	if value != "" && !strings.ContainsFunc(value, func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(`"\:=`, c) }) {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
