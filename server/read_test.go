package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"punctual/models"
)

func TestCompact(t *testing.T) {
	for in, want := range map[string]string{
		`{ "a" : [ 1.0 , 1e400,-0 ] , "b\"\\" : "  x : \" , " }`: `{"a":[1.0,1e400,-0],"b\"\\":"  x : \" , "}`,
		"[\n\t1 ,\r 2]": `[1,2]`,
		` null `:        `null`,
		`"\u00e9<&>é"`:  `"\u00e9<&>é"`,
		`{"z":1,"a":2,"z":3, "n":12345678901234567890.10}`: `{"z":1,"a":2,"z":3,"n":12345678901234567890.10}`,
	} {
		if got := string(compact([]byte(in))); got != want {
			t.Errorf("compact(%s) = %s, want %s", in, got, want)
		}
	}
}

// FuzzScan holds the scanner against encoding/json: on valid JSON both see the same, and nothing makes it panic.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"b":[1,"}",{"\"":null}]},"c":"\\"}`, `[ ]`, `[1, [2], "]"]`, `"\u0000"`, `{"a" : 1 }`, `{"a":[1e1000, -0]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || !utf8.Valid(data) {
			return
		}
		data = []byte(strings.TrimSpace(string(data)))
		want, got := numbered(t, data), numbered(t, compact(data))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		switch data[0] {
		case '{':
			seen := map[string]any{}
			for name, value := range members(data) {
				seen[name] = numbered(t, value)
			}
			if diff := cmp.Diff(want, any(seen)); diff != "" {
				t.Fatal(diff)
			}
		case '[':
			n := 0
			for value := range elements(data) {
				if n++; !json.Valid(value) {
					t.Fatalf("element %d: %s", n, value)
				}
			}
			if n != len(want.([]any)) {
				t.Fatalf("%d elements, want %d", n, len(want.([]any)))
			}
		}
	})
}

// numbered decodes JSON with its numbers as they are written: one may be beyond every float.
func numbered(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	if d.UseNumber(); d.Decode(&v) != nil {
		t.Fatalf("%q is no JSON", data)
	}
	return v
}

// probe has a field of each kind that read knows.
type probe struct {
	Name  string            `json:"name"`
	Text  *string           `json:"text,omitempty"`
	Count *int              `json:"count,omitempty"`
	Share *float64          `json:"share,omitempty"`
	Sure  *bool             `json:"sure,omitempty"`
	Wait  *duration         `json:"wait,omitempty"`
	At    *moment           `json:"at,omitempty"`
	Words map[string]string `json:"words,omitempty"`
	Inner *innerProbe       `json:"inner,omitempty"`
	Many  []innerProbe      `json:"many,omitempty"`
	Any   json.RawMessage   `json:"any,omitempty"`
	Shown any               `json:"shown,omitempty" readOnly:"true"`
	_     int
}

type innerProbe struct {
	Codes []int `json:"codes,omitempty"`
	Need  int   `json:"need"`
}

func TestRead(t *testing.T) {
	got, err := read[probe]([]byte(` {"name":"a\nb","text":null,"count":-3,"share":0.5,"sure":true,"wait":"1h30m",
		"at":"2026-01-02T03:04:05.0006+01:00","words":{"k":"v"},"inner":{"codes":[],"need":1},"many":[{"need":2}],
		"any": {"b":1, "a":[ ]},"shown":[{}]} `))
	if err != nil {
		t.Fatal(err)
	}
	want := probe{Name: "a\nb", Count: new(-3), Share: new(0.5), Sure: new(true), Wait: new(duration("1h30m")),
		At: new(moment("2026-01-02T03:04:05.0006+01:00")), Words: map[string]string{"k": "v"},
		Inner: &innerProbe{Codes: []int{}, Need: 1}, Many: []innerProbe{{Need: 2}}, Any: json.RawMessage(`{"b":1,"a":[]}`)}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(probe{})); diff != "" {
		t.Error(diff)
	}
	if at := momentOf(got.At.value()); at != "2026-01-02T02:04:05.001Z" {
		t.Errorf("a time finer than a millisecond became %s: it must not become earlier", at)
	}
	if none, _ := read[probe]([]byte(`{"name":"x"}`)); none.Any != nil {
		t.Errorf("no payload is %s", none.Any)
	}
	if null, _ := read[probe]([]byte(`{"name":"x","any":null}`)); string(null.Any) != "null" {
		t.Errorf("a null payload is %q", null.Any)
	}
}

