package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"punctual/models"
)

// Chart is a picture of what happened in a window: bars on each other, or lines. Places across are in per cent, so
// that it fits any width; places down are pixels.
type Chart struct {
	Title  string
	Face   string // of the times below it, as times.js draws them
	Bars   []ChartBar
	Lines  []ChartLine
	Reach  []ChartReach // one for each step, over its whole height
	Rules  []ChartRule
	Ticks  []ChartTick
	Legend []ChartKey
	Words  string // for those who do not see it
	None   bool   // nothing to draw
}

// ChartBar is a part of a bar.
type ChartBar struct {
	X, W, Y, H string
	Sign       string
}

// ChartLine is a line; D is a path in a box of a thousand by chartDeep.
type ChartLine struct{ Class, D string }

// ChartReach is the place of one step, with what it says.
type ChartReach struct{ X, W, Text string }

// ChartRule is a line across, with its value.
type ChartRule struct {
	Y    int
	Text string
}

// ChartTick is a time below the chart.
type ChartTick struct {
	X, Anchor string
	At        Moment
	Text      string // in UTC
}

// ChartKey explains a colour, and says the total.
type ChartKey struct{ Class, Name, Value string }

// Measures of charts, in pixels down.
const (
	chartTop   = 10
	chartDeep  = 100 // of the field that is drawn in
	ChartLabel = chartTop + chartDeep + 15
	ticksShown = 4
)

// Deep is the lower end of the field.
func (Chart) Deep() int { return chartTop + chartDeep }

// chartOf draws what is around the data: times below and rules behind.
func (f *Frame) chartOf(title string, s *models.Stats, top float64, value func(float64) string) Chart {
	c := Chart{Title: title, Face: "minute"}
	layout := "15:04"
	if s.Step >= time.Hour {
		c.Face, layout = "day", "01-02 15:04"
	}
	n := len(s.Series)
	for i := range ticksShown + 1 {
		at := min(i*n/ticksShown, n-1)
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case ticksShown:
			anchor = "end"
		}
		t := s.Series[at].At
		c.Ticks = append(c.Ticks, ChartTick{X: percent(float64(i) / ticksShown), Anchor: anchor, At: f.At(t),
			Text: t.UTC().Format(layout)})
	}
	for _, share := range []float64{0, 0.5, 1} {
		c.Rules = append(c.Rules, ChartRule{Y: chartTop + int(chartDeep*(1-share)), Text: value(top * share)})
	}
	return c
}

// CallsChart shows calls per minute by outcome.
func (f *Frame) CallsChart(s *models.Stats) Chart {
	minutes := s.Step.Minutes()
	most := 0.0
	for _, step := range s.Series {
		most = max(most, float64(step.Calls.Total())/minutes)
	}
	top := niceTop(most)
	c := f.chartOf("Calls per minute", s, top, plain)
	c.None = most == 0
	n := float64(len(s.Series))
	for i, step := range s.Series {
		x, y := float64(i)/n, float64(chartTop+chartDeep)
		for _, part := range callParts(step.Calls) {
			if part.n == 0 {
				continue
			}
			h := chartDeep * float64(part.n) / minutes / top
			y -= h
			c.Bars = append(c.Bars, ChartBar{X: percent(x + .1/n), W: percent(.8 / n), Y: pixels(y), H: pixels(h), Sign: part.sign})
		}
		c.Reach = append(c.Reach, ChartReach{X: percent(x), W: percent(1 / n), Text: callWords(step)})
	}
	for _, part := range callParts(s.Total.Calls) {
		if part.n > 0 || part.sign == "ok" {
			c.Legend = append(c.Legend, ChartKey{part.sign, part.name, thousands(part.n)})
		}
	}
	c.Words = "Calls per minute: " + callWords(models.Step{At: s.From, Happened: s.Total}) + " on"
	return c
}

type callPart struct {
	sign, name string
	n          int
}

// callParts are the outcomes as they are drawn, from below.
func callParts(c models.Calls) []callPart {
	return []callPart{{"ok", "succeeded", c.Succeeded}, {"again", "to be retried", c.Retryable},
		{"bad", "failed", c.Failed + c.Lost}, {"off", "cut off", c.Canceled + c.Interrupted}}
}

