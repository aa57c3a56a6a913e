package strictjson

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseObjectSaysWhereItStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		at   int // -1: it is an object
	}{
		{`{}`, -1},
		{" \t\r\n{ \t\r\n} \t\r\n", -1},
		{`{"a":1}`, -1},
		{`{"a":[],"b":{},"c":[[],[{}]],"":null}`, -1},
		{`{"a":[1,-1,0,-0,0.5,1e3,1E+3,1.5e-10,true,false,null,"x"]}`, -1},
		{``, 0},
		{` `, 1},
		{`[]`, 0},
		{`12x`, 0},
		{`"a"`, 0},
		{"\ufeff{}", 0},
		{`{`, 1},
		{`{]`, 1},
		{`{,}`, 1},
		{`{a`, 1},
		{`{"a"`, 4},
		{`{"a" 1`, 5},
		{`{"a":`, 5},
		{`{"a":}`, 5},
		{`{"a":1`, 6},
		{`{"a":1]`, 6},
		{`{"a":1 2}`, 7},
		{`{"a":1,}`, 7},
		{`{"a":1,2}`, 7},
		{`{}x`, 2},
		{`{} {}`, 3},
		{`{"a":[}`, 6},
		{`{"a":[1,]}`, 8},
		{`{"a":[1}`, 7},
		{`{"a":[,1]}`, 6},
		{`{"a":tru}`, 8},
		{`{"a":tr`, 7},
		{`{"a":truee}`, 9},
		{`{"a":nul1}`, 8},
		{`{"a":fAlse}`, 6},
		{`{"a":01}`, 6},
		{`{"a":-}`, 6},
		{`{"a":+1}`, 5},
		{`{"a":.5}`, 5},
		{`{"a":1.}`, 7},
		{`{"a":1.e1}`, 7},
		{`{"a":1e}`, 7},
		{`{"a":1e+}`, 8},
		{`{"a":-01}`, 7},
		{`{"a":0x1}`, 6},
		{`{"a":"`, 6},
		{"{\"a\":\"\x1f\"}", 6},
		{"{\"a\":\"\n\"}", 6},
		{"{\"a\":\"\x7f\"}", -1},
		{`{"a":"\`, 7},
		{`{"a":"\x"}`, 7},
		{`{"a":"\'"}`, 7},
		{`{"a":"\"\\\/\b\f\n\r\t"}`, -1},
		{`{"a":"\u12g4"}`, 10},
		{`{"a":"\u12`, 10},
		{`{"a":"\U0041"}`, 7},
		{`{"a":"\ud7ff\ue000"}`, -1},
		{`{"a":"\ud83d\udcb6"}`, -1},
		{`{"a":"\uD83D\uDCB6"}`, -1},
		{`{"a":"\udc00"}`, 9},
		{`{"a":"\uDFFF"}`, 9},
		{`{"a":"\ud83d"}`, 12},
		{`{"a":"\ud83dx"}`, 12},
		{`{"a":"\ud83d\n"}`, 13},
		{`{"a":"\ud83d\u0041"}`, 14},
		{`{"a":"\ud83d\ud83d"}`, 15},
		{`{"a":"\ud83d\udcg0"}`, 16},
		{`{"a":"\ud83d\udc`, 16},
		{"{\"a\":\"\u00e9\u20ac\U0001F4B6\"}", -1},
		{"{\"a\":\"\x80\"}", 6},
		{"{\"a\":\"\xc0\x80\"}", 6},
		{"{\"a\":\"\xc1\xbf\"}", 6},
		{"{\"a\":\"\xc3\"}", 7},
		{"{\"a\":\"\xe0\x9f\x80\"}", 7},
		{"{\"a\":\"\xe0\xa0\x80\"}", -1},
		{"{\"a\":\"\xed\xa0\x80\"}", 7},
		{"{\"a\":\"\xed\x9f\xbf\"}", -1},
		{"{\"a\":\"\xef\xbf\"}", 8},
		{"{\"a\":\"\xf0\x8f\x80\x80\"}", 7},
		{"{\"a\":\"\xf4\x90\x80\x80\"}", 7},
		{"{\"a\":\"\xf4\x8f\xbf\xbf\"}", -1},
		{"{\"a\":\"\xf5\x80\x80\x80\"}", 6},
		{"{\"a\":\"\xf0\x9f\x92", 9},
	} {
		_, err := ParseObject([]byte(c.text), 32)
		var syntax *SyntaxError
		switch {
		case c.at < 0 && err != nil:
			t.Errorf("%q: %v, want an object", c.text, err)
		case c.at >= 0 && !errors.As(err, &syntax):
			t.Errorf("%q: %v, want an error at byte %d", c.text, err, c.at)
		case c.at >= 0 && *syntax != SyntaxError{c.at, len(c.text)}:
			t.Errorf("%q: %v, want byte %d", c.text, err, c.at)
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		levels, depth, at int
	}{
		{1, 1, -1},
		{2, 1, 5},
		{32, 32, -1},
		{33, 32, 32 * 5},
		{64, 64, -1},
		{65, 64, 64 * 5},
		{65, 1000, 64 * 5}, // MaxDepth holds
	} {
		text := strings.Repeat(`{"a":`, c.levels-1) + `{}` + strings.Repeat(`}`, c.levels-1)
		_, err := ParseObject([]byte(text), c.depth)
		if c.at < 0 && err != nil || c.at >= 0 && (err == nil || err.(*SyntaxError).At != c.at) {
			t.Errorf("%d levels of %d: %v, want %d", c.levels, c.depth, err, c.at)
		}
	}
	text := `{"a":` + strings.Repeat(`[`, 31) + strings.Repeat(`]`, 31) + `}`
	if _, err := ParseObject([]byte(text), 32); err != nil {
		t.Errorf("31 arrays in an object: %v", err)
	}
	if _, err := ParseObject([]byte(text), 31); err == nil || err.(*SyntaxError).At != 5+30 {
		t.Errorf("31 arrays in an object, 31 allowed: %v", err)
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	v, err := ParseObject([]byte(` { "s" : "a\u0062\n" , "n":-1.5e3,"t":true,"f":false,"z":null,"o":{"x":{}},"a":[1, "2" ,[3]], "s":"" } `), 8)
	if err != nil {
		t.Fatal(err)
	}
	type member struct {
		name  string
		at    int
		kind  Kind
		raw   string
		text  string
		inner int
	}
	var got []member
	for name, value := range v.Members() {
		m := member{name.Text(), name.At(), value.Kind(), string(value.Raw()), value.Text(), 0}
		for range value.Members() {
			m.inner++
		}
		for range value.Elements() {
			m.inner++
		}
		got = append(got, m)
	}
	want := []member{
		{"s", 3, String, `"a\u0062\n"`, "ab\n", 0},
		{"n", 23, Number, `-1.5e3`, "", 0},
		{"t", 34, Bool, `true`, "", 0},
		{"f", 43, Bool, `false`, "", 0},
		{"z", 53, Null, `null`, "", 0},
		{"o", 62, Object, `{"x":{}}`, "", 1},
		{"a", 75, Array, `[1, "2" ,[3]]`, "", 3},
		{"s", 94, String, `""`, "", 0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if k := (Value{}).Kind(); k != Nothing {
		t.Errorf("kind of the zero value: %d", k)
	}
	for range v.Members() { // stopping early is allowed
		break
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		json, s string
		want    bool
	}{
		{`"id"`, "id", true},
		{`"\u0069d"`, "id", true},
		{`"id"`, "i", false},
		{`"id"`, "idx", false},
		{`""`, "", true},
		{`"a\n"`, "a\n", true},
		{`"a\n"`, `a\n`, false}, // the same bytes, but an escape
		{`"\ud83d\udcb6"`, "\U0001F4B6", true},
		{`1`, "1", false},
		{`null`, "null", false},
	} {
		v, err := ParseObject([]byte(`{"x":`+c.json+`}`), 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range v.Members() {
			if got := value.Is(c.s); got != c.want {
				t.Errorf("%s is %q: %v", c.json, c.s, got)
			}
		}
	}
}
