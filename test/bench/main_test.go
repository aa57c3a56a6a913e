// Package bench_test measures: the host's work for a batch, pipelines on a real Kafka, and the memory of an idle host. Run it
// by `make bench`. Each figure becomes a JSON line in results/results.jsonl, and the last ones a table in results/table.md.
package bench_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// result is one figure.
type result struct {
	Time    time.Time `json:"time"`
	Machine string    `json:"machine"`
	Name    string    `json:"name"`
	Value   float64   `json:"value"`
	Unit    string    `json:"unit"`
	// Target is what the figure should be, such as "<= 120", or nothing.
	Target string `json:"target,omitempty"`
}

// results are the figures of this run, the last one of each name.
var results []result

// report keeps a figure and shows it.
func report(b *testing.B, name string, value float64, unit, target string) {
	b.Helper()
	b.ReportMetric(value, unit)
	r := result{Time: time.Now().UTC().Truncate(time.Second), Machine: machine(), Name: name, Value: value, Unit: unit, Target: target}
	for i := range results {
		if results[i].Name == name && results[i].Unit == unit {
			results[i] = r // a benchmark calls itself again with more turns: the last time counts
			return
		}
	}
	results = append(results, r)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if stopKafka(); code == 0 && len(results) > 0 {
		if err := write(); err != nil {
			fmt.Fprintf(os.Stderr, "write the results: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

func write() (err error) {
	lines, err := os.OpenFile(filepath.Join("results", "results.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.Close()) }()
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	var table strings.Builder
	fmt.Fprintf(&table, "# Results\n\n%s. Written by `make bench`.\n\n| what | figure | unit | target |\n| --- | ---: | --- | --- |\n", machine())
	for _, r := range results {
		if err := encoder.Encode(r); err != nil {
			return err
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", r.Name, strconv.FormatFloat(r.Value, 'g', 5, 64), r.Unit, r.Target)
	}
	return os.WriteFile(filepath.Join("results", "table.md"), []byte(table.String()), 0o644)
}

// machine describes what the figures were taken on.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.Open("/proc/cpuinfo"); err == nil {
		defer info.Close()
		for scan := bufio.NewScanner(info); scan.Scan(); {
			if name, value, ok := strings.Cut(scan.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.Version())
}

// rounds is how often each side of a comparison is measured.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("BENCH_COUNT")); err == nil && n > 0 {
		return n
	}
	return 6
}

// module reads a built guest.
func module(b *testing.B, name string) []byte {
	b.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "..", "dist", "guests", name+".wasm"))
	if err != nil {
		b.Fatalf("%v: run make guests", err)
	}
	return wasm
}
