package ui

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Body is the content of a request or an answer, made readable. It is always text.
type Body struct {
	Kind  string // "JSON", "text", "binary"; "" when there is none
	Text  string
	Bytes int  // of the content itself
	Cut   bool // Text shows its beginning only
}

const (
	bodyShown   = 32 << 10 // bytes of a body shown before a reader asks for all
	binaryShown = 512      // bytes of a binary one: 32 lines
)

// BodyOf makes data readable; whole shows all of it however long.
func BodyOf(data []byte, whole bool) Body {
	b := Body{Bytes: len(data)}
	switch {
	case len(data) == 0:
		return b
	case json.Valid(data):
		b.Kind, b.Text = "JSON", Pretty(data)
	case utf8.Valid(trimRune(data)) && !bytes.ContainsRune(data, 0):
		b.Kind, b.Text = "text", string(trimRune(data))
	default:
		b.Kind, b.Cut = "binary", len(data) > binaryShown
		b.Text = hex.Dump(data[:min(len(data), binaryShown)])
		return b
	}
	if !whole && len(b.Text) > bodyShown {
		b.Text, b.Cut = string(trimRune([]byte(b.Text[:bodyShown]))), true
	}
	b.Text = visible(b.Text)
	return b
}

// trimRune drops a character that was cut in half at the end.
func trimRune(data []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
		if c := data[len(data)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(data[len(data)-i:]) {
				return data[:len(data)-i]
			}
			break
		}
	}
	return data
}

// Pretty is data indented if it is JSON, and as it is otherwise.
func Pretty(data []byte) string {
	var out bytes.Buffer
	if spread(data) > 4*len(data)+4096 || json.Indent(&out, data, "", "  ") != nil {
		return string(data)
	}
	return out.String()
}

// spread is how many bytes indenting adds to JSON. A stranger's brackets within brackets may make a gigabyte of a few
// kilobytes.
func spread(data []byte) (added int) {
	level, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			level++
			added += 1 + 2*level
		case c == ',':
			added += 1 + 2*level
		case c == ']' || c == '}':
			level = max(level-1, 0)
			added += 1 + 2*level
		}
	}
	return added
}

// visible shows what would otherwise act: control characters as their pictures (U+2400…), characters that turn or hide
// the text around them as <U+202E>, broken UTF-8 as U+FFFD. Line ends and tabs stay, and so do the two joiners, which
// Persian and family emoji are written with.
func visible(s string) string {
	if strings.IndexFunc(s, acts) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		switch {
		case !acts(r):
			b.WriteRune(r)
		case r == utf8.RuneError:
			b.WriteRune(utf8.RuneError)
		case r < ' ':
			b.WriteRune('\u2400' + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

// acts tells whether a character does something to its neighbours instead of standing beside them.
func acts(r rune) bool {
	switch r {
	case '\n', '\t', '\u200c', '\u200d':
		return false
	case utf8.RuneError, '\u2028', '\u2029':
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}
