package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestTour is the tour by hand: register a target, make a job, watch it fail, mend the receiver, retry, see it succeed.
// The pages are not loaded again: what changes on them changes by events.
func TestTour(t *testing.T) {
	chromium(t)
	h := start(t)
	b := browse(t, h)
	h.status.Store(http.StatusServiceUnavailable)

	b.visit("/")
	b.see("Three steps to a first call")
	b.press("New target")
	b.fill("f-name", "billing")
	b.fill("f-url", h.receiver.URL+"/hooks")
	b.fill("f-retry-max_attempts", "2")
	b.fill("f-retry-min_backoff", "1s")
	b.press("Register the target")
	b.see("The target is registered.")
	b.press("Show the secret")
	b.see("whsec_")

	b.visit("/jobs")
	b.see("No job yet")
	b.holds(`window.stayed = true`)
	h.api(t, "/v1/jobs", `{"target":"billing","payload":{"invoice":7},"labels":{"made":"elsewhere"}}`)
	b.see("made:elsewhere")
	b.see("exhausted")
	b.holds(`window.stayed === true`)

	b.press("New job")
	b.holds(`location.pathname === "/jobs/new"`) // the list has a field for the target too
	b.fill("f-target", "billing")
	b.fill("f-body", `{"invoice": `)
	b.see("Not JSON yet")
	b.fill("f-body", `{"invoice": 8}`)
	b.holds(`!document.body.innerText.includes("Not JSON yet")`)
	b.press("Make the job")
	b.see("The job is made.")
	b.holds(`window.stayed = true`)
	b.see("Attempt 2")
	b.see("No attempt is left.")
	b.see("<b>as told</b>")

	h.status.Store(http.StatusOK)
	b.press("Retry")
	b.see("Attempt 3")
	b.see("200 OK")
	b.holds(`document.querySelector("#standing").innerText.includes("succeeded")`)

	b.visit("/targets/billing")
	b.press("Send a test call")
	b.see("Test call")
	b.see("200 OK")
	b.visit("/attempts")
	b.see("test call")
}

func TestScheduleWithPreview(t *testing.T) {
	chromium(t)
	h := start(t)
	h.api(t, "/v1/targets", fmt.Sprintf(`{"name":"billing","url":%q}`, h.receiver.URL))
	b := browse(t, h)
	b.visit("/schedules/new")
	b.fill("f-name", "report")
	b.fill("f-target", "billing")
	b.fill("f-cron", "61 9 * * *")
	b.holds(`document.querySelector("#preview .error") !== null`)
	b.forgive("422") // the browser logs that the preview was refused
	b.fill("f-cron", "0 9 29 2 *")
	b.holds(`document.querySelectorAll("#preview .runs li").length === 5`)
	b.press("Make the schedule")
	b.see("The schedule is made.")
	b.press("Run once now")
	b.see("by a trigger of its schedule")
	b.holds(`document.querySelector("#standing").innerText.includes("succeeded")`)
	b.visit("/schedules/report")
	b.press("Pause…")
	b.fill("f-reason", "holidays")
	b.press("Pause")
	b.see("The schedule is paused.")
	b.see("holidays")
}

func TestKeysAndTheme(t *testing.T) {
	chromium(t)
	b := browse(t, start(t))
	b.visit("/")
	for keys, path := range map[string]string{"gj": "/jobs", "gs": "/schedules", "gt": "/targets",
		"ga": "/attempts", "go": "/"} {
		b.keys(keys)
		b.holds(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
	}
	b.keys("?")
	b.see("find an id or name")
	b.keys(kb.Escape)
	b.holds(`!document.querySelector("dialog").open`)
	b.keys("/")
	b.holds(`document.activeElement.id === "find"`)
	b.keys("job_0" + kb.Enter)
	b.see("No job matches")

	b.press("Dark")
	b.holds(`document.documentElement.dataset.theme === "dark" && getComputedStyle(document.documentElement).colorScheme === "dark"`)
	b.press("System")
	b.holds(`document.documentElement.dataset.theme === undefined`)
}

// TestWithoutScripts reads pages and sends a form with JavaScript switched off.
func TestWithoutScripts(t *testing.T) {
	chromium(t)
	h := start(t)
	h.api(t, "/v1/targets", fmt.Sprintf(`{"name":"billing","url":%q}`, h.receiver.URL))
	b := browse(t, h)
	b.scriptless()
	b.visit("/jobs/new?target=billing")
	b.fill("f-body", `{"a":1}`)
	b.press("Make the job")
	b.see("The job is made.")
	b.see("Attempt")
	b.holds(`document.querySelector("#live").hidden`)
}

// TestHostileData shows what strangers may send: it stands there as text, and the console stays silent.
func TestHostileData(t *testing.T) {
	chromium(t)
	h := start(t)
	h.api(t, "/v1/targets",
		fmt.Sprintf(`{"name":"billing","url":%q,"description":"<script>document.title='pwned'</script>\u202e"}`,
			h.receiver.URL))
	h.api(t, "/v1/jobs",
		`{"target":"billing","payload":"<img src=x onerror=\"document.title='pwned'\">\u202e","labels":{"<b>x</b>":"<script>1</script>"},"delay":"1h"}`)
	b := browse(t, h)
	for _, path := range []string{"/", "/jobs", "/targets/billing",
		"/jobs?q=" + url.QueryEscape(`"><script>document.title='pwned'</script>`)} {
		b.visit(path)
		b.holds(`document.title !== "pwned" && document.querySelector("main script, main img, main b b") === null`)
	}
	b.visit("/jobs")
	b.see("<b>x</b>")
}

// TestShots keeps a picture of every page, and finds pages that are wider than the screen.
func TestShots(t *testing.T) {
	chromium(t)
	h := start(t)
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
	b := browse(t, h)
	h.status.Store(http.StatusInternalServerError)
	h.api(t, "/v1/jobs", `{"target":"billing","key":"fails","payload":{"works":"never"}}`)
	b.visit("/jobs?state=failed")
	b.see("exhausted")
	h.status.Store(http.StatusOK)
	job := ask[string](b, `document.querySelector("td .id").getAttribute("href")`)
	b.visit(job)
	attempt := ask[string](b, `document.querySelector(".step[open] .hint a").getAttribute("href")`)

	pages := map[string]string{"overview": "/", "jobs": "/jobs", "job": job, "job-new": "/jobs/new?target=billing",
		"targets": "/targets",
		"target":  "/targets/billing", "target-new": "/targets/new", "schedules": "/schedules",
		"schedule":     "/schedules/report",
		"schedule-new": "/schedules/new", "schedule-edit": "/schedules/report/edit", "attempts": "/attempts",
		"attempt": attempt}
	for name, path := range pages {
		for _, screen := range []struct {
			name          string
			width, height int64
		}{{"wide", 1280, 900}, {"phone", 360, 780}} {
			for _, theme := range []string{"light", "dark"} {
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
}
