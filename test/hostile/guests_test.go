// Package hostile_test runs guests that misbehave as their neighbours see it: through the public API of host/guest and host. How
// each single one ends is told by the tests of host/guest.
package hostile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// module is a module by its name: a guest of dist/guests, of a compiler and an SDK, or one of host/guest/testdata, by hand.
func module(t testing.TB, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "..", "host", "guest", "testdata", name+".wasm"))
	if errors.Is(err, fs.ErrNotExist) {
		wasm, err = os.ReadFile(filepath.Join("..", "..", "dist", "guests", name+".wasm"))
	}
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skipf("%v: make guests builds it", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// loaded loads a module and closes it after the test. With a cache it is compiled once.
func loaded(t testing.TB, cache *guest.Cache, name string, limits guest.Limits) *guest.Module {
	t.Helper()
	m, err := guest.Load(t.Context(), guest.Config{Name: name, Wasm: module(t, name), Outputs: []string{"out"}, Limits: limits, Cache: cache})
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

func instance(t testing.TB, m *guest.Module) *guest.Instance {
	t.Helper()
	for {
		i, err := m.Instantiate(t.Context())
		if err == nil {
			return i
		}
		if !tooBusy(err) {
			t.Fatal(err)
		}
	}
}

// tooBusy says that the machine did not let an instance begin within a timeout that is meant for its calls.
func tooBusy(err error) bool {
	var trap, inner *guest.TrapError
	return errors.As(err, &trap) && trap.Kind == guest.TrapInit && errors.As(errors.Unwrap(trap), &inner) && inner.Kind == guest.TrapDeadline
}

// told is a batch of one record that tells the guest what to do.
func told(what string) abi.Batch {
	return abi.Batch{Topic: "in", Records: []abi.Record{{Value: []byte(what), LeaderEpoch: -1}}}
}

func trapOf(t testing.TB, err error) *guest.TrapError {
	t.Helper()
	var trap *guest.TrapError
	if !errors.As(err, &trap) {
		t.Fatalf("got %v, not a trap", err)
	}
	return trap
}

// What compilers make of an endless loop, of exponential and of endless recursion is stopped, and the trap names the function.
func TestCompiledGuests(t *testing.T) {
	t.Parallel()
	const budget = 50_000_000
	dir, err := os.MkdirTemp(t.TempDir(), "") // which is nobody else's, as a cache has to be
	if err != nil {
		t.Fatal(err)
	}
	cache, err := guest.OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close(context.Background()) })
	for _, c := range []struct {
		name, do, function string
		limits             guest.Limits
		kind               guest.TrapKind
	}{
		{"hostile-rust", "loop", "endless", guest.Limits{Timeout: time.Second}, guest.TrapDeadline},
		{"hostile-rust", "exponential", "hostile::twice", guest.Limits{Timeout: time.Second}, guest.TrapDeadline},
		{"hostile-rust", "loop", "endless", guest.Limits{Timeout: time.Minute, FuelPerBatch: budget}, guest.TrapFuel},
		{"hostile-rust", "exponential", "hostile::twice", guest.Limits{Timeout: time.Minute, FuelPerBatch: budget}, guest.TrapFuel},
		{"hostile-rust", "recurse", "hostile::deeper", guest.Limits{Timeout: time.Minute}, guest.TrapStack},
		{"hostile-go", "loop", "main.endless", guest.Limits{Timeout: time.Second}, guest.TrapDeadline},
		{"hostile-go", "exponential", "main.twice", guest.Limits{Timeout: time.Second}, guest.TrapDeadline},
		{"hostile-go", "loop", "main.endless", guest.Limits{Timeout: time.Minute, FuelPerBatch: budget}, guest.TrapFuel},
		{"hostile-go", "exponential", "main.twice", guest.Limits{Timeout: time.Minute, FuelPerBatch: budget}, guest.TrapFuel},
		{"hostile-go", "recurse", "runtime.copystack", guest.Limits{Timeout: time.Minute, Memory: 10 << 20}, guest.TrapStack},
	} {
		t.Run(c.name+"/"+c.do+"/"+string(c.kind), func(t *testing.T) {
			t.Parallel()
			m := loaded(t, cache, c.name, c.limits)
			used := uint64(0)
			for n := range 2 {
				_, err := instance(t, m).Transform(t.Context(), guest.Env{}, told(c.do))
				trap := trapOf(t, err)
				if trap.Kind != c.kind || !strings.Contains(strings.Join(trap.Stack, " "), c.function) {
					t.Fatalf("got %v", err)
				}
				if c.kind == guest.TrapFuel && (trap.Fuel > budget+1000 || trap.Fuel < budget-100_000) || n > 0 && c.kind != guest.TrapDeadline && trap.Fuel != used {
					t.Errorf("%d units were used, before %d", trap.Fuel, used)
				}
				used = trap.Fuel
			}
		})
	}
}
