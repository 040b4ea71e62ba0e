package ui

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"punctual/models"
)

// Form is what somebody filled in and what is wrong with it. Its zero value is an empty form without fault.
type Form struct {
	Values url.Values
	Faults []Fault
}

// Fault is one thing to correct. Field is the name of a control of the form, "" when it is about all of it.
type Fault struct{ Field, Why string }

// Blame takes down what err finds wrong with the form and tells whether err is of that kind: an Invalid, Invalids or a
// Conflict. Any other error is trouble of ours, and not for the form to show.
func (f *Form) Blame(err error) bool {
	var one *models.Invalid
	var many models.Invalids
	var conflict *models.Conflict
	switch {
	case errors.As(err, &many):
	case errors.As(err, &one):
		many = models.Invalids{one}
	case errors.As(err, &conflict):
		f.Faults = append(f.Faults, Fault{Why: conflict.Why})
		return true
	default:
		return false
	}
	for _, i := range many {
		f.Faults = append(f.Faults, Fault{Field: control(i.Field), Why: i.Why})
	}
	return true
}

// control is the name of the form's control for a field as models spells it: one for all headers, labels and status
// codes, and one for each form of body.
func control(field string) string {
	name, _, _ := strings.Cut(field, "[")
	for _, whole := range []string{"headers", "labels"} {
		if strings.HasPrefix(name, whole+".") {
			return whole
		}
	}
	if name == models.BodyPayload.Field() || name == models.BodyBase64.Field() {
		return "body"
	}
	return name
}

// Field is one control of the form.
type Field struct {
	ID, Name, Label, Value string
	Error                  string
	Hint                   string // one line below it
	Holder                 string // placeholder: the value in force when nothing is given
	Kind                   string // the type of input
	List                   string // id of a datalist with suggestions
	Rows                   int    // of a textarea
	Required, Checked      bool
	Options                []Option
}

// Option is one choice of a select.
type Option struct {
	Value, Label string
	Chosen       bool
}

// Field is the control called name, with what was filled in and the first fault found.
func (f Form) Field(name, label string) Field {
	out := Field{ID: "f-" + strings.ReplaceAll(name, ".", "-"), Name: name, Label: label, Kind: "text",
		Value: f.Values.Get(name), Checked: f.Values.Get(name) != ""}
	for _, fault := range f.Faults {
		if fault.Field == name {
			out.Error = fault.Why
			break
		}
	}
	return out
}

// Uses tells whether any of the controls, or one below it ("retry" for "retry.factor"), is filled in or at fault.
func (f Form) Uses(names ...string) bool {
	below := func(field string) bool {
		head, _, _ := strings.Cut(field, ".")
		return slices.Contains(names, head)
	}
	for name := range f.Values {
		if below(name) && f.Values.Get(name) != "" {
			return true
		}
	}
	return slices.ContainsFunc(f.Faults, func(fault Fault) bool { return below(fault.Field) })
}

// ID is the id of the control that the fault is about, "" when there is none.
func (f Fault) ID() string {
	if f.Field == "" {
		return ""
	}
	return "f-" + strings.ReplaceAll(f.Field, ".", "-")
}

// Subject is what the fault is about, as a sentence begins with it: the whole search has a name only in the API.
func (f Fault) Subject() string {
	if f.Field == "q" {
		return "The search"
	}
	return f.Field
}

// Note puts a hint below the control.
func (f Field) Note(hint string) Field { f.Hint = hint; return f }

// Like shows what holds when nothing is filled in.
func (f Field) Like(holder string) Field { f.Holder = holder; return f }

// Must makes the control required.
func (f Field) Must() Field { f.Required = true; return f }

// As sets the type of input.
func (f Field) As(kind string) Field { f.Kind = kind; return f }

// From names a datalist.
func (f Field) From(list string) Field { f.List = list; return f }

// Tall makes it a textarea of so many rows.
func (f Field) Tall(rows int) Field { f.Rows = rows; return f }

// Of gives the choices of a select. Each is "value" or "value: what it means".
func (f Field) Of(choices ...string) Field {
	for _, c := range choices {
		value, label, ok := strings.Cut(c, ": ")
		if !ok {
			label = value
		}
		f.Options = append(f.Options, Option{Value: value, Label: label, Chosen: value == f.Value})
	}
	return f
}

// OneOf gives the choices of a select from names.
func (f Field) OneOf(names []string) Field {
	for _, name := range names {
		f.Options = append(f.Options, Option{Value: name, Label: name, Chosen: name == f.Value})
	}
	return f
}

// Described is the value of aria-describedby: the ids of hint and error, as far as they are there.
func (f Field) Described() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.ID+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	return strings.Join(ids, " ")
}
