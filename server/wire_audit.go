package server

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// auditOut is a line of the audit as the API shows it.
type auditOut struct {
	ID     string  `json:"id" example:"aud_01kcr3x5yw9m0bq4t6z8d2e7fn"`
	At     moment  `json:"at"`
	Who    string  `json:"who" example:"billing-worker" doc:"Name of the key; dev where there are no keys, console for the command line on the server."`
	Remote string  `json:"remote" doc:"The address it came from."`
	Action string  `json:"action" example:"update"`
	Kind   string  `json:"kind" example:"target"`
	Name   string  `json:"name" example:"billing" doc:"Name or id of what it was done to."`
	Before details `json:"before" doc:"The settings that changed, as they were; null when there is nothing to tell."`
	After  details `json:"after" doc:"The same, as they are now; or details of what was done."`
}

// details are settings by name, as JSON; nil for none.
type details json.RawMessage

// MarshalJSON gives the settings as the book keeps them.
func (d details) MarshalJSON() ([]byte, error) {
	if len(d) == 0 {
		return []byte("null"), nil
	}
	return d, nil
}

// Schema lets them be any: they are those of many kinds of things.
func (details) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeObject, AdditionalProperties: true}, {Type: "null"}}}
}
