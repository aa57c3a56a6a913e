package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func loadFixture(t *testing.T, text string) (string, *Fixture, error) {
	t.Helper()
	name := filepath.Join(write(t, map[string]string{"f.yaml": text}), "f.yaml")
	f, err := LoadFixture(name)
	return filepath.Dir(name), f, err
}

func TestFixture(t *testing.T) {
	t.Parallel()
	dir, got, err := loadFixture(t, `
module: ./payments.wasm
config: { currencies: [EUR], limit: "10.00", rate: 1.50 }
outputs: [accepted, rejected]
tests:
  - name: all ways to write a record
    input:
      - { topic: payments.raw, key: a1, json: { id: p1, amount: "-5", n: 1.50 }, timestamp: 2026-01-31T12:00:00Z }
      - { topic: payments.raw, value: "${env:HOME} is text", offset: 7, timestamp: 1700000000000 }
      - { topic: payments.raw, value: "", key: "" }
      - { topic: payments.raw, partition: 2, hex: 00ff, key_base64: AP8= }
      - { key_hex: "", base64: "", headers: [{ key: trace, value: "1" }, { key: trace }, { key: h, hex: "00" }, { key: b, base64: AA== }] }
    expect: { outputs: [{ output: rejected }] }
  - { name: "a scalar, a list", input: [{ json: 5 }, { json: [1, x, null] }, {}] }
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Fixture{
		Path: filepath.Join(dir, "f.yaml"), Module: filepath.Join(dir, "payments.wasm"), Outputs: []string{"accepted", "rejected"},
		Config:   map[string]any{"currencies": []any{"EUR"}, "limit": "10.00", "rate": json.Number("1.50")},
		ConfigAt: Place{filepath.Join(dir, "f.yaml"), 3, 9, "config"},
		Tests: []FixtureTest{
			{
				Name: "all ways to write a record", At: Place{filepath.Join(dir, "f.yaml"), 6, 5, "tests[0]"},
				Input: []FixtureRecord{
					{Topic: "payments.raw", Timestamp: 1769860800000, Key: []byte("a1"), Value: []byte(`{"amount":"-5","id":"p1","n":1.50}`)},
					{Topic: "payments.raw", Offset: 7, Timestamp: 1700000000000, Value: []byte("${env:HOME} is text")},
					{Topic: "payments.raw", Offset: 8, Key: []byte{}, Value: []byte{}},
					{Topic: "payments.raw", Partition: 2, Key: []byte{0, 255}, Value: []byte{0, 255}},
					{Topic: "in", Key: []byte{}, Value: []byte{}, Headers: []FixtureHeader{{"trace", []byte("1")}, {"trace", nil}, {"h", []byte{0}}, {"b", []byte{0}}}},
				},
			},
			{
				Name: "a scalar, a list", At: Place{filepath.Join(dir, "f.yaml"), 14, 5, "tests[1]"},
				Input: []FixtureRecord{{Topic: "in", Value: []byte("5")}, {Topic: "in", Offset: 1, Value: []byte(`[1,"x",null]`)}, {Topic: "in", Offset: 2}},
			},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Every mistake is told, with its place and what was probably meant.
func TestFixtureMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"tests: [{ name: a, imput: [{ value: x }] }]": {
			"missing: 1:9: tests[0].input: required, but missing", "unknown_key: 1:20: tests[0].imput: unknown key (did you mean input?)",
		},
		"tests: [{ name: a, input: [{ valeu: x }] }]": {"unknown_key: 1:30: tests[0].input[0].valeu: unknown key (did you mean value?)"},
		"modul: x.wasm\ntests: []": {
			"unknown_key: 1:1: modul: unknown key (did you mean module?)", "missing: 2:8: tests: needs at least one test",
		},
		"config: {}":                                {"missing: 1:1: tests: required, but missing"},
		"tests: [{ name: a, input: [] }]":           {"missing: 1:27: tests[0].input: needs at least one record"},
		"tests: [{ name: a, input: {} }]":           {"wrong_type: 1:27: tests[0].input: must be a list (write [item, item])"},
		"tests: [{ name: a, input: [text] }]":       {"wrong_type: 1:28: tests[0].input[0]: must be a mapping, key: value"},
		"tests: [{ name: a, input: [{ value: }] }]": {"wrong_type: 1:37: tests[0].input[0].value: has no value (leave the key out, or give it a value)"},
		"outputs: [a b]\ntests: [{ name: a, input: [{ value: x, json: {}, hex: 00 }] }]": {
			`bad_value: 1:11: outputs[0]: "a b" is not the name of an output (letters, digits, '.', '_' and '-')`,
			"conflict: 2:46: tests[0].input[0].json: value is given too (give one of them)",
			"conflict: 2:55: tests[0].input[0].hex: value is given too (give one of them)",
		},
		"tests:\n- { name: a, input: [{ hex: 0g, key_base64: '!' }] }\n- { name: a, input: [{ offset: 3 }, { offset: 3 }, { partition: x, timestamp: noon }] }": {
			"bad_value: 2:29: tests[0].input[0].hex: encoding/hex: invalid byte: U+0067 'g'",
			"bad_value: 2:45: tests[0].input[0].key_base64: illegal base64 data at input byte 0",
			`duplicate_name: 3:11: tests[1].name: the name "a" is taken by tests[0].name`,
			"conflict: 3:47: tests[1].input[1].offset: 3 comes after 3 in the same partition",
			`wrong_type: 3:65: tests[1].input[2].partition: must be a whole number, not "x"`,
			`bad_value: 3:79: tests[1].input[2].timestamp: "noon" is no time (milliseconds, or 2026-01-31T12:00:00Z)`,
		},
		"tests: [": {"syntax: 2: did not find expected node content"},
		"":         {"empty:  the file holds no settings"},
	} {
		dir, _, err := loadFixture(t, text)
		var problems *Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, p := range problems.List {
			got = append(got, p.Code+": "+strings.TrimPrefix(p.Error(), filepath.Join(dir, "f.yaml")+":"))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	if _, err := LoadFixture("nosuch.yaml"); err == nil || err.Error() != "nosuch.yaml: there is no such file" {
		t.Error(err)
	}
}

// TestFixtureKeysAreDocumented looks every key of a fixture up in docs/fixtures.md; -update writes its table.
func TestFixtureKeysAreDocumented(t *testing.T) {
	t.Parallel()
	const name, begin, end = "../docs/fixtures.md", "| key | |\n| --- | --- |\n", "\n\n"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("no table of keys")
	}
	var rows []string
	keys(reflect.TypeFor[fixtureFile](), "", func(path string, _ reflect.Type, field reflect.StructField) {
		rows = append(rows, "| `"+path+"` | "+row(field)+" |")
	})
	want := strings.Join(rows, "\n")
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