func TestReadRefuses(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                       "name must be given",
		`{"name":null}`:            "name must be given",
		`{"name":7}`:               "name must be a string",
		`[]`:                       " must be an object",
		`"x"`:                      " must be an object",
		`{"name":"x","Text":"y"}`:  "Text is not a field of this request",
		`{"name":"x","name":"y"}`:  "name must not be given twice",
		`{"name":"x","count":1.5}`: "count must be a whole number",
		`{"name":"x","count":1e2}`: "count must be a whole number",
		`{"name":"x","count":99999999999999999999}`:              "count must be a whole number",
		`{"name":"x","share":"1"}`:                               "share must be a number",
		`{"name":"x","share":1e999}`:                             "share must be a number",
		`{"name":"x","sure":1}`:                                  "sure must be true or false",
		`{"name":"x","sure":"true"}`:                             "sure must be true or false",
		`{"name":"x","wait":"5 minutes"}`:                        "wait must be a length of time such as 500ms, 90s, 1h30m or 7d",
		`{"name":"x","wait":5}`:                                  "wait must be a string",
		`{"name":"x","at":"tomorrow"}`:                           "at must be a time as RFC 3339 writes it, such as 2026-12-06T09:00:00Z",
		`{"name":"x","words":{"a":1}}`:                           "words.a must be a string",
		`{"name":"x","words":{"a":"1","a":"2"}}`:                 "words.a must not be given twice",
		`{"name":"x","words":[]}`:                                "words must be an object of strings",
		`{"name":"x","inner":{}}`:                                "inner.need must be given",
		`{"name":"x","inner":{"need":1,"codes":["a"]}}`:          "inner.codes[0] must be a whole number",
		`{"name":"x","many":[{"need":1},{"need":1,"what":2}]}`:   "many[1].what is not a field of this request",
		`{"name":"x","many":[null]}`:                             "many[0] must not be null",
		`{"name":"x","many":{}}`:                                 "many must be an array",
		`{"name":"x","<script>alert(1)</script> \u0000":1}`:      "? is not a field of this request",
		`{"name":"x","` + strings.Repeat("long", 20) + `":true}`: "? is not a field of this request",
	} {
		_, err := read[probe]([]byte(body))
		var bad models.Invalids
		if !errors.As(err, &bad) || len(bad) != 1 {
			t.Errorf("%s: %v, want one fault", body, err)
			continue
		}
		if got := bad[0].Field + " " + bad[0].Why; got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if _, err := read[probe]([]byte(`{"count":"x","sure":3,"what":1}`)); len(err.(models.Invalids)) != 4 {
		t.Errorf("not all faults at once: %v", err)
	}
}

// A request that is nothing but entries, or nothing but faults, costs no more than its size.
func TestReadBounds(t *testing.T) {
	for body, want := range map[string]int{
		`{"name":"x","many":[` + strings.Repeat("{},", 1_000_000) + `{}]}`:                   maxFaults,
		`{"name":"x",` + strings.Repeat(`"y":1,`, 1_000_000) + `"z":1}`:                      maxFaults,
		`{"name":"x","words":{` + distinct(200_000) + `"z":""}}`:                             1,
		`{"name":"x","inner":{"need":1,"codes":[` + strings.Repeat("7,", 1_000_000) + `7]}}`: 1,
	} {
		_, err := read[probe]([]byte(body))
		var bad models.Invalids
		if !errors.As(err, &bad) || len(bad) != want {
			t.Errorf("%.40s: %d faults, want %d", body, len(bad), want)
		}
	}
}

