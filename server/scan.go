package server

import (
	"bytes"
	"iter"
	"strconv"
)

// The functions of this file walk JSON that is known to be valid, without decoding it.

// members gives the members of an object, in order: the name, decoded, and the value as it stands.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for raw, value := range rawMembers(object) {
			if name, _ := unquote(raw); !yield(name, value) {
				return
			}
		}
	}
}

// rawMembers is members with the names as they stand, in their quotes.
func rawMembers(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := skipSpace(object, 1); object[i] != '}'; {
			end := valueEnd(object, i)
			name := object[i:end]
			i = skipSpace(object, skipSpace(object, end)+1) // over the colon
			end = valueEnd(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			i = skipComma(object, end)
		}
	}
}

// elements gives the elements of an array as they stand.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := skipSpace(array, 1); array[i] != ']'; {
			end := valueEnd(array, i)
			if !yield(array[i:end]) {
				return
			}
			i = skipComma(array, end)
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipSpace(data []byte, i int) int {
	for isSpace(data[i]) {
		i++
	}
	return i
}

// skipComma gives the place of the next value or closing bracket behind a value that ends at i.
func skipComma(data []byte, i int) int {
	if i = skipSpace(data, i); data[i] == ',' {
		i = skipSpace(data, i+1)
	}
	return i
}

// valueEnd is the place behind the value that begins at i.
func valueEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return stringEnd(data, i)
	case '{', '[':
		for depth := 0; ; {
			switch data[i] {
			case '"':
				i = stringEnd(data, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if i++; depth == 0 {
				return i
			}
		}
	}
	for i < len(data) && !isSpace(data[i]) && data[i] != ',' && data[i] != '}' && data[i] != ']' {
		i++
	}
	return i
}

// stringEnd is the place behind the string that begins at i.
func stringEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// compact is a copy of a value without the white space between its tokens; everything else stays as it is.
func compact(value []byte) []byte {
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); {
		switch c := value[i]; {
		case c == '"':
			end := stringEnd(value, i)
			out = append(out, value[i:end]...)
			i = end
		case isSpace(c):
			i++
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// deeperThan tells whether objects and arrays nest more than limit deep.
func deeperThan(data []byte, limit int) bool {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i) - 1
		case '{', '[':
			if depth++; depth > limit {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// halved tells whether a valid JSON string escapes half of a surrogate pair.
func halved(text []byte) bool {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text)-1; {
		high := surrogate(text[i:])
		switch {
		case high == 0:
			i += 2
		case high >= 0xdc00, i+6 >= len(text), surrogate(text[i+6:]) < 0xdc00:
			return true
		default:
			i += 12
		}
		next := bytes.IndexByte(text[min(i, len(text)):], '\\')
		if next < 0 {
			return false
		}
		i += next
	}
	return false
}

// surrogate is the surrogate whose escape begins text; 0: none does.
func surrogate(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil || n < 0xd800 || n > 0xdfff {
		return 0
	}
	return rune(n)
}
