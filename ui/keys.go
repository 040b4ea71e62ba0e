package ui

import (
	"strings"

	"punctual/models"
)

// Keys is the list of keys, with the form for a new one.
type Keys struct {
	Frame
	Keys  []*models.Key
	Next  string // cursor of the next page, "" at the end
	Older bool   // this is not the first page
	Form  Form   // name, scope, targets, expires_in, rate_limit
	Made  string // the text of the key just made, shown this once; "": none
}

func (*Keys) template() string { return "keys" }

// KeyRow is a key in the list.
type KeyRow struct {
	*models.Key
	Sign    Sign
	Reach   string // which targets
	Used    Moment
	Expires Moment
	Made    Moment
}

// Rows are the keys as they are drawn.
func (p *Keys) Rows() []KeyRow {
	out := make([]KeyRow, len(p.Keys))
	for i, k := range p.Keys {
		out[i] = KeyRow{Key: k, Sign: Sign{"ok", "active"}, Reach: strings.Join(k.Targets, ", "), Used: p.At(k.LastUsedAt),
			Expires: p.At(k.ExpiresAt), Made: p.At(k.CreatedAt)}
		if !k.Living(p.Now) {
			out[i].Sign = Sign{"bad", "expired"}
		}
	}
	return out
}

// NextURL is the address of the next page.
func (p *Keys) NextURL() string { return withCursor("/keys", nil, p.Next) }
