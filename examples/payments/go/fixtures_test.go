package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

// fixtures are those that the guests of all languages share.
type fixtures struct {
	Config  json.RawMessage
	Configs []struct {
		Name   string
		Config json.RawMessage
		Error  *string
	}
	Records []fixture
}

type fixture struct {
	Name        string
	Key         json.RawMessage
	Headers     [][2]*string
	Value       *string
	ValueHex    *string  `json:"value_hex"`
	ValueRepeat [][2]any `json:"value_repeat"`
	Accepted    *string
	Rejected    *string
	Refused     *struct {
		Code uint32
		Text string
	}
}

func load(t *testing.T) fixtures {
	t.Helper()
	text, err := os.ReadFile("../testdata/fixtures.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixtures
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields() // what a fixture says and this test does not know would be passed over in silence
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f fixture) record(t *testing.T) wasmflowtest.Record {
	t.Helper()
	r := wasmflowtest.Record{Key: []byte("k")}
	var key *string
	if f.Key != nil {
		if err := json.Unmarshal(f.Key, &key); err != nil {
			t.Fatal(err)
		}
		r.Key = bytesOf(key)
	}
	for _, h := range f.Headers {
		r.Headers = append(r.Headers, wasmflow.Header{Key: *h[0], Value: bytesOf(h[1])})
	}
	switch {
	case f.ValueHex != nil:
		b, err := hex.DecodeString(*f.ValueHex)
		if err != nil {
			t.Fatal(err)
		}
		r.Value = b
	case f.ValueRepeat != nil:
		for _, part := range f.ValueRepeat {
			r.Value = append(r.Value, strings.Repeat(part[0].(string), int(part[1].(float64)))...)
		}
	default:
		r.Value = bytesOf(f.Value)
	}
	return r
}

func bytesOf(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

// want is what the fixture at index i says that record r leaves behind.
func (f fixture) want(i int, r wasmflowtest.Record) (sent []wasmflowtest.Sent, refused []wasmflowtest.Refused) {
	s := wasmflowtest.Sent{Source: i, Key: r.Key, Value: r.Value, Headers: r.Headers, TimestampMs: r.TimestampMs, Partition: -1}
	switch {
	case f.Accepted != nil:
		s.Output, s.Value = "accepted", []byte(*f.Accepted)
	case f.Rejected != nil:
		s.Output = "rejected"
		s.Headers = append(append([]wasmflow.Header(nil), r.Headers...), wasmflow.Header{Key: "reason", Value: []byte(*f.Rejected)})
	default:
		return nil, []wasmflowtest.Refused{{Source: i, Code: f.Refused.Code, Text: f.Refused.Text}}
	}
	return []wasmflowtest.Sent{s}, nil
}

func TestFixtures(t *testing.T) {
	f := load(t)
	if err := wasmflowtest.Init(wasmflowtest.Settings{Outputs: []string{"accepted", "rejected"}, Config: string(f.Config)}); err != nil {
		t.Fatal(err)
	}
	var records []wasmflowtest.Record
	var want wasmflowtest.Result
	for i, fixture := range f.Records {
		r := fixture.record(t)
		r.TimestampMs = 1000 + int64(i)
		records = append(records, r)
		sent, refused := fixture.want(i, r)
		want.Records = append(want.Records, sent...)
		want.Refusals = append(want.Refusals, refused...)
	}
	got, err := wasmflowtest.Run(records...)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, f, got.Records, want.Records, func(s wasmflowtest.Sent) int { return s.Source })
	compare(t, f, got.Refusals, want.Refusals, func(r wasmflowtest.Refused) int { return r.Source })
}

// compare reports the first difference by the name of its fixture.
func compare[T any](t *testing.T, f fixtures, got, want []T, source func(T) int) {
	t.Helper()
	for i, g := range got {
		if i >= len(want) || !reflect.DeepEqual(g, want[i]) {
			t.Errorf("%s: got %q", f.Records[source(g)].Name, any(g))
			if i < len(want) {
				t.Errorf("%s: want %q", f.Records[source(want[i])].Name, any(want[i]))
			}
			return
		}
	}
	if len(got) < len(want) {
		t.Errorf("%s: nothing, want %q", f.Records[source(want[len(got)])].Name, any(want[len(got)]))
	}
}

func TestConfigs(t *testing.T) {
	for _, c := range load(t).Configs {
		err := wasmflowtest.Init(wasmflowtest.Settings{Outputs: []string{"accepted", "rejected"}, Config: string(c.Config)})
		switch {
		case c.Error == nil && err != nil:
			t.Errorf("%s: %v", c.Name, err)
		case c.Error != nil && (err == nil || err.Error() != *c.Error):
			t.Errorf("%s: %v, want %s", c.Name, err, *c.Error)
		}
	}
}

func TestOutputsThatThePipelineLacks(t *testing.T) {
	err := wasmflowtest.Init(wasmflowtest.Settings{Outputs: []string{"accepted"}, Config: string(load(t).Config)})
	const want = `output "rejected" is not declared: the pipeline has ["accepted"]`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
