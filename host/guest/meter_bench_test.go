package guest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// BenchmarkMeter measures what a guest costs more for paying: calls of the plain, the exact and the coarse module in turn, so
// that what else the machine does falls on all of them alike. The ratios are those of the fastest calls.
func BenchmarkMeter(b *testing.B) {
	for _, name := range []string{"identity-rust", "identity-go", "uppercase-rust", "uppercase-go", "payments-rust", "payments-go"} {
		b.Run(name, func(b *testing.B) { benchmarkMeter(b, name) })
	}
}

func benchmarkMeter(b *testing.B, name string) {
	c, ok := guests(b)[name]
	if !ok {
		b.Fatal("make guests builds it")
	}
	value := bytes.Repeat([]byte("x"), 100)
	if c.Params != nil {
		value = []byte(payment)
	}
	batch := abi.Batch{Topic: "in", Records: make([]abi.Record, 500)}
	for n := range batch.Records {
		batch.Records[n] = abi.Record{Key: fmt.Appendf(nil, "%010d", n), Value: value, Offset: int64(n), LeaderEpoch: -1}
	}
	modules := []*Module{plain(b, c)}
	for _, mode := range []FuelMode{FuelExact, FuelCoarse} {
		c.Limits.FuelMode = mode
		m, err := Load(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close(b.Context())
		modules = append(modules, m)
	}
	var instances []*Instance
	for _, m := range modules {
		instances = append(instances, instantiate(b, m))
	}
	arena := &abi.Arena{}
	took := make([][]time.Duration, len(modules))
	fuel := uint64(0)
	for b.Loop() {
		for n, i := range instances {
			arena.Reset()
			start := time.Now()
			if _, err := i.Transform(b.Context(), Env{Arena: arena}, batch); err != nil {
				b.Fatal(err)
			}
			took[n] = append(took[n], time.Since(start))
			if n == 1 {
				fuel = i.Fuel()
			}
		}
	}
	least := func(n int) float64 { return float64(slices.Min(took[n]).Nanoseconds()) }
	records := float64(len(batch.Records))
	b.ReportMetric(least(0)/records, "ns/record")
	b.ReportMetric(least(1)/least(0), "exact/plain")
	b.ReportMetric(least(2)/least(0), "coarse/plain")
	b.ReportMetric(float64(fuel)/records, "fuel/record")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRewrite measures how long it takes to rewrite the modules of dist/guests, and how much larger they become.
func BenchmarkRewrite(b *testing.B) {
	paths, err := filepath.Glob("../../dist/guests/*.wasm")
	if err != nil || len(paths) == 0 {
		b.Fatalf("make guests builds them: %v", err)
	}
	for _, path := range paths {
		wasm, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filepath.Base(path), func(b *testing.B) {
			b.SetBytes(int64(len(wasm)))
			size := 0
			for b.Loop() {
				size = len(metered(b, wasm, meter.Exact))
			}
			b.ReportMetric(float64(size)/float64(len(wasm)), "growth")
		})
	}
}
