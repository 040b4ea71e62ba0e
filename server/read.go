package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// What is read is bounded beside the size of the request, which may be all entries or all faults.
const (
	maxDepth   = 256             // of objects and arrays in each other, payloads included
	maxEntries = models.MaxBatch // of an array, and of an object of strings
	maxFaults  = 100             // that are told at once
)

// body is a request's body of shape T, read strictly and in one pass. huma only carries it: its own way checks a
// generic copy first and then decodes again, which costs more than twice as much and loses what null means.
type body[T any] struct {
	v   T
	sum [sha256.Size]byte // of the raw bytes
	err error
}

func (b *body[T]) read(data []byte) {
	b.sum = sha256.Sum256(data)
	b.v, b.err = readBy[T](reader{strict: true}, data)
}

// Resolve hands huma what is wrong with the body.
func (b *body[T]) Resolve(huma.Context) []error {
	if b.err == nil {
		return nil
	}
	return []error{problemOf(b.err)}
}

// Schema is T's, with null allowed for whatever need not be given.
func (b *body[T]) Schema(r huma.Registry) *huma.Schema {
	ref := r.Schema(reflect.TypeFor[T](), true, "")
	s := r.SchemaFromRef(ref.Ref)
	for name, p := range s.Properties {
		if !slices.Contains(s.Required, name) {
			s.Properties[name] = nullable(p)
		}
	}
	return ref
}

// whole is the body of a PUT. It takes what GET gave, and passes over what nobody can set.
type whole[T any] struct {
	v   T
	err error
}

func (w *whole[T]) read(data []byte) { w.v, w.err = read[T](data) }

// Resolve hands huma what is wrong with the body.
func (w *whole[T]) Resolve(c huma.Context) []error { return (&body[T]{err: w.err}).Resolve(c) }

// Schema is that of the same thing in a POST.
func (w *whole[T]) Schema(r huma.Registry) *huma.Schema { return new(body[T]).Schema(r) }

// jsonFormat carries bodies in and out.
var jsonFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		if b, ok := v.(interface{ read([]byte) }); ok {
			b.read(data)
			return nil
		}
		return json.Unmarshal(data, v)
	},
}

// read decodes one JSON object. Malformed JSON is a problem; everything else that is wrong comes as models.Invalids,
// all at once. Fields whose JSON tag has no omitempty are required; those tagged readOnly may be given and are not
// looked at; a nil field was not given or is null.
func read[T any](data []byte) (v T, err error) { return readBy[T](reader{}, data) }

func readBy[T any](r reader, data []byte) (v T, err error) {
	if err := wellFormed(data); err != nil {
		return v, err
	}
	r.object(bytes.TrimSpace(data), reflect.ValueOf(&v).Elem(), "")
	if len(r.bad) == 0 {
		return v, nil
	}
	if in, ok := any(&v).(ruled); ok {
		return v, joined(r.bad, in.rules(r.strict, time.Now()))
	}
	return v, r.bad
}

func wellFormed(data []byte) error {
	switch {
	case !utf8.Valid(data):
		return malformed("must be UTF-8")
	case !json.Valid(data):
		var any any
		where := ""
		if syntax, ok := json.Unmarshal(data, &any).(*json.SyntaxError); ok {
			where = fmt.Sprintf("; the error is at byte %d", syntax.Offset)
		}
		return malformed("must be one JSON value" + where)
	case deeperThan(data, maxDepth):
		return malformed(fmt.Sprintf("must not be nested more than %d deep", maxDepth))
	}
	return nil
}

func malformed(why string) *problem {
	return newProblem(http.StatusBadRequest, detailMalformed, fault{"body", why})
}

// reader walks a valid JSON value and a Go value side by side.
type reader struct {
	strict bool // of what is made by POST: fields tagged readOnly are refused, those tagged posted are required
	bad    models.Invalids
}

const readOnly = "is read-only: leave it out"

func (r *reader) fault(path, why string) {
	if len(r.bad) < maxFaults {
		r.bad = append(r.bad, &models.Invalid{Field: path, Why: why})
	}
}

// sealer is told the raw bytes it was read from.
type sealer interface{ seal(raw []byte) }

var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	sealerType = reflect.TypeFor[sealer]()
)

// value reads data into dst.
func (r *reader) value(data []byte, dst reflect.Value, path string) {
	if dst.Type() == rawType {
		dst.SetBytes(compact(data))
		return
	}
	if data[0] == 'n' { // null
		return
	}
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		r.value(data, dst.Elem(), path)
	case reflect.Struct:
		r.object(data, dst, path)
	case reflect.Map:
		r.words(data, dst, path)
	case reflect.Slice:
		r.list(data, dst, path)
	default:
		if why := scalar(data, dst); why != "" {
			r.fault(path, why)
		}
	}
}

