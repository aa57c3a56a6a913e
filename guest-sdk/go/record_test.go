package wasmflow_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

func TestRecordIsReadAsItWasWritten(t *testing.T) {
	in := wasmflowtest.Batch{Topic: "payments", Partition: 7, Records: []wasmflowtest.Record{
		{Offset: 41, TimestampMs: -5},
		{Offset: 43, Key: []byte{}, Value: []byte{}, Headers: []wasmflow.Header{{Key: "", Value: nil}, {Key: "", Value: []byte{}}}},
		{Offset: 99, TimestampMs: 1<<62 + 1, Key: []byte("k"), Value: []byte("v\x00\xff"), Headers: []wasmflow.Header{
			header("a", "1"), header("\xff\x00", "2"), header("a", "3"), {Key: "a", Value: nil},
		}},
	}}
	var got []wasmflow.Owned
	wasmflow.Transform(func(r wasmflow.Record, _ *wasmflow.Output) error {
		if r.Index() != len(got) {
			t.Errorf("index %d of record %d", r.Index(), len(got))
		}
		got = append(got, r.Clone())
		return nil
	})
	if err := wasmflowtest.Init(settings); err != nil {
		t.Fatal(err)
	}
	// Twice: the second call finds the buffers of the first.
	for range 2 {
		got = nil
		if _, err := wasmflowtest.RunBatch(in); err != nil {
			t.Fatal(err)
		}
		var want []wasmflow.Owned
		for _, r := range in.Records {
			want = append(want, wasmflow.Owned{Key: r.Key, Value: r.Value, Headers: r.Headers, Topic: "payments", Partition: 7, Offset: r.Offset, TimestampMs: r.TimestampMs})
		}
		equal(t, got, want)
	}
}

func TestCloneOutlivesTheBatch(t *testing.T) {
	var kept []wasmflow.Owned
	f := func(r wasmflow.Record, _ *wasmflow.Output) error {
		kept = append(kept, r.Clone())
		return nil
	}
	run(t, f, wasmflowtest.Record{Key: []byte("key"), Value: []byte("one"), Headers: []wasmflow.Header{header("h", "x")}})
	run(t, f, wasmflowtest.Record{Key: []byte("KEY"), Value: []byte("two"), Headers: []wasmflow.Header{header("H", "y")}})
	equal(t, kept[0], wasmflow.Owned{Key: []byte("key"), Value: []byte("one"), Headers: []wasmflow.Header{header("h", "x")}, Topic: "in"})
}

func TestBytesCannotGrowIntoTheirNeighbours(t *testing.T) {
	run(t, func(r wasmflow.Record, _ *wasmflow.Output) error {
		for _, b := range [][]byte{r.Key(), r.Value()} {
			if cap(b) != len(b) {
				t.Errorf("capacity %d of %d bytes", cap(b), len(b))
			}
		}
		for k, v := range r.Headers().All() {
			if cap(k) != len(k) || cap(v) != len(v) {
				t.Errorf("capacities %d and %d of a header %q: %q", cap(k), cap(v), k, v)
			}
		}
		return nil
	}, wasmflowtest.Record{Key: []byte("k"), Value: []byte("v"), Headers: []wasmflow.Header{header("h", "x")}}, record("", ""))
}

func TestHeaderIsTheLastOne(t *testing.T) {
	run(t, func(r wasmflow.Record, _ *wasmflow.Output) error {
		for _, c := range []struct {
			key, value string
			null, ok   bool
		}{{"a", "2", false, true}, {"n", "", true, true}, {"", "empty", false, true}, {"A", "", true, false}} {
			v, ok := r.Header(c.key)
			if string(v) != c.value || (v == nil) != c.null || ok != c.ok {
				t.Errorf("header %q: %q, %v", c.key, v, ok)
			}
		}
		if text := panics(t, func() { r.Headers().At(5) }); text != "wasmflow: index of a header is out of range" {
			t.Error(text)
		}
		if text := panics(t, func() { r.Headers().At(-1) }); text != "wasmflow: index of a header is out of range" {
			t.Error(text)
		}
		return nil
	}, wasmflowtest.Record{Headers: []wasmflow.Header{header("a", "1"), header("a", "2"), header("n", "x"), {Key: "n"}, header("", "empty")}})
}

