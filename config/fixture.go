package config

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Fixture is a file of records for one module, and of what is expected of it. Nothing of the environment is in it: it means the
// same everywhere.
type Fixture struct {
	// Path of the file.
	Path string
	// Module is the path of the module, "" where it names none.
	Module string
	// Config is the transform's own configuration; nil where there is none. ConfigAt is where it stands, or what would hold it.
	Config   map[string]any
	ConfigAt Place
	// Outputs are the names that the transform may write to, the default one first; none where it names none.
	Outputs []string
	// Tests in their order, at least one.
	Tests []FixtureTest
}

// FixtureTest is a run of records through a fresh instance.
type FixtureTest struct {
	// Name of the test, unique in its file, and where it stands.
	Name string
	At   Place
	// Input are the records in their order; of each partition, in the order of their offsets.
	Input []FixtureRecord
}

// FixtureRecord is an input record.
type FixtureRecord struct {
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp in milliseconds.
	Timestamp int64
	// Key and Value are nil where they are null.
	Key, Value []byte
	Headers    []FixtureHeader
}

// FixtureHeader is a header of a record: its Key, and its Value, which is nil where it is null.
type FixtureHeader struct {
	Key   string
	Value []byte
}

type fixtureFile struct {
	Module  string        `yaml:"module" doc:"Path of the .wasm file, relative to this file's folder."`
	Config  params        `yaml:"config" doc:"The transform's own configuration."`
	Outputs []string      `yaml:"outputs" doc:"Names that the transform may write to, the default one first. Default: out."`
	Tests   []fixtureTest `yaml:"tests" required:"true" doc:"Each runs in a fresh instance."`
}

type fixtureTest struct {
	Name   string          `yaml:"name" required:"true" doc:"Name, unique in the file."`
	Input  []fixtureRecord `yaml:"input" required:"true" doc:"Records; those of one partition go into one call."`
	Expect params          `yaml:"expect" doc:"What comes out."`
}

type fixtureRecord struct {
	Topic     string          `yaml:"topic" default:"in" doc:"Topic."`
	Partition int32           `yaml:"partition" default:"0" min:"0" max:"2147483647" doc:"Partition."`
	Offset    int64           `yaml:"offset" min:"0" max:"9007199254740991" doc:"Offset. Default: the next one of the partition, from 0."`
	Timestamp string          `yaml:"timestamp" doc:"Milliseconds since 1970, or a time such as 2026-01-31T12:00:00Z. Default: 0."`
	Key       string          `yaml:"key" doc:"Key as text. Without a key it is null."`
	KeyHex    string          `yaml:"key_hex" doc:"Key in hexadecimal."`
	KeyBase64 string          `yaml:"key_base64" doc:"Key in base64."`
	Value     string          `yaml:"value" doc:"Value as text. Without a value it is null."`
	JSON      document        `yaml:"json" doc:"Value as any YAML, which becomes JSON; keys in the order of their names."`
	Hex       string          `yaml:"hex" doc:"Value in hexadecimal."`
	Base64    string          `yaml:"base64" doc:"Value in base64."`
	Headers   []fixtureHeader `yaml:"headers" doc:"Headers in their order; a key may come again."`
}

type fixtureHeader struct {
	Key    string `yaml:"key" required:"true" doc:"Key."`
	Value  string `yaml:"value" doc:"Value as text. Without a value it is null."`
	Hex    string `yaml:"hex" doc:"Value in hexadecimal."`
	Base64 string `yaml:"base64" doc:"Value in base64."`
}

// document is JSON that was made of YAML.
type document []byte

// LoadFixture reads a fixture. The error is a *Problems with every mistake.
func LoadFixture(name string) (*Fixture, error) {
	l := &loader{}
	tree := l.file(name)
	if tree == nil {
		return nil, l.err()
	}
	d := &decoder{loader: l, places: map[string]place{}, bad: map[string]bool{}, raw: map[string]string{}, literal: true}
	var f fixtureFile
	d.structure(reflect.ValueOf(&f).Elem(), tree, place{file: name, line: 1, column: 1}, "")
	r := &fixtureReader{checker: &checker{decoder: d}}
	fixture := r.fixture(name, &f)
	if err := l.err(); err != nil {
		return nil, err
	}
	return fixture, nil
}

