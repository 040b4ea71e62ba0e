package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// sight is something to look at: a page, and what is pressed there first.
type sight struct {
	name, path string
	press      []string // buttons and links, by what they say; "☑" is the box of all that match, "!" lets forms go unfilled
	shows      string   // what the page says after that
}

// open goes there.
func (s sight) open(b *browser) {
	b.t.Helper()
	b.visit(s.path)
	for _, text := range s.press {
		switch text {
		case "☑":
			b.holds(`(document.querySelector("#bulk [name=all]").click(), true)`)
		case "!":
			b.holds(`(document.querySelectorAll("form").forEach((f) => (f.noValidate = true)), true)`)
		default:
			b.press(text)
		}
	}
	b.see(s.shows)
	b.holds(`document.readyState === "complete"`)
}

// furnish gives every page of a house something to show, and waits until it does.
func furnish(t *testing.T, h *house) {
	t.Helper()
	h.api(t, "/v1/targets",
		fmt.Sprintf(`{"name":"billing","url":%q,"description":"Books invoices.","retry":{"max_attempts":3,"min_backoff":"1s","factor":1}}`, h.receiver.URL+"/hooks/billing"))
	h.api(t, "/v1/targets",
		fmt.Sprintf(`{"name":"mailer","url":%q,"paused":true,"paused_reason":"the provider is down"}`,
			h.receiver.URL+"/mail"))
	h.api(t, "/v1/targets", fmt.Sprintf(`{"name":"search-index","url":%q,"rate_limit":"600/m","max_in_flight":4}`, h.receiver.URL+"/index"))
	for i := range 30 {
		h.api(t, "/v1/jobs",
			fmt.Sprintf(`{"target":"billing","payload":{"invoice":%d,"lines":[{"sku":"A-1","n":2}]},"labels":{"customer":"%d"}}`, i, i%7))
	}
	for i := range 9 {
		h.api(t, "/v1/jobs", fmt.Sprintf(`{"target":"search-index","payload":{"document":%d}}`, i))
	}
	h.api(t, "/v1/jobs", `{"target":"mailer","payload":{"to":"ada@example.com"}}`)
	h.api(t, "/v1/jobs", `{"target":"billing","key":"later","payload":{"reminder":true},"delay":"3h"}`)
	h.api(t, "/v1/schedules",
		`{"name":"report","target":"billing","cron":"0 9 * * MON-FRI","timezone":"Europe/Berlin","payload":{"report":"daily"}}`)
	h.api(t, "/v1/schedules", `{"name":"heartbeat","target":"billing","every":"1s"}`)
	h.api(t, "/v1/schedules", `{"name":"reindex","target":"search-index","every":"15m"}`)
	h.api(t, "/v1/schedules", `{"name":"newsletter","target":"mailer","cron":"30 7 * * TUE","timezone":"America/New_York"}`)
	h.api(t, "/v1/schedules/newsletter/pause", `{"reason":"nobody reads it in August"}`)
	h.api(t, "/v1/keys", `{"name":"worker","scope":"write","targets":["billing"],"expires_in":"90d","rate_limit":"100/s"}`)
	h.status.Store(http.StatusInternalServerError)
	for range 3 {
		h.api(t, "/v1/jobs", `{"target":"billing","labels":{"lot":"7"},"payload":{"works":"never"}}`)
	}
}

