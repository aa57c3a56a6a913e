package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// tree is the value as encoding/json would decode it into any with UseNumber; of repeated names the last one wins.
func tree(v Value) any {
	switch v.Kind() {
	case Object:
		m := map[string]any{}
		for name, value := range v.Members() {
			m[name.Text()] = tree(value)
		}
		return m
	case Array:
		a := []any{}
		for e := range v.Elements() {
			a = append(a, tree(e))
		}
		return a
	case String:
		return v.Text()
	case Bool:
		return v.Raw()[0] == 't'
	case Number:
		return json.Number(v.Raw())
	}
	return nil
}

// loneSurrogate finds an escape of half a pair: encoding/json replaces it, strict JSON refuses it.
func loneSurrogate(text []byte) bool {
	for i := 0; i+6 <= len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] != 'u' {
			i++
			continue
		}
		switch r := unit(text[i+2:]); {
		case 0xD800 <= r && r < 0xDC00:
			if i+12 > len(text) || text[i+6] != '\\' || text[i+7] != 'u' || unit(text[i+8:])&^0x3FF != 0xDC00 {
				return true
			}
			i += 11
		case 0xDC00 <= r && r < 0xE000:
			return true
		default:
			i += 5
		}
	}
	return false
}

func depthOf(text []byte) int {
	depth, most := 0, 0
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			most = max(most, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// FuzzParseObject holds the package against encoding/json: what one accepts, the other does, and they read it alike.
func FuzzParseObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, ` {"a":[1,-0.5e+3,true,false,null,"x\n\u00e9\ud83d\udcb6",{"b":[]}]} `, `{"a":"\ud800"}`, "{\"a\":\"\xed\xa0\x80\"}",
		`{"a":01}`, `{"a":1,}`, `{"\\":"\\\"\/\b\f\r\t"}`, `[[[[]]]]`, `{"a":{"a":{"a":{"a":1}}}}`, "\xef\xbb\xbf{}", `{"a":1}{`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		const depth = 4
		v, err := ParseObject(text, depth)
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber()
			var want any
			if err := d.Decode(&want); err != nil || !json.Valid(text) {
				t.Fatalf("%q accepted; encoding/json: %v", text, err)
			}
			if got := tree(v); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: got %v, want %v", text, got, want)
			}
			return
		}
		trimmed := bytes.TrimLeft(text, " \t\r\n")
		if json.Valid(text) && utf8.Valid(text) && trimmed[0] == '{' && !loneSurrogate(text) && depthOf(text) <= depth {
			t.Fatalf("%q refused: %v", text, err)
		}
		// The text up to the wrong byte is the beginning of an object, and with that byte it is not.
		at := err.(*SyntaxError).At
		_, before := ParseObject(text[:at], depth)
		if whole := before == nil; !whole && before.(*SyntaxError).At != at {
			t.Fatalf("%q: wrong at %d, but its first %d bytes: %v", text, at, at, before)
		}
		if at < len(text) {
			if _, err := ParseObject(text[:at+1], depth); err == nil || err.(*SyntaxError).At != at {
				t.Fatalf("%q: wrong at %d, but its first %d bytes: %v", text, at, at+1, err)
			}
		}
	})
}
