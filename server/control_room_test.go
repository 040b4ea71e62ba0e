package server

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/models"
)

// roomSearches are what people look for in the list of jobs: what an index serves, what is rare, and what is nowhere.
var roomSearches = []string{"", "target:target-3", "target:nobody", "schedule:schedule-10", "origin:api", "origin:rerun", "state:failed",
	"state:succeeded", "state:scheduled", "state:running", "state:retrying", "state:canceled", "state:failed,canceled",
	"target:target-3 state:failed", "target:target-3 state:succeeded", "target:target-3 state:retrying", "target:target-3 origin:rerun",
	"target:target-3 state:failed origin:rerun", "status:200", "status:503", "status:404", "status:418", "status:503 target:target-3",
	"status:404 target:target-3", "status:200 state:failed", "status:503 state:succeeded", "status:404 origin:rerun", "label:customer=42",
	"label:customer=40 state:failed", "label:region=eu", "label:region=eu status:418", "label:region=eu status:503", "label:region=eu state:failed",
	"label:region=us state:canceled", "label:region=us target:target-3", "label:region=eu schedule:schedule-10", "label:region=us origin:rerun",
	"label:region=us label:customer=1", "label:region=us label:customer=999 state:failed", "created:>2h", "created:<5d", "created:>5d state:failed",
	"created:>5d origin:rerun", "created:>4d created:<3d target:target-3", "created:>4d status:418", "due:<now state:scheduled", "due:<now",
	"schedule:schedule-10 state:failed", "schedule:schedule-10 status:404", "schedule:schedule-10 target:target-3", "0", "7"}

// TestControlRoom asks for every page of the big book that the models' test of this name leaves at PUNCTUAL_LARGE_BOOK,
// forty times each. No page may weigh over 150 KB. It prints how long they took, the dearest first, and does not judge
// it: no test may depend on the speed of a machine.
func TestControlRoom(t *testing.T) {
	path := os.Getenv("PUNCTUAL_LARGE_BOOK")
	if path == "" {
		t.Skip("needs the big book: set PUNCTUAL_LARGE_BOOK")
	}
	h := openAt(t, "sqlite:"+path)
	pages := []string{"/", "/?window=1h", "/?window=24h", "/?window=7d", "/find?q=target-3", "/jobs/new", "/jobs/new?target=target-3", "/operations",
		"/targets", "/targets?q=3", "/targets/new", "/targets/target-3", "/targets/target-3?window=7d", "/targets/target-3/edit", "/schedules",
		"/schedules?sort=name", "/schedules?q=4", "/schedules?q=nobody", "/schedules?q=target-3", "/schedules?state=active", "/schedules?state=paused",
		"/schedules/new", "/schedules/schedule-10", "/schedules/schedule-10/edit", "/attempts", "/attempts?outcome=failed", "/attempts?outcome=succeeded",
		"/attempts?outcome=retryable", "/attempts?outcome=running", "/attempts?outcome=lost", "/attempts?target=target-3",
		"/attempts?target=target-3&outcome=failed", "/attempts?target=target-3&outcome=lost", "/attempts?status_code=503", "/attempts?status_code=418",
		"/attempts?status_code=599&target=target-3", "/attempts?status_code=404&outcome=failed", "/attempts?status_code=404&target=target-3",
		"/attempts?status_code=418&outcome=retryable&target=target-3", "/system", "/keys", "/audit", "/audit?action=pause", "/v1/stats", "/v1/stats?window=7d",
		"/v1/stats?window=7d&target=target-3", "/v1/upcoming", "/v1/upcoming?limit=500", "/v1/targets", "/v1/schedules", "/v1/jobs", "/v1/attempts",
		"/v1/nodes", "/v1/operations", "/v1/audit"}
	for _, q := range roomSearches {
		pages = append(pages, "/jobs?"+url.Values{"q": {q}}.Encode())
	}
	ctx := t.Context()
	for _, f := range []models.JobFilter{{States: []models.State{models.Failed}}, {States: []models.State{models.Succeeded}}} {
		jobs, next, err := h.store.Jobs(ctx, f, models.Page{})
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, "/jobs/"+jobs[0].ID, "/jobs/"+jobs[0].ID+"/rerun", "/jobs?"+url.Values{"q": {f.Search()}, "cursor": {next}}.Encode())
		attempts, err := h.store.AttemptsOf(ctx, jobs[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, "/attempts/"+attempts[0].ID)
	}
	took := map[string][]time.Duration{}
	weighs := map[string]int{}
	for range 40 { // in rounds, so that a bad moment of the machine is shared by all
		for _, page := range pages {
			began := time.Now()
			w := h.raw(http.MethodGet, page, nil)
			took[page] = append(took[page], time.Since(began))
			weighs[page] = max(weighs[page], w.Body.Len())
			if w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
				t.Fatalf("%s: %d %.200s", page, w.Code, w.Body)
			}
		}
	}
	for _, times := range took {
		slices.Sort(times)
	}
	const p50, p95 = 20, 38
	slices.SortFunc(pages, func(a, b string) int { return int(took[b][p95] - took[a][p95]) })
	for _, page := range pages {
		t.Logf("p50 %9v  p95 %9v  %6d bytes  %s", took[page][p50].Round(10*time.Microsecond), took[page][p95].Round(10*time.Microsecond), weighs[page], page)
		if weighs[page] > 150_000 && !strings.HasPrefix(page, "/v1/") {
			t.Errorf("%s: %d bytes", page, weighs[page])
		}
	}
}