// fixtureReader holds the decoded file to the rules that concern more than one value.
type fixtureReader struct {
	*checker
	next map[string]int64 // offset by partition
}

func (r *fixtureReader) fixture(name string, f *fixtureFile) *Fixture {
	out := &Fixture{Path: name, Config: f.Config, ConfigAt: r.placed("config"), Outputs: f.Outputs}
	if f.Module != "" {
		out.Module = resolve(f.Module, r.at("module"))
	}
	for i, output := range f.Outputs {
		r.name("outputs["+strconv.Itoa(i)+"]", "the name of an output", output)
	}
	if len(f.Tests) == 0 && !r.bad["tests"] {
		r.wrong("tests", CodeMissing, "", "needs at least one test")
	}
	names := map[string]string{}
	for i := range f.Tests {
		t, path := &f.Tests[i], "tests["+strconv.Itoa(i)+"]"
		if t.Name != "" {
			r.differ(names, path+".name", "the name", t.Name, "")
		}
		if len(t.Input) == 0 && !r.bad[path+".input"] && !r.bad[path] {
			r.wrong(path+".input", CodeMissing, "", "needs at least one record")
		}
		test := FixtureTest{Name: t.Name, At: r.placed(path)}
		r.next = map[string]int64{}
		for n := range t.Input {
			test.Input = append(test.Input, r.record(path+".input["+strconv.Itoa(n)+"]", &t.Input[n]))
		}
		out.Tests = append(out.Tests, test)
	}
	return out
}

func (r *fixtureReader) record(path string, from *fixtureRecord) FixtureRecord {
	at := from.Topic + "/" + strconv.Itoa(int(from.Partition))
	if _, given := r.places[path+".offset"]; !given {
		from.Offset = r.next[at]
	} else if from.Offset < r.next[at] && !r.bad[path+".offset"] {
		r.wrong(path+".offset", CodeConflict, "", "%d comes after %d in the same partition", from.Offset, r.next[at]-1)
	}
	r.next[at] = from.Offset + 1
	out := FixtureRecord{
		Topic: from.Topic, Partition: from.Partition, Offset: from.Offset, Timestamp: r.timestamp(path+".timestamp", from.Timestamp),
		Key:   r.bytes(path, "key", from.Key, "key_hex", from.KeyHex, "key_base64", from.KeyBase64),
		Value: r.bytes(path, "value", from.Value, "hex", from.Hex, "base64", from.Base64, "json", string(from.JSON)),
	}
	for i := range from.Headers {
		h := &from.Headers[i]
		value := r.bytes(path+".headers["+strconv.Itoa(i)+"]", "value", h.Value, "hex", h.Hex, "base64", h.Base64)
		out.Headers = append(out.Headers, FixtureHeader{h.Key, value})
	}
	return out
}

// bytes is what the one key of these that is given stands for, nil where none is.
func (r *fixtureReader) bytes(path string, keysAndTexts ...string) (out []byte) {
	first := ""
	for i := 0; i < len(keysAndTexts); i += 2 {
		key, text := keysAndTexts[i], keysAndTexts[i+1]
		at := join(path, key)
		if _, given := r.places[at]; !given {
			continue
		}
		if first != "" {
			r.wrong(at, CodeConflict, "give one of them", "%s is given too", first)
			continue
		}
		var err error
		switch first = key; {
		case strings.HasSuffix(key, "hex"):
			out, err = hex.DecodeString(text)
		case strings.HasSuffix(key, "base64"):
			out, err = base64.StdEncoding.DecodeString(text)
		default:
			out = []byte(text)
		}
		if err != nil && !r.bad[at] {
			r.wrong(at, CodeBadValue, "", "%v", err)
		}
		if out == nil {
			out = []byte{}
		}
	}
	return out
}

func (r *fixtureReader) timestamp(path, text string) int64 {
	if text == "" || r.bad[path] {
		return 0
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 && ms <= math.MaxInt64/1_000_000 {
		return ms
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.wrong(path, CodeBadValue, "milliseconds, or 2026-01-31T12:00:00Z", "%s is no time", r.shown(path, text))
		return 0
	}
	return at.UnixMilli()
}
