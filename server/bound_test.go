package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bounded is a house with two targets that have seen different things, and the key of one of them.
func bounded(t *testing.T) (h *house, key []string) {
	h = guarded(t)
	h.target("mine")
	h.target("theirs")
	h.sender.will(answers(400))
	for i, target := range []string{"mine", "mine", "theirs", "theirs", "theirs"} {
		h.ended(h.do(201, "POST", "/v1/jobs", fmt.Sprintf(`{"target":%q,"labels":{"n":"%d"}}`, target, i)).text("id"))
	}
	for _, target := range []string{"mine", "theirs"} {
		h.do(201, "POST", "/v1/jobs", `{"target":"`+target+`","delay":"1h"}`)
		h.do(201, "POST", "/v1/schedules", `{"name":"of-`+target+`","target":"`+target+`","every":"10m"}`)
	}
	return h, []string{"Authorization", "Bearer " + h.key("bound", "write", `,"targets":["mine","nowhere"]`)}
}

// TestABoundKeySeesItsFigures holds what a bound key is told of all it may see to what others are told of its target.
func TestABoundKeySeesItsFigures(t *testing.T) {
	h, key := bounded(t)
	without := func(o object, names ...string) object {
		for _, name := range names {
			delete(o.members, name)
		}
		return o
	}
	figures := func(path string, header ...string) map[string]string {
		all := map[string]string{}
		for name := range without(h.do(200, "GET", path, "", header...), "target", "from", "until", "series").members {
			all[name] = h.do(200, "GET", path, "", header...).raw(name)
		}
		return all
	}
	want := figures("/v1/stats?target=mine")
	if diff := cmp.Diff(want, figures("/v1/stats", key...)); diff != "" {
		t.Errorf("stats of its own (-) and as it sees them (+):\n%s", diff)
	}
	h.do(200, "GET", "/v1/stats", "", key...).is("calls.failed", "2", "ended.failed", "2", "jobs.failed", "2", "backlog.scheduled", "1")
	h.do(200, "GET", "/v1/stats", "").is("calls.failed", "5", "jobs.failed", "5", "backlog.scheduled", "2")
	h.do(200, "GET", "/v1/stats?target=theirs", "", key...).is("calls.total", "0", "jobs.failed", "0", "backlog.scheduled", "0")

	runs := func(path string, header ...string) (all []string) {
		for _, run := range h.do(200, "GET", path, "", header...).items() {
			all = append(all, run.text("schedule")+" "+run.text("at"))
		}
		return all
	}
	if its := runs("/v1/upcoming", key...); len(its) != 6 && len(its) != 5 || cmp.Diff(runs("/v1/upcoming?target=mine"), its) != "" {
		t.Errorf("upcoming: %v", its)
	}
	if foreign := runs("/v1/upcoming?target=theirs", key...); len(foreign) > 0 {
		t.Errorf("upcoming of others: %v", foreign)
	}
}

// TestABoundKeysOperations holds that an operation keeps to the targets of the key that asked for it, and that the key
// knows of no others.
func TestABoundKeysOperations(t *testing.T) {
	h, key := bounded(t)
	h.sender.will(answers(200))
	const failed = `{"action":"retry","filter":{"state":["failed"]}`
	h.do(200, "POST", "/v1/operations", failed+`,"dry_run":true}`, key...).is("matched", "2", "targets", `["mine","nowhere"]`)
	all := h.do(202, "POST", "/v1/operations", `{"action":"run","filter":{"label":["n:9"]}}`, "Idempotency-Key", "k").is("targets", "null").text("id")
	h.do(422, "POST", "/v1/operations", `{"action":"run","filter":{"label":["n:9"]}}`, append(key, "Idempotency-Key", "k")...)
	theirs := h.do(202, "POST", "/v1/operations", `{"action":"cancel","filter":{"target":"theirs","label":["n:9"]}}`).text("id")
	mine := h.do(202, "POST", "/v1/operations", `{"action":"cancel","filter":{"target":"mine","label":["n:9"]}}`).text("id")
	own := h.do(202, "POST", "/v1/operations", failed+`}`, key...).is("matched", "2", "done", "0").text("id")
	h.over(own).is("done", "2", "failed", "0")
	for n := range 5 {
		job := h.do(200, "GET", fmt.Sprintf("/v1/jobs?label=n:%d", n), "").items()[0]
		if want := map[bool]string{true: "succeeded", false: "failed"}[n < 2]; h.ended(job.text("id")).text("state") != want {
			t.Errorf("job %d is not %s", n, want)
		}
	}
	var seen []string
	for _, o := range h.do(200, "GET", "/v1/operations", "", key...).items() {
		seen = append(seen, o.text("id"))
	}
	if diff := cmp.Diff([]string{own, mine}, seen); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{all, theirs} {
		h.do(404, "GET", "/v1/operations/"+id, "", key...)
		h.do(404, "POST", "/v1/operations/"+id+"/cancel", "", key...)
	}
	h.do(202, "POST", "/v1/operations", `{"action":"delete","filter":{"target":"theirs"}}`, key...).is("matched", "0")
	h.do(422, "POST", "/v1/operations", `{"action":"delete","filter":{}}`, key...)
}

// TestABoundKeysPages shows by form what the API does, and nothing of others.
func TestABoundKeysPages(t *testing.T) {
	h, key := bounded(t)
	h.header.Set(key[0], key[1])
	b := h.browser()
	b.get("/").want(200, "of-mine")
	if strings.Contains(b.text(), "theirs") {
		t.Error("the overview shows what is out of reach")
	}
	b.get("/jobs?q=state:failed").want(200, "matching", "Operations")
	b.submit("/jobs/many", "do", "retry", "all", "1").want(200, "2 jobs match", "mine", "your key is bound")
	h.sender.will(answers(200))
	b.submit("/operations", "do", "retry").want(200, "Retry 2 jobs", "its key is bound")
	b.get("/operations").want(200, "Retry")
}