// sights are the pages of a house, and where they are.
func sights(t *testing.T, h *house, b *browser) []sight {
	t.Helper()
	furnish(t, h)
	b.visit("/jobs?q=label:lot=7+state:failed")
	b.see("Failed 3")
	h.status.Store(http.StatusOK)
	job := ask[string](b, `document.querySelector("td .id").getAttribute("href")`)
	b.visit(job)
	attempt := ask[string](b, `document.querySelector(".step[open] .hint a").getAttribute("href")`)
	b.visit("/jobs?q=state:scheduled+target:billing")
	waits := ask[string](b, `document.querySelector("td .id").getAttribute("href")`)
	b.visit("/jobs?q=label:lot=7+state:failed")
	b.holds(`(document.querySelector("#bulk [name=all]").click(), true)`)
	b.press("Run again")
	b.press("Run again 3 jobs")
	b.holds(`document.querySelector("#standing")?.innerText.includes("done")`)
	operation := ask[string](b, `location.pathname`)
	return []sight{{name: "overview", path: "/"}, {name: "overview-day", path: "/?window=24h"}, {name: "overview-week", path: "/?window=7d"},
		{name: "jobs", path: "/jobs"}, {name: "jobs-failed", path: "/jobs?q=state:failed"}, {name: "jobs-none", path: "/jobs?q=target:nobody"},
		{name: "jobs-wrong", path: "/jobs?q=colour:red"}, {name: "job", path: job}, {name: "job-waits", path: waits},
		{name: "job-rerun", path: job + "/rerun"}, {name: "job-new", path: "/jobs/new?target=billing"},
		{name: "many", path: "/jobs?q=state:failed", press: []string{"☑", "Retry"}, shows: "How many"},
		{name: "many-delete", path: "/jobs?q=state:failed", press: []string{"☑", "Delete"}, shows: "for good"},
		{name: "operations", path: "/operations"}, {name: "operation", path: operation},
		{name: "targets", path: "/targets"}, {name: "target", path: "/targets/billing"}, {name: "target-paused", path: "/targets/mailer"},
		{name: "target-tested", path: "/targets/billing", press: []string{"Send a test call"}, shows: "took"},
		{name: "target-secret", path: "/targets/billing", press: []string{"Show the secret"}, shows: "whsec_"},
		{name: "target-pause", path: "/targets/billing", press: []string{"Pause…"}, shows: "No new attempt"},
		{name: "target-new", path: "/targets/new"}, {name: "target-wrong", path: "/targets/new", press: []string{"!", "Register the target"}, shows: "Not saved yet"},
		{name: "target-edit", path: "/targets/billing/edit"},
		{name: "schedules", path: "/schedules"}, {name: "schedules-none", path: "/schedules?q=nobody"}, {name: "schedule", path: "/schedules/report"},
		{name: "schedule-busy", path: "/schedules/heartbeat"}, {name: "schedule-paused", path: "/schedules/newsletter"},
		{name: "schedule-new", path: "/schedules/new"}, {name: "schedule-edit", path: "/schedules/report/edit"},
		{name: "attempts", path: "/attempts"}, {name: "attempts-failed", path: "/attempts?outcome=failed"}, {name: "attempt", path: attempt},
		{name: "system", path: "/system"}, {name: "keys", path: "/keys"}, {name: "audit", path: "/audit"},
		{name: "problem", path: "/nowhere"}, {name: "shortcuts", path: "/jobs", press: []string{"Keys"}, shows: "open the row"}}
}

// gate are the pages of a house with a door, which show only there.
func gate() []sight {
	return []sight{{name: "login", path: "/login"}, {name: "login-wrong", path: "/login", press: []string{"!", "Sign in"}, shows: "is not a valid key"}}
}

// screens are the windows that pages are looked at in.
var screens = []struct {
	name          string
	width, height int64
}{{"wide", 1280, 900}, {"phone", 360, 780}}

// themes are what the reader's system may prefer.
var themes = []string{"light", "dark"}

// eachSight looks at every page on wide screens and phones, in both themes.
func eachSight(t *testing.T, look func(b *browser, name string)) {
	t.Helper()
	h := start(t)
	b := browse(t, h)
	kept, _ := h.serve(t)
	door := browse(t, kept)
	all := func(b *browser, sights []sight) {
		for _, s := range sights {
			for _, screen := range screens {
				for _, theme := range themes {
					b.screen(screen.width, screen.height, theme)
					s.open(b)
					look(b, s.name+"-"+screen.name+"-"+theme)
				}
			}
		}
		for _, status := range []string{"403", "404", "422"} { // of what is wrong on purpose
			b.forgive(status)
		}
	}
	all(b, sights(t, h, b))
	all(door, gate())
}

// TestShots keeps a picture of every page, and finds pages that are wider than the screen.
func TestShots(t *testing.T) {
	chromium(t)
	eachSight(t, func(b *browser, name string) {
		if overhang := ask[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); overhang > 0 {
			t.Errorf("%s is %d pixels wider than the screen", name, overhang)
		}
		b.shoot(name)
	})
}
