package guest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

var errNoFuel = errors.New("no fuel")

// purse is what the instances of a runtime may spend. It grants in slices, as a host does.
type purse struct {
	budget, slice int64
	granted       int64
	refuels       int
	empty         bool
	// lowest is the least that was left when refuel was called.
	lowest int64
	// longest is the longest time between two refuels, last the end of the latest.
	longest time.Duration
	last    time.Time
}

func (p *purse) refuel(_ context.Context, _ api.Module, stack []uint64) {
	if !p.last.IsZero() {
		p.longest = max(p.longest, time.Since(p.last))
	}
	defer func() { p.last = time.Now() }()
	fuel, need := int64(stack[0]), int64(stack[1])
	p.lowest = min(p.lowest, fuel)
	grant := max(p.slice, need-fuel)
	if rest := p.budget - p.granted; grant > rest {
		if fuel+rest < need {
			p.empty = true
			interrupt(errNoFuel)
		}
		grant = rest
	}
	p.granted += grant
	p.refuels++
	stack[0] = uint64(fuel + grant)
}

// used is what was charged to the module.
func (p *purse) used(m api.Module) int64 {
	return p.granted - int64(m.ExportedGlobal(meter.FuelExport).Get())
}

// offer gives refuel to a runtime.
func (p *purse) offer(t testing.TB, r wazero.Runtime) {
	t.Helper()
	i64 := api.ValueTypeI64
	b := r.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder()
	b = b.WithGoModuleFunction(api.GoModuleFunc(p.refuel), []api.ValueType{i64, i64}, []api.ValueType{i64})
	if _, err := b.Export(meter.ImportFunc).Instantiate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func metered(t testing.TB, wasm []byte, mode meter.Mode) []byte {
	t.Helper()
	m, err := meter.Rewrite(wasm, meter.Options{Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	return m.Wasm
}

// each is a module that charges every basic block where it begins.
func each(t testing.TB, wasm []byte) []byte {
	t.Helper()
	m, err := meter.Rewrite(wasm, meter.Options{Each: true})
	if err != nil {
		t.Fatal(err)
	}
	return m.Wasm
}

// firstLine is what happened, without the trace and without what tells a metered module from its original.
func firstLine(err error) string {
	if err == nil {
		return "ok"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if before, after, ok := strings.Cut(line, "start function["); ok { // its index is another, its name that of any export
		_, after, _ = strings.Cut(after, "failed")
		line = before + after
	}
	return line
}

// Value types that are not one number, in the binary format: v128 is two words, references and what is below are addresses.
const vector, references = 0x7b, 0x70

// withoutAddresses makes 1 of references.
func withoutAddresses(words []uint64, types []api.ValueType) []uint64 {
	n := 0
	for _, kind := range types {
		if n < len(words) && kind <= references {
			words[n] = min(words[n], 1)
		}
		if n++; kind == vector {
			n++
		}
	}
	return words
}

func start(t testing.TB, wasm []byte, p *purse) (wazero.Runtime, api.Module, error) {
	t.Helper()
	return startIn(t, wazero.NewRuntimeConfigCompiler(), wasm, p)
}

// startIn instantiates a module in a runtime of its own. p is nil for one that does not pay.
func startIn(t testing.TB, config wazero.RuntimeConfig, wasm []byte, p *purse) (r wazero.Runtime, m api.Module, err error) {
	t.Helper()
	r = wazero.NewRuntimeWithConfig(t.Context(), config.WithMemoryLimitPages(256))
	if p != nil {
		p.offer(t, r)
	}
	m, err = r.InstantiateWithConfig(t.Context(), wasm, wazero.NewModuleConfig().WithStartFunctions())
	return r, m, err
}

// transcriptOf calls every exported function, a few times, and says all that can be seen of it.
func transcriptOf(t testing.TB, config wazero.RuntimeConfig, wasm []byte, p *purse) (lines []string, used int64) {
	t.Helper()
	ctx := t.Context()
	r, m, err := startIn(t, config, wasm, p)
	defer func() { _ = r.Close(context.Background()) }()
	if err != nil {
		return []string{"instantiate: " + firstLine(err)}, 0
	}
	var names []string
	for name := range m.ExportedFunctionDefinitions() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := m.ExportedFunction(name)
		for arg := range uint64(3) {
			var args []uint64
			for _, kind := range f.Definition().ParamTypes() {
				switch {
				case kind <= references:
					args = append(args, 0)
				case kind == vector:
					args = append(args, arg*77, arg)
				default:
					args = append(args, arg*77)
				}
			}
			results, err := f.Call(ctx, args...)
			results = withoutAddresses(results, f.Definition().ResultTypes())
			lines = append(lines, fmt.Sprintf("%s(%d): %v %s", name, arg*77, results, firstLine(err)))
		}
	}
	if len(m.ExportedMemoryDefinitions()) > 0 {
		mem := m.Memory()
		view, _ := mem.Read(0, mem.Size())
		h := fnv.New64a()
		_, _ = h.Write(view)
		lines = append(lines, fmt.Sprintf("memory: %d bytes, %x", len(view), h.Sum64()))
	}
	if p != nil {
		used = p.used(m)
	}
	return lines, used
}
