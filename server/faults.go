package server

import (
	"encoding/base64"
	"encoding/json"

	"punctual/models"
)

// faults collects what breaks a rule.
type faults struct{ all models.Invalids }

// add leaves out what is more than anybody reads.
func (f *faults) add(field, why string) {
	if len(f.all) == maxFaults {
		return
	}
	f.all = append(f.all, &models.Invalid{Field: field, Why: why})
}

// append adds the Invalid or Invalids that err is, with prefix before the field names; isInvalid is false if it is
// neither.
func (f *faults) append(err error, prefix ...string) (isInvalid bool) {
	switch err := err.(type) {
	case *models.Invalid:
		f.add(first(prefix)+err.Field, err.Why)
	case models.Invalids:
		for _, one := range err {
			f.add(first(prefix)+one.Field, one.Why)
		}
	default:
		return false
	}
	return true
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (f *faults) orNil() error {
	if len(f.all) == 0 {
		return nil
	}
	return f.all
}

// content reads a body out of the three ways to give one.
func (f *faults) content(form *models.BodyForm, body *[]byte, payload json.RawMessage, text, encoded *string) {
	ways := 0
	take := func(as models.BodyForm, bytes []byte) {
		if ways++; ways > 1 {
			f.add(as.Field(), "must not go together with "+form.Field())
			return
		}
		*form, *body = as, bytes
	}
	if payload != nil {
		take(models.BodyPayload, payload)
	}
	if text != nil {
		take(models.BodyText, []byte(*text))
	}
	if encoded != nil {
		bytes, err := base64.StdEncoding.Strict().DecodeString(*encoded)
		if err != nil {
			f.add("body_base64", "must be standard base64 with padding")
		}
		take(models.BodyBase64, bytes)
	}
}

func (f *faults) priority(to *models.Priority, name string) {
	p, ok := models.ParsePriority(name)
	if !ok {
		f.add("priority", "must be high, normal or low")
	}
	*to = p
}
