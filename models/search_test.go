package models

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseSearch(t *testing.T) {
	for text, want := range map[string]JobFilter{
		"":                      {},
		"  \t ":                 {},
		"target:billing":        {Target: "billing"},
		"state:failed":          {States: []State{Failed}},
		"state:failed,retrying": {States: []State{Failed, Retrying}},
		"state:running state:failed state:running": {States: []State{Running, Failed}},
		"label:customer=42":                        {Labels: Labels{"customer": "42"}},
		"label:customer=42 label:tier=gold=1":      {Labels: Labels{"customer": "42", "tier": "gold=1"}},
		`label:name="Ann \"Doe\""`:                 {Labels: Labels{"name": `Ann "Doe"`}},
		`label:"a=b"=c`:                            {Labels: Labels{"a=b": "c"}},
		`label:"customer=forty two"`:               {Labels: Labels{"customer": "forty two"}},
		"label:empty=":                             {Labels: Labels{"empty": ""}},
		"label:url=http://x/?a=b":                  {Labels: Labels{"url": "http://x/?a=b"}},
		"schedule:report status:503 origin:api":    {Schedule: "report", StatusCode: 503, Origin: FromAPI},
		"created:>2h":                              {CreatedAfter: t0.Add(-2 * time.Hour)},
		"created:<2026-11-01":                      {CreatedBefore: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		"created:>2026-02-01T10:00:00+01:00 created:<1d": {CreatedAfter: time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC),
			CreatedBefore: t0.Add(-24 * time.Hour)},
		"due:<1h":            {DueBefore: t0.Add(time.Hour)},
		"due:<now":           {DueBefore: t0},
		"01KCR3":             {Prefix: "01kcr3"},
		"job_01kcr3":         {Prefix: "job_01kcr3"},
		"job_01 target:a":    {Target: "a", Prefix: "job_01"},
		`target:"two words"`: {Target: "two words"},
	} {
		got, err := ParseSearch(text, t0)
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v %s", text, err, cmp.Diff(want, got))
		}
		again, err := ParseSearch(got.Search(), t0.Add(time.Hour))
		if err != nil || cmp.Diff(got, again) != "" {
			t.Errorf("%s is written as %s, which reads as: %v %s", text, got.Search(), err, cmp.Diff(got, again))
		}
	}
}

func TestParseSearchNamesWhatIsWrong(t *testing.T) {
	for text, field := range map[string]string{
		"state:done": "state", "state:": "state", "state:failed,": "state", "target:": "target", "target:a target:b": "target",
		"label:customer": "label", "label:=42": "label", `label:"=42"`: "label", `label:"customer"`: "label", "label:a=1 label:a=2": "label", "status:5": "status",
		"status:abc": "status", "status:+42": "status", "status:503 status:504": "status", "origin:me": "origin", "created:2h": "created",
		"created:>": "created", "created:>yesterday": "created", "created:>1h created:>2h": "created", "due:>1h": "due",
		"due:<": "due", "due:<1h due:<2h": "due", "colour:red": "colour", "Target:a": "q", "billing": "q", "01kc 01kd": "q",
		`target:"a`: "q", `""`: "q", strings.Repeat("x", 33) + ":a": "q", strings.Repeat("0", MaxSearch+1): "q", "9": "q",
	} {
		var bad *Invalid
		if f, err := ParseSearch(text, t0); !errors.As(err, &bad) || bad.Field != field || !f.Empty() {
			t.Errorf("%.40s: %v, want Invalid at %s", text, err, field)
		}
	}
}

func FuzzParseSearch(f *testing.F) {
	for _, text := range []string{`target:billing state:failed label:customer=42 schedule:report status:503 origin:api`,
		`created:>2h created:<2026-11-01 due:<1h`, `label:"a b"="c \" d" 01jd`, "\x00\xff:\"", `label:a="\\"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseSearch(text, t0)
		if err != nil {
			var bad *Invalid
			if !errors.As(err, &bad) || bad.Field == "" || bad.Why == "" {
				t.Errorf("%v is no Invalid", err)
			}
			return
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%q gives an invalid filter: %v", text, err)
		}
		if len(got.Search()) > MaxSearch {
			return // quotes and instants may be longer than what was typed
		}
		again, err := ParseSearch(got.Search(), t0.Add(time.Minute))
		if err != nil || cmp.Diff(got, again) != "" {
			t.Errorf("%q is written as %q, which reads as: %v %s", text, got.Search(), err, cmp.Diff(got, again))
		}
	})
}
