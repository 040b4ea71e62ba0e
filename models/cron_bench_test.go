package models

import (
	"testing"
	"time"

	robfig "github.com/robfig/cron/v3"
)

var benchmarked = []struct{ name, cron string }{
	{"minute", "* * * * *"},
	{"weekdays", "30 2 * * MON-FRI"},
	{"yearly", "0 0 1 1 *"},
	{"leap_day", "0 0 29 2 *"},
}

func BenchmarkCompile(b *testing.B) {
	for _, c := range benchmarked {
		timing := Timing{Name: "report", Cron: c.cron, Timezone: "America/New_York", Anchor: time.Unix(1_800_000_000, 0)}
		b.Run(c.name+"/punctual", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := timing.Compile(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/robfig", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := robfig.ParseStandard("TZ=America/New_York " + c.cron); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNext walks on from occurrence to occurrence.
func BenchmarkNext(b *testing.B) {
	start := time.Unix(1_800_000_000, 0)
	for _, c := range benchmarked {
		ours, err := Timing{Cron: c.cron, Timezone: "America/New_York", Anchor: start}.Compile()
		if err != nil {
			b.Fatal(err)
		}
		theirs, err := robfig.ParseStandard("TZ=America/New_York " + c.cron)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+"/punctual", func(b *testing.B) {
			b.ReportAllocs()
			at, ok := start, true
			for b.Loop() {
				if at, ok = ours.Next(at); !ok {
					at = start
				}
			}
		})
		b.Run(c.name+"/robfig", func(b *testing.B) {
			b.ReportAllocs()
			at := start
			for b.Loop() {
				if at = theirs.Next(at); at.IsZero() || at.Year() > 9000 {
					at = start
				}
			}
		})
	}
}

// BenchmarkNextNever is the worst case: all there is lies in gaps that are skipped.
func BenchmarkNextNever(b *testing.B) {
	r, err := Timing{Cron: "30 2 8-14 3 SUN", DayMatch: "all", Timezone: "America/New_York", DSTGap: "skip"}.Compile()
	if err != nil {
		b.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Next(at); ok {
			b.Fatal("it fires")
		}
	}
}
