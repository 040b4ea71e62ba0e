package models

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The fields of a cron expression, in their order.
const (
	cronSecond = iota
	cronMinute
	cronHour
	cronDay
	cronMonth
	cronWeekday
)

// cronField is what one field may hold.
type cronField struct {
	name      string
	low, high int
	size      int            // how many different values there are: 0 and 7 are both Sunday
	spread    int            // from how many of them, from low on, H chooses
	names     []string       // of the values, from low on
	special   *regexp.Regexp // items that are not numbers, as the parser takes them
	wants     string         // what would be right
}

var cronFields = [...]cronField{
	cronSecond: {name: "second", high: 59, size: 60, spread: 60, wants: "takes numbers from 0 to 59"},
	cronMinute: {name: "minute", high: 59, size: 60, spread: 60, wants: "takes numbers from 0 to 59"},
	cronHour:   {name: "hour", high: 23, size: 24, spread: 24, wants: "takes numbers from 0 to 23"},
	cronDay: {name: "day of month", low: 1, high: 31, size: 31,
		spread:  28, // every month has these
		special: regexp.MustCompile(`^(L|LW|L-([1-9]|[12][0-9]|30)|([1-9]|[12][0-9]|3[01])W)$`),
		wants:   "takes numbers from 1 to 31, L, L-3, LW and 15W"},
	cronMonth: {name: "month", low: 1, high: 12, size: 12, spread: 12,
		names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
		wants: "takes numbers from 1 to 12 and JAN to DEC"},
	cronWeekday: {name: "day of week", high: 7, size: 7, spread: 7,
		names:   strings.Fields("SUN MON TUE WED THU FRI SAT"),
		special: regexp.MustCompile(`^([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#([1-5]|L)$`),
		wants:   "takes numbers from 0 to 7, SUN to SAT, MON#2 and FRI#L"},
}

// cronRange is a run of values, perhaps beyond the end of the field and on from its start, and the step through it.
type cronRange struct{ low, size, step int }

// spell writes a field so that the parser reads it as meant, or says why it is refused. The parser alone would
// take "70-5", "+5", "*-3" and ",", refuse "*/60", count Sunday twice in "SAT-TUE/2" and spread H alike in all fields.
func (f *cronField) spell(text, name string) (spelled, why string) {
	items := strings.Split(text, ",")
	for i, item := range items {
		if items[i], why = f.spellItem(item, name); why != "" {
			return "", why
		}
	}
	return strings.Join(items, ","), ""
}

func (f *cronField) spellItem(item, name string) (spelled, why string) {
	base, step, stepped := strings.Cut(item, "/")
	switch {
	case item == "?" && f.special != nil: // a day field
		return "*", ""
	case f.special != nil && f.special.MatchString(item):
		return item, ""
	case !stepped:
		step = "1"
	}
	hashed := strings.HasPrefix(base, "H")
	r, ok := f.span(base, stepped)
	if hashed {
		r, ok = f.hashSpan(base)
	}
	if !ok {
		return "", f.wants
	}
	longest := f.size
	if hashed {
		longest = r.size // else some names would be left without any value
	}
	if r.step, ok = digits(step, 1, longest); !ok {
		return "", "takes steps from 1 to " + strconv.Itoa(longest)
	}
	switch {
	case hashed:
		return f.write(f.choose(r, name, stepped)), ""
	case base == "*" && r.step == 1:
		return "*", ""
	}
	return f.write(r), ""
}

// span reads "*", "n" and "a-b". Before a step, "n" means "n to the end".
func (f *cronField) span(base string, stepped bool) (r cronRange, ok bool) {
	if base == "*" {
		return cronRange{low: f.low, size: f.size}, true
	}
	lowText, highText, ranged := strings.Cut(base, "-")
	low, ok := f.value(lowText)
	high := low
	switch {
	case ranged && ok:
		high, ok = f.value(highText)
	case stepped:
		high = f.high
	}
	if high < low {
		return cronRange{low: low, size: (high-low+f.size)%f.size + 1}, ok
	}
	return cronRange{low: low, size: high - low + 1}, ok
}

// hashSpan reads "H" and "H(a-b)": what there is to choose from.
func (f *cronField) hashSpan(base string) (r cronRange, ok bool) {
	if base == "H" {
		return cronRange{low: f.low, size: f.spread}, true
	}
	inner, opened := strings.CutPrefix(base, "H(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed || !strings.Contains(inner, "-") {
		return r, false
	}
	return f.span(inner, false)
}

// choose settles H: one value of the range, or with a step where the steps begin. Every field draws for itself,
// so that names which share a minute need not share an hour.
func (f *cronField) choose(r cronRange, name string, stepped bool) cronRange {
	sum := sha256.Sum256([]byte(f.name + "\x00" + name)) // small hashes leave the fields of one name alike
	draw := binary.BigEndian.Uint64(sum[:])
	if !stepped {
		return cronRange{low: f.wrap(r.low + int(draw%uint64(r.size))), size: 1, step: 1}
	}
	skipped := int(draw % uint64(r.step))
	return cronRange{low: f.wrap(r.low + skipped), size: r.size - skipped, step: r.step}
}

// write spells a range in numbers.
func (f *cronField) write(r cronRange) string {
	low, last := strconv.Itoa(r.low), r.low+r.size-1
	switch {
	case r.step >= r.size: // the parser refuses such a step
		return low
	case f.size == 7 && last > f.high && r.step > 1: // days of the week beyond Sunday, which the parser counts twice
		var days []string
		for day := r.low; day <= last; day += r.step {
			days = append(days, strconv.Itoa(f.wrap(day)))
		}
		return strings.Join(days, ",")
	case r.step == 1:
		return low + "-" + strconv.Itoa(f.wrap(last))
	}
	return low + "-" + strconv.Itoa(f.wrap(last)) + "/" + strconv.Itoa(r.step)
}

// wrap brings a value beyond the end of the field back to its start.
func (f *cronField) wrap(value int) int {
	if value <= f.high {
		return value
	}
	return f.low + (value-f.low)%f.size
}

// value reads a number or a name.
func (f *cronField) value(text string) (int, bool) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.low + i, true
	}
	return digits(text, f.low, f.high)
}

// digits reads a number without sign between low and high.
func digits(text string, low, high int) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && int(n) >= low && int(n) <= high
}
