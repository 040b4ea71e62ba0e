package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// over waits until an operation is over.
func (h *house) over(id string) object {
	h.t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if o := h.do(200, "GET", "/v1/operations/"+id, ""); o.text("state") != "running" {
			return o
		}
		if time.Since(began) > 30*time.Second {
			h.t.Fatal("the operation is still running")
		}
	}
}

func TestOperations(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.target("paused", `,"paused":true`)
	h.sender.will(answers(400))
	for n := range 30 {
		h.do(201, "POST", "/v1/jobs", fmt.Sprintf(`{"target":"billing","labels":{"n":"%d"}}`, n%3))
		if n < 5 {
			h.do(201, "POST", "/v1/jobs", `{"target":"paused"}`)
		}
	}
	for _, job := range h.do(200, "GET", "/v1/jobs?target=billing&limit=500", "").items() {
		h.ended(job.text("id"))
	}
	h.sender.will(answers(200))
	const failed = `{"action":"retry","filter":{"target":"billing","state":["failed"],"label":["n:1"]}`
	h.do(200, "POST", "/v1/operations", failed+`,"dry_run":true}`).is("id", "null", "state", `"dry_run"`, "matched", "10", "done", "0")
	h.do(200, "GET", "/v1/operations", "").is("items", "[]")
	made := h.do(202, "POST", "/v1/operations", failed+`}`, "Idempotency-Key", "k").is("matched", "10", "failed", "0",
		"search", `"target:billing state:failed label:n=1"`, "filter", `{"target":"billing","state":["failed"],"label":["n:1"]}`)
	id := made.text("id")
	if made.header.Get("Location") != "/v1/operations/"+id {
		t.Error(made.header)
	}
	h.over(id).is("state", `"done"`, "done", "10", "failed", "0", "failures", "[]")
	for _, job := range h.do(200, "GET", "/v1/jobs?label=n:1", "").items() {
		h.ended(job.text("id")).is("state", `"succeeded"`)
	}
	if again := h.do(200, "POST", "/v1/operations", failed+`}`, "Idempotency-Key", "k"); again.text("id") != id ||
		again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("asked again, it was done again")
	}
	h.do(422, "POST", "/v1/operations", `{"action":"cancel","filter":{"target":"billing"}}`, "Idempotency-Key", "k")
	h.do(409, "POST", "/v1/operations/"+id+"/cancel", ``)
	h.do(404, "POST", "/v1/operations/op_x/cancel", ``)

	// Each action through to the end.
	for _, c := range []struct{ body, done, failed string }{
		{`{"action":"rerun","filter":{"state":["succeeded"]}}`, "10", "0"},
		{`{"action":"run","filter":{"target":"paused"}}`, "5", "0"},
		{`{"action":"delete","filter":{"target":"paused"}}`, "0", "5"},
		{`{"action":"cancel","filter":{"target":"paused"}}`, "5", "0"},
		{`{"action":"delete","filter":{"target":"paused","created_after":"2020-01-01T00:00:00Z"}}`, "5", "0"},
		{`{"action":"retry","filter":{"q":"job_0","state":["failed"]}}`, "20", "0"},
	} {
		o := h.over(h.do(202, "POST", "/v1/operations", c.body).text("id")).is("state", `"done"`, "done", c.done, "failed", c.failed)
		if c.failed != "0" {
			o.is("failures", `[{"reason":"the job is scheduled: cancel it first","count":5}]`)
		}
	}
	if n := len(h.do(200, "GET", "/v1/operations?limit=4", "").items()); n != 4 {
		t.Errorf("%d on a page of 4", n)
	}
}

func TestOperationsRefuse(t *testing.T) {
	h := open(t)
	for body, location := range map[string]string{
		`{"action":"retry"}`:                                         "body.filter",
		`{"action":"retry","filter":{}}`:                             "body.filter",
		`{"action":"explode","filter":{"target":"a"}}`:               "body.action",
		`{"action":"retry","filter":{"state":["gone"]}}`:             "body.filter.state",
		`{"action":"retry","filter":{"label":["x"]}}`:                "body.filter.label",
		`{"action":"retry","filter":{"origin":"me"}}`:                "body.filter.origin",
		`{"action":"retry","filter":{"status_code":1}}`:              "body.filter.status_code",
		`{"action":"retry","filter":{"q":"zz"}}`:                     "body.filter.q",
		`{"action":"retry","filter":{"colour":"red"}}`:               "body.filter.colour",
		`{"action":"retry","filter":{"created_after":"tomorrow"}}`:   "body.filter.created_after",
		`{"action":"retry","filter":{"target":"a","limit":5}}`:       "body.filter.limit",
		`{"action":"retry","filter":{"target":"a"},"dry_run":"yes"}`: "body.dry_run",
	} {
		h.do(422, "POST", "/v1/operations", body)
		if got := h.raw("POST", "/v1/operations", []byte(body)).Body.String(); !strings.Contains(got, `"location":"`+location+`"`) {
			t.Errorf("%s: no fault at %s: %s", body, location, got)
		}
	}
}

// A filter that chooses nothing is refused by what it is, not as if it were missing.
func TestOperationsWantAChoice(t *testing.T) {
	h := open(t)
	for body, why := range map[string]string{`{"action":"retry","filter":{}}`: "must choose", `{"action":"retry"}`: "must be given"} {
		if p := h.do(422, "POST", "/v1/operations", body); !strings.Contains(p.raw("errors"), why) {
			t.Errorf("%s: %s", body, p.raw("errors"))
		}
	}
}

// Whoever may read may count, and no more.
func TestOperationsOfReaders(t *testing.T) {
	h := open(t, func(c *Config) { c.Dev, c.AdminKey = false, "correct-horse" })
	h.target("billing", `,"paused":true`)
	h.do(201, "POST", "/v1/jobs", `{"target":"billing"}`)
	auth := []string{"Authorization", "Bearer " + h.key("r", "read")}
	const cancel = `{"action":"cancel","filter":{"target":"billing"}`
	h.do(200, "POST", "/v1/operations", cancel+`,"dry_run":true}`, auth...).is("matched", "1")
	h.do(403, "POST", "/v1/operations", cancel+`}`, auth...)
	h.do(403, "POST", "/v1/operations", cancel+`,"dry_run":false}`, auth...)
	h.do(200, "GET", "/v1/operations", "").is("items", "[]")

	h.do(201, "POST", "/v1/schedules", `{"name":"report","target":"billing","every":"1h"}`)
	backfill := `{"from":"` + now().Add(-time.Hour).Format(time.RFC3339) + `","to":"` + now().Add(-time.Minute).Format(time.RFC3339) + `"`
	h.do(200, "POST", "/v1/schedules/report/backfill", backfill+`,"dry_run":true}`, auth...).is("existing", "0")
	h.do(403, "POST", "/v1/schedules/report/backfill", backfill+`}`, auth...)
	h.do(403, "POST", "/v1/schedules/none/backfill", backfill+`}`, auth...)
}
