package guest

import (
	"maps"
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
// that of a second plain module, and says how far the others can be believed. The short loops of the rows run up to twice as
// fast at one address as at another, paying or not, so each ratio of theirs is the mean over four places.
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
			for name, ratio := range side.of {
				if ratio > side.worst {
					b.Errorf("%s: %s/plain is %.3f, at most %.2f", name, side.name, ratio, side.worst)
				}
			}
			ratios := slices.Collect(maps.Values(side.of))
			if got := mean(ratios); got > side.mean {
				b.Errorf("the mean of %s/plain is %.3f, at most %.2f", side.name, got, side.mean)
			}
			b.ReportMetric(mean(ratios), side.name+"-mean")
			b.ReportMetric(slices.Max(ratios), side.name+"-worst")
		}
	})
}

func benchmarkRow(b *testing.B, r row) (exact, coarse float64) {
	modes := []FuelMode{"", FuelExact, FuelCoarse, ""}
	var places [][]rowSide
	for _, file := range r.files() {
		var sides []rowSide
		for _, mode := range modes {
			sides = append(sides, r.start(b, file, mode))
		}
		places = append(places, sides)
	}
	least := make([][]float64, len(places))
	for n := range least {
		least[n] = slices.Repeat([]float64{math.Inf(1)}, len(modes))
	}
	for b.Loop() {
		for place, sides := range places {
			for n, side := range sides {
				start := time.Now()
				side.do()
				least[place][n] = min(least[place][n], float64(time.Since(start).Nanoseconds()))
			}
			for n, side := range sides[1:] {
				if got, want := side.said(), sides[0].said(); got != want {
					b.Fatalf("side %d computed %x, unmetered it is %x", n+1, got, want)
				}
			}
		}
	}
	// The mean over the places of ratios of the fastest turns.
	ratio := func(n int) float64 {
		var ratios []float64
		for _, sides := range least {
			ratios = append(ratios, sides[n]/sides[0])
		}
		return mean(ratios)
	}
	plain := []float64{}
	for _, sides := range least {
		plain = append(plain, sides[0])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(mean(plain)/1e3, "µs")
	b.ReportMetric(ratio(1), "exact/plain")
	b.ReportMetric(ratio(2), "coarse/plain")
	b.ReportMetric(ratio(3), "again/plain")
	b.ReportMetric(mean(plain)/float64(places[0][1].fuel()), "ns/unit")
	return ratio(1), ratio(2)
}

// mean is the geometric one.
func mean(of []float64) float64 {
	sum := 0.0
	for _, v := range of {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(of)))
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
