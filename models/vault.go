package models

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"strings"

	"gorm.io/gorm"
)

// vault seals what the book keeps secret, with AES-256-GCM: signing secrets, and the values of headers that hold
// credentials. What is sealed is bound to its table, row and field, so that it cannot be moved to another. Everything
// above the statements sees it in the clear: it is opened when a row is read.
//
// A vault without keys keeps secrets as they are. It never fails: Open has refused to start without the keys that the
// book needs, so that what cannot be opened has been tampered with. It is left sealed, which no call can carry, and
// only the calls of that one row fail.
type vault struct {
	keys map[string]cipher.AEAD // by id
	pen  string                 // the id of the key that seals; "": nothing is sealed
	log  *slog.Logger
}

func newVault(keys []SecretKey, log *slog.Logger) (*vault, error) {
	v := &vault{keys: map[string]cipher.AEAD{}, log: log}
	for i, key := range keys {
		block, err := aes.NewCipher(key[:])
		if err != nil {
			return nil, err
		}
		if v.keys[key.ID()], err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
		if i == 0 {
			v.pen = key.ID()
		}
	}
	return v, nil
}

// niche is where a sealed value stands: it opens nowhere else.
type niche struct{ table, row, field string }

func (p niche) bytes() []byte { return []byte(p.table + "\x00" + p.row + "\x00" + p.field) }

// seal gives what is stored in the place of plain, and the id of its key; "" if it is plain.
func (v *vault) seal(at niche, plain []byte) (stored []byte, keyID string) {
	if v.pen == "" {
		return plain, ""
	}
	aead := v.keys[v.pen]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, plain, at.bytes()), v.pen
}

var errSealed = errors.New("it was sealed for another place, or changed since")

// open undoes seal.
func (v *vault) open(at niche, stored []byte, keyID string) ([]byte, error) {
	if keyID == "" {
		return stored, nil
	}
	aead, ok := v.keys[keyID]
	if !ok {
		return nil, errors.New("there is no key " + keyID)
	}
	n := aead.NonceSize()
	if len(stored) < n {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, stored[:n], stored[n:], at.bytes())
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// sealed begins a header's value that is sealed: the key's id, a colon and base64 follow. No value that a user gives can
// begin so, because it would not be valid on the wire.
const sealed = "\x01"

// sealHeaders is h as it is stored.
func (v *vault) sealHeaders(table, row string, h Headers) Headers {
	if v.pen == "" {
		return h
	}
	out, copied := h, false
	for name, value := range h {
		if !SecretHeader(name) || strings.HasPrefix(value, sealed) {
			continue
		}
		if !copied {
			out, copied = maps.Clone(h), true
		}
		stored, keyID := v.seal(niche{table, row, "headers." + name}, []byte(value))
		out[name] = sealed + keyID + ":" + base64.StdEncoding.EncodeToString(stored)
	}
	return out
}

// openHeaders opens in place what sealHeaders has sealed.
func (v *vault) openHeaders(table, row string, h Headers) {
	for name, value := range h {
		rest, isSealed := strings.CutPrefix(value, sealed)
		if !isSealed {
			continue
		}
		at := niche{table, row, "headers." + name}
		keyID, encoded, _ := strings.Cut(rest, ":")
		stored, err := base64.StdEncoding.DecodeString(encoded)
		var plain []byte
		if err == nil {
			plain, err = v.open(at, stored, keyID)
		}
		if err != nil {
			v.complain(at, err)
			continue
		}
		h[name] = string(plain)
	}
}

func (v *vault) complain(at niche, err error) {
	v.log.Error("a secret cannot be read", "table", at.table, "row", at.row, "field", at.field, "err", err)
}

// vaultSetting is where a gorm handle carries the vault.
const vaultSetting = "punctual:vault"

// vaultOf is the vault of the book that db reads.
func vaultOf(db *gorm.DB) *vault {
	v, _ := db.Get(vaultSetting)
	return v.(*vault)
}

// AfterFind opens what was read; gorm calls it.
func (t *Target) AfterFind(db *gorm.DB) error {
	vaultOf(db).openHeaders("targets", t.ID, t.Headers)
	return nil
}

// AfterFind opens what was read; gorm calls it.
func (s *Schedule) AfterFind(db *gorm.DB) error {
	vaultOf(db).openHeaders("schedules", s.ID, s.Headers)
	return nil
}
