package models

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Key is a right to use the API and the pages. The text that proves it is shown once, when it is made: the book holds
// its hash, from which nobody can find it again.
type Key struct {
	ID         string    `gorm:"primaryKey"`
	Name       string    // unique among the living; what the audit calls its holder
	Hash       []byte    // SHA-256 of the text
	Scope      Scope     //
	Targets    []string  `gorm:"serializer:json"` // names of the targets it is bound to; none: it reaches all
	RateLimit  string    // requests; "" or N/s, N/m, N/h
	CreatedAt  time.Time `gorm:"serializer:micro;autoCreateTime:false"`
	CreatedBy  string
	ExpiresAt  time.Time `gorm:"serializer:micro"` // zero: never
	LastUsedAt time.Time `gorm:"serializer:micro"` // zero: never; up to a minute old
	RevokedAt  time.Time `gorm:"serializer:micro"` // zero: living
}

// The text of a key is "pk_", 30 random base-62 characters and 6 that check them, so that a typo is told from a wrong
// key without looking anything up, and scanners find keys that were committed by mistake.
const (
	keyPrefix = "pk_"
	keyRandom = 30 // characters: 178 bits
	keyCheck  = 6  // characters: CRC-32 (IEEE) of what stands before, as a base-62 number
	keyLength = len(keyPrefix) + keyRandom + keyCheck

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Bounds of a key's settings.
const (
	MaxKeyTargets = 100
	maxKeyLife    = 10 * 365 * day
)

// KeySpec is what a new key should be.
type KeySpec struct {
	Name      string
	Scope     Scope
	Targets   []string  // none: all
	RateLimit string    // "": none
	ExpiresAt time.Time // zero: never
	By        string    // who makes it
}

// NewKey makes a key and the text that proves it. It returns Invalids if a setting is wrong.
func NewKey(spec KeySpec, now time.Time) (*Key, string, error) {
	if err := spec.check(now); err != nil {
		return nil, "", err
	}
	text := newKeyText()
	hash := sha256.Sum256([]byte(text))
	targets := append([]string{}, spec.Targets...)
	slices.Sort(targets)
	targets = slices.Compact(targets)
	return &Key{ID: newID(prefixKey), Name: spec.Name, Hash: hash[:], Scope: spec.Scope, Targets: targets,
		RateLimit: spec.RateLimit, CreatedAt: Stamp(now), CreatedBy: spec.By,
		ExpiresAt: ceilMilliOrZero(spec.ExpiresAt)}, text, nil
}

func (s *KeySpec) check(now time.Time) error {
	var bad Invalids
	bad.under("", CheckName(s.Name))
	if !slices.Contains(Scopes, s.Scope) {
		bad.add("scope", "must be read, write or admin")
	}
	if len(s.Targets) > MaxKeyTargets {
		bad.add("targets", "must be at most 100 names")
	}
	for _, name := range s.Targets {
		if CheckName(name) != nil {
			bad.add("targets", "must be names of targets")
			break
		}
	}
	_, _, err := ParseRate(s.RateLimit)
	bad.under("", err)
	switch {
	case s.ExpiresAt.IsZero():
	case !s.ExpiresAt.After(now):
		bad.add("expires_at", "must be in the future")
	case s.ExpiresAt.Sub(now) > maxKeyLife:
		bad.add("expires_at", "must be less than 10 years ahead")
	}
	if !utf8.ValidString(s.By) || len(s.By) > MaxTextLength {
		bad.add("by", "must have at most 1000 characters")
	}
	return bad.orNil()
}

// Living tells whether the key opens anything.
func (k *Key) Living(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// newKeyText makes the text of a key.
func newKeyText() string {
	var text strings.Builder
	text.WriteString(keyPrefix)
	for text.Len() < len(keyPrefix)+keyRandom {
		var raw [64]byte
		rand.Read(raw[:]) // never fails
		for _, b := range raw {
			// 248 is the largest multiple of 62 in a byte: what lies above would make some characters likelier.
			if b < 248 && text.Len() < len(keyPrefix)+keyRandom {
				text.WriteByte(base62[b%62])
			}
		}
	}
	return text.String() + keySum(text.String())
}

// keySum is what checks text.
func keySum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [keyCheck]byte
	for i := range out {
		out[keyCheck-1-i], sum = base62[sum%62], sum/62
	}
	return string(out[:])
}

// IsKeyText tells whether text has the form of a key, its check included. It says nothing about whether there is such
// a key.
func IsKeyText(text string) bool {
	if len(text) != keyLength || !strings.HasPrefix(text, keyPrefix) {
		return false
	}
	head := text[:keyLength-keyCheck]
	return keySum(head) == text[len(head):]
}
