package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
)

// A guest of the standard Go toolchain: what its runtime asks of WASI is there, and how it ends can be read.
func TestGoGuest(t *testing.T) {
	if testing.Short() && os.Getenv("CI") == "" {
		t.Skip("it builds a guest")
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "guest.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-o", path, ".")
	build.Dir = "testdata/go"
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got lines
	m, err := Load(t.Context(), Config{Name: "go", Wasm: wasm, Outputs: []string{"out"}, Log: got.add, Limits: Limits{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(t.Context())

	var fuel []uint64
	for range 2 {
		i := instantiate(t, m)
		if _, err := i.Transform(t.Context(), Env{}, batchOf("world")); err != nil {
			t.Fatal(err)
		}
		fuel = append(fuel, i.Fuel())
	}
	if fuel[0] == 0 || fuel[0] != fuel[1] {
		t.Errorf("two fresh instances use %d", fuel)
	}
	once := []LogLine{
		{"go", abi.LevelInfo, "init go 1970-01-01T00:00:00Z", streamStdout},
		{"go", abi.LevelWarn, "slept 1h0m0s", streamStderr},
		{"go", abi.LevelInfo, "1700000000000 0 0 [", streamStdout},
	}
	all := got.all()
	for n, l := range all {
		all[n].Text, _, _ = strings.Cut(l.Text, "[")
		if strings.HasSuffix(l.Text, "] true") {
			all[n].Text += "["
		}
	}
	if d := cmp.Diff(append(once, once...), all); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		do      string
		kind    TrapKind
		message string
	}{
		{"panic", TrapUnreachable, "panic: no luck\nguest/main.go:53"},
		{"nil", TrapUnreachable, "panic: runtime error: invalid memory address or nil pointer dereference\n[signal 0xb code=0x0 addr=0x0 pc=0x0]\nguest/main.go:56"},
		{"index", TrapUnreachable, "panic: runtime error: index out of range [5] with length 0\nguest/main.go:71"},
		{"exit", TrapExit, "the guest exited with code 7"},
		{"grow", TrapMemory, "runtime: out of memory: cannot allocate 1048576-byte block"},
		{"recurse", TrapStack, "runtime: out of memory: cannot allocate "},
		{"deadlock", TrapUnreachable, "fatal error: all goroutines are asleep - deadlock!"},
	} {
		_, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf(c.do))
		trap := trapOf(t, err)
		if trap.Kind != c.kind || !strings.HasPrefix(trap.Message, c.message) {
			t.Errorf("%s: got %s: %q in %q", c.do, trap.Kind, trap.Message, trap.Stack)
		}
	}

	i := instantiate(t, m)
	m.config.Limits.Timeout = 100 * time.Millisecond // not for what came before, on a slow machine
	_, err = i.Transform(t.Context(), Env{}, batchOf("spin"))
	if trap := trapOf(t, err); trap.Kind != TrapDeadline || len(trap.Stack) == 0 || trap.Stack[0] != "main.do" {
		t.Errorf("spin: got %s: %q in %q", trap.Kind, trap.Message, trap.Stack)
	}
}
