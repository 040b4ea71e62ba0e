package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/models"
)

func TestMoment(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "now",
		-999 * time.Millisecond:        "now",
		12 * time.Second:               "in 12 s",
		-59 * time.Second:              "59 s ago",
		-90 * time.Second:              "1 min ago",
		3*time.Hour + 12*time.Minute:   "in 3 h 12 min",
		-5 * time.Hour:                 "5 h ago",
		-30 * time.Hour:                "30 h ago",
		-49 * time.Hour:                "2 d ago",
		59*24*time.Hour + 23*time.Hour: "in 59 d",
		60 * 24 * time.Hour:            "2026-05-01",
		-60 * 24 * time.Hour:           "2026-01-01",
	} {
		if got := MomentOf(noon.Add(d), noon).Words; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := MomentOf(time.Time{}, noon); got != (Moment{}) {
		t.Errorf("no time became %v", got)
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 400 * time.Microsecond: "0.4 ms", 12400 * time.Microsecond: "12.4 ms",
		999 * time.Millisecond:  "999 ms",
		1240 * time.Millisecond: "1.24 s", 123 * time.Second: "2 min 3 s",
	} {
		if got := Took(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestBody(t *testing.T) {
	long := `"` + strings.Repeat("x", bodyShown) + `"`
	for name, c := range map[string]struct {
		data  string
		whole bool
		want  Body
	}{
		"none": {"", false, Body{}},
		"json": {`{"n":1.50,"big":12345678901234567890}`, false, Body{"JSON",
			"{\n  \"n\": 1.50,\n  \"big\": 12345678901234567890\n}", 37, false}},
		"text":              {"a\x1bb\r\nc", false, Body{"text", "a␛b\nc", 6, false}},
		"half a character":  {"caf\xc3", false, Body{"text", "caf", 4, false}},
		"turned text":       {"\u202ex", false, Body{"text", "<U+202E>x", 4, false}},
		"joined characters": {"👨\u200d👩", false, Body{"text", "👨\u200d👩", 11, false}},
		"bytes": {"\x00\x01", false, Body{"binary",
			"00000000  00 01                                             |..|\n", 2, false}},
		"too long":        {long, false, Body{"JSON", long[:bodyShown], len(long), true}},
		"long, but asked": {long, true, Body{"JSON", long, len(long), false}},
	} {
		if diff := cmp.Diff(c.want, BodyOf([]byte(c.data), c.whole)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestPrettyIsBounded feeds what a naive indenter would blow up to hundreds of megabytes.
func TestPrettyIsBounded(t *testing.T) {
	for name, data := range map[string]string{
		"deep":          strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep and wide": strings.Repeat("[", 250) + "1" + strings.Repeat(",1", 100_000) + strings.Repeat("]", 250),
		"not JSON":      strings.Repeat("[", 100_000),
	} {
		if got := Pretty([]byte(data)); got != data {
			t.Errorf("%s: %d bytes became %d", name, len(data), len(got))
		}
	}
	const nested = `{"a":[1,{"b":"[\"{"}]}`
	if got := spread([]byte(nested)); got > 60 {
		t.Errorf("brackets within strings count: %d", got)
	}
}

func TestStanding(t *testing.T) {
	later, past := noon.Add(time.Minute), noon.Add(-time.Minute)
	for want, j := range map[string]models.Job{
		"scheduled": {State: models.Scheduled, RunAt: later},
		"queued":    {State: models.Scheduled, RunAt: past},
		"retrying":  {State: models.Scheduled, RunAt: later, Attempts: 1},
		"in line":   {State: models.Scheduled, RunAt: past, Held: true},
		"running":   {State: models.Running},
		"canceling": {State: models.Running, CancelRequestedAt: past},
		"succeeded": {State: models.Succeeded},
		"failed":    {State: models.Failed},
		"canceled":  {State: models.Canceled},
	} {
		if got := Standing(&j, noon).Word; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLadder(t *testing.T) {
	target := models.DefaultTarget()
	page := &Job{Frame: Frame{Now: noon}, Job: &models.Job{State: models.Scheduled, Of: &target, Attempts: 2}}
	want := []string{"45 s", "2 min", "6 min", "20 min", "…, the last after 10 h in all"}
	if diff := cmp.Diff(want, page.Ladder()); diff != "" {
		t.Error(diff)
	}
	page.Job.Attempts = target.Retry.MaxAttempts - 1
	if got := page.Ladder(); got != nil {
		t.Errorf("after the last attempt come %v", got)
	}
}

func TestWaterfall(t *testing.T) {
	a := &models.Attempt{Duration: 100 * time.Millisecond, DNS: 10 * time.Millisecond, Connect: 20 * time.Millisecond,
		FirstByte: 90 * time.Millisecond}
	want := []Bar{{"dns", "10.0 ms", 0, 100, "name"}, {"connect", "20.0 ms", 100, 200, "connect"},
		{"wait", "60.0 ms", 300, 600, "wait"}, {"answer", "10.0 ms", 900, 100, "answer"}}
	if diff := cmp.Diff(want, waterfallOf(a).Bars); diff != "" {
		t.Error(diff)
	}
	odd := &models.Attempt{Duration: time.Millisecond, DNS: time.Second, Connect: time.Second}
	for _, b := range waterfallOf(odd).Bars {
		if b.X < 0 || b.W < 0 || b.X+b.W > 1000 {
			t.Errorf("a bar leaves the picture: %+v", b)
		}
	}
}

func TestStrip(t *testing.T) {
	s := stripOf(calm.attempts())
	if len(s.Bars) != 54 || s.Failed != 13 {
		t.Errorf("%d bars, %d failed", len(s.Bars), s.Failed)
	}
	if first, last := s.Bars[0], s.Bars[53]; first.X != 0 || last.X+stripStep != s.Width || last.Sign != "ok" {
		t.Errorf("the newest is not to the right: %+v … %+v", first, last)
	}
	if h := barHeight(time.Hour); h != StripHeight {
		t.Errorf("an hour is %d high", h)
	}
}

func TestVerdict(t *testing.T) {
	targets := calm.targets()
	ids := map[string]*models.Health{targets[0].ID: health(0)}
	few := &models.Health{}
	few.Hours[models.HealthHours-1].Failed = minCalls - 1
	for want, page := range map[string]*Overview{
		"Nothing to do yet.":                      {},
		"All is well.":                            {Targets: 1, Attention: AttentionOf(targets[:1], nil, map[string]*models.Health{targets[0].ID: few})},
		"1 target is failing.":                    {Targets: 4, Attention: AttentionOf(targets, nil, ids), FailedDay: 3},
		"2 targets are paused, else all is well.": {Targets: 4, Attention: AttentionOf(targets, nil, nil)},
		"1 job failed in the last 24 hours.":      {Targets: 1, FailedDay: 1},
	} {
		if got := page.Verdict().Word; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := AlarmOf(AttentionOf(targets, nil, ids)); got != "1 target failing" {
		t.Errorf("the alarm is %q", got)
	}
}

func TestShare(t *testing.T) {
	for want, of := range map[string][2]int{"100%": {7, 7}, "99.9%": {999_999, 1_000_000}, "0.1%": {1, 1_000_000}, "0.0%": {0, 3},
		"50.0%": {1, 2}} {
		if got := share(of[0], of[1]); got != want {
			t.Errorf("%v: %s, want %s", of, got, want)
		}
	}
}

// TestChartsStayInTheirFrame looks at every length of every chart.
func TestChartsStayInTheirFrame(t *testing.T) {
	f := Frame{Now: noon}
	for _, w := range models.Windows {
		s := stats(w)
		c := f.CallsChart(s)
		if len(c.Reach) != len(s.Series) || c.None {
			t.Errorf("%s: %d steps are drawn", w.Name, len(c.Reach))
		}
		for _, b := range c.Bars {
			y, errY := strconv.ParseFloat(b.Y, 64)
			h, errH := strconv.ParseFloat(b.H, 64)
			if errY != nil || errH != nil || y < chartTop-.1 || h <= 0 && h > chartDeep || y+h > chartTop+chartDeep+.2 {
				t.Errorf("%s: a bar leaves the picture: %+v", w.Name, b)
			}
		}
		if lines := f.LatencyChart(s).Lines; len(lines) != 3 || !strings.HasPrefix(lines[0].D, "M") {
			t.Errorf("%s: lines %+v", w.Name, lines)
		}
	}
	for v, want := range map[float64]float64{0: 1, 1: 1, 1.1: 2, 3: 4, 5: 6, 7: 10, 11: 20, 4000: 4000, .03: .04} {
		if got := niceTop(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("above %v stands %v, want %v", v, got, want)
		}
	}
}

func TestFormBlame(t *testing.T) {
	var f Form
	err := fmt.Errorf("edit: %w", models.Invalids{{Field: "headers.X-A", Why: "a"}, {Field: "retry.fail_on[3]",
		Why: "b"},
		{Field: "payload", Why: "c"}, {Field: "name", Why: "d"}})
	if !f.Blame(err) || !f.Blame(&models.Conflict{Why: "e"}) || !f.Blame(&models.Invalid{Field: "url", Why: "f"}) {
		t.Error("a form's own fault was not seen as one")
	}
	if f.Blame(errors.New("the disk is full")) || f.Blame(nil) {
		t.Error("our trouble was laid on the form")
	}
	want := []Fault{{"headers", "a"}, {"retry.fail_on", "b"}, {"body", "c"}, {"name", "d"}, {"", "e"}, {"url", "f"}}
	if diff := cmp.Diff(want, f.Faults); diff != "" {
		t.Error(diff)
	}
	if got := f.Field("retry.fail_on", "").Error; got != "b" {
		t.Errorf("the control says %q", got)
	}
	if !f.Uses("retry") || f.Uses("path") {
		t.Error("Uses looks at something else")
	}
}

func TestLink(t *testing.T) {
	for want, segments := range map[string][]string{
		"/targets/billing":     {"targets", "billing"},
		"/targets/~new/edit":   {"targets", "new", "edit"},
		"/jobs/a%2F..%2Fb%3Fc": {"jobs", "a/../b?c"},
	} {
		if got := Link(segments...); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCurl(t *testing.T) {
	f := Frame{Origin: "http://localhost:8080", Dev: true}
	if got, want := f.Curl("/v1/jobs", `{"a":"it's"}`),
		`curl -d '{"a":"it'\''s"}' http://localhost:8080/v1/jobs`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	f.Dev = false
	if got, want := f.Curl("/v1/jobs?a=b", ""),
		`curl -H "Authorization: Bearer $PUNCTUAL_KEY" 'http://localhost:8080/v1/jobs?a=b'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWatchURL(t *testing.T) {
	for want, w := range map[string]Watch{"": {Job: "job_1"}, "/v1/events": {On: true},
		"/v1/events?job=job_1&target=a%26b": {On: true, Target: "a&b", Job: "job_1"}} {
		if got := w.URL(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestListAddresses(t *testing.T) {
	p := Jobs{Next: "c2", Search: `state:failed label:a="b c"`, Filter: models.JobFilter{States: []models.State{models.Failed}}}
	if got, want := p.NextURL(), "/jobs?cursor=c2&q=state%3Afailed+label%3Aa%3D%22b+c%22"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := p.Tabs()[0].Href, "/jobs?q=label%3Aa%3D%22b+c%22"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !p.Tabs()[5].Lit || p.Tabs()[0].Lit {
		t.Error("the wrong tab is lit")
	}
}

func TestWithoutQualifier(t *testing.T) {
	for search, want := range map[string]string{"": "", "state:failed": "", " a  state:failed,canceled b ": "a b",
		`label:x="state:failed y" state:running`: `label:x="state:failed y"`, `"say \" state:x" c`: `"say \" state:x" c`,
		"estate:x": "estate:x"} {
		if got := WithoutQualifier(search, "state"); got != want {
			t.Errorf("%q: %q, want %q", search, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestAssets(t *testing.T) {
	w := httptest.NewRecorder()
	Assets().ServeHTTP(w, httptest.NewRequest("GET", assets.href["base.css"], nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || w.Body.Len() == 0 ||
		!strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/assets/base.css", "/assets/../doc.go", "/assets/"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		Assets().ServeHTTP(w, r)
		if w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for name := range assets.href {
		data, _ := assetFiles.ReadFile("assets/" + name)
		for _, elsewhere := range []string{"http://", "https://", "@import", "url("} {
			if bytes.Contains(data, []byte(elsewhere)) && !strings.HasSuffix(name, ".svg") {
				t.Errorf("%s loads something: %s", name, elsewhere)
			}
		}
	}
}

// TestHeadersAreRead keeps lines honest about what is stored.
func TestHeadersAreRead(t *testing.T) {
	got := lines(json.RawMessage(`{"B":"2\u0000","A":"1"}`))
	if diff := cmp.Diff([]Line{{"A", "1"}, {"B", "2␀"}}, got); diff != "" {
		t.Error(diff)
	}
	if lines(json.RawMessage(`not JSON`)) != nil {
		t.Error("something was read out of nothing")
	}
}

// TestNothingYetIsNotNothing is of a page that has looked at rows and found none of the kind, but not at all of them.
func TestNothingYetIsNotNothing(t *testing.T) {
	for _, page := range []Page{
		&Jobs{Frame: frame("Jobs", TabJobs), Search: "origin:rerun", Next: "abc"},
		&Attempts{Frame: frame("Attempts", TabAttempts), Filter: Form{Values: url.Values{"status_code": {"418"}}}, Next: "abc"},
	} {
		var out strings.Builder
		if err := Render(&out, page); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, "None among the newest") || !strings.Contains(got, "cursor=abc") {
			t.Errorf("%T does not go on: %s", page, got)
		}
	}
}

// TestChanges leaves out of what was made, and of what was deleted, the settings that had no value.
func TestChanges(t *testing.T) {
	const made = `{"name":"billing","description":"","paused":false,"labels":{},"runs":0,"end_at":null}`
	for _, c := range []struct {
		before, after string
		want          []Change
	}{
		{"", made, []Change{{"name", "", `"billing"`}}},
		{made, "", []Change{{"name", `"billing"`, ""}}},
		{`{"paused":false,"description":"x"}`, `{"paused":true,"description":""}`,
			[]Change{{"description", `"x"`, `""`}, {"paused", "false", "true"}}},
		{"", "", nil},
	} {
		if got := changes(c.before, c.after); !slices.Equal(got, c.want) {
			t.Errorf("changes(%s, %s) = %v, want %v", c.before, c.after, got, c.want)
		}
	}
}

// TestManyTargetsToLookAt is of a morning when everything is paused: the page stays within its size.
func TestManyTargetsToLookAt(t *testing.T) {
	page := &Overview{Frame: frame("Overview", TabOverview), Targets: models.MaxPage, Window: "7d", Stats: stats(models.Week)}
	for i := range models.MaxPage {
		page.Attention = append(page.Attention, Attention{Target: &models.Target{Name: fmt.Sprintf("target-%d", i), PausedAt: noon},
			Sign: Sign{"hold", "paused"}, Why: strings.Repeat("the provider is down ", 9), Since: noon})
	}
	var out strings.Builder
	if err := Render(&out, page); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); len(got) > 150<<10 || !strings.Contains(got, "target-11<") || strings.Contains(got, "target-12<") ||
		!strings.Contains(got, "And 488 others.") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
