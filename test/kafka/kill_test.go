package kafka_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/test/load"
)

// seed repeats the moments of a run that failed: `go test ./test/kafka -run TestKill -seed N`.
var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments at which processes are killed")

// binary is what `make build` makes.
const binary = "../../bin/wasmflow"

// TestKill holds that nothing is lost, doubled or out of order where the process is killed again and again under load, and
// started again on the same slot.
func TestKill(t *testing.T) {
	in, out, group := topic(t, "in", 4), topic(t, "out", 4), load.Unique(t, "group")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "upper.wasm"), module(t, "uppercase-rust"), 0o600); err != nil {
		t.Fatal(err)
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
    transaction: { max_records: 100 } # many ends of transactions, to be killed in
    workers: 2
`, kafka.Broker, filepath.Join(dir, "cache"), in, group, out)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const kills, each = 5, 40_000
	t.Logf("seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	atWork := 0
	for kill := range kills {
		var log bytes.Buffer
		run := exec.Command(binary, "run", "-c", file)
		run.Stderr = &log
		if err := run.Start(); err != nil {
			t.Fatalf("%v: run make build", err)
		}
		after := time.Duration(200+random.IntN(1_000)) * time.Millisecond
		timer := time.AfterFunc(after, func() { _ = run.Process.Kill() })
		t.Cleanup(func() { timer.Stop(); _ = run.Process.Kill() })
		fill(t, in, kill*each, (kill+1)*each)
		err := run.Wait()
		if status, ok := run.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Fatalf("the process ended by itself: %v\n%s", err, &log)
		}
		at := committed(t, group, in)
		t.Logf("killed after %v: %d of %d records are committed", after, at, (kill+1)*each)
		if at > 0 && at < int64(kill+1)*each {
			atWork++
		}
	}
	if atWork == 0 {
		t.Errorf("no process was killed at its work")
	}
	if text, err := exec.CommandContext(load.Within(t), binary, "run", "-c", file, "--once").CombinedOutput(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, text)
	}
	verifyUpper(t, out, kills*each)
	verifyLag(t, group, in)
}
