package meter

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew; needs wasm2wat (Debian: wabt)")

//go:generate testdata/build.sh

// modules are those of testdata by name, and those of the guests that misbehave.
func modules(t testing.TB) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, pattern := range []string{"testdata/*.wasm", "../../testdata/*.wasm"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) < 10 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			found[strings.TrimSuffix(path, ".wasm")] = b
		}
	}
	return found
}

// Each construct becomes what its golden file says, NAME.exact.wat and NAME.coarse.wat, and the same again.
func TestGolden(t *testing.T) {
	t.Parallel()
	_, err := exec.LookPath("wasm2wat")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("wasm2wat (Debian: wabt) is needed: %v", err)
	}
	sources, err := filepath.Glob("testdata/[a-z]*.wat")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, source := range sources {
		name := strings.TrimSuffix(source, ".wat")
		if strings.Contains(name, ".") || strings.Contains(name, "endless") {
			continue
		}
		wasm, err := os.ReadFile(name + ".wasm")
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Mode{Exact, Coarse} {
			m, err := Rewrite(wasm, Options{Mode: mode})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			print := exec.Command("wasm2wat", "--fold-exprs", "-")
			print.Stdin = bytes.NewReader(m.Wasm)
			got, err := print.CombinedOutput()
			if err != nil {
				t.Fatalf("%s, %v: %v: %s", name, mode, err, got)
			}
			golden := name + "." + mode.String() + ".wat"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not what became of it: look at it with -update and git diff (%v)", golden, err)
			}
			compared++
		}
	}
	if compared < 14 {
		t.Errorf("only %d golden files", compared)
	}
}

// The same module becomes the same bytes, and never pays twice. Its functions can be found again.
func TestRewriteTwice(t *testing.T) {
	t.Parallel()
	for name, wasm := range modules(t) {
		for _, mode := range []Mode{Exact, Coarse} {
			before := bytes.Clone(wasm)
			m, err := Rewrite(wasm, Options{Mode: mode})
			if err != nil {
				if !strings.Contains(name, "reserved_") {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			again, err := Rewrite(wasm, Options{Mode: mode})
			if err != nil || !bytes.Equal(m.Wasm, again.Wasm) || !bytes.Equal(wasm, before) {
				t.Errorf("%s: the second time another, or its input changed: %v", name, err)
			}
			var reserved *ReservedError
			if _, err = Rewrite(m.Wasm, Options{Mode: mode}); !errors.As(err, &reserved) {
				t.Errorf("%s: pays twice: %v", name, err)
			}
			for f := range uint32(m.Functions) {
				moved := f
				if f >= uint32(m.Imported) {
					moved++
				}
				if original, ok := m.Original(moved); !ok || original != f {
					t.Errorf("%s: function %d was %d, %v; want %d", name, moved, original, ok, f)
				}
			}
			for _, ours := range []int{m.Imported, m.Functions + 1, m.Functions + 2} {
				if _, ok := m.Original(uint32(ours)); ok {
					t.Errorf("%s: function %d of %d was in the original", name, ours, m.Functions)
				}
			}
		}
	}
}

// A function that works behind a call, or for long without one, is checked on its way.
func TestLongPathsAreChecked(t *testing.T) {
	t.Parallel()
	returns, err := os.ReadFile("testdata/endless_return.wasm")
	if err != nil {
		t.Fatal(err)
	}
	const instructions = 300_000
	long := code(append(append([]byte{0}, bytes.Repeat([]byte{0x41, 0, 0x1a}, instructions/2)...), 0x0b)...)
	branches := code(append(append([]byte{0}, bytes.Repeat([]byte{0x41, 0, 0x0d, 0}, instructions/2)...), 0x0b)...)
	for _, c := range []struct {
		name string
		wasm []byte
		// function of the module, and its checks
		check byte
		least int
	}{{"return", returns, 3, 2}, {"long", long, 2, instructions/unchecked + 1}, {"branches", branches, 2, instructions/unchecked + 1}} {
		for _, mode := range []Mode{Exact, Coarse} {
			m, err := Rewrite(c.wasm, Options{Mode: mode})
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(m.Wasm, []byte{0x10, c.check, 0x0b}); n < c.least {
				t.Errorf("%s, %v: %d checks, at least %d are needed", c.name, mode, n, c.least)
			}
		}
	}
}
