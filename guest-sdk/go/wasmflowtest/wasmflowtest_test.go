package wasmflowtest

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/internal/native"
)

func TestRunWithoutInit(t *testing.T) {
	guest.started = false
	wasmflow.Init(func(c wasmflow.Config) error {
		if c.Transform() != "test" || !reflect.DeepEqual(c.Outputs(), []string{"out"}) || string(c.Raw()) != "{}" {
			t.Errorf("%q %q %s", c.Transform(), c.Outputs(), c.Raw())
		}
		return nil
	})
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		wasmflow.Info(in.Topic())
		return out.Forward(in)
	})
	got, err := Run(Record{Offset: 70}, Record{Offset: 70, TimestampMs: 3})
	want := Result{
		Records: []Sent{{Output: "out", Partition: -1}, {Source: 1, Output: "out", TimestampMs: 3, Partition: -1}},
		Log:     []Line{{"info", "in"}, {"info", "in"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %+v", err, got)
	}
	wasmflow.Info("outside of a call: dropped")
}

func TestInitFailsInRun(t *testing.T) {
	guest.started = false
	wasmflow.Transform(func(wasmflow.Record, *wasmflow.Output) error { return nil })
	wasmflow.Init(func(wasmflow.Config) error { wasmflow.Out("missing"); return nil })
	defer wasmflow.Init(nil)
	if _, err := Run(); err == nil || err.Error() != `output "missing" is not declared: the pipeline has ["out"]` {
		t.Error(err)
	}
}

func TestRunGoesOnAfterAPanic(t *testing.T) {
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		if in.Value() == nil {
			panic("boom")
		}
		return out.Forward(in)
	})
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("no panic")
			}
		}()
		_, _ = Run(Record{})
	}()
	if got, err := Run(Record{Value: []byte("v")}); err != nil || len(got.Records) != 1 {
		t.Errorf("%v %+v", err, got)
	}
}

func TestNumbersOfRunAndRunBatch(t *testing.T) {
	var offsets []int64
	wasmflow.Transform(func(in wasmflow.Record, _ *wasmflow.Output) error {
		offsets = append(offsets, in.Offset())
		return nil
	})
	records := []Record{{Offset: 5}, {Offset: 9}}
	if _, err := Run(records...); err != nil {
		t.Fatal(err)
	}
	if _, err := RunBatch(Batch{Records: records}); err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 1, 5, 9}; !reflect.DeepEqual(offsets, want) {
		t.Errorf("%v", offsets)
	}
}

// The decoder stands in for a host's: it must not take what a host would not.
func TestBadResultImages(t *testing.T) {
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		switch in.Index() {
		case 2, 3:
			return wasmflow.Refusal{Code: 1, Text: "no"}
		}
		return out.From(in).Key([]byte("key")).ValuePart(0, 1).AddHeader("h", []byte("v")).Send()
	})
	batch := Batch{Records: []Record{{Value: []byte("v")}, {Value: []byte("v")}, {}, {}}}
	in, err := batch.encode()
	if err != nil {
		t.Fatal(err)
	}
	copy(native.Alloc(uint32(len(in))), in)
	image := native.Transform(uint32(len(in)))
	if _, err := decode(image, batch, []string{"out"}); err != nil {
		t.Fatal(err)
	}
	const row, entries = headSize, headSize + 2*rowSize
	const refusals = entries + 2*headerSize
	for _, c := range []struct {
		at   int
		v    uint32
		want string
	}{
		{0, 0x31424657, "bad header"},
		{4, rowSize<<16 | 63, "bad header"},
		{4, 47<<16 | headSize, "bad header"},
		{8, 1, "bad header"},
		{12, math.MaxUint32, "records reach"},
		{16, math.MaxUint32, "records reach"},
		{20, math.MaxUint32, "headers reach"},
		{28, math.MaxUint32, "refusals reach"},
		{40, math.MaxUint32, "blob reach"},
		{row, 4, "record 0 of the result image: source 4 of 4"},
		{row + 4, 1, "output 1 of 1"},
		{row + 4, 1 << 20, "unknown flags 0x10"},
		{row + 16, 1 << 20, "key: bytes 1048576 + 3 of "},
		{row + 20, math.MaxUint32 - 2, "key: length -3"},
		{row + 24, 1, "value: part 1 + 1 of the source's 1"},
		{row + 28, math.MaxUint32, "value: part 0 + -1 of the source's 1"},
		{row + 32, 2, "headers 2 + 1 of 2"},
		{row + 36, math.MaxUint32 - 1, "headers 0 + 4294967294 of 2"},
		{row + 40, math.MaxUint32 - 1, "partition -2"},
		{entries + 4, math.MaxUint32, "key of header 0: bytes "},
		{entries + 12, math.MaxUint32 - 2, "value of header 0: length -3"},
		{refusals, 4, "refusal 0 "},
		{refusals, 3, "refusal 1 "}, // not ascending
		{refusals + 8, 1 << 20, "refusal 0 "},
		{refusals + 12, 1 << 20, "refusal 0 "},
	} {
		bad := append([]byte(nil), image...)
		le.PutUint32(bad[c.at:], c.v)
		if _, err := decode(bad, batch, []string{"out"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d at %d: %v, want %s", c.v, c.at, err, c.want)
		}
	}
	for n := range len(image) {
		if _, err := decode(image[:n], batch, []string{"out"}); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(image))
		}
	}
}
