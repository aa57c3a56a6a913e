package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// loadIn loads a module as Load does, into an engine of choice; one that does not pay is compiled as it is.
func loadIn(t testing.TB, engine wazero.RuntimeConfig, c Config, pays bool) *Module {
	t.Helper()
	c, settings, err := c.complete()
	if err != nil {
		t.Fatal(err)
	}
	m := newModule(c)
	m.settings = settings
	wasm, _, err := m.read(c.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	if !pays {
		wasm = c.Wasm
		m.paid = meter.Module{Functions: 1 << 20, Imported: 1 << 20} // no function has moved
	}
	if err := m.compileIn(t.Context(), wasm, engine); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

// saidBy is all that can be seen of two calls of a module, and what it paid for the last that returned.
func saidBy(t testing.TB, m *Module, batch abi.Batch) (said []string, used uint64) {
	i, err := m.Instantiate(t.Context())
	for n := 0; n < 2 && err == nil; n++ {
		var result abi.Result
		if result, err = i.Transform(t.Context(), Env{}, batch); err == nil {
			said, used = append(said, fmt.Sprintf("%+v", result)), i.Fuel()
		}
	}
	var trap *TrapError
	if errors.As(err, &trap) {
		said = append(said, string(trap.Kind)+": "+trap.Message+" in "+strings.Join(trap.Stack, ", "))
	} else if err != nil {
		said = append(said, err.Error())
	}
	return said, used
}

// payment is a record of the fixtures of the example.
const payment = `{"id": "p-1", "account": "acme", "currency": "EUR", "amount": "12.34"}`

// guests are the modules of testdata that Load accepts, and those of dist/guests, which make guests builds.
func guests(t testing.TB) map[string]Config {
	found := map[string]Config{}
	for _, pattern := range []string{"testdata/*.wasm", "../../dist/guests/*.wasm"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			wasm, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(path), ".wasm")
			c := Config{Name: name, Wasm: wasm, Outputs: []string{"out", "accepted", "rejected"}}
			if strings.HasPrefix(name, "payments") {
				c.Params = map[string]any{"currencies": []string{"EUR", "USD"}, "limit": "10000.00"}
			}
			found[name] = c
		}
	}
	return found
}

