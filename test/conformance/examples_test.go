package conformance_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// TestUppercase holds that the example does the same in every language: ASCII letters, and nothing else, in upper case; null
// stays null.
func TestUppercase(t *testing.T) {
	upper := func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
			r.Value = bytes.Clone(r.Value)
			for i, c := range r.Value {
				if 'a' <= c && c <= 'z' {
					r.Value[i] = c - 'a' + 'A'
				}
			}
			return []abi.ResultRecord{r}
		})
	}
	each(t, "uppercase", func(t *testing.T, wasm []byte) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		bytes := batchOf("bytes", 0, []abi.Record{{Value: all, LeaderEpoch: -1}})
		i := instance(t, load(t, wasm, nil))
		for _, batch := range []abi.Batch{odd(), plain(2_000), bytes} {
			same(t, upper(batch), call(t, i, batch))
		}
	})
}

// fixtures are examples/payments/testdata/fixtures.json (examples/payments/README.md says what the fields mean).
type fixtures struct {
	Config  map[string]any   `json:"config"`
	Records []fixture        `json:"records"`
	Configs []configurations `json:"configs"`
}

type fixture struct {
	Name        string          `json:"name"`
	Key         json.RawMessage `json:"key"`
	Value       *string         `json:"value"`
	ValueHex    string          `json:"value_hex"`
	ValueRepeat [][2]any        `json:"value_repeat"`
	Headers     [][2]*string    `json:"headers"`

	Accepted *string `json:"accepted"`
	Rejected *string `json:"rejected"`
	Refused  *struct {
		Code uint32 `json:"code"`
		Text string `json:"text"`
	} `json:"refused"`
}

type configurations struct {
	Name   string         `json:"name"`
	Config map[string]any `json:"config"`
	Error  *string        `json:"error"`
}

func readFixtures(t *testing.T) fixtures {
	t.Helper()
	text, err := os.ReadFile("../../examples/payments/testdata/fixtures.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixtures
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if len(f.Records) < 50 || len(f.Configs) < 5 {
		t.Fatalf("%d records and %d configurations: the fixtures were not read", len(f.Records), len(f.Configs))
	}
	return f
}

// record is the input record of a fixture.
func (f fixture) record(t *testing.T, index int) abi.Record {
	t.Helper()
	r := abi.Record{Key: []byte("k"), Offset: int64(index), Timestamp: int64(1_000 + index), LeaderEpoch: -1}
	if f.Key != nil {
		var key *string
		if err := json.Unmarshal(f.Key, &key); err != nil {
			t.Fatal(err)
		}
		r.Key = textOrNull(key)
	}
	switch {
	case f.Value != nil:
		r.Value = []byte(*f.Value)
	case f.ValueHex != "":
		value, err := hex.DecodeString(f.ValueHex)
		if err != nil {
			t.Fatal(err)
		}
		r.Value = value
	case f.ValueRepeat != nil:
		for _, part := range f.ValueRepeat {
			r.Value = append(r.Value, strings.Repeat(part[0].(string), int(part[1].(float64)))...)
		}
	}
	for _, h := range f.Headers {
		r.Headers = append(r.Headers, abi.Header{Key: *h[0], Value: textOrNull(h[1])})
	}
	return r
}

func textOrNull(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}

// TestPayments holds that payments gives, in every language, what the fixtures say, all in one batch and each in its own.
func TestPayments(t *testing.T) {
	f := readFixtures(t)
	var records []abi.Record
	for i, fixture := range f.Records {
		records = append(records, fixture.record(t, i))
	}
	all := batchOf("payments.raw", 2, records)
	var want abi.Result
	for i, fixture := range f.Records {
		out := forward(all, i)
		switch {
		case fixture.Accepted != nil:
			out.Value = []byte(*fixture.Accepted)
			want.Records = append(want.Records, out)
		case fixture.Rejected != nil:
			out.Output = 1
			out.Headers = append(append([]abi.Header{}, out.Headers...), abi.Header{Key: "reason", Value: []byte(*fixture.Rejected)})
			want.Records = append(want.Records, out)
		default:
			want.Refusals = append(want.Refusals, abi.Refusal{Source: uint32(i), Code: fixture.Refused.Code, Text: fixture.Refused.Text})
		}
	}
	outputs := func(c *guest.Config) { c.Outputs = []string{"accepted", "rejected"} }
	each(t, "payments", func(t *testing.T, wasm []byte) {
		i := instance(t, load(t, wasm, f.Config, outputs))
		same(t, want, call(t, i, all))
		for n, fixture := range f.Records {
			t.Run(fixture.Name, func(t *testing.T) {
				one := batchOf(all.Topic, all.Partition, all.Records[n:n+1])
				same(t, only(want, uint32(n)), call(t, i, one))
			})
		}
	})
}

// only is the part of a result that comes from one record, as if that had been alone in its batch.
func only(result abi.Result, source uint32) abi.Result {
	var part abi.Result
	for _, r := range result.Records {
		if r.Source == source {
			r.Source = 0
			part.Records = append(part.Records, r)
		}
	}
	for _, r := range result.Refusals {
		if r.Source == source {
			r.Source = 0
			part.Refusals = append(part.Refusals, r)
		}
	}
	return part
}

// TestPaymentsConfigurations holds that payments refuses what it cannot be configured with, in the same words in every language.
func TestPaymentsConfigurations(t *testing.T) {
	f := readFixtures(t)
	each(t, "payments", func(t *testing.T, wasm []byte) {
		for _, test := range f.Configs {
			t.Run(test.Name, func(t *testing.T) {
				m := load(t, wasm, test.Config, func(c *guest.Config) { c.Outputs = []string{"accepted", "rejected"} })
				_, err := m.Instantiate(t.Context())
				var trap *guest.TrapError
				switch {
				case test.Error == nil && err != nil:
					t.Errorf("got error %v, want none", err)
				case test.Error != nil && (!errors.As(err, &trap) || trap.Message != *test.Error):
					t.Errorf("got error %v, want %q", err, *test.Error)
				}
			})
		}
	})
}
