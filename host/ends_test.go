package host

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// TestEnds: a pipeline that writes to its own input ends where it was told to, in each partition, and reads nothing behind it.
func TestEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 3})
	w.produce(0, 30, 3)
	cfg := w.config(func(_ context.Context, _ guest.Env, b abi.Batch) (abi.Result, error) {
		var res abi.Result
		for i, r := range b.Records {
			res.Records = append(res.Records, abi.ResultRecord{Source: uint32(i), Value: fmt.Appendf(nil, "%s again", r.Value), Timestamp: r.Timestamp, Partition: b.Partition})
		}
		return res, nil
	})
	cfg.Outputs = map[string]string{"out": "in"}
	cfg.MaxRecords = 1 // what is polled with the last record before an end would be processed too
	cfg.Once = true
	for _, ends := range []map[int32]int64{{0: 2, 1: 8}, {0: 3, 1: 8}, {}} {
		cfg.Ends = map[string]map[int32]int64{"in": ends}
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
	}
	got := map[int32][]string{}
	for _, r := range w.records("in", 41) {
		got[r.Partition] = append(got[r.Partition], string(r.Value))
	}
	want := map[int32][]string{}
	for i := range 30 {
		want[int32(i%3)] = append(want[int32(i%3)], fmt.Sprintf("%05d", i))
	}
	for n, again := range map[int32]int{0: 3, 1: 8} {
		for _, v := range slices.Clone(want[n][:again]) {
			want[n] = append(want[n], v+" again")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("- expected, + got:\n%s", diff)
	}
}

// TestEndsAreChecked: without ends a pipeline does not write to its own input.
func TestEndsAreChecked(t *testing.T) {
	t.Parallel()
	native := func(context.Context, guest.Env, abi.Batch) (abi.Result, error) { return abi.Result{}, nil }
	for name, change := range map[string]func(*Config){
		"Outputs[out]": func(c *Config) { c.Ends = nil },
		"Ends":         func(c *Config) { c.Once = false },
	} {
		cfg := Config{
			Name: "p", Brokers: []string{"127.0.0.1:1"}, Inputs: []string{"in"}, Outputs: map[string]string{"out": "in"},
			Transforms: []guest.Config{{Name: "f", Native: native}}, Once: true, Ends: map[string]map[int32]int64{},
		}
		h, err := New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		_, err = New(t.Context(), cfg)
		mention(t, err, ErrConfig, name+": ")
	}
}
