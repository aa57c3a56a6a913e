package meter

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// sound holds what must be true of any bytes: Rewrite returns, its error has a type of ours, what it gives is a module to itself
// of which each section is found again, the same the next time, of bounded size, and never pays twice.
func sound(wasm []byte, mode Mode) error {
	m, err := Rewrite(wasm, Options{Mode: mode})
	if err != nil {
		if ours(err) {
			return nil
		}
		return fmt.Errorf("an error of type %T: %w", err, err)
	}
	if most := 40*len(wasm) + 512; len(m.Wasm) > most {
		return fmt.Errorf("%d bytes became %d", len(wasm), len(m.Wasm))
	}
	wide := Limits{
		Nesting: 1 << 20, Loops: 1 << 20, Values: 1 << 40, ModuleValues: 1 << 40, Work: 1 << 60, Targets: 1 << 30, BodyBytes: 1 << 30, Locals: 60_000, ModuleLocals: 1 << 30,
	}
	var reserved *ReservedError
	if _, err := Rewrite(m.Wasm, Options{Mode: mode, Limits: wide}); !errors.As(err, &reserved) {
		return fmt.Errorf("what it wrote is read as: %w", err)
	}
	// Under other names it is an ordinary module, whose bodies too are read again.
	free := bytes.ReplaceAll(m.Wasm, []byte(ImportModule), []byte("another_module"))
	if _, err := Rewrite(free, Options{Mode: mode, Limits: wide}); err != nil {
		return fmt.Errorf("what it wrote cannot be read: %w", err)
	}
	return nil
}

func FuzzRewrite(f *testing.F) {
	for _, wasm := range modules(f) {
		f.Add(wasm, false)
		f.Add(wasm, true)
	}
	f.Fuzz(func(t *testing.T, wasm []byte, coarse bool) {
		mode := Exact
		if coarse {
			mode = Coarse
		}
		if err := sound(wasm, mode); err != nil {
			t.Error(err)
		}
	})
}

// mutate changes a few bytes, cuts, inserts, or puts the end of another module behind.
func mutate(r *rand.Rand, wasm []byte, others [][]byte) []byte {
	b := bytes.Clone(wasm)
	for n := r.IntN(4) + 1; n > 0 && len(b) > 9; n-- {
		at := 8 + r.IntN(len(b)-8)
		switch r.IntN(6) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b[at] += byte(r.IntN(3)) - 1
		case 3:
			b = b[:at]
		case 4:
			b = slices.Insert(b, at, byte(r.Uint32()))
		case 5:
			other := others[r.IntN(len(others))]
			b = append(b[:at], other[r.IntN(len(other)):]...)
		}
	}
	return b
}

// Damaged modules are refused or rewritten; METER_MUTANTS is how many, 100,000 if it is not set.
func TestMutants(t *testing.T) {
	count, seed := 100_000, uint64(1)
	if v, err := strconv.Atoi(os.Getenv("METER_MUTANTS")); err == nil {
		count, seed = v, uint64(v)
	}
	found := modules(t)
	var seeds [][]byte
	for _, name := range slices.Sorted(maps.Keys(found)) {
		seeds = append(seeds, found[name])
	}
	r := rand.New(rand.NewPCG(seed, 2))
	accepted, most := 0, uint64(0)
	for n := range count {
		wasm := mutate(r, seeds[r.IntN(len(seeds))], seeds)
		if n%64 == 0 {
			if err := sound(wasm, Mode(n/64%2)); err != nil {
				t.Fatalf("mutant %d: %v\n%x", n, err, wasm)
			}
			var mem runtime.MemStats
			if n%(64*256) == 0 {
				runtime.ReadMemStats(&mem)
				most = max(most, mem.Sys)
			}
		}
		if _, err := Rewrite(wasm, Options{Mode: Mode(n % 2)}); err == nil {
			accepted++
		}
	}
	t.Logf("%d mutants, %d accepted, at most %d MB", count, accepted, most>>20)
	if accepted < count/50 || most > 256<<20 {
		t.Errorf("%d of %d accepted, %d MB", accepted, count, most>>20)
	}
}
