package models

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// Page asks for one stretch of a list. Paging is by key, never by number: it stays correct while rows are added and
// costs the same on every page.
type Page struct {
	Limit  int    // 1–MaxPage; 0 is DefaultPage
	Cursor string // what the page before gave; "" is the first page
}

// Sizes of pages.
const (
	DefaultPage = 50
	MaxPage     = 500
)

func (p Page) limit() int {
	if p.Limit == 0 {
		return DefaultPage
	}
	return min(max(p.Limit, 1), MaxPage)
}

// key reads the key behind which the page begins, "" for the first. kind keeps a cursor of one list out of another.
func (p Page) key(kind string) (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err != nil || len(raw) < crc32.Size {
		return "", errCursor
	}
	text, sum := raw[:len(raw)-crc32.Size], raw[len(raw)-crc32.Size:]
	key, ok := strings.CutPrefix(string(text), kind+":")
	if !ok || len(key) > 128 || key == "" || crc32.ChecksumIEEE(text) != binary.BigEndian.Uint32(sum) {
		return "", errCursor
	}
	return key, nil
}

var errCursor = &Invalid{"cursor", "must be a next_cursor of the same list"}

// cursor is what names the page behind key. It ends in a checksum: one that was cut or mistyped is refused, where it
// might else name another page.
func cursor(kind, key string) string {
	text := []byte(kind + ":" + key)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(text)))
}

// nextCursor is the cursor of the page behind key, "" if there is none.
func nextCursor(kind, key string) string {
	if key == "" {
		return ""
	}
	return cursor(kind, key)
}

// cut shortens rows, which hold one more than the page if there is a next page, and gives the cursor of that page.
func cut[T any](p Page, kind string, rows []T, key func(T) string) ([]T, string) {
	if len(rows) <= p.limit() {
		return rows, ""
	}
	rows = rows[:p.limit()]
	return rows, cursor(kind, key(rows[len(rows)-1]))
}
