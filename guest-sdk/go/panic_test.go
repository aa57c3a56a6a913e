package wasmflow_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

type named string

func (n named) String() string { return "named " + string(n) }

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
			if !ok || err != nil || line < 22 || line > 45 {
				t.Errorf("got %s", text)
			}
		})
	}
}

func TestErrorOfABatchNamesNoLine(t *testing.T) {
	wasmflow.TransformBatch(func(wasmflow.Batch, *wasmflow.Output) error { return fmt.Errorf("no") })
	defer func() { equal(t, wasmflow.PanicText(recover()), "the batch failed: no") }()
	_, _ = wasmflowtest.Run(record("k", "v"))
}
