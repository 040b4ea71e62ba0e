package server

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/models"
	"punctual/ui"
)

// A form is turned into the JSON that the API takes, and read by the same rules: what is wrong is found and worded once.

// formDoc is a JSON object in the making. Fields that were left empty are left out.
type formDoc struct {
	from url.Values
	out  map[string]any
	bad  faults // what cannot be said in JSON
}

func newFormDoc(from url.Values) *formDoc { return &formDoc{from: from, out: map[string]any{}} }

// texts takes fields that are strings.
func (d *formDoc) texts(names ...string) {
	for _, name := range names {
		if v := strings.TrimSpace(d.from.Get(name)); v != "" {
			d.set(name, v)
		}
	}
}

// numbers takes fields that should be numbers; what is none is left to the reader to refuse.
func (d *formDoc) numbers(names ...string) {
	for _, name := range names {
		if v := strings.TrimSpace(d.from.Get(name)); json.Valid([]byte(v)) {
			d.set(name, json.RawMessage(v))
		} else if v != "" {
			d.set(name, v)
		}
	}
}

// checks takes check boxes.
func (d *formDoc) checks(names ...string) {
	for _, name := range names {
		d.set(name, d.from.Get(name) != "")
	}
}

// set puts a value under a name, which may be of a field within another: "retry.factor".
func (d *formDoc) set(name string, value any) {
	outer, inner, nested := strings.Cut(name, ".")
	if !nested {
		d.out[name] = value
		return
	}
	within, ok := d.out[outer].(map[string]any)
	if !ok {
		within = map[string]any{}
		d.out[outer] = within
	}
	within[inner] = value
}

// formTime is how controls for a time send it; the forms say that it is UTC.
const formTime = "2006-01-02T15:04:05.999"

// times takes fields that are times.
func (d *formDoc) times(names ...string) {
	for _, name := range names {
		v := strings.TrimSpace(d.from.Get(name))
		if v == "" {
			continue
		}
		for _, layout := range []string{formTime, "2006-01-02T15:04", time.RFC3339Nano} {
			if t, err := time.Parse(layout, v); err == nil {
				v = string(momentOf(t))
				break
			}
		}
		d.set(name, v)
	}
}

func timeField(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(formTime)
}

// pairs takes fields that hold "name: value", one a line.
func (d *formDoc) pairs(names ...string) {
	for _, name := range names {
		all := map[string]string{}
		for line := range strings.Lines(d.from.Get(name)) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			key, value, isPair := strings.Cut(line, ":")
			key = strings.TrimSpace(key)
			if _, twice := all[key]; twice {
				d.bad.add(name, "must not name one twice")
			}
			if !isPair || key == "" {
				d.bad.add(name, "must be lines of name: value")
				continue
			}
			all[key] = strings.TrimSpace(value)
		}
		if len(all) > 0 {
			d.out[name] = all
		}
	}
}

func pairsField(pairs map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		b.WriteString(name + ": " + pairs[name] + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// codes takes a field of status codes.
func (d *formDoc) codes(name string) {
	list := strings.FieldsFunc(d.from.Get(name), func(r rune) bool { return strings.ContainsRune(" ,\t\n", r) })
	if len(list) == 0 {
		return
	}
	codes := make([]int, len(list))
	for i, text := range list {
		var err error
		if codes[i], err = strconv.Atoi(text); err != nil {
			d.bad.add(name, "must be status codes, as 400 422")
			return
		}
	}
	d.set(name, codes)
}

func codesField(codes []int) string {
	text := make([]string, len(codes))
	for i, c := range codes {
		text[i] = strconv.Itoa(c)
	}
	return strings.Join(text, " ")
}

// retry takes the fields of a retry policy.
func (d *formDoc) retry() {
	d.numbers("retry.max_attempts", "retry.factor", "retry.jitter")
	d.texts("retry.min_backoff", "retry.max_backoff")
	d.codes("retry.fail_on")
}

// content takes the body in the form that its select names.
func (d *formDoc) content() {
	text := d.from.Get("body")
	d.texts("content_type")
	switch form := models.BodyForm(d.from.Get("body_form")); {
	case text == "" && form != models.BodyText, strings.TrimSpace(text) == "" && form == models.BodyPayload:
	case form == models.BodyText:
		if text != "" || d.out["content_type"] != nil {
			d.out["body"] = text
		}
	case form == models.BodyBase64:
		d.out["body_base64"] = strings.Join(strings.Fields(text), "")
	case !utf8.ValidString(text) || !json.Valid([]byte(text)):
		d.bad.add("body", "must be one JSON value, or else text: choose so beside it")
	default:
		d.out["payload"] = json.RawMessage(text)
	}
}

// encoded is the document as the API would get it.
func (d *formDoc) encoded() ([]byte, error) {
	// A RawMessage is compacted by the encoder, which keeps its tokens as they are.
	return encode(d.out)
}

// readDocument reads a document as a request of shape T. What is wrong comes as models.Invalids.
func readDocument[T any](d *formDoc) (T, error) {
	raw, err := d.encoded()
	if err != nil {
		var none T
		return none, err
	}
	v, err := read[T](raw)
	if err != nil && !d.bad.append(err) {
		return v, err
	}
	return v, d.bad.orNil()
}

// contentFields fills in the controls of a body.
func contentFields(v url.Values, form models.BodyForm, body []byte, contentType string) {
	payload, text, encoded := contentView(form, body)
	switch {
	case payload != nil:
		v.Set("body", ui.Pretty(payload))
	case text != nil:
		v.Set("body", *text)
	case encoded != nil:
		v.Set("body", *encoded)
	}
	if v.Set("body_form", string(form)); form == models.BodyNone {
		v.Set("body_form", string(models.BodyPayload))
	}
	if form == models.BodyText || form == models.BodyBase64 {
		v.Set("content_type", contentType)
	}
}

// retryFields fills in what a job or schedule sets over its target's policy.
func retryFields(v url.Values, o *models.RetryOver) {
	if o == nil {
		return
	}
	if o.MaxAttempts != nil {
		v.Set("retry.max_attempts", strconv.Itoa(*o.MaxAttempts))
	}
	if o.MinBackoff != nil {
		v.Set("retry.min_backoff", models.FormatDuration(*o.MinBackoff))
	}
	if o.MaxBackoff != nil {
		v.Set("retry.max_backoff", models.FormatDuration(*o.MaxBackoff))
	}
	if o.Factor != nil {
		v.Set("retry.factor", decimal(*o.Factor))
	}
	if o.Jitter != nil {
		v.Set("retry.jitter", decimal(*o.Jitter))
	}
	if o.FailOn != nil {
		v.Set("retry.fail_on", codesField(*o.FailOn))
	}
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// optionalField fills in a length of time unless it is 0, which is not given.
func optionalField(v url.Values, name string, d time.Duration) {
	if d > 0 {
		v.Set(name, models.FormatDuration(d))
	}
}
