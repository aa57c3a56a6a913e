// Package bench_test measures: the host's work for a batch, pipelines on a real Kafka, and the memory of an idle host. Run it
// by `make bench`. Each figure becomes a JSON line in results/results.jsonl, and the last ones a table in results/table.md. A
// figure that misses its target fails the run.
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
	// Load is the machine's load average before the run, of one minute: far above 0, others were working too.
	Load  string  `json:"load_before"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Target is what the figure has to be, such as "<= 120", or nothing.
	Target target `json:"target,omitempty"`
}

// target is an operator and a bound: "<= 120", ">= 0.8".
type target string

// missed says whether a figure is on the wrong side of the target. A target that says neither is a mistake in this package.
func (t target) missed(value float64) bool {
	if t == "" {
		return false
	}
	operator, text, _ := strings.Cut(string(t), " ")
	bound, err := strconv.ParseFloat(text, 64)
	switch {
	case err == nil && operator == "<=":
		return !(value <= bound) // not a number is a miss too
	case err == nil && operator == ">=":
		return !(value >= bound)
	}
	panic(fmt.Sprintf("target %q is not an operator and a bound", string(t)))
}

// misses are the rows whose figures miss their targets.
func misses(results []result) []string {
	var rows []string
	for _, r := range results {
		if r.Target.missed(r.Value) {
			rows = append(rows, fmt.Sprintf("%s: %s %s, want %s", r.Name, figure(r.Value), r.Unit, r.Target))
		}
	}
	return rows
}

func figure(value float64) string { return strconv.FormatFloat(value, 'g', 5, 64) }

// results are the figures of this run, the last one of each name.
var results []result

// before is the load average at the start.
var before string

// report keeps a figure and shows it.
func report(b *testing.B, name string, value float64, unit string, want target) {
	b.Helper()
	b.ReportMetric(value, unit)
	r := result{Time: time.Now().UTC().Truncate(time.Second), Machine: machine(), Load: before, Name: name, Value: value, Unit: unit, Target: want}
	for i := range results {
		if results[i].Name == name && results[i].Unit == unit {
			results[i] = r // a benchmark calls itself again with more turns: the last time counts
			return
		}
	}
	results = append(results, r)
}

func TestMain(m *testing.M) {
	before = loadAverage()
	code := m.Run()
	if stopKafka(); code == 0 && len(results) > 0 {
		if err := write(); err != nil {
			fmt.Fprintf(os.Stderr, "write the results: %v\n", err)
			code = 1
		}
	}
	for _, row := range misses(results) {
		fmt.Fprintf(os.Stderr, "target missed: %s\n", row)
		code = 1
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
	fmt.Fprintf(&table, "# Results\n\n%s, load average before the run %s. Written by `make bench`.\n\n| what | figure | unit | target |\n| --- | ---: | --- | --- |\n", machine(), before)
	for _, r := range results {
		if err := encoder.Encode(r); err != nil {
			return err
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", r.Name, figure(r.Value), r.Unit, r.Target)
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

// loadAverage is that of the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// leastRounds of a comparison: below, one bad moment of the machine decides. An even number, so that each side comes first as
// often as the other.
const leastRounds = 6

// rounds is how often each side of a comparison is measured.
func rounds() int {
	n, _ := strconv.Atoi(os.Getenv("BENCH_COUNT"))
	n = max(n, leastRounds)
	return n + n%2
}

// turns is the order of two sides in a round: it alternates, so that neither always runs in what the other left behind.
func turns[T any](round int, a, b T) [2]T {
	if round%2 == 0 {
		return [2]T{a, b}
	}
	return [2]T{b, a}
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
