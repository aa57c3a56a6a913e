package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/test/load"
)

// hostile are four pipelines in one process: good forwards, the others spin, recurse without end, and return ninety gigabytes.
const hostile = `version: 1
kafka: { bootstrap_servers: embedded }
modules: { cache_dir: %[2]q }
log: { format: json }
pipelines:
  - name: good
    inputs: { topics: [in] }
    transforms: [ { name: identity, module: %[1]s/identity.wasm } ]
    outputs: { out: { topic: out } }
  - name: spins
    inputs: { topics: [bait] }
    transforms: [ { name: spin, module: %[1]s/spin_loop.wasm, limits: { timeout: 1s } } ]
    outputs: { out: { topic: nothing } }
  - name: recurses
    inputs: { topics: [bait] }
    transforms: [ { name: recursion, module: %[1]s/recursion.wasm, limits: { timeout: 8s } } ]
    outputs: { out: { topic: nothing } }
  - name: floods
    inputs: { topics: [bait] }
    transforms: [ { name: flood, module: %[1]s/alias_flood.wasm, limits: { timeout: 8s } } ]
    outputs: { out: { topic: nothing } }
`

// TestHostilePipelines runs the program with three pipelines whose guests are hostile: the log says of each what it did, with its
// function, and the fourth goes on, in a process of less than 400 MB.
func TestHostilePipelines(t *testing.T) {
	const n, most = 20_000, 400e6
	guests, err := filepath.Abs(filepath.Join(root, "host", "guest", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "wasmflow.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, hostile, guests, filepath.Join(t.TempDir(), "cache")), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(load.Within(t), filepath.Join(root, "bin", "wasmflow"), "run", "-c", file)
	run.WaitDelay = 10 * time.Second
	stderr, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatalf("%v: make build builds it", err)
	}
	log := bufio.NewScanner(stderr)
	// says reads the log up to a line that contains s.
	said := ""
	says := func(s string) string {
		for log.Scan() {
			if said += log.Text() + "\n"; strings.Contains(log.Text(), s) {
				return log.Text()
			}
		}
		t.Fatalf("it never said %q, but:\n%s", s, said)
		return ""
	}
	var line struct{ Brokers []string }
	if err := json.Unmarshal([]byte(says("embedded broker")), &line); err != nil || len(line.Brokers) == 0 {
		t.Fatalf("no address: %v\n%s", err, said)
	}
	broker := line.Brokers[0]
	load.Fill(t, broker, "bait", 0, 100)
	load.Fill(t, broker, "in", 0, n/2)
	traps := map[string]string{
		"spins": "trap deadline: stopped after", "recurses": "trap stack: stack overflow",
		"floods": "trap output: records[31].value_len: key, value and header bytes",
	}
	for range traps {
		says(`"pipeline stopped"`)
	}
	for pipeline, trap := range traps {
		found := false
		for l := range strings.Lines(said) {
			found = found || strings.Contains(l, `"pipeline stopped"`) && strings.Contains(l, trap) && strings.Contains(l, `pipeline \"`+pipeline+`\": topic \"bait\" partition`)
		}
		if !found {
			t.Errorf("the log does not say %q of pipeline %s:\n%s", trap, pipeline, said)
		}
	}
	load.Fill(t, broker, "in", n/2, n)
	books := load.NewBooks(n)
	count := 0
	cl := load.Client(t, broker, kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	for ctx := load.Within(t); count < n && ctx.Err() == nil; {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			count++
			id, err := load.IDOf(r.Value)
			if err != nil || !bytes.Equal(r.Value, load.Value(id)) {
				books.Find("%s/%d@%d: value %q", r.Topic, r.Partition, r.Offset, r.Value)
				return
			}
			books.Enter(id, r)
		})
	}
	books.Settle(t)
	if peak, ok := peakMemory(t, run.Process.Pid); ok && peak >= most {
		t.Errorf("the process took %.0f MB", peak/1e6)
	} else {
		t.Logf("the process took %.0f MB at most", peak/1e6)
	}
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for log.Scan() {
	}
	if err := run.Wait(); run.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v, not with the code of a pipeline that failed", err)
	}
}

// peakMemory is the most memory that a process had so far, in bytes; not known where there is no /proc.
func peakMemory(t *testing.T, pid int) (float64, bool) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return float64(kib) * 1024, true
		}
	}
	return 0, false
}
