// Package strictjson reads JSON where encoding/json costs a guest too much, and is strict where two readers could read one
// text in two ways.
//
// A text is RFC 8259 and nothing else: strings are well-formed UTF-8, surrogates stand in pairs, nesting has a limit.
// ParseObject checks the whole text and says exactly where it stops being JSON. What it returns is a view: a walk over its
// members cannot fail, decodes only what is asked for, and shows repeated names, which are the caller's to judge.
// Nothing is written to, kept or shared between calls, so everything may be used concurrently.
package strictjson

import (
	"bytes"
	"iter"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is the deepest nesting that ParseObject can be told to allow.
const MaxDepth = 64

// Kind is a kind of value.
type Kind uint8

// The kinds of values. Nothing is the kind of the zero Value.
const (
	Nothing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Value is a value in a text that has been checked: a view, as long-lived as the text.
type Value struct {
	text    []byte
	at, end int
}

// SyntaxError says where a text stops being the beginning of any JSON object.
type SyntaxError struct {
	// At counts bytes from 0: the first one that cannot stand there, or Len where the text ends too early.
	At int
	// Len is the length of the text in bytes.
	Len int
}

// Error says it in words.
func (e *SyntaxError) Error() string {
	return "not a JSON object: byte " + strconv.Itoa(e.At) + " of " + strconv.Itoa(e.Len)
}

// ParseObject checks that text is one JSON object with nothing but white space around it. Objects and arrays may be nested
// depth levels deep, the object itself counted; depth is at most MaxDepth. The error is a *SyntaxError.
func ParseObject(text []byte, depth int) (Value, error) {
	at := space(text, 0)
	if at == len(text) || text[at] != '{' {
		return Value{}, &SyntaxError{at, len(text)}
	}
	end, ok := skip(text, at, min(depth, MaxDepth))
	if !ok {
		return Value{}, &SyntaxError{end, len(text)}
	}
	if rest := space(text, end); rest != len(text) {
		return Value{}, &SyntaxError{rest, len(text)}
	}
	return Value{text, at, end}, nil
}

// Kind is the value's kind.
func (v Value) Kind() Kind {
	if v.at == v.end {
		return Nothing
	}
	switch v.text[v.at] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// At is where the value begins in the text, in bytes from 0: its bracket, quote, digit or letter.
func (v Value) At() int { return v.at }

// Raw is the value as it is written.
func (v Value) Raw() []byte { return v.text[v.at:v.end:v.end] }

// Members ranges over the names and values of an object, in the order of the text; of any other kind there are none. Names
// are strings, and may repeat.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(name, value Value) bool) {
		if v.Kind() != Object {
			return
		}
		for at := space(v.text, v.at+1); v.text[at] != '}'; {
			name := Value{v.text, at, 0}
			name.end, _ = skipString(v.text, at)
			at, _ = skipName(v.text, at)
			value := Value{v.text, at, 0}
			value.end, _ = skip(v.text, at, MaxDepth)
			if !yield(name, value) {
				return
			}
			if at = space(v.text, value.end); v.text[at] == ',' {
				at = space(v.text, at+1)
			}
		}
	}
}

// Elements ranges over the elements of an array; of any other kind there are none.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		for at := space(v.text, v.at+1); v.text[at] != ']'; {
			e := Value{v.text, at, 0}
			e.end, _ = skip(v.text, at, MaxDepth)
			if !yield(e) {
				return
			}
			if at = space(v.text, e.end); v.text[at] == ',' {
				at = space(v.text, at+1)
			}
		}
	}
}

// Is says whether the value is the string s.
func (v Value) Is(s string) bool {
	if v.Kind() != String {
		return false
	}
	inside := v.text[v.at+1 : v.end-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside) == s
	}
	if len(inside) <= len(s) { // an escape stands for fewer bytes than it takes
		return false
	}
	return string(v.AppendText(nil)) == s
}

// Text is the string, its escapes resolved; "" for any other kind.
func (v Value) Text() string { return string(v.AppendText(nil)) }

// AppendText appends the string, its escapes resolved, in UTF-8; nothing for any other kind.
func (v Value) AppendText(b []byte) []byte {
	if v.Kind() != String {
		return b
	}
	inside := v.text[v.at+1 : v.end-1]
	for {
		i := bytes.IndexByte(inside, '\\')
		if i < 0 {
			return append(b, inside...)
		}
		b = append(b, inside[:i]...)
		c := inside[i+1]
		inside = inside[i+2:]
		switch c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := unit(inside)
			inside = inside[4:]
			if 0xD800 <= r && r < 0xDC00 { // its other half follows: the text was checked
				r = (r-0xD800)<<10 + (unit(inside[2:]) - 0xDC00) + 0x10000
				inside = inside[6:]
			}
			b = utf8.AppendRune(b, r)
		default: // a quote or a slash
			b = append(b, c)
		}
	}
}

// unit is the number that four hex digits write.
func unit(b []byte) rune {
	return rune(hex(b[0])<<12 | hex(b[1])<<8 | hex(b[2])<<4 | hex(b[3]))
}
