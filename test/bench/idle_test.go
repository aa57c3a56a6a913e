package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wasmflow/wasmflow/test/load"
)

// BenchmarkIdle measures the memory of `wasmflow run` with one Rust pipeline that has nothing to do.
func BenchmarkIdle(b *testing.B) {
	startKafka(b)
	in, out, group := load.Topic(b, node.Broker, "in", 4), load.Topic(b, node.Broker, "out", 4), load.Unique(b, "group")
	file := filepath.Join(b.TempDir(), "wasmflow.yaml")
	wasm, err := filepath.Abs(filepath.Join("..", "..", "dist", "guests", "uppercase-rust.wasm"))
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf("version: 1\nkafka: { bootstrap_servers: [%q] }\nmodules: { cache_dir: %q }\npipelines:\n  - name: idle\n    inputs: { topics: [%q], group: %q }\n"+
		"    transforms: [{ name: upper, module: %q }]\n    outputs: { out: { topic: %q } }\n    workers: 2\n", node.Broker, filepath.Join(b.TempDir(), "cache"), in, group, wasm, out)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	var log bytes.Buffer
	run := exec.Command(filepath.Join("..", "..", "bin", "wasmflow"), "run", "-c", file)
	run.Stderr = &log
	if err := run.Start(); err != nil {
		b.Fatalf("%v: run make build", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	defer func() {
		if err := run.Process.Signal(os.Interrupt); err == nil && !b.Failed() {
			err = <-ended
			if err != nil {
				b.Errorf("wasmflow run: %v\n%s", err, &log)
			}
		}
	}()
	adm := kadm.NewClient(load.Client(b, node.Broker))
	load.Await(b, "the group", func(ctx context.Context) bool {
		select {
		case err := <-ended:
			b.Fatalf("wasmflow run: %v\n%s", err, &log)
		default:
		}
		groups, err := adm.DescribeGroups(ctx, group)
		return err == nil && groups[group].State == "Stable" && len(groups[group].Members) == 2
	})
	report(b, "idle, one Rust pipeline, 2 workers", settled(b, run.Process.Pid), "MB_RSS", "<= 60")
}

// settled is the memory of a process once it has stopped to change: idle is what it is after a while, not at its start.
func settled(b *testing.B, pid int) float64 {
	b.Helper()
	const window, wobble = 20, 0.01
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	var last []float64
	for {
		select {
		case <-tick.C:
			if last = append(last, resident(b, pid)); len(last) < window {
				continue
			}
			last = last[len(last)-window:]
			if most := slices.Max(last); most-slices.Min(last) <= wobble*most {
				return most
			}
		case <-patience.C:
			b.Fatalf("the memory did not settle within a minute; the last figures are %.1f MB", last)
		}
	}
}

// resident is the memory of a process, in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatalf("memory is read from /proc: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) * 1024 / 1e6
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
