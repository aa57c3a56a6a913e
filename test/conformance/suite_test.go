// Package conformance_test runs one suite of guests per SDK through host/guest, without Kafka. Guests of all languages do the
// same, so each test is written once and names its languages; what they return is held to what this file says, and that way
// to each other.
package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// languages that have an SDK, and the tool that their guests are built with.
var languages = map[string]string{"go": "go", "rust": "cargo"}

// guests are where scripts/build-guests.sh puts modules.
const guests = "../../dist/guests"

// cache keeps compiled modules: each is compiled once for the whole suite.
var cache *guest.Cache

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wasmflow-conformance-")
	if err == nil {
		defer os.RemoveAll(dir)
		cache, err = guest.OpenCache(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cache.Close(context.Background())
	return m.Run()
}

// each runs a test for the guest of that name in every language.
func each(t *testing.T, name string, run func(t *testing.T, wasm []byte)) {
	t.Helper()
	for language, tool := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			wasm, err := os.ReadFile(filepath.Join(guests, name+"-"+language+".wasm"))
			if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("%s is not installed, and the guests of its language need it", tool)
				}
			}
			if err != nil {
				t.Fatalf("%v: run make guests", err)
			}
			run(t, wasm)
		})
	}
}

// load loads a module and closes it after the test. Outputs are "out", the default, and "copy".
func load(t testing.TB, wasm []byte, params map[string]any, change ...func(*guest.Config)) *guest.Module {
	t.Helper()
	cfg := guest.Config{Name: "test", Wasm: wasm, Outputs: []string{"out", "copy"}, Params: params, Cache: cache}
	for _, set := range change {
		set(&cfg)
	}
	m, err := guest.Load(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// instance makes an instance.
func instance(t testing.TB, m *guest.Module) *guest.Instance {
	t.Helper()
	i, err := m.Instantiate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// call runs one batch in an instance.
func call(t testing.TB, i *guest.Instance, batch abi.Batch) abi.Result {
	t.Helper()
	result, err := i.Transform(context.Background(), guest.Env{Arena: &abi.Arena{}}, batch)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// mode loads the guest in a mode and runs one batch.
func mode(t testing.TB, wasm []byte, name string, batch abi.Batch) abi.Result {
	t.Helper()
	return call(t, instance(t, load(t, wasm, map[string]any{"mode": name})), batch)
}

// same compares results: null is not empty. No headers and an empty list of them are the same.
func same(t testing.TB, want, got abi.Result) {
	t.Helper()
	for i := range min(len(want.Records), len(got.Records)) {
		if a, b := want.Records[i], got.Records[i]; !equal(a, b) { // one says enough: a diff of all takes minutes
			a.Value, b.Value = a.Value[:min(len(a.Value), shown)], b.Value[:min(len(b.Value), shown)]
			t.Errorf("record %d of the result, with %d and %d bytes of value (-want +got):\n%s", i, len(want.Records[i].Value), len(got.Records[i].Value), cmp.Diff(a, b))
			return
		}
	}
	if len(want.Records) != len(got.Records) {
		t.Errorf("%d records, want %d", len(got.Records), len(want.Records))
	}
	if diff := cmp.Diff(want.Refusals, got.Refusals, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
}

// shown is how much of a value is shown where it is not the right one, in bytes.
const shown = 256

func equal(a, b abi.ResultRecord) bool {
	return equalBytes(a.Key, b.Key) && equalBytes(a.Value, b.Value) && a.Timestamp == b.Timestamp && a.Source == b.Source &&
		a.Partition == b.Partition && a.Output == b.Output &&
		slices.EqualFunc(a.Headers, b.Headers, func(a, b abi.Header) bool { return a.Key == b.Key && equalBytes(a.Value, b.Value) })
}

func equalBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// odd is a batch of records at the edges: null and empty, no headers and many, repeated and strange keys, odd times.
func odd() abi.Batch {
	many := make([]abi.Header, 1_000)
	for i := range many {
		many[i] = abi.Header{Key: "h" + strconv.Itoa(i%300), Value: []byte(strconv.Itoa(i))}
	}
	records := []abi.Record{
		{Key: []byte("key"), Value: []byte("value")},
		{Key: nil, Value: []byte("null key")},
		{Key: []byte{}, Value: []byte("empty key")},
		{Key: []byte("tombstone"), Value: nil},
		{Key: []byte("empty value"), Value: []byte{}},
		{Key: nil, Value: nil},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("many"), Value: []byte("headers"), Headers: many},
		{Key: []byte("repeated"), Value: []byte("v"), Headers: []abi.Header{
			{Key: "h", Value: []byte("1")},
			{Key: "a", Value: nil},
			{Key: "h", Value: []byte{}},
			{Key: "", Value: []byte("no name")},
			{Key: "\xff\x00", Value: []byte("bytes")},
			{Key: "h", Value: []byte("last")},
		}},
		{Key: []byte("one byte"), Value: []byte("x"), Headers: []abi.Header{{Key: "h", Value: nil}}},
		{Key: []byte{0xff, 0, 0xfe}, Value: []byte{0, 1, 0xff, 0x80}},
		{Key: []byte("bad"), Value: []byte("bad one")},
		{Key: []byte("mixed"), Value: []byte("aZ09 \xc3\xa9\xff{|}`@[")},
	}
	for i := range records {
		r := &records[i]
		r.Offset, r.Timestamp, r.LeaderEpoch = int64(100+3*i), int64(1_700_000_000_000+i), int32(i-1)
		r.Flags = abi.RecordFlags(i % 2)
	}
	records[2].Timestamp, records[3].Timestamp, records[4].Timestamp = 0, -1, -5
	return batchOf("odd.topic-ü", 7, records)
}

func batchOf(topic string, partition int32, records []abi.Record) abi.Batch {
	b := abi.Batch{Topic: topic, Partition: partition, Records: records}
	for i, r := range records {
		if i == 0 || r.Timestamp > b.Clock {
			b.Clock = r.Timestamp
		}
	}
	return b
}

// plain is a batch of n records of 100 bytes.
func plain(n int) abi.Batch {
	filler := bytes.Repeat([]byte("x"), 90)
	records := make([]abi.Record, n)
	for i := range records {
		records[i] = abi.Record{
			Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%010d%s", i, filler), Offset: int64(i), Timestamp: int64(1_000 + i), LeaderEpoch: -1,
		}
	}
	return batchOf("plain", 0, records)
}

// forward is the result record of an input record that is sent on unchanged.
func forward(batch abi.Batch, i int) abi.ResultRecord {
	r := batch.Records[i]
	return abi.ResultRecord{
		Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp, Source: uint32(i), Partition: abi.PartitionByKey,
	}
}

// every makes a result of what f makes of each record's unchanged form.
func every(batch abi.Batch, f func(i int, r abi.ResultRecord) []abi.ResultRecord) abi.Result {
	var result abi.Result
	for i := range batch.Records {
		result.Records = append(result.Records, f(i, forward(batch, i))...)
	}
	return result
}
