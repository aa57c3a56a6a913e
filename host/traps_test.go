package host

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wasmflow/wasmflow/host/guest"
)

// guestOf is a guest of host/guest's tests.
func guestOf(t *testing.T, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile("guest/testdata/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// TestFuelOfABatch: fuel_per_batch stops no pipeline whose single records keep it, for it is the host that fills the batch; a
// record that does not keep it alone is named alone.
func TestFuelOfABatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits  guest.Limits
		out     int64
		again   bool // whether batches were tried again
		failure []string
	}{
		"enough":          {guest.Limits{FuelPerBatch: 100_000}, 100, false, nil},
		"in halves":       {guest.Limits{FuelPerBatch: 150}, 100, true, nil},
		"a single record": {guest.Limits{FuelPerBatch: 20}, 0, true, []string{`topic "in" partition 0 offset 0: transform "identity"`, "trap fuel: out of fuel", "limit fuel_per_batch"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 100, 1)
			cfg := w.config(nil)
			cfg.Transforms = []guest.Config{{Name: "identity", Wasm: guestOf(t, "identity"), Limits: c.limits}}
			cfg.Once = true
			r := w.run(cfg)
			err := r.wait(t)
			if (err != nil) != (c.failure != nil) {
				t.Fatalf("it ended with %v", err)
			}
			if err != nil {
				mention(t, err, nil, c.failure...)
				if n := strings.Count(err.Error(), `topic "in"`); n != 1 {
					t.Errorf("the records are named %d times: %v", n, err)
				}
			}
			got := r.h.Status()
			if traps := got.Transforms[0].Traps[guest.TrapFuel]; got.Out != c.out || (traps > 0) != c.again {
				t.Errorf("%d records came out, want %d; %d traps", got.Out, c.out, traps)
			}
		})
	}
}

// TestTooLarge: what fewer records in a call may keep says nothing against them; fuel_per_record grows with the batch.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  guest.TrapKind
		limit string
		want  bool
	}{
		{guest.TrapOutput, guest.LimitOutputBytes, true},
		{guest.TrapFuel, guest.LimitFuelPerBatch, true},
		{guest.TrapFuel, guest.LimitFuelPerRecord, false},
		{guest.TrapDeadline, guest.LimitTimeout, false},
		{guest.TrapMemory, guest.LimitMemory, false},
	} {
		if got := tooLarge(&RecordError{Err: &guest.TrapError{Kind: c.kind, Limit: c.limit}}); got != c.want {
			t.Errorf("%s by %s: %t", c.kind, c.limit, got)
		}
	}
}

// TestTransformsAreCounted: fuel and traps by transform and kind, those of a start too.
func TestTransformsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 1, 1)
	registry := prometheus.NewRegistry()
	var used []float64
	for _, name := range []string{"identity", "init_trap", "unreachable"} {
		cfg := w.config(nil)
		cfg.Name, cfg.Group = name, name
		cfg.Transforms = []guest.Config{{Name: "first", Wasm: guestOf(t, "identity")}, {Name: name, Wasm: guestOf(t, name)}}
		cfg.Once, cfg.Metrics, cfg.Workers = true, registry, 1
		r := w.run(cfg)
		want := map[guest.TrapKind]uint64(nil)
		switch err := r.wait(t); name {
		case "identity":
			if err != nil {
				t.Fatal(err)
			}
		case "unreachable":
			want = map[guest.TrapKind]uint64{guest.TrapUnreachable: 2} // the second in a fresh instance
		default:
			want = map[guest.TrapKind]uint64{guest.TrapInit: 1}
		}
		got := r.h.Status().Transforms
		if d := cmp.Diff(want, got[1].Traps); d != "" || got[0].Traps != nil {
			t.Errorf("%s: %v %s", name, got, d)
		}
		used = append(used, float64(got[0].Fuel), float64(got[1].Fuel))
		if (got[0].Fuel == 0) != (name == "init_trap") {
			t.Errorf("%s: the first transform used %d", name, got[0].Fuel)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var fuel []float64
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "wasmflow_fuel_total" {
				fuel = append(fuel, m.GetCounter().GetValue())
			}
		}
	}
	if d := cmp.Diff(used, fuel); d != "" {
		t.Errorf("fuel, - of the status, + of the metric: %s", d)
	}
	text := `# HELP wasmflow_traps_total Calls of a transform that ended in a trap, by kind, starts included.
# TYPE wasmflow_traps_total counter
wasmflow_traps_total{kind="init",pipeline="init_trap",transform="init_trap"} 1
wasmflow_traps_total{kind="unreachable",pipeline="unreachable",transform="unreachable"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(text), "wasmflow_traps_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry, "wasmflow_traps_total", "wasmflow_fuel_total"); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
