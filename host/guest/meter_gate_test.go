package guest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// valid asks the runtime, whose compiler panics at some modules.
func valid(r wazero.Runtime, wasm []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	m, err := r.CompileModule(context.Background(), wasm)
	if err == nil {
		_ = m.Close(context.Background())
	}
	return err
}

// Of damaged modules that pass the gate, the runtime compiles the rewritten one if and only if it compiles the original, and
// panics at none. METER_GATE is how many are made, 20,000 if it is not set.
func TestMeterGate(t *testing.T) {
	t.Parallel()
	count, seed := 20_000, uint64(3)
	if v, err := strconv.Atoi(os.Getenv("METER_GATE")); err == nil {
		count, seed = v, uint64(v)
	}
	sources := meterData(t, "*")
	for name, c := range guests(t) {
		if len(c.Wasm) < 10_000 {
			sources[name] = c.Wasm
		}
	}
	names := slices.Sorted(maps.Keys(sources))
	config := wazero.NewRuntimeConfigInterpreter()
	r := wazero.NewRuntimeWithConfig(t.Context(), config)
	defer r.Close(context.Background())
	random := rand.New(rand.NewPCG(seed, 4))
	passed, compiled := 0, 0
	for range count {
		wasm := bytes.Clone(sources[names[random.IntN(len(names))]])
		for n := random.IntN(3) + 1; n > 0; n-- {
			at := 8 + random.IntN(len(wasm)-8)
			switch random.IntN(3) {
			case 0:
				wasm[at] = byte(random.Uint32())
			case 1:
				wasm[at] += byte(random.IntN(3)) - 1
			case 2:
				wasm = slices.Insert(wasm, at, byte(random.Uint32()))
			}
		}
		m, err := meter.Rewrite(wasm, meter.Options{Mode: meter.Mode(random.IntN(2))})
		if err != nil {
			// What the meter thinks of the operands is right, or it would count them wrongly.
			if strings.Contains(err.Error(), " operands ") && valid(r, wasm) == nil {
				t.Errorf("%v\n%x", err, wasm)
			}
			continue
		}
		passed++
		before, after := valid(r, wasm), valid(r, m.Wasm)
		if after == nil {
			compiled++
		}
		if after != nil && strings.HasPrefix(after.Error(), "panic") {
			t.Errorf("the runtime panics: %v\n%x", after, wasm)
		}
		// Names and other custom sections make no module invalid, though the runtime thinks so of some; nor does the longer form
		// of an opcode, which it does not read.
		spared := before != nil && (strings.Contains(before.Error(), "custom") || strings.Contains(before.Error(), "unsupported misc instruction"))
		if (before == nil) != (after == nil) && !spared {
			t.Errorf("before: %v\nafter: %v\n%x", before, after, wasm)
		}
	}
	t.Logf("%d mutants, %d passed the gate, %d compiled", count, passed, compiled)
	if compiled < count/100 {
		t.Errorf("only %d of %d compiled", compiled, count)
	}
}