func TestBatch(t *testing.T) {
	wasmflow.TransformBatch(func(b wasmflow.Batch, out *wasmflow.Output) error {
		if b.Len() != 3 || b.Topic() != "in" || b.Partition() != 4 || b.ClockMs() != 30 {
			t.Errorf("%d records of %s/%d at %d", b.Len(), b.Topic(), b.Partition(), b.ClockMs())
		}
		for i, r := range b.All() {
			if r.Index() != i || r.Offset() != b.At(i).Offset() || r.Partition() != 4 {
				t.Errorf("record %d: index %d, offset %d", i, r.Index(), r.Offset())
			}
			if i == 1 {
				break
			}
		}
		for _, i := range []int{-1, 3} {
			if text := panics(t, func() { b.At(i) }); text != "wasmflow: index of a record is out of range" {
				t.Error(text)
			}
		}
		return out.Forward(b.At(2))
	})
	if err := wasmflowtest.Init(settings); err != nil {
		t.Fatal(err)
	}
	got, err := wasmflowtest.RunBatch(wasmflowtest.Batch{Partition: 4, Records: []wasmflowtest.Record{{TimestampMs: 10}, {TimestampMs: 30}, {TimestampMs: 20}}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, wasmflowtest.Result{Records: []wasmflowtest.Sent{{Source: 2, Output: "out", TimestampMs: 20, Partition: -1}}})
}

func TestEmptyBatch(t *testing.T) {
	equal(t, run(t, func(wasmflow.Record, *wasmflow.Output) error { t.Error("called"); return nil }), wasmflowtest.Result{})
	called := 0
	equal(t, runBatch(t, func(b wasmflow.Batch, _ *wasmflow.Output) error { called += 1 + b.Len(); return nil }), wasmflowtest.Result{})
	equal(t, called, 1)
}

func TestLargeBatches(t *testing.T) {
	var many []wasmflowtest.Record
	for range 100_000 {
		many = append(many, wasmflowtest.Record{Value: []byte("0123456789")})
	}
	tenfold := func(r wasmflow.Record, out *wasmflow.Output) error {
		return out.Send(r, bytes.Repeat(r.Value(), 10))
	}
	got := run(t, tenfold, many...)
	if len(got.Records) != len(many) {
		t.Fatalf("%d records", len(got.Records))
	}
	for i, r := range got.Records {
		if r.Source != i || string(r.Value) != strings.Repeat("0123456789", 10) {
			t.Fatalf("record %d: source %d, %q", i, r.Source, r.Value)
		}
	}
	var headers []wasmflow.Header
	for range 1000 {
		headers = append(headers, header("h", "v"))
	}
	large := wasmflowtest.Record{Value: bytes.Repeat([]byte("x"), 8<<20), Headers: headers}
	got = run(t, tenfold, large)
	if r := got.Records[0]; len(r.Value) != 80<<20 || len(r.Headers) != 1000 {
		t.Errorf("%d bytes, %d headers", len(r.Value), len(r.Headers))
	}
}

func TestRecordAfterItsBatch(t *testing.T) {
	var kept wasmflow.Record
	var headers wasmflow.Headers
	keep := func(r wasmflow.Record, _ *wasmflow.Output) error { kept, headers = r, r.Headers(); return nil }
	next := wasmflowtest.Record{Key: []byte("k"), Value: []byte("v"), Headers: []wasmflow.Header{header("h", "x")}}
	run(t, keep, next)
	run(t, func(_ wasmflow.Record, out *wasmflow.Output) error {
		for i, f := range []func(){
			func() { kept.Key() }, func() { kept.Value() }, func() { kept.Headers() }, func() { kept.Header("h") },
			func() { kept.Topic() }, func() { kept.Partition() }, func() { kept.Offset() }, func() { kept.TimestampMs() },
			func() { kept.Clone() }, func() { headers.At(0) },
			func() { out.Forward(kept) }, func() { out.Send(kept, nil) }, func() { out.From(kept) }, func() { out.Refuse(kept, nil) },
		} {
			if text := panics(t, f); text != "wasmflow: a record was used after its batch" {
				t.Errorf("use %d: %q", i, text)
			}
		}
		return nil
	}, next) // a record with the same index, and of another batch
}

func TestBatchAfterItsCall(t *testing.T) {
	var kept wasmflow.Batch
	runBatch(t, func(b wasmflow.Batch, _ *wasmflow.Output) error { kept = b; return nil }, record("", ""))
	runBatch(t, func(wasmflow.Batch, *wasmflow.Output) error {
		for i, f := range []func(){
			func() { kept.Len() }, func() { kept.At(0) }, func() { kept.Topic() }, func() { kept.Partition() }, func() { kept.ClockMs() },
			func() {
				for range kept.All() {
				}
			},
		} {
			if text := panics(t, f); text != "wasmflow: a batch was used after its call" {
				t.Errorf("use %d: %q", i, text)
			}
		}
		return nil
	}, record("", ""))
}

func TestInputIsReadOnly(t *testing.T) {
	wasmflow.Transform(func(r wasmflow.Record, out *wasmflow.Output) error {
		r.Value()[0] = 'X'
		return out.Forward(r)
	})
	if err := wasmflowtest.Init(settings); err != nil {
		t.Fatal(err)
	}
	if _, err := wasmflowtest.Run(record("k", "v")); err == nil || !strings.Contains(err.Error(), "wrote to the bytes of its input") {
		t.Errorf("a transform that writes to its input: %v", err)
	}
}