// distinct is n members of an object of strings.
func distinct(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":"",`, i)
	}
	return b.String()
}

func TestReadMalformed(t *testing.T) {
	for _, body := range []string{``, ` `, `{`, `{"name":"x"} {}`, `{"name":'x'}`, `{"name":"x",}`, `{name:"x"}`, "{\"name\":\"\xff\"}",
		`{"name":"x","any":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, `NaN`} {
		var p *problem
		if _, err := read[probe]([]byte(body)); !errors.As(err, &p) || p.Status != 400 || len(p.Errors) != 1 || p.Errors[0].Location != "body" {
			t.Errorf("%.40q: %v, want a 400 at body", body, err)
		}
	}
}

// The cases of RFC 7396, appendix A, and what must stay as it was written.
func TestMerge(t *testing.T) {
	for _, c := range []struct{ doc, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"z":1.0,"\u0061":1e400,"k":[1, 2]}`, `{"a":12345678901234567890,"y":"<"}`, `{"z":1.0,"\u0061":12345678901234567890,"k":[1, 2],"y":"<"}`},
		{`{"a":1}`, `{"b":1,"b":2}`, `{"a":1,"b":2}`},
	} {
		if got := string(merge([]byte(c.doc), []byte(c.patch))); got != c.want {
			t.Errorf("merge(%s, %s) = %s, want %s", c.doc, c.patch, got, c.want)
		}
	}
}

// FuzzBodies reads anything as each kind of body: what comes back is a value, or faults, or a problem that is the
// client's.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{`{"target":"billing","payload":{"a":[1]},"retry":{"fail_on":[500]},"key":"k","delay":"1h"}`, rich,
		`{"jobs":[{"target":"billing"},{}]}`, `{"name":"a","url":"https://example.com","headers":{"x-a":"1"},"retry":null}`, `null`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var job body[jobIn]
		var batch body[batchIn]
		var target body[targetIn]
		var schedule body[scheduleIn]
		var change patch[scheduleIn]
		for _, b := range []interface{ read([]byte) }{&job, &batch, &target, &schedule, &change} {
			b.read(data)
		}
		for _, err := range []error{job.err, batch.err, target.err, schedule.err, change.err} {
			if err == nil {
				continue
			}
			if p := problemOf(err); p.Status != 400 && p.Status != 422 {
				t.Errorf("%d %s", p.Status, p)
			}
		}
		if job.err == nil {
			if spec, err := job.v.spec(); err == nil && spec.BodyForm == models.BodyPayload && !json.Valid(spec.Body) {
				t.Errorf("payload %s", spec.Body)
			}
		}
		if change.err == nil {
			if _, err := change.over(scheduleView(new(models.DefaultSchedule()))); err != nil && problemOf(err).Status != 422 {
				t.Error(err)
			}
		}
	})
}

func TestHalvesOfSurrogatePairs(t *testing.T) {
	for text, want := range map[string]bool{`"plain"`: false, `"\ud83d\ude00"`: false, `"\\ud800"`: false, `"\u00e9\n"`: false, `"é"`: false,
		`"\ud800"`: true, `"\udc00"`: true, `"\ud83d \ude00"`: true, `"\ude00\ud83d"`: true, `"x\\\ud83d\n"`: true, `"\ud83d\ud83d\ude00"`: true} {
		if got := halved([]byte(text)); got != want {
			t.Errorf("halved(%s) = %v", text, got)
		}
	}
	h := open(t)
	h.target("billing")
	h.do(422, "POST", "/v1/jobs", `{"target":"billing","body":"\ud800"}`).
		is("errors", `[{"location":"body.body","message":"must not hold half of a surrogate pair"}]`)
}
