package server

import (
	"bytes"
	"encoding/json"
	"net/textproto"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// patch is the body of a PATCH on something of shape T: a JSON Merge Patch (RFC 7396).
type patch[T any] struct {
	raw   []byte   // a JSON object
	names []string // its members
	err   error
}

func (p *patch[T]) read(data []byte) {
	if p.err = wellFormed(data); p.err != nil {
		return
	}
	data = bytes.TrimSpace(data)
	var r reader
	if data[0] != '{' {
		r.fault("", "must be an object")
		p.err = r.bad
		return
	}
	p.raw = canonicalHeaders(data)
	shape := shapeOf(reflect.TypeFor[T]())
	for name := range members(p.raw) {
		if slices.Contains(p.names, name) {
			r.fault(join("", name), "must not be given twice")
		} else if i, known := shape.byName[name]; known && shape.fields[i].readOnly {
			r.fault(name, readOnly)
		}
		p.names = append(p.names, name)
	}
	if len(r.bad) > 0 {
		p.err = r.bad
	}
}

// canonicalHeaders is a copy of a patch whose header names are written as the API shows them: to JSON, unlike HTTP,
// x-a and X-A are two names.
func canonicalHeaders(patch []byte) []byte {
	return rewritten(patch, func(name, value []byte) ([]byte, []byte) {
		if string(name) != `"headers"` || value[0] != '{' {
			return name, value
		}
		return name, rewritten(value, func(name, value []byte) ([]byte, []byte) {
			text, _ := unquote(name)
			canonical, _ := encode(textproto.CanonicalMIMEHeaderKey(text)) // a string can always be written
			return canonical, value
		})
	})
}

// rewritten is an object with each of its members put through change.
func rewritten(object []byte, change func(name, value []byte) (newName, newValue []byte)) []byte {
	out := append(make([]byte, 0, len(object)), '{')
	for name, value := range rawMembers(object) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		name, value = change(name, value)
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}')
}

// Resolve hands huma what is wrong with the body.
func (p *patch[T]) Resolve(huma.Context) []error {
	if p.err == nil {
		return nil
	}
	return []error{problemOf(p.err)}
}

// Schema is T's with nothing required and null allowed everywhere.
func (p *patch[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Required = nil
	all := make(map[string]*huma.Schema, len(s.Properties))
	for name, property := range s.Properties {
		all[name] = nullable(removable(property))
	}
	s.Properties = all
	s.Description = "A JSON Merge Patch (RFC 7396): null restores the default."
	return &s
}

// removable lets the members of a map be null, which a patch drops.
func removable(p *huma.Schema) *huma.Schema {
	c := *p
	if words, isMap := c.AdditionalProperties.(*huma.Schema); isMap {
		c.AdditionalProperties = nullable(words)
	}
	if len(c.AnyOf) > 0 {
		c.AnyOf = append([]*huma.Schema{removable(c.AnyOf[0])}, c.AnyOf[1:]...)
	}
	return &c
}

// touches tells whether the patch has a member of that name.
func (p *patch[T]) touches(name string) bool { return slices.Contains(p.names, name) }

// over reads what view becomes under the patch.
func (p *patch[T]) over(view any) (T, error) {
	doc, err := encode(view)
	if err != nil {
		var none T
		return none, err
	}
	return read[T](merge(doc, p.raw))
}

// encode writes v as JSON with every character as it is, and without white space.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(buf.Bytes()), err
}

// merge is MergePatch of RFC 7396, section 2. Members keep their order and whatever the patch does not touch keeps
// its bytes. doc may be empty, which is the same as an empty object.
func merge(doc, patch []byte) []byte {
	if patch[0] != '{' {
		return patch
	}
	if len(doc) == 0 || doc[0] != '{' {
		doc = []byte("{}")
	}
	out := []byte{'{'}
	add := func(name, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	touched := map[string][]byte{}
	for name, value := range members(patch) {
		touched[name] = value
	}
	for raw, value := range rawMembers(doc) {
		name, _ := unquote(raw)
		change, isTouched := touched[name]
		if !isTouched {
			add(raw, value)
		} else if change[0] != 'n' {
			add(raw, merge(value, change))
		}
		delete(touched, name)
	}
	for raw := range rawMembers(patch) {
		name, _ := unquote(raw)
		if change, isNew := touched[name]; isNew && change[0] != 'n' {
			add(raw, merge(nil, change))
		}
		delete(touched, name)
	}
	return append(out, '}')
}
