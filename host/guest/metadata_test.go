package guest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	const section = "the custom section \"wasmflow\" is not "
	good := wasmOf(t, "exit")
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"an object", custom("wasmflow", " \n{\"a\":1}"), ""},
		{"half an object", custom("wasmflow", "{"), section + "JSON"},
		{"nothing", custom("wasmflow", ""), section + "JSON"},
		{"a number", custom("wasmflow", "42"), section + "a JSON object"},
		{"a list", custom("wasmflow", "\t[{}]"), section + "a JSON object"},
		{"null", custom("wasmflow", "null"), section + "a JSON object"},
		{"not UTF-8", custom("wasmflow", "{\"name\":\"\xff\"}"), section + "UTF-8"},
		{"two", slices.Concat(custom("wasmflow", "{}"), custom("wasmflow", "{}")), "it has 2 custom sections \"wasmflow\", at most one is allowed"},
	} {
		wasm := slices.Concat(good, c.wasm)
		info, err := Inspect(t.Context(), wasm)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			if len(info.Problems) > 0 || string(info.Metadata) != " \n{\"a\":1}" {
				t.Errorf("%s: got %q, %q", c.name, info.Problems, info.Metadata)
			}
			continue
		}
		if !slices.Equal(info.Problems, []string{c.want}) || info.Metadata != nil {
			t.Errorf("%s: got %q, %q", c.name, info.Problems, info.Metadata)
		}
		_, err = Load(t.Context(), Config{Wasm: wasm})
		if refused := refusedOf(t, err); !slices.Equal(refused.Problems, []string{c.want}) {
			t.Errorf("%s: got %q", c.name, refused.Problems)
		}
	}
	// What steers a terminal is escaped, and means the same.
	info, err := Inspect(t.Context(), slices.Concat(good, custom("wasmflow", "{\"name\":\"\u009b31m\u202e\"}")))
	if want := `{"name":"\u009b31m\u202e"}`; err != nil || string(info.Metadata) != want || !json.Valid(info.Metadata) {
		t.Errorf("got %q, %v", info.Metadata, err)
	}
}

// Names are there for people: a name section that cannot be read keeps nothing from running.
func TestNamesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	good := wasmOf(t, "exit")
	good = good[:bytes.Index(good, []byte("\x04name"))-2] // its own names are the last section
	for name, wasm := range map[string][]byte{
		"not UTF-8":            custom("name", "\x00\x03\x02\xff\xfe"),
		"function not UTF-8":   custom("name", "\x01\x04\x01\x00\x01\xff"),
		"cut off":              custom("name", "\x01\x05"),
		"a huge vector":        custom("name", "\x01\x05\xff\xff\xff\xff\x0f"),
		"a huge vector within": custom("name", "\x02\x07\x01\x00\xff\xff\xff\xff\x0f"),
		"bytes too many":       custom("name", "\x00\x03\x01a\x00"),
		"two":                  slices.Concat(custom("name", "\x00\x02\x01a"), custom("name", "\x00\x02\x01b")),
	} {
		wasm = slices.Concat(good, wasm)
		m, err := Load(t.Context(), Config{Wasm: wasm, Outputs: []string{"out"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); trapOf(t, err).Kind != TrapExit {
			t.Errorf("%s: %v", name, err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Each reserved name is refused as reserved, so that a guest of a later version learns why.
func TestReservedImports(t *testing.T) {
	t.Parallel()
	want := []string{"state_get", "state_put", "state_delete", "state_scan", "schema"}
	if !slices.Equal(abi.ReservedImports, want) {
		t.Errorf("reserved are %q", abi.ReservedImports)
	}
	for _, name := range want {
		got := checkImport(meter.Extern{Module: abi.ImportModule, Name: name, Kind: "func"})
		if !strings.Contains(got, `it imports "wasmflow" "`+name+`", which is reserved`) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
