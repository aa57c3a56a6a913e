package host_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// A pipeline with a transform in Go, run to the end of its input. With guest.Config.Wasm in the place of Native it runs a module.
func ExampleNew() {
	ctx := context.Background()
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 1, "out": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer broker.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.DefaultProduceTopic("in"), kgo.ConsumeTopics("out"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	if err := client.ProduceSync(ctx, kgo.StringRecord("hello"), kgo.StringRecord("world")).FirstErr(); err != nil {
		fmt.Println(err)
		return
	}

	upper := func(_ context.Context, _ guest.Env, batch abi.Batch) (abi.Result, error) {
		var out abi.Result
		for i, r := range batch.Records {
			out.Records = append(out.Records, abi.ResultRecord{
				Source: uint32(i), Partition: abi.PartitionByKey,
				Key: r.Key, Value: bytes.ToUpper(r.Value), Headers: r.Headers, Timestamp: r.Timestamp,
			})
		}
		return out, nil
	}
	h, err := host.New(ctx, host.Config{
		Name: "upper", Brokers: broker.Addrs(), Group: "upper", Instance: "a",
		Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"}, DefaultOutput: "out",
		Transforms: []guest.Config{{Name: "upper", Native: upper}},
		Once:       true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close(ctx)
	if err := h.Run(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for n := 0; n < 2; {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			fmt.Println(string(r.Value))
			n++
		})
	}
	fmt.Println("records in:", h.Status().In)
	// Output:
	// HELLO
	// WORLD
	// records in: 2
}
