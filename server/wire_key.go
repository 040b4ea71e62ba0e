package server

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"punctual/models"
)

// keyOut is a key as the API shows it: everything but what proves it.
type keyOut struct {
	ID         string   `json:"id" example:"key_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	Name       string   `json:"name" example:"billing-worker"`
	Scope      string   `json:"scope" enum:"read,write,admin"`
	Targets    []string `json:"targets" doc:"The targets that it is bound to; none: it reaches all."`
	RateLimit  *string  `json:"rate_limit" nullable:"true" example:"100/s" doc:"Requests; null: no limit."`
	State      string   `json:"state" enum:"active,expired"`
	ExpiresAt  *moment  `json:"expires_at" nullable:"true" doc:"null: never."`
	LastUsedAt *moment  `json:"last_used_at" nullable:"true" doc:"Up to a minute old."`
	CreatedAt  moment   `json:"created_at"`
	CreatedBy  string   `json:"created_by" doc:"Name of the key it was made with."`
}

// keyMade is a new key, with the text that no other answer shows.
type keyMade struct {
	keyOut
	Key string `json:"key"`
}

// Schema spells out what embedding an unexported struct hides from huma.
func (keyMade) Schema(r huma.Registry) *huma.Schema {
	s := *r.SchemaFromRef(r.Schema(reflect.TypeFor[keyOut](), true, "").Ref)
	all := map[string]*huma.Schema{"key": {Type: huma.TypeString, Description: "Shown only now: what is kept is its hash."}}
	for name, p := range s.Properties {
		all[name] = p
	}
	s.Properties, s.Required = all, append([]string{"key"}, s.Required...)
	return &s
}

// keyIn is a key as it is asked for.
type keyIn struct {
	Name      string    `json:"name" example:"billing-worker" doc:"1 to 64 of a-z 0-9 . _ - beginning with a letter or digit. The audit calls whoever uses the key so."`
	Scope     string    `json:"scope" enum:"read,write,admin" doc:"read sees all but secrets; write also makes and changes jobs and schedules; admin also targets, secrets and keys."`
	Targets   []string  `json:"targets,omitempty" doc:"Names of targets, at most 100: it sees and touches those only."`
	RateLimit *string   `json:"rate_limit,omitempty" example:"100/s" doc:"Requests: N/s, N/m or N/h."`
	ExpiresIn *duration `json:"expires_in,omitempty" doc:"At most one of expires_in and expires_at; neither: it never expires."`
	ExpiresAt *moment   `json:"expires_at,omitempty"`
}

func (in *keyIn) spec(by string, now time.Time) (models.KeySpec, error) {
	spec := models.KeySpec{Name: in.Name, Scope: models.Scope(in.Scope), Targets: in.Targets,
		ExpiresAt: in.ExpiresAt.value(), By: by}
	given(&spec.RateLimit, in.RateLimit)
	if in.ExpiresIn != nil {
		if in.ExpiresAt != nil {
			return spec, &models.Invalid{Field: "expires_in", Why: "must not go together with expires_at"}
		}
		spec.ExpiresAt = now.Add(in.ExpiresIn.value())
	}
	return spec, nil
}

// named calls the end of a key as it was asked for.
func (in *keyIn) named(err error) error {
	var bad faults
	if in.ExpiresIn == nil || !bad.append(err) {
		return err
	}
	for _, one := range bad.all {
		if one.Field == "expires_at" {
			one.Field = "expires_in"
		}
	}
	return bad.orNil()
}

func keyView(k *models.Key) keyOut {
	out := keyOut{ID: k.ID, Name: k.Name, Scope: string(k.Scope), Targets: append([]string{}, k.Targets...),
		RateLimit: optional(k.RateLimit), State: "active", ExpiresAt: optionalMoment(k.ExpiresAt),
		LastUsedAt: optionalMoment(k.LastUsedAt), CreatedAt: momentOf(k.CreatedAt), CreatedBy: k.CreatedBy}
	if !k.Living(time.Now()) {
		out.State = "expired"
	}
	return out
}