// What a guest does does not depend on whether it pays, nor what it pays on how it is granted.
func TestMeterGuests(t *testing.T) {
	t.Parallel()
	ran, cache := 0, compiledGuests(t)
	for name, c := range guests(t) {
		if strings.HasPrefix(name, "spin_") || name == "work" || name == "table_grow" {
			continue // they have tests of their own, and without a meter no end, as the table of the last
		}
		// A large module is compiled once: to the interpreter it is the same, ten times sooner.
		other := wazero.NewRuntimeConfig()
		if len(c.Wasm) > 1<<20 {
			if raced {
				continue // nothing here runs side by side, and it takes ten times as long
			}
			other = wazero.NewRuntimeConfigInterpreter()
		}
		c.Limits.Timeout, c.Limits.Memory, c.Cache = time.Minute, memoryOfGuests, cache
		exact, err := Load(t.Context(), c)
		var refused *RefusedError
		if errors.As(err, &refused) {
			if _, err := meter.Rewrite(c.Wasm, meter.Options{}); err != nil && name != "reserved_meter" && name != "reserved_fuel" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ran++
		batch := batchOf("hello", payment, "")
		unmetered := loadIn(t, other, c, false)
		want, _ := saidBy(t, unmetered, batch)
		c.Limits.FuelMode = FuelCoarse
		coarse := loadIn(t, other, c, true)
		for _, m := range []*Module{exact, coarse} {
			first := uint64(0)
			for n, slice := range []int64{1, 1000, defaultSlice} {
				m.slice = slice
				got, used := saidBy(t, m, batch)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s, %v: %s", name, m.config.Limits.FuelMode, d)
				}
				if n == 0 {
					first = used
				}
				if used != first || len(want) == 2 && strings.HasPrefix(want[0], "{") && used == 0 {
					t.Errorf("%s, %v: %d used with slices of %d, else %d", name, m.config.Limits.FuelMode, used, slice, first)
				}
			}
		}
		for _, m := range []*Module{unmetered, exact, coarse} {
			if err := m.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if ran < 20 {
		t.Errorf("only %d guests were run", ran)
	}
}

// meterData reads a module of the meter's own tests.
func meterData(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("internal/meter/testdata/" + pattern + ".wasm")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	found := map[string][]byte{}
	for _, path := range paths {
		if found[strings.TrimSuffix(filepath.Base(path), ".wasm")], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Where ways part and meet, each pays what the blocks on it cost one by one, and no more.
func TestMeterWays(t *testing.T) {
	t.Parallel()
	config := wazero.NewRuntimeConfigCompiler()
	wasm := meterData(t, "ways")["ways"]
	for _, slice := range []int64{1, 1 << 40} {
		said, used := transcriptOf(t, config, metered(t, wasm, meter.Exact), &purse{budget: 1 << 40, slice: slice})
		want, simple := transcriptOf(t, config, each(t, wasm), &purse{budget: 1 << 40, slice: slice})
		if d := cmp.Diff(want, said); d != "" || len(said) != 18 || !returned(said) || used != simple {
			t.Errorf("%d used, block by block %d\n%s\n%v", used, simple, d, said)
		}
	}
}

// A guest that goes on is stopped where its budget ends, at the same place whatever the slice.
func TestMeterStops(t *testing.T) {
	t.Parallel()
	for name, wasm := range meterData(t, "endless_*") {
		for _, mode := range []meter.Mode{meter.Exact, meter.Coarse} {
			first := int64(-1)
			for _, slice := range []int64{1, 7, 1000, 1_000_000, 1 << 40} {
				p := &purse{budget: 2_000_000, slice: slice}
				r, m, err := start(t, metered(t, wasm, mode), p)
				if err == nil {
					_, err = m.ExportedFunction("f").Call(t.Context())
				}
				if !errors.Is(err, errNoFuel) {
					t.Errorf("%s, %v, slices of %d: %v", name, mode, slice, err)
				}
				if m == nil {
					continue // its start function
				}
				used := p.used(m)
				// Charged is what a check let pass, and what small leaves took behind it; a bulk operation is charged before its check.
				if used > p.budget+40_000 || used < p.budget-70_000 {
					t.Errorf("%s, %v, slices of %d: %d of %d used", name, mode, slice, used, p.budget)
				}
				if first < 0 {
					first = used
				}
				if used != first {
					t.Errorf("%s, %v: stopped at %d with slices of %d, else at %d", name, mode, used, slice, first)
				}
				_ = r.Close(t.Context())
			}
		}
	}
}

// However a guest spends its fuel, it never owes more than one long path, or one bulk operation, when it asks for more.
func TestMeterYields(t *testing.T) {
	t.Parallel()
	for name, wasm := range meterData(t, "endless_*") {
		for _, mode := range []meter.Mode{meter.Exact, meter.Coarse} {
			p := &purse{budget: 200_000_000, slice: 1_000_000}
			r, m, err := start(t, metered(t, wasm, mode), p)
			if err == nil {
				_, err = m.ExportedFunction("f").Call(t.Context())
			}
			if !errors.Is(err, errNoFuel) && !strings.Contains(firstLine(err), "stack overflow") {
				t.Errorf("%s: %v", name, err)
			}
			if p.lowest < -70_000 {
				t.Errorf("%s, %v: it owed %d", name, mode, -p.lowest)
			}
			t.Logf("%s, %v: owed %d, longest %v, %d refuels", name, mode, -p.lowest, p.longest, p.refuels)
			_ = r.Close(t.Context())
		}
	}
}
