package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestKillPoints kills the process at each point of a transaction, before and after the broker has done what it asked for, and
// starts it again: each record is on the output once, and the restart does not wait for the transaction to time out.
func TestKillPoints(t *testing.T) {
	t.Parallel()
	const records = 30
	for name, c := range map[string]struct {
		key kmsg.Key
		nth int // request of that key
	}{
		"after a poll":                  {kmsg.Produce, 1},
		"after a produce":               {kmsg.TxnOffsetCommit, 1},
		"after the offsets":             {kmsg.EndTxn, 1},
		"after an end":                  {kmsg.Produce, 2},
		"in a later transaction":        {kmsg.TxnOffsetCommit, 3},
		"at the end of a later one":     {kmsg.EndTxn, 3},
		"before anything was polled":    {kmsg.Fetch, 1},
		"before the group's offsets":    {kmsg.OffsetFetch, 2},
		"while the producer is made":    {kmsg.InitProducerID, 1},
		"while the members are joining": {kmsg.JoinGroup, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 1, "out": 1}})
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			want := map[string]int{}
			for i := range records {
				value := fmt.Sprintf("%05d", i)
				want[value] = 1
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte(value)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			wasm, err := os.ReadFile("../../host/guest/testdata/identity.wasm")
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			config := filepath.Join(dir, "c.yaml")
			for file, content := range map[string]string{"same.wasm": string(wasm), "c.yaml": `version: 1
kafka: { bootstrap_servers: "` + broker.Addrs()[0] + `" }
pipelines:
  - name: killed
    inputs: { topics: [in], group: killed }
    transforms: [ { name: same, module: same.wasm } ]
    outputs: { out: { topic: out } }
    transaction: { max_records: 5, timeout: 10m } # a restart that waited for it would not end
    workers: 1
`} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			var p *process
			seen := 0
			broker.Inject(devbroker.Fault{Keys: []kmsg.Key{c.key}, Count: -1, When: func(kmsg.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if seen++; seen == c.nth {
					_ = p.Process.Kill()
				}
				return false
			}})
			mu.Lock() // no request is looked at before the process is known
			p = start(t, "run", "-c", config)
			mu.Unlock()
			for p.lines.Scan() {
			}
			if err := p.Wait(); err == nil || p.ProcessState.Exited() {
				t.Fatalf("the process ended by itself: %v", p.ProcessState)
			}
			again := start(t, "run", "-c", config, "--once")
			again.ends(exitOK)
			got := map[string]int{}
			reader, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := client.ProduceSync(ctx, &kgo.Record{Topic: "out", Value: []byte("last")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			for got["last"] == 0 && ctx.Err() == nil {
				reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got[string(r.Value)]++ })
			}
			delete(got, "last")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("records of the output, - expected, + got:\n%s", diff)
			}
		})
	}
}
