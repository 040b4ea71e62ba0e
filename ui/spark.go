package ui

import (
	"fmt"
	"slices"
)

// Spark is a row of small bars, one for each of the newest runs or calls, the newest to the right.
type Spark struct {
	Bars  []SparkBar
	Width int
	Words string // for those who do not see it
}

// SparkBar is one run: its colour tells what came of it, and one that failed is taller.
type SparkBar struct {
	X, Y, H int
	Sign    string
}

// Measures of a spark, in pixels.
const (
	SparkMax    = 20
	SparkHeight = 16
	sparkStep   = 5
)

// sparkOf draws the signs, which come newest first, as far as they fit.
func sparkOf(signs []Sign) Spark {
	signs = slices.Clone(signs[:min(len(signs), SparkMax)])
	slices.Reverse(signs)
	s := Spark{Width: len(signs) * sparkStep}
	bad := 0
	for i, sign := range signs {
		h := 9
		switch sign.Name {
		case "bad", "lost":
			h = SparkHeight
			bad++
		case "again":
			h = 13
		case "skip":
			h = 5
		}
		s.Bars = append(s.Bars, SparkBar{X: i * sparkStep, Y: SparkHeight - h, H: h, Sign: sign.Name})
	}
	if s.Words = "none failed"; bad > 0 {
		s.Words = fmt.Sprintf("%d failed", bad)
	}
	s.Words = fmt.Sprintf("The last %d, %s", len(signs), s.Words)
	return s
}
