package bench_test

import (
	"context"
	"slices"
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
// turns that alternate, and verifies each run. The ratio is the median of the rounds' ratios: the two runs of a round are
// neighbours, and share what else the machine does.
func BenchmarkKafka(b *testing.B) {
	const n = 1_000_000
	startKafka(b)
	in := load.Topic(b, node.Broker, "in", 4)
	load.Fill(b, node.Broker, in, 0, n)
	guests, natives := guest.Config{Name: "rust", Wasm: module(b, "uppercase-rust")}, guest.Config{Name: "native", Native: upper}
	for _, side := range turns(0, guests, natives) {
		pipe(b, in, n, side) // not counted: the broker's JVM compiles what it is asked for
	}
	var rust, native, ratios []float64
	b.ResetTimer()
	for round := range rounds() {
		rates := map[string]float64{}
		for _, side := range turns(round, guests, natives) {
			rates[side.Name] = pipe(b, in, n, side)
			b.Logf("round %d: %-6s %8.0f records/s", round+1, side.Name, rates[side.Name])
		}
		rust, native = append(rust, rates["rust"]), append(native, rates["native"])
		ratios = append(ratios, rates["rust"]/rates["native"])
	}
	report(b, "exactly once, 100 B, 2 workers, Rust guest", median(rust), "records/s", "")
	report(b, "exactly once, 100 B, 2 workers, native Go transform", median(native), "native_records/s", "")
	report(b, "exactly once, 100 B, 2 workers, Rust guest / native", median(ratios), "ratio", ">= 0.8")
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
