package wasmflow_test

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

type named string

func (n named) String() string { return "named " + string(n) }

type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func TestPanicTextNamesTheLineOfTheGuest(t *testing.T) {
	for name, c := range map[string]struct {
		f    func(wasmflow.Record, *wasmflow.Output)
		want string
	}{
		"string":   {func(wasmflow.Record, *wasmflow.Output) { panic("boom") }, "boom"},
		"error":    {func(wasmflow.Record, *wasmflow.Output) { panic(errors.New("broken")) }, "broken"},
		"stringer": {func(wasmflow.Record, *wasmflow.Output) { panic(named("x")) }, "named x"},
		"int":      {func(wasmflow.Record, *wasmflow.Output) { panic(42) }, "42"},
		"bool":     {func(wasmflow.Record, *wasmflow.Output) { panic(false) }, "false"},
		"float":    {func(wasmflow.Record, *wasmflow.Output) { panic(3.5) }, "3.5"},
		"no error": {func(wasmflow.Record, *wasmflow.Output) { panic((*broken)(nil)) }, "panic with a value whose own text panics"},
		"other":    {func(wasmflow.Record, *wasmflow.Output) { panic(struct{}{}) }, "panic with a value that is no text"},
		"index":    {func(r wasmflow.Record, _ *wasmflow.Output) { _ = r.Value()[5] }, "runtime error: index out of range [5] with length 1"},
		"nil":      {func(wasmflow.Record, *wasmflow.Output) { var p *int; *p = 1 }, "runtime error: invalid memory address or nil pointer dereference"},
		"draft":    {func(r wasmflow.Record, out *wasmflow.Output) { out.From(r).ValuePart(0, 9) }, "wasmflow: part of a value is out of range"},
		"long":     {func(wasmflow.Record, *wasmflow.Output) { panic(strings.Repeat("x", 5000)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			wasmflow.Transform(func(r wasmflow.Record, out *wasmflow.Output) error {
				c.f(r, out)
				return nil
			})
			if err := wasmflowtest.Init(settings); err != nil {
				t.Fatal(err)
			}
			text := func() (text string) {
				defer func() { text = wasmflow.PanicText(recover()) }()
				_, _ = wasmflowtest.Run(record("k", "v"))
				return ""
			}()
			if name == "long" {
				if len(text) != 4096 || !strings.Contains(text, "xx (go/panic_test.go:") {
					t.Errorf("%d bytes: ...%s", len(text), text[max(0, len(text)-60):])
				}
				return
			}
			place, ok := strings.CutPrefix(text, c.want+" (go/panic_test.go:")
			line, err := strconv.Atoi(strings.TrimSuffix(place, ")"))
			if !ok || err != nil || line < 26 || line > 50 {
				t.Errorf("got %s", text)
			}
		})
	}
}

func TestPanicTextOfBasicTypesIsGos(t *testing.T) {
	for _, v := range []any{
		true, -1, int8(-8), int16(-16), '€', int64(math.MinInt64), uint(1), byte(8), uint16(16), uint32(32), uint64(math.MaxUint64), uintptr(7),
		float32(0.1), 3.5, 1e21, 1e-7, math.Copysign(0, -1), math.Inf(1), math.NaN(), complex64(1 - 2i), 1e100 + 0.5i, complex(math.NaN(), math.Inf(-1)),
	} {
		if got, want := wasmflow.PanicText(v), fmt.Sprint(v); got != want {
			t.Errorf("%T: got %s, want %s", v, got, want)
		}
	}
}

func TestErrorOfABatchNamesNoLine(t *testing.T) {
	wasmflow.TransformBatch(func(wasmflow.Batch, *wasmflow.Output) error { return fmt.Errorf("no") })
	defer func() { equal(t, wasmflow.PanicText(recover()), "the batch failed: no") }()
	_, _ = wasmflowtest.Run(record("k", "v"))
}
