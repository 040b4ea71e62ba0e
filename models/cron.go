package models

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/netresearch/go-cron"
)

// MaxCron is the longest cron expression accepted, in bytes.
const MaxCron = 256

// cronParser turns what cronField.spell writes into sets. Nothing else of go-cron is used: its idea of daylight
// saving is not ours.
var cronParser = cron.MustNewParser(
	cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Extended)

var cronMacros = map[string]string{
	"@YEARLY":   "0 0 1 1 *",
	"@ANNUALLY": "0 0 1 1 *",
	"@MONTHLY":  "0 0 1 * *",
	"@WEEKLY":   "0 0 * * 0",
	"@DAILY":    "0 0 * * *",
	"@MIDNIGHT": "0 0 * * *",
	"@HOURLY":   "0 * * * *",
}

// cronText is an expression taken apart into its six fields.
type cronText struct {
	written [len(cronFields)]string // in capitals, macros spelt out, a missing second as 0
	spelled [len(cronFields)]string // for the parser
}

// readCron takes an expression apart and refuses, as an *Invalid, what the grammar does not have. H is spread by
// name. It does not see whether the expression ever fires.
func readCron(text, name string) (*cronText, error) {
	if len(text) > MaxCron {
		return nil, badCron("must have at most " + strconv.Itoa(MaxCron) + " bytes")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		return nil, badCron("must be plain ASCII")
	}
	text = strings.ToUpper(strings.TrimSpace(text))
	if strings.HasPrefix(text, "@") {
		macro, ok := cronMacros[text]
		if !ok {
			return nil, badCron("the macros are @yearly, @monthly, @weekly, @daily, @midnight and @hourly")
		}
		text = macro
	}
	fields := strings.Fields(text)
	switch {
	case strings.Contains(text, "TZ="):
		return nil, badCron("a time zone has a field of its own: timezone")
	case len(fields) == len(cronFields)-1:
		fields = slices.Insert(fields, 0, "0")
	case len(fields) != len(cronFields):
		return nil, badCron("must have five fields, or six with seconds first")
	}
	c := &cronText{}
	for i := range cronFields {
		spelled, why := cronFields[i].spell(fields[i], name)
		if why != "" {
			return nil, badCron(cronFields[i].name + ": " + why)
		}
		c.written[i], c.spelled[i] = fields[i], spelled
	}
	return c, nil
}

func badCron(why string) *Invalid { return &Invalid{Field: "cron", Why: why} }

var cronHashRange = regexp.MustCompile(`H\([^)]*\)`)

// interval says whether the expression, as written, means "every so often" rather than "at these times of day".
func (c *cronText) interval() bool {
	return slices.ContainsFunc(c.written[:cronDay], func(field string) bool {
		return strings.HasPrefix(field, "*") || strings.ContainsAny(cronHashRange.ReplaceAllString(field, ""), "-/")
	})
}

// restricts says whether a day field is other than * and ?. As everywhere, */1 is another way to write *.
func (c *cronText) restricts(field int) bool {
	return !slices.Contains(strings.Split(c.spelled[field], ","), "*")
}

// sets hands the expression to the parser.
func (c *cronText) sets() (*cron.SpecSchedule, error) {
	parsed, err := cronParser.Parse(strings.Join(c.spelled[:], " "))
	if sets, ok := parsed.(*cron.SpecSchedule); ok && err == nil {
		return sets, nil
	}
	return nil, badCron("is not a cron expression")
}
