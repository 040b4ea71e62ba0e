package ui

import (
	"net/url"
	"slices"

	"punctual/models"
)

// Act is something that can be done with many jobs at once.
type Act struct {
	Name   string // as the API's operations have it
	Label  string // of its button
	Danger bool
	states []models.State // that it applies to
}

var (
	ended = []models.State{models.Succeeded, models.Failed, models.Canceled}
	open  = []models.State{models.Scheduled, models.Retrying}
)

// Acts are all of them.
var Acts = []Act{
	{Name: "retry", Label: "Retry", states: []models.State{models.Failed, models.Canceled}},
	{Name: "run", Label: "Run now", states: open},
	{Name: "rerun", Label: "Run again", states: ended},
	{Name: "cancel", Label: "Cancel", states: append([]models.State{models.Running}, open...)},
	{Name: "delete", Label: "Delete", Danger: true, states: ended},
}

// fits tells whether the act applies to one of the states; none is any.
func (a Act) fits(states []models.State) bool {
	return len(states) == 0 || slices.ContainsFunc(states, func(s models.State) bool { return slices.Contains(a.states, s) })
}

// ActOf is the act of that name; ok is false if there is none.
func ActOf(name string) (act Act, ok bool) {
	i := slices.IndexFunc(Acts, func(a Act) bool { return a.Name == name })
	if i < 0 {
		return Act{}, false
	}
	return Acts[i], true
}

// ManyURL is the page that asks whether to do it with all jobs that a search finds.
func ManyURL(a Act, search string) string {
	return withCursor("/jobs/many", url.Values{"do": {a.Name}, "q": {search}}, "")
}

// Told says how many jobs it was done with.
func (a Act) Told(n int) string {
	done := map[string]string{"retry": "due again", "run": "due now", "rerun": "made once more", "cancel": "canceled",
		"delete": "deleted"}[a.Name]
	if n == 1 {
		return "1 job is " + done + "."
	}
	return thousands(n) + " jobs are " + done + "."
}

// Means says what comes of it.
func (a Act) Means() string {
	return map[string]string{
		"retry":  "Each is due again at once, with all its attempts.",
		"run":    "Each is due at once, whatever time it was made for.",
		"rerun":  "For each a new job like it is made.",
		"cancel": "None of them is called any more; calls that are out are cut off.",
		"delete": "They and their attempts go from the record for good.",
	}[a.Name]
}
