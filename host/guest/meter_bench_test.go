package guest

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// What paying may cost, over all rows but the examples: the geometric mean and the worst.
const (
	exactMean, exactWorst = 1.15, 1.5
	coarseWorst           = 1.35
	// rewriteTime of the largest guest, one of Go with encoding/json.
	rewriteTime = 60 * time.Millisecond
)

// BenchmarkMeter measures what a module costs more for paying: turns of the plain, the exact and the coarse module, one after
// the other, so that what else the machine does falls on all of them alike. The ratios are those of the fastest turns; again is
// that of a second plain module, and says how far the others can be believed.
func BenchmarkMeter(b *testing.B) {
	exact, coarse := map[string]float64{}, map[string]float64{}
	for _, r := range rows() {
		b.Run(r.module+"/"+r.name, func(b *testing.B) {
			e, c := benchmarkRow(b, r)
			if !r.example {
				exact[b.Name()], coarse[b.Name()] = e, c
			}
		})
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		for _, side := range []struct {
			name        string
			of          map[string]float64
			mean, worst float64
		}{{"exact", exact, exactMean, exactWorst}, {"coarse", coarse, math.Inf(1), coarseWorst}} {
			sum, worst := 0.0, 0.0
			for name, ratio := range side.of {
				sum += math.Log(ratio)
				worst = max(worst, ratio)
				if ratio > side.worst {
					b.Errorf("%s: %s/plain is %.3f, at most %.2f", name, side.name, ratio, side.worst)
				}
			}
			mean := math.Exp(sum / float64(len(side.of)))
			if mean > side.mean {
				b.Errorf("the mean of %s/plain is %.3f, at most %.2f", side.name, mean, side.mean)
			}
			b.ReportMetric(mean, side.name+"-mean")
			b.ReportMetric(worst, side.name+"-worst")
		}
	})
}

func benchmarkRow(b *testing.B, r row) (exact, coarse float64) {
	sides := []rowSide{r.start(b, ""), r.start(b, FuelExact), r.start(b, FuelCoarse), r.start(b, "")}
	least := []float64{math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)}
	for b.Loop() {
		for n, side := range sides {
			start := time.Now()
			side.do()
			least[n] = min(least[n], float64(time.Since(start).Nanoseconds()))
		}
		for n, side := range sides[1:] {
			if got, want := side.said(), sides[0].said(); got != want {
				b.Fatalf("side %d computed %x, unmetered it is %x", n+1, got, want)
			}
		}
	}
	exact, coarse = least[1]/least[0], least[2]/least[0]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(least[0]/1e3, "µs")
	b.ReportMetric(exact, "exact/plain")
	b.ReportMetric(coarse, "coarse/plain")
	b.ReportMetric(least[3]/least[0], "again/plain")
	b.ReportMetric(least[0]/float64(sides[1].fuel()), "ns/unit")
	return exact, coarse
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
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				size = len(metered(b, wasm, meter.Exact))
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			if half := took[len(took)/2]; half > rewriteTime {
				b.Errorf("it takes %v, at most %v", half, rewriteTime)
			}
			b.ReportMetric(float64(size)/float64(len(wasm)), "growth")
		})
	}
}