func callWords(s models.Step) string {
	var parts []string
	for _, part := range callParts(s.Calls) {
		if part.n > 0 {
			parts = append(parts, thousands(part.n)+" "+part.name)
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return strings.Join(parts, ", ") + ", from " + s.At.UTC().Format("2006-01-02 15:04 UTC")
}

// LatencyChart shows how long calls took.
func (f *Frame) LatencyChart(s *models.Stats) Chart {
	return f.quantileChart("Latency", s, func(h models.Happened) models.Quantiles { return h.Latency },
		[]quantile{{"third", "p99", p99}, {"second", "p95", p95}, {"first", "p50", p50}})
}

// LatenessChart shows how long after their time calls left.
func (f *Frame) LatenessChart(s *models.Stats) Chart {
	return f.quantileChart("Lateness", s, func(h models.Happened) models.Quantiles { return h.Lateness },
		[]quantile{{"first", "p99", p99}})
}

type quantile struct {
	class, name string
	of          func(models.Quantiles) time.Duration
}

func p50(q models.Quantiles) time.Duration { return q.P50 }
func p95(q models.Quantiles) time.Duration { return q.P95 }
func p99(q models.Quantiles) time.Duration { return q.P99 }

func (f *Frame) quantileChart(title string, s *models.Stats, of func(models.Happened) models.Quantiles, shown []quantile) Chart {
	var most time.Duration
	for _, step := range s.Series {
		if q := of(step.Happened); q.Known {
			most = max(most, shown[0].of(q))
		}
	}
	top := niceTop(float64(most) / float64(time.Millisecond))
	c := f.chartOf(title, s, top, func(ms float64) string { return Took(time.Duration(ms * float64(time.Millisecond))) })
	c.None = most == 0
	n := float64(len(s.Series))
	for _, each := range shown {
		line, drawing := strings.Builder{}, false
		for i, step := range s.Series {
			q := of(step.Happened)
			if !q.Known {
				drawing = false
				continue
			}
			x := 1000 * (float64(i) + .5) / n
			y := chartDeep * (1 - float64(each.of(q))/float64(time.Millisecond)/top)
			switch {
			case drawing:
				fmt.Fprintf(&line, "L%s %s", pixels(x), pixels(y))
			case i+1 < len(s.Series) && of(s.Series[i+1].Happened).Known:
				fmt.Fprintf(&line, "M%s %s", pixels(x), pixels(y))
			default: // alone, it is as wide as its step
				fmt.Fprintf(&line, "M%s %sh%s", pixels(x-500/n), pixels(y), pixels(1000/n))
			}
			drawing = true
		}
		c.Lines = append(c.Lines, ChartLine{each.class, line.String()})
		total := of(s.Total)
		value := "–"
		if total.Known {
			value = Took(each.of(total))
		}
		c.Legend = append([]ChartKey{{each.class, each.name, value}}, c.Legend...)
		c.Words = each.name + " " + value + " " + c.Words
	}
	for i, step := range s.Series {
		text := "nothing"
		if q := of(step.Happened); q.Known {
			text = fmt.Sprintf("p50 %s, p95 %s, p99 %s", Took(q.P50), Took(q.P95), Took(q.P99))
		}
		c.Reach = append(c.Reach, ChartReach{X: percent(float64(i) / n), W: percent(1 / n),
			Text: text + ", from " + step.At.UTC().Format("2006-01-02 15:04 UTC")})
	}
	c.Words = title + ": " + c.Words
	return c
}

// niceTop is the least of 1, 2, 4, 6, 10, 20 … that is not below v, so that its half is a round number too.
func niceTop(v float64) float64 {
	if v <= 0 {
		return 1
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 6, 10} {
		if step*scale >= v {
			return step * scale
		}
	}
	return 10 * scale
}

func plain(v float64) string {
	if v >= 1000 {
		return thousands(int(v))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func percent(share float64) string { return pixels(100*share) + "%" }

// pixels is a length with a tenth of a pixel at most.
func pixels(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }
