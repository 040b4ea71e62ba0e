package ui

import (
	"math"
	"slices"
	"time"

	"punctual/models"
)

// Strip is a row of bars, one for each recent call, the newest to the right: colour tells what came of it, height how
// long it took.
type Strip struct {
	Width  int // of the picture; its height is StripHeight
	Bars   []StripBar
	Failed int // calls that did not succeed
}

// StripBar is one call.
type StripBar struct {
	X, Y, H int
	Sign    string
	Title   string
}

// StripHeight is the height of the picture, StripMax the most bars.
const (
	StripHeight = 36
	StripMax    = 60
	stripStep   = 8
)

// stripOf draws attempts, which come newest first. Calls that are out have no bar yet.
func stripOf(attempts []*models.Attempt) Strip {
	var ended []*models.Attempt
	for _, a := range attempts {
		if a.Outcome != models.Calling && len(ended) < StripMax {
			ended = append(ended, a)
		}
	}
	slices.Reverse(ended)
	s := Strip{Width: len(ended) * stripStep}
	for i, a := range ended {
		h := barHeight(a.Duration)
		if a.Outcome != models.Success {
			s.Failed++
		}
		s.Bars = append(s.Bars, StripBar{X: i * stripStep, Y: StripHeight - h, H: h,
			Sign:  OutcomeSign(a.Outcome).Name,
			Title: visible(a.Target) + ": " + Result(a) + ", " + Took(a.Duration)})
	}
	return s
}

// barHeight grows by the same step for each factor of ten, from 1 ms to 100 s.
func barHeight(d time.Duration) int {
	const smallest, decades = 5, 5
	ms := max(float64(d)/float64(time.Millisecond), 1)
	return smallest + int(min(math.Log10(ms)/decades, 1)*(StripHeight-smallest))
}
