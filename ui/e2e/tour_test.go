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

	// The rest all at once, by the search bar and with the count first.
	h.status.Store(http.StatusServiceUnavailable)
	for range 3 {
		h.api(t, "/v1/jobs", `{"target":"billing","payload":{"invoice":9}}`)
	}
	b.visit("/jobs?q=state:failed+target:billing")
	b.see("Failed 4")
	h.status.Store(http.StatusOK)
	b.holds(`(document.querySelector("#bulk [name=all]").click(), true)`)
	b.press("Retry")
	b.see("Retry 4 jobs?")
	b.press("Retry 4 jobs")
	b.holds(`location.pathname.startsWith("/operations/op_")`)
	b.holds(`window.stayed = true`)
	b.holds(`document.querySelector("#standing").innerText.includes("done")`)
	b.see("4 of 4 jobs")
	b.holds(`window.stayed === true`)
	b.visit("/jobs?q=target:billing")
	b.see("Succeeded 5")

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
	for _, way := range [][2]string{{"gj", "/jobs"}, {"gs", "/schedules"}, {"gt", "/targets"}, {"ga", "/attempts"}, {"gy", "/system"},
		{"go", "/"}} {
		b.keys(way[0])
		b.holds(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, way[1]))
	}
	b.keys("?")
	b.see("pause live updates")
	b.keys(kb.Escape)
	b.holds(`!document.querySelector("dialog").open`)
	b.keys("/")
	b.holds(`document.activeElement.id === "find"`)
	b.fill("find", "job_0"+kb.Enter)
	b.see("No job matches")

	b.press("Dark")
	b.holds(`document.documentElement.dataset.theme === "dark" && getComputedStyle(document.documentElement).colorScheme === "dark"`)
	b.press("System")
	b.holds(`document.documentElement.dataset.theme === undefined`)
}

// TestRowsByKeys walks the rows of a list and selects two of them, without a mouse.
func TestRowsByKeys(t *testing.T) {
	chromium(t)
	h := start(t)
	h.api(t, "/v1/targets", fmt.Sprintf(`{"name":"billing","url":%q}`, h.receiver.URL))
	for range 3 {
		h.api(t, "/v1/jobs", `{"target":"billing","delay":"1h"}`)
	}
	b := browse(t, h)
	b.visit("/jobs")
	b.see("None selected") // the scripts have begun
	b.keys("jx")
	b.keys("jx")
	b.see("2 selected")
	b.keys("j")
	b.keys(kb.Enter)
	b.holds(`location.pathname.startsWith("/jobs/job_")`)
	b.see("First attempt")

	b.visit("/jobs")
	b.keys("/")
	b.holds(`document.activeElement.id === "search"`)
	b.fill("search", "target:b")
	b.see("target:billing")
	b.keys(kb.ArrowDown + kb.Enter)
	b.holds(`document.getElementById("search").value === "target:billing "`)
	b.keys(kb.Enter)
	b.holds(`location.search === "?q=target%3Abilling+"`)

	b.visit("/jobs")
	b.keys("p")
	b.holds(`document.getElementById("live").textContent === "paused"`)
	b.press("UTC")
	b.holds(`document.documentElement.dataset.clock === "utc"`)
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
	b.forgive("422") // the last of them is no search
	b.visit("/jobs")
	b.see("<b>x</b>")
}
