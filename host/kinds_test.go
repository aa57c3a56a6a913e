package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host/guest"
)

// TestI2_KindsOfTraps: a module that fails at every record, in each way that it can, is told from the record by its kind alone; no
// instance of it is left over, and what it is given is kept whole.
func TestI2_KindsOfTraps(t *testing.T) {
	t.Parallel()
	for module, kind := range map[string]guest.TrapKind{
		"unreachable": guest.TrapUnreachable,
		"bounds":      guest.TrapBounds,
		"divide":      guest.TrapArithmetic,
		"exit":        guest.TrapExit,
		"oom":         guest.TrapMemory,
		"spin_loop":   guest.TrapDeadline,
		"recursion":   guest.TrapStack,
	} {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			wasm, err := os.ReadFile(filepath.Join("guest", "testdata", module+".wasm"))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
			w.produce(0, 2, 1)
			cfg := w.config(nil)
			cfg.Transforms = []guest.Config{{Name: "f", Wasm: wasm}}
			cfg.Transforms[0].Limits.Timeout = time.Minute // no kind depends on how fast the machine is
			if kind == guest.TrapDeadline {
				cfg.Transforms[0].Limits.Timeout = 20 * time.Millisecond
			}
			cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead", MaxRatio: 1}, zap.NewNop()
			r := w.run(cfg)
			want := []string{"00000 in/0/0 " + string(kind), "00001 in/0/1 " + string(kind)}
			if diff := cmp.Diff(want, w.letters(2)); diff != "" {
				t.Errorf("dead letters, - expected, + got:\n%s", diff)
			}
			r.stop()
			if err := r.wait(t); err != nil {
				t.Error(err)
			}
			if got := w.read(0); len(got) > 0 || w.committed() != 2 {
				t.Errorf("outputs %v, committed %d", got, w.committed())
			}
		})
	}
}
