package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// BenchmarkIdentity measures what the host does for a batch: encode, call, decode, with a guest that forwards every record.
func BenchmarkIdentity(b *testing.B) {
	for _, language := range []string{"rust", "go"} {
		for _, n := range []int{100, 1_000, 5_000} {
			b.Run(fmt.Sprintf("%s/%d", language, n), func(b *testing.B) { identity(b, language, n) })
		}
	}
}

func identity(b *testing.B, language string, n int) {
	ctx := context.Background()
	m, err := guest.Load(ctx, guest.Config{Name: "identity", Wasm: module(b, "identity-"+language), Outputs: []string{"out"}})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close(ctx)
	i, err := m.Instantiate(ctx)
	if err != nil {
		b.Fatal(err)
	}
	batch := abi.Batch{Topic: "in", Records: make([]abi.Record, n)}
	for j := range batch.Records {
		batch.Records[j] = abi.Record{Key: fmt.Appendf(nil, "%010d", j), Value: bytes.Repeat([]byte("x"), 100), Offset: int64(j), LeaderEpoch: -1}
	}
	arena := &abi.Arena{}
	env := guest.Env{Arena: arena}
	call := func() {
		arena.Reset()
		result, err := i.Transform(ctx, env, batch)
		if err != nil {
			b.Fatal(err)
		}
		if len(result.Records) != n {
			b.Fatalf("%d records came back, want %d", len(result.Records), n)
		}
	}
	call() // the first one makes the buffers
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	calls := 0
	for b.Loop() {
		call()
		calls++
	}
	runtime.ReadMemStats(&after)
	var nanoseconds, allocs target
	if language == "rust" {
		nanoseconds, allocs = "<= 120", "<= 0.1"
	}
	records := float64(calls * n)
	report(b, fmt.Sprintf("identity, %s, 100 B, batches of %d", language, n), float64(b.Elapsed().Nanoseconds())/records, "ns/record", nanoseconds)
	report(b, fmt.Sprintf("identity, %s, 100 B, batches of %d", language, n), float64(after.Mallocs-before.Mallocs)/records, "allocs/record", allocs)
}
