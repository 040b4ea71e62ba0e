package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// burst is one run of a part: as fast as it goes.
type burst struct {
	rate float64 // jobs a second
	cpu  float64 // CPU-ms of the server for 1,000 jobs
	peak float64 // bytes of the server; what was resident before counts
}

// round is what one round gave. Times are in µs, in no order.
type round struct {
	limits                            []float64 // jobs a second: at the beginning, after drain, after end to end
	batch, drain, endToEnd            burst
	late, arrival, accept, acceptBusy []int64
}

// figures are all that was measured.
type figures struct{ rounds []round }

// spreadOf is a median with the runs that it comes from.
type spreadOf struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Runs   []float64 `json:"runs"`
}

func summarize(runs []float64) spreadOf {
	return spreadOf{quantile(runs, 0.5), slices.Min(runs), slices.Max(runs), runs}
}

// benchPart is a part in jobs a second.
type benchPart struct {
	Rate  spreadOf `json:"jobs_per_s"`
	Ratio spreadOf `json:"ratio"`           // to the limit beside each run
	CPU   spreadOf `json:"cpu_ms_per_1000"` // of the server; 0: not known on this platform
	Peak  float64  `json:"peak_memory"`     // bytes of the server, in any run; 0: not known on this platform
}

// latency is a part in milliseconds, over all of its runs together.
type latency struct {
	Samples int     `json:"samples"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
}

// benchReport is what a bench has to say.
type benchReport struct {
	Reliable bool         `json:"reliable"`
	Why      string       `json:"why"` // not reliable: why; else ""
	Scatter  float64      `json:"scatter"`
	Version  string       `json:"version"`
	Go       string       `json:"go"`
	Platform string       `json:"platform"`
	CPUs     int          `json:"cpus"`
	Rounds   int          `json:"rounds"`
	Options  benchOptions `json:"options"`

	Limit      spreadOf  `json:"limit_per_s"`
	Drain      benchPart `json:"drain"`
	EndToEnd   benchPart `json:"end_to_end"`
	Batch      benchPart `json:"batch"`
	Lateness   latency   `json:"lateness"`
	Arrival    latency   `json:"arrival"`
	Accept     latency   `json:"accept"`
	AcceptBusy latency   `json:"accept_busy"`
}

// report makes of the figures what they mean. There is one round at least.
func (f *figures) report(o benchOptions) *benchReport {
	o.Database = showDatabase(o.Database)
	var limits []float64
	for _, r := range f.rounds {
		limits = append(limits, r.limits...)
	}
	b := readBuild()
	report := &benchReport{Version: b.version, Go: b.goes, Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs: runtime.NumCPU(), Rounds: len(f.rounds), Options: o,
		Limit:      summarize(limits),
		Drain:      f.part(0, func(r round) burst { return r.drain }),
		EndToEnd:   f.part(1, func(r round) burst { return r.endToEnd }),
		Batch:      f.part(0, func(r round) burst { return r.batch }),
		Lateness:   f.latency(func(r round) []int64 { return r.late }),
		Arrival:    f.latency(func(r round) []int64 { return r.arrival }),
		Accept:     f.latency(func(r round) []int64 { return r.accept }),
		AcceptBusy: f.latency(func(r round) []int64 { return r.acceptBusy }),
	}
	report.Scatter = scatter(limits)
	if report.Reliable = report.Scatter <= o.MaxScatter; !report.Reliable {
		report.Why = fmt.Sprintf("the middle half of the limit's runs spreads over %.0f%% of their median, and more than "+
			"%.0f%% tells nothing; let the machine rest from other work and try again", report.Scatter*100, o.MaxScatter*100)
	}
	return report
}

// part compares a part with the runs of the limit around it; before says which stood before it.
func (f *figures) part(before int, of func(round) burst) benchPart {
	var rates, ratios, cpus, peaks []float64
	for _, r := range f.rounds {
		run := of(r)
		rates, cpus, peaks = append(rates, run.rate), append(cpus, run.cpu), append(peaks, run.peak)
		ratios = append(ratios, run.rate/((r.limits[before]+r.limits[before+1])/2))
	}
	return benchPart{summarize(rates), summarize(ratios), summarize(cpus), slices.Max(peaks)}
}

func (f *figures) latency(of func(round) []int64) latency {
	var all []float64
	for _, r := range f.rounds {
		for _, us := range of(r) {
			all = append(all, float64(us)/1000)
		}
	}
	return latency{len(all), quantile(all, 0.5), quantile(all, 0.99), slices.Max(all)}
}

// scatter is how far the middle half of the runs spreads, as a share of their median. Unlike the whole range it does
// not grow with the number of runs.
func scatter(runs []float64) float64 {
	return (quantile(runs, 0.75) - quantile(runs, 0.25)) / quantile(runs, 0.5)
}

// quantile is the value below which the share q of the values lies, between neighbours in proportion. It needs one
// value at least.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (sorted[above]-sorted[below])*(at-math.Floor(at))
}

// table is the report for people.
func (r *benchReport) table() string {
	var b strings.Builder
	if !r.Reliable {
		b.WriteString("UNRELIABLE: " + r.Why + "\n\n")
	}
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "PART\tJOBS/S\tRANGE\tOF LIMIT\tRANGE\tCPU-MS/1,000\tMEMORY")
	fmt.Fprintf(tw, "limit\t%s\t%s–%s\t1\t\t\t\n", figure(r.Limit.Median), figure(r.Limit.Min), figure(r.Limit.Max))
	for _, p := range []struct {
		name string
		benchPart
	}{{"drain", r.Drain}, {"end to end", r.EndToEnd}, {"batch", r.Batch}} {
		fmt.Fprintf(tw, "%s\t%s\t%s–%s\t%.2f\t%.2f–%.2f\t%s\t%s\n", p.name, figure(p.Rate.Median), figure(p.Rate.Min),
			figure(p.Rate.Max), p.Ratio.Median, p.Ratio.Min, p.Ratio.Max, orUnknown(p.CPU.Median, figure(p.CPU.Median)),
			orUnknown(p.Peak, humanize.IBytes(uint64(p.Peak))))
	}
	fmt.Fprintln(tw, "\nLATENCY\tP50 MS\tP99 MS\tMAX MS\tSAMPLES\tWHAT")
	for _, l := range []struct {
		name, what string
		latency
	}{
		{"lateness", fmt.Sprintf("due → at the sink, %d delayed jobs/s; none early", delayedRate), r.Lateness},
		{"arrival", fmt.Sprintf("asked for → at the sink, %d jobs/s", steadyRate), r.Arrival},
		{"accept", fmt.Sprintf("asked for → 201, %d jobs/s", steadyRate), r.Accept},
		{"accept, busy", fmt.Sprintf("asked for → 201, %d clients without a pause", r.Options.Clients), r.AcceptBusy},
	} {
		fmt.Fprintf(tw, "%s\t%.2f\t%.2f\t%.2f\t%d\t%s\n", l.name, l.P50, l.P99, l.Max, l.Samples, l.what)
	}
	tw.Flush() // cannot fail: it writes to memory
	fmt.Fprintf(&b, "\nevery job came once, signed and in time; medians over rounds: %d; the limit's runs scatter by %.0f%%\n",
		r.Rounds, r.Scatter*100)
	o := r.Options
	fmt.Fprintf(&b, "punctual %s, %s, %s, %d CPUs; sync %s, payload %s, targets %d, clients %d\n", r.Version, r.Go,
		r.Platform, r.CPUs, o.Sync, humanize.IBytes(uint64(o.Payload)), o.Targets, o.Clients)
	return b.String()
}

// orUnknown is how a figure reads that the platform may not tell.
func orUnknown(n float64, text string) string {
	if n == 0 {
		return "-"
	}
	return text
}
