package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// fuelOfSmith is enough for what ends at all; what does not is not run without a meter.
const fuelOfSmith = 3_000_000

// Modules made by chance do the same metered and unmetered: results, traps, memory; and use the same fuel whatever the slice, which
// is what their blocks cost one by one.
// METER_SMITH is how many, 100 if it is not set, METER_SMITH_FROM the first seed.
func TestMeterSmith(t *testing.T) {
	t.Parallel()
	number := func(name, otherwise string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return otherwise
	}
	crate, err := filepath.Abs("../../test/smith")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("it needs Rust: %v", err)
	}
	target := filepath.Join(crate, "..", "..", "target", "smith")
	build := exec.Command("cargo", "build", "--quiet", "--release", "--target-dir", target)
	build.Dir = crate
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := t.TempDir()
	made := exec.Command(filepath.Join(target, "release", "smith"), dir, number("METER_SMITH_FROM", "0"), number("METER_SMITH", "100"))
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	compared, endless, lines, normal := 0, 0, 0, 0
	for _, path := range paths {
		wasm, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		said, ended := compareModule(t, strings.TrimSuffix(filepath.Base(path), ".wasm"), wasm)
		if !ended {
			endless++
			continue
		}
		compared++
		lines += len(said)
		for _, line := range said {
			if strings.HasSuffix(line, " ok") {
				normal++
			}
		}
	}
	t.Logf("%d modules: %d compared, %d without an end, %d lines, %d calls returned", len(paths), compared, endless, lines, normal)
	if want, _ := strconv.Atoi(number("METER_SMITH", "100")); len(paths) != want || compared < want/2 {
		t.Errorf("%d modules were made and %d compared, of %d", len(paths), compared, want)
	}
}

// returned says whether all calls of a transcript did.
func returned(said []string) bool {
	for _, line := range said {
		if !strings.HasSuffix(line, " ok") && !strings.HasPrefix(line, "memory: ") {
			return false
		}
	}
	return true
}

// compareModule says what a module does where it ends.
func compareModule(t *testing.T, seed string, wasm []byte) (said []string, ended bool) {
	config := wazero.NewRuntimeConfigCompiler()
	exact, coarse := metered(t, wasm, meter.Exact), metered(t, wasm, meter.Coarse)
	first := &purse{budget: fuelOfSmith, slice: 1 << 40}
	said, used := transcriptOf(t, config, exact, first)
	if first.empty {
		// It ends at the same place whatever the slice.
		for _, slice := range []int64{1, 1000} {
			again, _ := transcriptOf(t, config, exact, &purse{budget: fuelOfSmith, slice: slice})
			if !slices.Equal(said, again) {
				t.Errorf("seed %s: out of fuel elsewhere with slices of %d:\n%s\n%s", seed, slice, strings.Join(said, "\n"), strings.Join(again, "\n"))
			}
		}
		return nil, false
	}
	same := func(how string, got []string, gotFuel, wantFuel int64) {
		if !slices.Equal(said, got) || gotFuel != wantFuel {
			t.Errorf("seed %s, %s: fuel %d, want %d\ngot  %s\nwant %s", seed, how, gotFuel, wantFuel, strings.Join(got, "\n     "), strings.Join(said, "\n     "))
		}
	}
	plain, _ := transcriptOf(t, config, wasm, nil)
	same("unmetered", plain, 0, 0)
	for _, slice := range []int64{0, 7, 1000, 1_000_000} {
		got, fuel := transcriptOf(t, config, exact, &purse{budget: fuelOfSmith, slice: slice})
		same("exact", got, fuel, used)
	}
	if returned(said) {
		got, fuel := transcriptOf(t, config, each(t, wasm), &purse{budget: fuelOfSmith, slice: 1 << 40})
		same("each block by itself", got, fuel, used)
	}
	_, fuel := transcriptOf(t, config, coarse, &purse{budget: 1 << 60, slice: 1 << 40})
	got, again := transcriptOf(t, config, coarse, &purse{budget: 1 << 60, slice: 7})
	same("coarse", got, again, fuel)
	return said, true
}
