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

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/cluster"
	"github.com/wasmflow/wasmflow/test/load"
)

// node is a real Kafka, started by the first benchmark that needs it.
var node *cluster.Cluster

func startKafka(b *testing.B) {
	b.Helper()
	if node != nil {
		return
	}
	if tool := cluster.Missing(); tool != "" {
		b.Fatalf("%s is not installed, and a real Kafka needs it", tool)
	}
	var err error
	if node, err = cluster.Start(); err != nil {
		b.Fatal(err)
	}
	// A fresh cluster makes the topic of the groups' offsets when it is first asked for a group.
	adm := kadm.NewClient(load.Client(b, node.Broker))
	load.Await(b, "the coordinator", func(ctx context.Context) bool {
		_, err := adm.FetchOffsets(ctx, "any")
		return err == nil
	})
}

func stopKafka() {
	if node != nil {
		node.Close()
	}
}

// upper is the uppercase guest in Go, native, in the same loop: what remains is what a guest costs.
func upper(_ context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
	records := env.Arena.Records(len(batch.Records))
	size := 0
	for _, r := range batch.Records {
		size += len(r.Value)
	}
	room := env.Arena.Bytes(size)
	for i, r := range batch.Records {
		value := r.Value
		if value != nil {
			value = room[:len(r.Value):len(r.Value)]
			room = room[len(r.Value):]
			for j, c := range r.Value {
				if 'a' <= c && c <= 'z' {
					c -= 'a' - 'A'
				}
				value[j] = c
			}
		}
		records[i] = abi.ResultRecord{
			Source: uint32(i), Key: r.Key, Value: value, Headers: r.Headers, Timestamp: r.Timestamp, Partition: abi.PartitionByKey,
		}
	}
	return abi.Result{Records: records}, nil
}

// BenchmarkKafka runs 1,000,000 records of 100 B through the uppercase guest in Rust and through the same in native Go, in
// turns, and verifies each run. The ratio is that of the medians.
func BenchmarkKafka(b *testing.B) {
	const n = 1_000_000
	startKafka(b)
	in := load.Topic(b, node.Broker, "in", 4)
	load.Fill(b, node.Broker, in, 0, n)
	sides := []guest.Config{{Name: "rust", Wasm: module(b, "uppercase-rust")}, {Name: "native", Native: upper}}
	rates := map[string][]float64{}
	b.ResetTimer()
	for round := range rounds() {
		for _, side := range sides {
			rate := pipe(b, in, n, side)
			b.Logf("round %d: %-6s %8.0f records/s", round+1, side.Name, rate)
			rates[side.Name] = append(rates[side.Name], rate)
		}
	}
	rust, native := median(rates["rust"]), median(rates["native"])
	report(b, "exactly once, 100 B, 2 workers, Rust guest", rust, "records/s", "")
	report(b, "exactly once, 100 B, 2 workers, native Go transform", native, "native_records/s", "")
	report(b, "exactly once, 100 B, 2 workers, Rust guest / native", rust/native, "ratio", ">= 0.8")
}

// pipe runs a pipeline over all of the input into a topic of its own and gives its rate, from Run to its end.
func pipe(b *testing.B, in string, n int, transform guest.Config) float64 {
	b.Helper()
	ctx := load.Within(b)
	out := load.Topic(b, node.Broker, "out", 4)
	h, err := host.New(ctx, host.Config{
		Name: "bench", Brokers: []string{node.Broker}, Group: load.Unique(b, "group"), Inputs: []string{in},
		Outputs: map[string]string{"out": out}, Transforms: []guest.Config{transform}, Workers: 2, Once: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := h.Run(ctx); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	if err := h.Close(ctx); err != nil {
		b.Fatal(err)
	}
	load.VerifyUpper(b, node.Broker, out, n)
	if _, err := kadm.NewClient(load.Client(b, node.Broker)).DeleteTopics(ctx, out); err != nil {
		b.Fatal(err)
	}
	return float64(n) / took.Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

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
	<-time.After(5 * time.Second) // idle is what it is after a while, not at its start
	b.ResetTimer()
	report(b, "idle, one Rust pipeline, 2 workers", resident(b, run.Process.Pid), "MB_RSS", "<= 60")
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
