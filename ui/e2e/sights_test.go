package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// sights is a house in which every page has something to show, and where its pages are.
func sights(t *testing.T, h *house, b *browser) map[string]string {
	t.Helper()
	h.api(t, "/v1/targets",
		fmt.Sprintf(`{"name":"billing","url":%q,"description":"Books invoices.","retry":{"max_attempts":3,"min_backoff":"1s","factor":1}}`, h.receiver.URL+"/hooks/billing"))
	h.api(t, "/v1/targets",
		fmt.Sprintf(`{"name":"mailer","url":%q,"paused":true,"paused_reason":"the provider is down"}`,
			h.receiver.URL+"/mail"))
	for i := range 30 {
		h.api(t, "/v1/jobs",
			fmt.Sprintf(`{"target":"billing","payload":{"invoice":%d,"lines":[{"sku":"A-1","n":2}]},"labels":{"customer":"%d"}}`, i, i%7))
	}
	h.api(t, "/v1/jobs", `{"target":"mailer","payload":{"to":"ada@example.com"}}`)
	h.api(t, "/v1/jobs", `{"target":"billing","payload":{"reminder":true},"delay":"3h"}`)
	h.api(t, "/v1/schedules",
		`{"name":"report","target":"billing","cron":"0 9 * * MON-FRI","timezone":"Europe/Berlin","payload":{"report":"daily"}}`)
	h.api(t, "/v1/schedules", `{"name":"heartbeat","target":"billing","every":"1s"}`)
	h.status.Store(http.StatusInternalServerError)
	h.api(t, "/v1/jobs", `{"target":"billing","key":"fails","payload":{"works":"never"}}`)
	b.visit("/jobs?state=failed")
	b.see("exhausted")
	h.status.Store(http.StatusOK)
	job := ask[string](b, `document.querySelector("td .id").getAttribute("href")`)
	b.visit(job)
	attempt := ask[string](b, `document.querySelector(".step[open] .hint a").getAttribute("href")`)
	return map[string]string{"overview": "/", "overview-day": "/?window=24h", "jobs": "/jobs", "jobs-failed": "/jobs?q=state:failed",
		"jobs-none": "/jobs?q=target:nobody", "jobs-wrong": "/jobs?q=colour:red", "job": job, "job-rerun": job + "/rerun",
		"job-new": "/jobs/new?target=billing", "targets": "/targets", "target": "/targets/billing", "target-paused": "/targets/mailer",
		"target-new": "/targets/new", "target-edit": "/targets/billing/edit", "schedules": "/schedules",
		"schedule": "/schedules/report", "schedule-busy": "/schedules/heartbeat", "schedule-new": "/schedules/new",
		"schedule-edit": "/schedules/report/edit", "operations": "/operations", "attempts": "/attempts", "attempt": attempt, "system": "/system",
		"problem": "/nowhere"}
}

// screens are the windows that pages are looked at in.
var screens = []struct {
	name          string
	width, height int64
}{{"wide", 1280, 900}, {"phone", 360, 780}}

// themes are what the reader's system may prefer.
var themes = []string{"light", "dark"}

// TestShots keeps a picture of every page, and finds pages that are wider than the screen.
func TestShots(t *testing.T) {
	chromium(t)
	h := start(t)
	b := browse(t, h)
	for name, path := range sights(t, h, b) {
		for _, screen := range screens {
			for _, theme := range themes {
				b.screen(screen.width, screen.height, theme)
				b.visit(path)
				b.holds(`document.readyState === "complete"`)
				if overhang := ask[int](b,
					`document.documentElement.scrollWidth - document.documentElement.clientWidth`); overhang > 0 {
					t.Errorf("%s is %d pixels wider than a %s screen", path, overhang, screen.name)
				}
				b.shoot(name + "-" + screen.name + "-" + theme)
			}
		}
	}
	b.forgive("404") // of the page that is not there
	b.forgive("422") // of the search that makes no sense
}
