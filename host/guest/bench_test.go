package guest

import (
	"fmt"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
)

// BenchmarkTransform runs the identity guest: encode, call, decode. An empty batch is the cost of a call.
func BenchmarkTransform(b *testing.B) {
	for _, n := range []int{0, 1, 100, 1000} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			i := instantiate(b, load(b, "identity", nil))
			batch := abi.Batch{Topic: "in"}
			for k := range n {
				batch.Records = append(batch.Records, abi.Record{Key: make([]byte, 8), Value: make([]byte, 100), Offset: int64(k)})
			}
			arena := &abi.Arena{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.Transform(b.Context(), Env{Arena: arena}, batch); err != nil {
					b.Fatal(err)
				}
				arena.Reset()
			}
			if n > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/record")
			}
		})
	}
}

// BenchmarkInstantiate is what a trap costs beyond the call itself.
func BenchmarkInstantiate(b *testing.B) {
	m := load(b, "identity", nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := instantiate(b, m).Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
