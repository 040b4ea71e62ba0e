package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"punctual/models"
)

// Attempts is the list of calls, newest first.
type Attempts struct {
	Frame
	Attempts []*models.Attempt
	Filter   Form // target, outcome, status_code, job as in the address
	Targets  []string
	Next     string // cursor of the next page, "" at the end
	Older    bool   // this is not the first page
}

func (*Attempts) template() string { return "attempts" }

// Calls are the rows.
func (p *Attempts) Calls() []Call { return p.calls(p.Attempts, false) }

// Filtered tells whether the list shows less than all.
func (p *Attempts) Filtered() bool { return filtered(p.Filter.Values) }

// NextURL is the address of the next page.
func (p *Attempts) NextURL() string { return withCursor("/attempts", p.Filter.Values, p.Next) }

// NewestURL is the address of the first page.
func (p *Attempts) NewestURL() string { return withCursor("/attempts", p.Filter.Values, "") }

// Attempt is one call on a page of its own.
type Attempt struct {
	Frame
	Attempt *models.Attempt
	Whole   bool // show long bodies to the end
}

func (*Attempt) template() string { return "attempt" }

// Call is the attempt as it is drawn.
func (p *Attempt) Call() Call { return p.call(p.Attempt, p.Whole) }

// Call is an attempt made ready to be drawn.
type Call struct {
	*models.Attempt
	Sign     Sign
	Result   string // "200 OK", "timeout", …; "" while it is out
	Started  Moment
	Retry    Moment // when the next one is due; empty: none follows
	Wait     string // from its end to then
	Sent     []Line // request headers
	Got      []Line // response headers
	Asked    Body   // what was sent, if it was kept
	Answer   Body
	Fall     Waterfall
	IsOut    bool
	WholeURL string // of the page that shows the whole answer
}

// Line is one header.
type Line struct{ Name, Value string }

func (f *Frame) calls(attempts []*models.Attempt, whole bool) []Call {
	out := make([]Call, len(attempts))
	for i, a := range attempts {
		out[i] = f.call(a, whole)
	}
	return out
}

func (f *Frame) call(a *models.Attempt, whole bool) Call {
	c := Call{Attempt: a, Sign: OutcomeSign(a.Outcome), Result: Result(a), Started: f.At(a.StartedAt),
		Sent: lines(a.ReqHeaders), Got: lines(a.RespHeaders), Asked: BodyOf(a.ReqBody, whole), Answer: BodyOf(a.RespBody, whole),
		IsOut: a.Outcome == models.Calling, WholeURL: Link("attempts", a.ID) + "?whole=1"}
	if !c.IsOut {
		c.Fall = waterfallOf(a)
	}
	if !a.RetryAt.IsZero() {
		c.Retry, c.Wait = f.At(a.RetryAt), span(a.RetryAt.Sub(a.StartedAt.Add(a.Duration)))
	}
	return c
}

// Result is what came of an attempt in two or three words.
func Result(a *models.Attempt) string {
	switch {
	case a == nil, a.Outcome == models.Calling:
		return ""
	case a.StatusCode > 0:
		if text := http.StatusText(a.StatusCode); text != "" {
			return strconv.Itoa(a.StatusCode) + " " + text
		}
		return strconv.Itoa(a.StatusCode)
	case a.ErrorKind != "":
		return map[string]string{"timeout": "timed out", "dns": "name not found", "connect": "no connection",
			"tls": "TLS failed", "blocked": "blocked by the guard", "protocol": "not HTTP",
			"read": "hung up without an answer"}[a.ErrorKind]
	case a.Outcome == models.Interrupted:
		return "cut off"
	case a.Outcome == models.Lost:
		return "no trace of it"
	}
	return "no answer"
}

// lines reads stored headers; what cannot be read is shown as nothing.
func lines(raw json.RawMessage) []Line {
	var headers map[string]string
	if json.Unmarshal(raw, &headers) != nil {
		return nil
	}
	return headerLines(headers)
}

func headerLines(headers map[string]string) []Line {
	out := make([]Line, 0, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		out = append(out, Line{visible(name), visible(headers[name])})
	}
	return out
}

// Waterfall is how the time of one call was spent, as bars on a line of a thousand parts.
type Waterfall struct {
	Bars  []Bar
	Total string
}

// Bar is one part of a call.
type Bar struct {
	Name  string // also its class
	Took  string
	X, W  int // of a thousand
	Label string
}

// waterfallOf splits the call into its parts. What is not measured is waiting: FirstByte counts from the start and
// holds the three parts before it.
func waterfallOf(a *models.Attempt) Waterfall {
	if a.Duration <= 0 {
		return Waterfall{}
	}
	wait, rest := a.Duration-a.DNS-a.Connect-a.TLS, time.Duration(0)
	if a.FirstByte > 0 {
		wait, rest = a.FirstByte-a.DNS-a.Connect-a.TLS, a.Duration-a.FirstByte
	}
	parts := []struct {
		name, label string
		d           time.Duration
	}{{"dns", "name", a.DNS}, {"connect", "connect", a.Connect}, {"tls", "TLS", a.TLS}, {"wait", "wait", wait},
		{"answer", "answer", rest}}
	fall := Waterfall{Total: Took(a.Duration)}
	x := 0
	for _, part := range parts {
		if part.d <= 0 {
			continue
		}
		w := int(1000 * part.d / a.Duration)
		w = min(max(w, 2), 1000-x)
		fall.Bars = append(fall.Bars, Bar{Name: part.name, Label: part.label, Took: Took(part.d), X: x, W: w})
		x += w
	}
	return fall
}

// Describe is the waterfall in words, for those who do not see it.
func (w Waterfall) Describe() string {
	s := "Total " + w.Total
	for _, b := range w.Bars {
		s += fmt.Sprintf(", %s %s", b.Label, b.Took)
	}
	return s
}

// filtered tells whether any filter is set.
func filtered(v url.Values) bool {
	for name := range v {
		if v.Get(name) != "" {
			return true
		}
	}
	return false
}

// withCursor is an address of a list with its filters, at a page.
func withCursor(path string, filters url.Values, cursor string) string {
	q := url.Values{}
	for name, values := range filters {
		for _, v := range values {
			if v != "" {
				q.Add(name, v)
			}
		}
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