// object reads the members of a JSON object into the fields of a struct.
func (r *reader) object(data []byte, dst reflect.Value, path string) {
	if data[0] != '{' {
		r.fault(path, "must be an object")
		return
	}
	shape := shapeOf(dst.Type())
	seen := make([]bool, len(shape.fields))
	for name, value := range members(data) {
		at := join(path, name)
		i, known := shape.byName[name]
		switch {
		case !known:
			r.fault(at, "is not a field of this request")
		case seen[i]:
			r.fault(at, "must not be given twice")
		default:
			seen[i] = true
			if f := shape.fields[i]; !f.readOnly {
				r.value(value, dst.Field(f.index), at)
			} else if r.strict {
				r.fault(at, readOnly)
			}
		}
	}
	for i, f := range shape.fields {
		v := dst.Field(f.index)
		given := seen[i] && (v.Kind() == reflect.Struct || !v.IsZero()) // an object without members is one
		if (f.required || f.posted && r.strict) && !given && !blamed(r.bad, join(path, f.name)) {
			r.fault(join(path, f.name), "must be given")
		}
	}
	if shape.sealed {
		dst.Addr().Interface().(sealer).seal(data)
	}
}

var tooMany = fmt.Sprintf("must have at most %d entries", maxEntries)

// words reads a JSON object of strings into a map.
func (r *reader) words(data []byte, dst reflect.Value, path string) {
	if data[0] != '{' {
		r.fault(path, "must be an object of strings")
		return
	}
	out := make(map[string]string)
	for name, value := range members(data) {
		if len(out) == maxEntries {
			r.fault(path, tooMany)
			return
		}
		text, isText := unquote(value)
		if _, twice := out[name]; twice {
			r.fault(join(path, name), "must not be given twice")
		} else if !isText {
			r.fault(join(path, name), notText(value))
		}
		out[name] = text
	}
	dst.Set(reflect.ValueOf(out).Convert(dst.Type()))
}

// list reads a JSON array into a slice.
func (r *reader) list(data []byte, dst reflect.Value, path string) {
	if data[0] != '[' {
		r.fault(path, "must be an array")
		return
	}
	out := reflect.MakeSlice(dst.Type(), 0, 0)
	for value := range elements(data) {
		if out.Len() == maxEntries {
			r.fault(path, tooMany)
			return
		}
		at := path + "[" + strconv.Itoa(out.Len()) + "]"
		out = reflect.Append(out, reflect.Zero(dst.Type().Elem()))
		if item := out.Index(out.Len() - 1); value[0] == 'n' {
			r.fault(at, "must not be null")
		} else {
			r.value(value, item, at)
		}
	}
	dst.Set(out)
}

// scalar reads a string, a number or a boolean; why says what would be right.
func scalar(data []byte, dst reflect.Value) (why string) {
	switch dst.Kind() {
	case reflect.String:
		text, ok := unquote(data)
		if !ok {
			return notText(data)
		}
		dst.SetString(text)
		if c, ok := dst.Addr().Interface().(interface{ check() string }); ok {
			return c.check()
		}
	case reflect.Bool:
		if data[0] != 't' && data[0] != 'f' {
			return "must be true or false"
		}
		dst.SetBool(data[0] == 't')
	case reflect.Int:
		n, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil {
			return "must be a whole number"
		}
		dst.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(string(data), 64)
		if err != nil || data[0] == '"' {
			return "must be a number"
		}
		dst.SetFloat(n)
	default:
		panic("read: no rule for " + dst.Type().String())
	}
	return ""
}

// notText says why unquote gives no text.
func notText(data []byte) string {
	if data[0] != '"' {
		return "must be a string"
	}
	return "must not hold half of a surrogate pair"
}

// unquote decodes a JSON string; ok is false for any other value, and for one that is no text: where half of a surrogate
// pair stands, the library would put another character without a word.
func unquote(data []byte) (text string, ok bool) {
	if data[0] != '"' || halved(data) {
		return "", false
	}
	if bytes.IndexByte(data, '\\') < 0 {
		return string(data[1 : len(data)-1]), true
	}
	return text, json.Unmarshal(data, &text) == nil
}

// shape is how a struct is read.
type shape struct {
	fields []shapeField
	byName map[string]int // index into fields
	sealed bool
}

type shapeField struct {
	name               string
	index              int
	required, readOnly bool
	posted             bool // required of a strict reader
}

var shapes sync.Map // reflect.Type → *shape

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := &shape{byName: make(map[string]int), sealed: reflect.PointerTo(t).Implements(sealerType)}
	for i := range t.NumField() {
		name, options, tagged := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if !t.Field(i).IsExported() || name == "" {
			continue
		}
		is := func(tag string) bool { return t.Field(i).Tag.Get(tag) == "true" }
		s.byName[name] = len(s.fields)
		s.fields = append(s.fields, shapeField{name: name, index: i, required: !(tagged && options == "omitempty"),
			readOnly: is("readOnly"), posted: is("posted")})
	}
	known, _ := shapes.LoadOrStore(t, s)
	return known.(*shape)
}

// join puts a member's name behind a path. Names come from the request: what does not look like one is not shown.
func join(path, name string) string {
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		name = "?"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
