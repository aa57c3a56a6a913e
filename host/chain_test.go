package host

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// newChain makes a chain of native transforms, as a worker has it.
func newChain(t *testing.T, natives ...guest.Func) *chain {
	t.Helper()
	c := &chain{pipeline: "p", topics: []string{"out", "audit"}}
	for i, f := range natives {
		m, err := guest.Load(t.Context(), guest.Config{Name: fmt.Sprintf("t%d", i), Native: f, Outputs: []string{"out", "audit"}})
		if err != nil {
			t.Fatal(err)
		}
		c.stages = append(c.stages, stage{name: fmt.Sprintf("t%d", i), module: m, fuel: new(atomic.Uint64)})
		t.Cleanup(func() {
			if err := m.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return c
}

// TestIntermediateRecords: through a chain of any length a record keeps topic, partition, offset, leader epoch and flags of
// the input record that it comes from, and so does what it is blamed for.
func TestIntermediateRecords(t *testing.T) {
	t.Parallel()
	type seen struct {
		Value             string
		Offset, Timestamp int64
		Epoch             int32
		Flags             abi.RecordFlags
	}
	var last abi.Batch
	var got []seen
	watch := func(_ context.Context, _ guest.Env, b abi.Batch) (abi.Result, error) {
		last = b
		got = nil
		for _, r := range b.Records {
			got = append(got, seen{string(r.Value), r.Offset, r.Timestamp, r.LeaderEpoch, r.Flags})
		}
		return natives("refuse:c.2.2")(context.Background(), guest.Env{}, b)
	}
	c := newChain(t, natives("twice"), natives("drop:b.1"), natives("twice"), watch)
	in := abi.Batch{Topic: "in", Partition: 3, Clock: -7}
	var want []seen
	for i, v := range []string{"a", "b", "c"} {
		r := abi.Record{Value: []byte(v), Offset: int64(10 + i), Timestamp: int64(-9 + i), LeaderEpoch: int32(i), Flags: abi.RecordFlags(i % 2)}
		in.Records = append(in.Records, r)
		for _, way := range []string{".1.1", ".1.2", ".2.1", ".2.2"} {
			if v+way[:2] != "b.1" {
				want = append(want, seen{v + way, r.Offset, r.Timestamp, r.LeaderEpoch, r.Flags})
			}
		}
	}
	for range 2 { // the second time with used slabs
		guilty, err := c.run(t.Context(), &in, (&transaction{}).reset())
		if err != nil || len(guilty) != 1 || guilty[0].offset != 12 || guilty[0].transform != "t3" {
			t.Fatalf("guilty %+v, error %v", guilty, err)
		}
		mention(t, guilty[0].err, nil, "refused with code 7: cannot take c.2.2")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records of the last transform, - expected, + got:\n%s", diff)
		}
		if last.Topic != "in" || last.Partition != 3 || last.Clock != -7 {
			t.Errorf("batch of topic %q partition %d clock %d", last.Topic, last.Partition, last.Clock)
		}
	}
}

// TestBesides: what a transform in the middle writes beside the default output goes out with its origin.
func TestBesides(t *testing.T) {
	t.Parallel()
	c := newChain(t, natives("twice"), natives("route:a.2"), natives("drop:a"))
	in := abi.Batch{Topic: "in", Records: []abi.Record{{Value: []byte("b"), Offset: 4}, {Value: []byte("a"), Offset: 5}}}
	txn := (&transaction{}).reset()
	if _, err := c.run(t.Context(), &in, txn); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, r := range txn.out {
		got = append(got, fmt.Sprintf("%s %s from %d", r.Topic, r.Value, txn.sources[i].offset))
	}
	want := []string{"audit a.2 from 5", "out b.1 from 4", "out b.2 from 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if txn.dropped != 0 {
		t.Errorf("%d dropped, want 0: both inputs have an output", txn.dropped)
	}
}

// TestHalvesMeetFreshInstances: where the limit of a later transform makes a batch come again in halves, the earlier ones do
// not meet what they remember of it (I8).
func TestHalvesMeetFreshInstances(t *testing.T) {
	t.Parallel()
	w := newWorker(&Host{cfg: Config{Outputs: map[string]string{"out": "out"}, DefaultOutput: "out", MaxBytes: 1 << 20, MaxGuestTime: time.Hour, MaxRecords: 10}, log: zap.NewNop()}, 0)
	met := map[*guest.Instance]int{}
	remembers := func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		met[w.chain.stages[0].instance]++
		return natives("forward")(ctx, env, b)
	}
	for _, c := range []guest.Config{{Name: "remembers", Native: remembers}, {Name: "limited", Native: natives("forward"), Limits: guest.Limits{OutputRecords: 1}}} {
		c.Outputs = []string{"out"}
		m, err := guest.Load(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		w.chain.stages = append(w.chain.stages, stage{name: c.Name, module: m, fuel: new(atomic.Uint64)})
	}
	in := abi.Batch{Topic: "in", Records: []abi.Record{{Value: []byte("a")}, {Value: []byte("b"), Offset: 1}}}
	txn := w.txn.reset()
	if err := w.judge(t.Context(), &in, txn); err != nil {
		t.Fatal(err)
	}
	if len(met) != 2 || len(txn.out) != 2 {
		t.Errorf("%d instances for a batch that came again, %d records; want 2 and 2", len(met), len(txn.out))
	}
	w.h.cfg.MaxBytes = 0 // the first half has made too much already
	if err := w.judge(t.Context(), &in, w.txn.reset()); !errors.Is(err, errFanOut) || classify(err) != actRetry || w.room.limit != 1 {
		t.Errorf("error %v, room for %d records", err, w.room.limit)
	}
}
