package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wasmflow/wasmflow/test/load"
)

// BenchmarkRecovery kills the process with SIGKILL at its work, ten times, and starts it again on the same slots: the figure is the
// median of the times from the start of the new process to its first commit.
func BenchmarkRecovery(b *testing.B) {
	const kills, each = 10, 100_000
	startKafka(b)
	in, out, group := load.Topic(b, node.Broker, "in", 4), load.Topic(b, node.Broker, "out", 4), load.Unique(b, "group")
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "upper.wasm"), module(b, "uppercase-rust"), 0o600); err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(dir, "wasmflow.yaml")
	text := fmt.Sprintf(`version: 1
kafka: { bootstrap_servers: [%q] }
modules: { cache_dir: %q }
pipelines:
  - name: killed
    inputs: { topics: [%q], group: %q }
    transforms: [{ name: upper, module: upper.wasm }]
    outputs: { out: { topic: %q } }
    transaction: { max_records: 500 } # many ends of transactions, to be killed in
    workers: 2
`, node.Broker, filepath.Join(dir, "cache"), in, group, out)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	admin := kadm.NewClient(load.Client(b, node.Broker))
	at := func() (sum int64) {
		offsets, err := admin.FetchOffsets(load.Within(b), group)
		if err != nil {
			return 0
		}
		offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
		return sum
	}
	load.Fill(b, node.Broker, in, 0, each)
	var log bytes.Buffer
	process := func() *exec.Cmd {
		run := exec.Command("../../bin/wasmflow", "run", "-c", file)
		run.Stderr = &log
		if err := run.Start(); err != nil {
			b.Fatalf("%v: run make build", err)
		}
		return run
	}
	run := process()
	load.Await(b, "the first commit", func(context.Context) bool { return at() > 0 })
	var took []float64
	b.ResetTimer()
	for kill := range kills {
		load.Fill(b, node.Broker, in, (kill+1)*each, (kill+2)*each)
		if err := run.Process.Kill(); err != nil {
			b.Fatal(err)
		}
		_ = run.Wait()
		before, began := at(), time.Now()
		if before >= int64((kill+2)*each) {
			b.Fatalf("kill %d: it had done all of its work", kill+1)
		}
		run = process()
		load.Await(b, "the first commit", func(context.Context) bool { return at() > before })
		took = append(took, time.Since(began).Seconds())
		b.Logf("kill %d at offset %d: first commit after %.3f s", kill+1, before, took[kill])
	}
	_ = run.Process.Kill()
	_ = run.Wait()
	if text, err := exec.CommandContext(load.Within(b), "../../bin/wasmflow", "run", "-c", file, "--once").CombinedOutput(); err != nil {
		b.Fatalf("the last run: %v\n%s\n%s", err, text, &log)
	}
	load.VerifyUpper(b, node.Broker, out, (kills+1)*each)
	report(b, "restart after SIGKILL to the first commit, median of 10", median(took), "recovery_s", "<= 1")
}
