package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wasmflow/wasmflow/abi"
)

// A trap says whose it is, of which records, where and after how much fuel; in one line, and in several.
func TestTrapText(t *testing.T) {
	t.Parallel()
	m := load(t, "fail", nil)
	i := instantiate(t, m)
	_, err := i.Transform(t.Context(), Env{}, batchOf("a"))
	whose := `transform "fail" (module ` + m.Info().Digest[:12] + `)`
	fuel := fmt.Sprint(i.Fuel())
	if want := `topic "in" partition 3 offset 100: ` + whose + `: trap unreachable: boom at src/lib.rs:3:5 (in wasmflow_transform; fuel ` + fuel + `)`; err.Error() != want {
		t.Errorf("got %s, want %s", err, want)
	}
	if errors.Unwrap(err) == nil {
		t.Error("there is no cause")
	}
	want := "trap unreachable: " + whose + `
  message  boom at src/lib.rs:3:5
  records  topic "in" partition 3 offset 100
  stack    wasmflow_transform
  fuel     ` + fuel
	if d := cmp.Diff(want, trapOf(t, err).Report()); d != "" {
		t.Error(d)
	}
}

func TestTrapTextInParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trap         TrapError
		line, report string
	}{
		{
			TrapError{Kind: TrapUnreachable, Message: "panic: boom\n\tpanic: bang\n\n/src/main.go:12", Stack: []string{"f", "g"}, Transform: "t", Topic: "in", First: 4, Last: 6, Records: 2},
			`topic "in" partition 0 offsets 4-6: transform "t": trap unreachable: panic: boom; panic: bang; /src/main.go:12 (in f < g)`,
			"trap unreachable: transform \"t\"\n  message  panic: boom\n           \tpanic: bang\n           \n           /src/main.go:12\n" +
				"  records  topic \"in\" partition 0 offsets 4-6\n  stack    f\n           g",
		},
		{
			TrapError{Kind: TrapFuel, Message: "out of fuel", Transform: "t", Limit: LimitFuelPerBatch, Topic: "in", Fuel: 7},
			`topic "in" partition 0 without records: transform "t": trap fuel: out of fuel (limit fuel_per_batch; fuel 7)`,
			"trap fuel: transform \"t\"\n  message  out of fuel\n  records  topic \"in\" partition 0 without records\n  limit    fuel_per_batch\n  fuel     7",
		},
		{TrapError{Kind: TrapInit, Message: "no", Transform: "t"}, `transform "t": trap init: no`, "trap init: transform \"t\"\n  message  no"},
	} {
		if d := cmp.Diff([]string{c.line, c.report}, []string{c.trap.Error(), c.trap.Report()}); d != "" {
			t.Error(d)
		}
	}
}

// The records of a trap are those of the call that trapped, also where a batch became several.
func TestTrapNamesItsRecords(t *testing.T) {
	t.Parallel()
	native := func(t *testing.T) *Instance {
		m, err := Load(t.Context(), Config{Name: "n", Native: func(_ context.Context, _ Env, _ abi.Batch) (abi.Result, error) { return abi.Result{}, errors.New("no") }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close(t.Context()) })
		return instantiate(t, m)
	}
	wasm := func(guest string, change func(*Config)) func(*testing.T) *Instance {
		return func(t *testing.T) *Instance { return instantiate(t, load(t, guest, change)) }
	}
	type records struct {
		Limit       string
		First, Last int64
		Records     int
	}
	large := strings.Repeat("x", 2000)
	for name, c := range map[string]struct {
		instance func(*testing.T) *Instance
		values   []string
		want     records
	}{
		"a call":             {wasm("unreachable", nil), []string{"a", "b", "c"}, records{"", 100, 102, 3}},
		"no records":         {wasm("unreachable", nil), nil, records{}},
		"a native transform": {native, []string{"a", "b"}, records{"", 100, 101, 2}},
		"a part of a batch": {
			wasm("identity", func(c *Config) { c.Limits.InputBytes = 3000 }),
			[]string{"a", large, large + large, "b"},
			records{LimitInputBytes, 102, 102, 1},
		},
		"no room":   {wasm("alloc_zero", nil), []string{large + large + large, "a"}, records{LimitMemory, 100, 100, 1}},
		"allocator": {wasm("oom", nil), []string{"a"}, records{LimitMemory, 100, 100, 1}},
		"records":   {wasm("identity", func(c *Config) { c.Limits.OutputRecords = 1 }), []string{"a", "b"}, records{LimitOutputRecords, 100, 101, 2}},
		"bytes":     {wasm("identity", func(c *Config) { c.Limits.OutputBytes = 1 }), []string{"a", "b"}, records{LimitOutputBytes, 100, 101, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.instance(t).Transform(t.Context(), Env{}, batchOf(c.values...))
			trap := trapOf(t, err)
			if d := cmp.Diff(c.want, records{trap.Limit, trap.First, trap.Last, trap.Records}, cmpopts.EquateEmpty()); d != "" || trap.Topic != "in" || trap.Partition != 3 {
				t.Errorf("%v %s", trap, d)
			}
		})
	}
}

// No name that a module has begins a line of its own, in a trap or in a refusal.
func TestNamesKeepToTheirLine(t *testing.T) {
	t.Parallel()
	_, err := instantiate(t, load(t, "forged_name", nil)).Transform(t.Context(), Env{}, batchOf("a"))
	want := []string{"x) 2026-01-01 ERROR broker credentials rejected [31m(", "wasmflow_transform"}
	if d := cmp.Diff(want, trapOf(t, err).Stack); d != "" {
		t.Error(d)
	}
	good := wasmOf(t, "identity")
	for name, wasm := range map[string][]byte{
		"an export":        bytes.Replace(good, []byte("wasmflow_alloc"), []byte("wasmflow\nalloc"), 1),
		"a marker":         bytes.Replace(good, []byte("wasmflow_abi_v1"), []byte("wasmflow_abi_v\n"), 1),
		"an import":        with(t, section(2, 1, 3, 'a', '\n', 'b', 2, 'c', '\n', 0, 0)...),
		"a module":         []byte("\n\n\n\n\n\n\n\n"),
		"an import's kind": with(t, section(2, 1, 3, 'a', '\n', 'b', 2, 'c', '\n', 9)...),
	} {
		_, err := Load(t.Context(), Config{Name: "x\ny", Wasm: wasm})
		if refused := refusedOf(t, err); strings.ContainsAny(refused.Error()+strings.Join(refused.Problems, ""), "\n\r") {
			t.Errorf("%s: %q", name, refused.Error())
		}
		info, _ := Inspect(t.Context(), wasm)
		for _, x := range append(info.Imports, info.Exports...) {
			if strings.Contains(x.Module+x.Name, "\n") {
				t.Errorf("%s: %q", name, x)
			}
		}
	}
}
