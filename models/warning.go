package models

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Warnings says what about the timing may surprise its author; nil if nothing does.
func (r *Recurrence) Warnings() []string { return r.warnings }

// warnings says what about an expression may surprise its author. both says that a day must match both day fields.
func (c *cronText) warnings(sets *cron.SpecSchedule, both bool) (all []string) {
	restrictsDay, restrictsWeekday := c.restricts(cronDay), c.restricts(cronWeekday)
	switch {
	case restrictsDay && restrictsWeekday && both:
		all = append(all, "both day fields are restricted: runs only on days that match both of them (day_match all)")
	case restrictsDay && restrictsWeekday:
		all = append(all, "both day fields are restricted: runs on days that match either one of them (day_match any)")
	case restrictsDay && len(sets.DomConstraints) == 0 && skipsMonths(sets):
		all = append(all, "months without the day are skipped; L is the last day of every month")
	}
	for i, whole := range []string{cronSecond: "minute", cronMinute: "hour", cronHour: "day"} {
		field := cronFields[i]
		text, stepped := strings.CutPrefix(c.written[i], "*/")
		if step, ok := digits(text, 1, field.size); ok && stepped && field.size%step != 0 {
			all = append(all, fmt.Sprintf("steps of %d %ss begin anew with each %s: the last one is only %d long",
				step, field.name, whole, field.size%step))
		}
	}
	return all
}

// skipsMonths says whether a month that is asked for is too short for all the days that are.
func skipsMonths(sets *cron.SpecSchedule) bool {
	earliest := bits.TrailingZeros64(sets.Dom)
	for month := time.January; month <= time.December; month++ {
		if sets.Month>>month&1 == 1 && monthLength(2001, month) < earliest {
			return true
		}
	}
	return false
}
