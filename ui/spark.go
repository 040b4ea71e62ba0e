package ui

import (
	"fmt"
	"slices"

	"punctual/models"
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

// sparkOfHours draws a day of calls, one bar for each hour, oldest first: as tall as the hour was busy, and of the colour
// of the worst that is more than a tenth of it.
func sparkOfHours(hours []models.Calls) Spark {
	most, made, failed := 0, 0, 0
	for _, c := range hours {
		most = max(most, c.Total())
		made, failed = made+c.Total(), failed+c.Failed+c.Lost+c.Retryable
	}
	s := Spark{Width: len(hours) * sparkStep,
		Words: fmt.Sprintf("The last %d hours: %s calls, %s without success", len(hours), thousands(made), thousands(failed))}
	if most == 0 {
		return Spark{}
	}
	for i, c := range hours {
		if c.Total() == 0 {
			continue
		}
		bar := SparkBar{X: i * sparkStep, H: max(SparkHeight*c.Total()/most, 2), Sign: "ok"}
		switch {
		case 10*(c.Failed+c.Lost) > c.Total():
			bar.Sign = "bad"
		case 10*(c.Retryable+c.Failed+c.Lost) > c.Total():
			bar.Sign = "again"
		}
		bar.Y = SparkHeight - bar.H
		s.Bars = append(s.Bars, bar)
	}
	return s
}
