package models

import (
	"math/bits"
	"time"

	"github.com/netresearch/go-cron"
)

// calendar is what a cron expression matches, without any zone: a set of naive times (see zone.go).
type calendar struct {
	seconds, minutes, hours uint64       // bit n: the value n matches
	months                  uint64       // bit n: month n, from 1
	days                    [4][7]uint32 // by length of the month less 28 and weekday of its first: bit n, day n
}

// newCalendar builds the calendar of an expression. either says that a day need not match both day fields.
func newCalendar(sets *cron.SpecSchedule, either bool) *calendar {
	c := &calendar{seconds: sets.Second, minutes: sets.Minute, hours: sets.Hour, months: sets.Month}
	for length := 28; length <= 31; length++ {
		for first := range 7 {
			byDay, byWeekday := monthDays(sets, length, first)
			c.days[length-28][first] = byDay & byWeekday
			if either {
				c.days[length-28][first] = byDay | byWeekday
			}
		}
	}
	return c
}

// monthDays says which days of a month each of the two day fields matches.
func monthDays(sets *cron.SpecSchedule, length, first int) (byDay, byWeekday uint32) {
	for day := 1; day <= length; day++ {
		weekday := (first + day - 1) % 7
		byDay |= uint32(sets.Dom>>day&1) << day
		byWeekday |= uint32(sets.Dow>>weekday&1) << day
		for _, nth := range sets.DowConstraints {
			if nth.Weekday == weekday && (nth.N == (day+6)/7 || nth.N == -1 && day+7 > length) {
				byWeekday |= 1 << day
			}
		}
	}
	for _, special := range sets.DomConstraints {
		switch special.Type {
		case cron.DomLast:
			byDay |= 1 << length
		case cron.DomLastOffset:
			byDay |= 1 << max(length-special.N, 0)
		case cron.DomLastWeekday:
			byDay |= 1 << nearestWeekday(length, length, first)
		case cron.DomNearestWeekday:
			byDay |= 1 << nearestWeekday(special.N, length, first)
		}
	}
	return byDay &^ 1, byWeekday // no month has a day 0
}

// nearestWeekday finds the day from Monday to Friday that is nearest to a day and in the same month; 0 when the
// month is too short to have the day.
func nearestWeekday(day, length, first int) int {
	if day > length {
		return 0
	}
	switch time.Weekday((first + day - 1) % 7) {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == length {
			return day - 2
		}
		return day + 1
	}
	return day
}

// empty says that nothing ever matches. In 400 years every month begins on each day of the week, in leap years too.
func (c *calendar) empty() bool {
	for month := time.January; month <= time.December; month++ {
		for _, year := range []int{2000, 2001} {
			length := monthLength(year, month)
			for first := range 7 {
				if c.months>>month&1 == 1 && c.days[length-28][first] != 0 {
					return false
				}
			}
		}
	}
	return true
}

// next finds the first match at or after a naive time. There is none only if the calendar is empty or the search
// has left the year 9999; it looks at no more than 400 years of months.
func (c *calendar) next(naive int64) (int64, bool) {
	if naive > lastSecond {
		return 0, false
	}
	moment := time.Unix(max(naive, firstSecond), 0).UTC()
	year, month, day := moment.Date()
	ofDay := moment.Hour()*3600 + moment.Minute()*60 + moment.Second()
	midnight := moment.Unix() - int64(ofDay)

	first := (int(moment.Weekday()) - day + 1 + 35) % 7
	today := c.months>>month&1 == 1 && c.days[monthLength(year, month)-28][first]>>day&1 == 1
	if today {
		if at, ok := c.nextOfDay(ofDay); ok {
			return midnight + int64(at), true
		}
	}
	earliest, _ := c.nextOfDay(0)
	monthStart := midnight - int64(day-1)*secondsPerDay
	from := day + 1
	for range 400*12 + 1 {
		length := monthLength(year, month)
		if c.months>>month&1 == 1 {
			if found := c.days[length-28][first] >> from << from; found != 0 {
				return monthStart + int64(bits.TrailingZeros32(found)-1)*secondsPerDay + int64(earliest), year <= 9999
			}
		}
		monthStart += int64(length) * secondsPerDay
		first, from = (first+length)%7, 1
		if month++; month > time.December {
			year, month = year+1, time.January
		}
	}
	return 0, false
}

// nextOfDay finds the first matching second of a day at or after one, both counted from midnight.
func (c *calendar) nextOfDay(from int) (int, bool) {
	hour, minute, second := from/3600, from/60%60, from%60
	if c.hours>>hour&1 == 1 {
		if c.minutes>>minute&1 == 1 {
			if later := c.seconds >> second << second & (1<<60 - 1); later != 0 {
				return hour*3600 + minute*60 + bits.TrailingZeros64(later), true
			}
		}
		if later := c.minutes >> (minute + 1) << (minute + 1) & (1<<60 - 1); later != 0 {
			return hour*3600 + bits.TrailingZeros64(later)*60 + bits.TrailingZeros64(c.seconds), true
		}
	}
	if later := c.hours >> (hour + 1) << (hour + 1) & (1<<24 - 1); later != 0 {
		return bits.TrailingZeros64(later)*3600 + bits.TrailingZeros64(c.minutes)*60 + bits.TrailingZeros64(c.seconds), true
	}
	return 0, false
}

// monthLength counts the days of a month.
func monthLength(year int, month time.Month) int {
	switch month {
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	}
	return 31
}
