package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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

// TestListsFollow watches pages fill up that were empty when they were opened: what goes with the rows comes with them.
func TestListsFollow(t *testing.T) {
	chromium(t)
	h := start(t)
	b := browse(t, h)
	b.visit("/")
	b.see("Three steps to a first call")
	h.api(t, "/v1/targets", fmt.Sprintf(`{"name":"billing","url":%q}`, h.receiver.URL))
	h.api(t, "/v1/jobs", `{"target":"billing"}`)
	b.see("Latest failures")

	b.visit("/jobs?q=label:lot=1")
	b.see("No job matches")
	h.api(t, "/v1/jobs", `{"target":"billing","delay":"1h","labels":{"lot":"1"}}`)
	b.see("all 1 matching")
	b.see("Export")
	b.holds(`(document.querySelector("#bulk [name=all]").click(), true)`)
	h.api(t, "/v1/jobs", `{"target":"billing","delay":"1h","labels":{"lot":"1"}}`)
	b.see("all 2 matching")
	b.press("Cancel")
	b.see("Cancel 2 jobs?")
	b.holds(`document.readyState === "complete"`) // what is left sooner is not in the history
	b.press("Cancel 2 jobs")
	b.holds(`document.querySelector("#standing")?.innerText.includes("done")`)
	b.holds(`(history.back(), true)`)
	b.see("How many") // the question is there again

	b.visit("/attempts")
	b.keys("j")
	b.holds(`document.activeElement.getAttribute("href")?.startsWith("/attempts/att_")`)

	b.visit("/jobs")
	b.keys("/")
	b.fill("search", "target:b")
	b.see("target:billing")
	b.keys(kb.Escape)
	b.holds(`document.getElementById("suggestions").hidden && document.getElementById("search").value === "target:b"`)
	b.keys(kb.Escape)
	b.holds(`document.activeElement === document.body && document.getElementById("search").value === "target:b"`)
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

// What strangers may send: markup, and characters that act. Labels hold printable ones only.
const (
	markup  = `<img src=x onerror="document.title='pwned'"><script>document.title='pwned'</script>`
	hostile = markup + "\u202e\u0007\u001b[31m\u2066{{.}}"
)

// TestHostileData shows what strangers may send, on every page: it stands there as text and within the screen, and the
// console stays silent.
func TestHostileData(t *testing.T) {
	chromium(t)
	h := start(t)
	long := hostile + strings.Repeat("x", 64<<10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Note", `<script>document.title='pwned'</script>`+strings.Repeat("y", 4<<10))
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, long)
	}))
	defer receiver.Close()
	post := func(path string, body map[string]any) {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		h.api(t, path, string(text))
	}
	name := strings.Repeat("w", 64) // as long as names are
	post("/v1/targets", map[string]any{"name": name, "url": receiver.URL + "/" + strings.Repeat("z", 1<<10), "description": hostile,
		"retry": map[string]any{"max_attempts": 1}, "capture": map[string]any{"request_body": "64KiB"}})
	post("/v1/schedules", map[string]any{"name": name, "target": name, "every": "1h", "description": hostile, "payload": long,
		"labels": map[string]string{"<b>": markup}})
	post("/v1/jobs", map[string]any{"target": name, "payload": long, "headers": map[string]string{"X-Note": "<script>" + strings.Repeat("h", 1<<10)},
		"labels": map[string]string{"<b>": markup, "lot": "1"}})
	post("/v1/jobs", map[string]any{"target": name, "body": long, "content_type": "text/html", "delay": "1h", "labels": map[string]string{"lot": "2"}})
	post("/v1/schedules/"+name+"/trigger", map[string]any{})
	post("/v1/targets/"+name+"/pause", map[string]any{"reason": hostile})
	post("/v1/schedules/"+name+"/pause", map[string]any{"reason": hostile})
	post("/v1/keys", map[string]any{"name": "worker", "scope": "read"})
	post("/v1/operations", map[string]any{"action": "rerun", "filter": map[string]any{"label": []string{"<b>:" + markup}}})

	b := browse(t, h)
	at := func(path, selector string) string {
		t.Helper()
		b.visit(path)
		b.holds(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
		return ask[string](b, fmt.Sprintf(`document.querySelector(%q).getAttribute("href")`, selector))
	}
	job, waits := at("/jobs?q=label:lot=1+state:failed", "td .id"), at("/jobs?q=label:lot=2", "td .id")
	attempt, operation := at(job, ".step[open] .hint a"), at("/operations", "td a")
	for _, screen := range screens {
		b.screen(screen.width, screen.height, "light")
		for _, path := range []string{"/", "/jobs", job, waits, job + "/rerun", "/jobs/new?copy=" + waits[len("/jobs/"):], "/operations", operation,
			"/targets", "/targets/" + name, "/targets/" + name + "/edit", "/schedules", "/schedules/" + name, "/schedules/" + name + "/edit",
			"/attempts", attempt, attempt + "?whole=1", "/system", "/keys", "/audit", "/find?q=" + url.QueryEscape(hostile),
			"/jobs?q=" + url.QueryEscape(hostile), "/jobs?q=" + url.QueryEscape(`label:"<b>=`+strings.ReplaceAll(markup, `"`, `\"`)+`"`),
			"/schedules?q=" + url.QueryEscape(hostile[:40]), "/attempts?target=" + url.QueryEscape(hostile), "/audit?who=" + url.QueryEscape(hostile),
			"/" + url.PathEscape(hostile)} {
			b.visit(path)
			b.holds(`(document.querySelectorAll("details").forEach((d) => (d.open = true)), true)`)
			b.holds(`document.title !== "pwned" && document.querySelector("main script, main img, main b b") === null`)
			if overhang := ask[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); overhang > 0 {
				t.Errorf("%s is %d pixels wider than a %s screen", path, overhang, screen.name)
			}
		}
	}
	b.visit(job)
	b.see("<script>document.title='pwned'</script>")
	b.see("<U+202E>")
	for _, status := range []string{"404", "422"} { // of what is wrong on purpose
		b.forgive(status)
	}
}
