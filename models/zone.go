package models

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones also where the machine has none
)

// Instants in this file and its neighbours are seconds since 1970; naive times are what a wall clock in the zone
// shows, counted as if it stood in UTC; offsets are seconds east of UTC. So naive = instant + offset.
const (
	firstSecond    = -62135596800           // 0001-01-01T00:00:00Z, the earliest time a schedule may name
	lastSecond     = 253402300799           // 9999-12-31T23:59:59Z, the latest one that RFC 3339 can write
	gregorianCycle = 146097 * secondsPerDay // 400 years, after which dates, weekdays and zone rules repeat
	forever        = 1 << 62

	secondsPerDay = 24 * 60 * 60
)

var (
	rulesFrom = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix() // no zone lists its changes one by one beyond this
	tableEnd  = rulesFrom + gregorianCycle
)

// zone is a time zone as the list of its changes of offset, from the first one to tableEnd. What follows repeats
// with the cycle. It is never changed once loaded.
type zone struct {
	location *time.Location
	starts   []int64 // starts[i] is when offsets[i] begins to hold; ascending, neighbours differ in offset
	offsets  []int64
}

// zoneSpan is a stretch of time with one offset between two changes.
type zoneSpan struct {
	start, end            int64 // start ≤ t < end; -forever and forever where there is no change
	before, offset, after int64 // before start, within, and from end on
}

// ahead says by how many seconds the clocks jump forwards at the start of the span; negative: backwards.
func (s zoneSpan) ahead() int64 { return s.offset - s.before }

// behind says by how many seconds the clocks jump backwards at the end of the span; negative: forwards.
func (s zoneSpan) behind() int64 { return s.offset - s.after }

// zones holds every *zone loaded so far by name. It is bounded by the zone database.
var zones sync.Map

var errNoZone = errors.New("no such zone")

// loadZone finds a zone by its IANA name; "" is UTC. Names that mean this machine's own zone are refused, and so
// are the database's copies with leap seconds and the like.
func loadZone(name string) (*zone, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*zone), nil
	}
	special, _, _ := strings.Cut(strings.ToLower(name), "/")
	switch special {
	case "local", "localtime", "posixrules", "posix", "right":
		return nil, errNoZone
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, errNoZone
	}
	loaded, _ := zones.LoadOrStore(name, tabulate(location))
	return loaded.(*zone), nil
}

// tabulate walks through a location's changes of offset once, so that looking one up later costs a binary search.
func tabulate(location *time.Location) *zone {
	at := time.Unix(firstSecond, 0).In(location)
	_, offset := at.Zone()
	z := &zone{location: location, starts: []int64{-forever}, offsets: []int64{int64(offset)}}
	for at.Unix() < tableEnd+2*gregorianCycle/400 { // two years more, so that the last span of the table knows its end
		_, end := at.ZoneBounds()
		if end.IsZero() {
			break
		}
		// time counts 365 days in every year when it tells the end of a rule's last span: on 31 December of a leap
		// year that end is not after the time asked about. No rule changes clocks on that day.
		if !end.After(at) {
			end = at.Add(secondsPerDay * time.Second)
		}
		at = end
		if _, now := at.Zone(); now != offset {
			offset = now
			z.starts = append(z.starts, at.Unix())
			z.offsets = append(z.offsets, int64(now))
		}
	}
	return z
}

// at finds the span that holds an instant.
func (z *zone) at(instant int64) zoneSpan {
	var shift int64
	if ruled := z.starts[len(z.starts)-1] >= rulesFrom; ruled && instant >= tableEnd {
		shift = (instant - rulesFrom) / gregorianCycle * gregorianCycle
		instant -= shift
	}
	i, exact := slices.BinarySearch(z.starts, instant)
	if !exact {
		i--
	}
	s := zoneSpan{start: z.starts[i], end: forever, before: z.offsets[i], offset: z.offsets[i], after: z.offsets[i]}
	if i > 0 {
		s.start += shift
		s.before = z.offsets[i-1]
	}
	if i+1 < len(z.starts) {
		s.end = z.starts[i+1] + shift
		s.after = z.offsets[i+1]
	}
	return s
}
