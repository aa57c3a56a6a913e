package bench_test

import (
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// BenchmarkPoison runs records of 100 B through a Rust guest that forwards all of them, that refuses one in 100, and that traps on
// one in 100, in turns. The guilty ones go to the dead letters. The ratios are medians of those of the rounds.
func BenchmarkPoison(b *testing.B) {
	const n, every = 500_000, 100
	startKafka(b)
	in := load.Topic(b, node.Broker, "in", 4)
	load.Fill(b, node.Broker, in, 0, n)
	wasm := module(b, "poison-rust")
	side := func(every int, traps bool) guest.Config {
		return guest.Config{Name: "poison", Wasm: wasm, Params: map[string]any{"every": every, "traps": traps}}
	}
	poisoned(b, in, n, side(0, false)) // not counted: the broker's JVM compiles what it is asked for
	var refused, trapped []float64
	b.ResetTimer()
	for round := range rounds() {
		clean := poisoned(b, in, n, side(0, false))
		refuses := poisoned(b, in, n, side(every, false))
		traps := poisoned(b, in, n, side(every, true))
		b.Logf("round %d: %8.0f records/s clean, %8.0f with 1 %% refused, %8.0f with 1 %% trapping", round+1, clean, refuses, traps)
		refused, trapped = append(refused, refuses/clean), append(trapped, traps/clean)
	}
	report(b, "1 % of the records refused / none, Rust guest", median(refused), "refused_ratio", ">= 0.5")
	report(b, "1 % of the records trap / none, Rust guest", median(trapped), "trap_ratio", ">= 0.5")
}

// poisoned runs a pipeline with dead letters over all of the input, and gives its rate.
func poisoned(b *testing.B, in string, n int, transform guest.Config) float64 {
	b.Helper()
	ctx := load.Within(b)
	out, dead := load.Topic(b, node.Broker, "out", 4), load.Topic(b, node.Broker, "dead", 4)
	h, err := host.New(ctx, host.Config{
		Name: "bench", Brokers: []string{node.Broker}, Group: load.Unique(b, "group"), Inputs: []string{in},
		Outputs: map[string]string{"out": out}, Transforms: []guest.Config{transform}, Workers: 2, Once: true,
		Errors: host.ErrorPolicy{DeadLetter: dead},
	})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := h.Run(ctx); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	s := h.Status()
	if err := h.Close(ctx); err != nil {
		b.Fatal(err)
	}
	guilty := int64(0)
	if every, _ := transform.Params["every"].(int); every > 0 {
		guilty = int64(n / every)
	}
	if s.In != int64(n) || s.Out != int64(n) || s.DeadLetters < guilty-4 || s.DeadLetters > guilty+4 { // by offset, in four partitions
		b.Fatalf("%d in, %d out, %d dead letters of about %d", s.In, s.Out, s.DeadLetters, guilty)
	}
	return float64(n) / took.Seconds()
}
