package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// deadLetters reads a topic of them, each as the place of its record and the kind of its guilt.
func deadLetters(t testing.TB, topic string) (letters []string) {
	t.Helper()
	read(t, func(r *kgo.Record) {
		h := map[string]string{}
		for _, header := range r.Headers {
			h[header.Key] = string(header.Value)
		}
		letters = append(letters, fmt.Sprintf("%s/%s/%s %s", h[host.HeaderTopic], h[host.HeaderPartition], h[host.HeaderOffset], h[host.HeaderKind]))
	}, topic)
	return letters
}

// TestDeadLetters holds that of many records the guilty ones, whether they trap or are refused, are the dead letters, and all others
// the outputs, each once and in order.
func TestDeadLetters(t *testing.T) {
	in, out, dead := topic(t, "in", 1), topic(t, "out", 1), topic(t, "dead", 1)
	const n, every = 20_000, 500
	fill(t, in, 0, n)
	guilty := func(r *abi.Record) bool { id, err := load.IDOf(r.Value); return err == nil && id%every == 7 }
	cfg := pipeline(t, in, out, guest.Config{Name: "spoil", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
		result, err := same(ctx, env, batch)
		for i := range batch.Records {
			if !guilty(&batch.Records[i]) {
				continue
			}
			if id, _ := load.IDOf(batch.Records[i].Value); id%(2*every) == 7 {
				return abi.Result{}, fmt.Errorf("trap at %d", id)
			}
			result.Records[i].Source = uint32(i)
			result.Refusals = append(result.Refusals, abi.Refusal{Source: uint32(i), Text: "refused"})
		}
		return result, err
	}})
	cfg.Errors = host.ErrorPolicy{DeadLetter: dead}
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	var want, ids []int
	for id := range n {
		if id%every == 7 {
			ids = append(ids, id)
		} else {
			want = append(want, id)
		}
	}
	verifyIDs(t, out, want)
	verifyIDs(t, dead, ids)
	verifyLag(t, cfg.Group, in)
}

// TestEndlessLoop holds that a guest that never returns costs its records a deadline each, and the pipeline nothing.
func TestEndlessLoop(t *testing.T) {
	wasm, err := os.ReadFile("../../host/guest/testdata/spin_loop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	in, out, dead := topic(t, "in", 1), topic(t, "out", 1), topic(t, "dead", 1)
	fill(t, in, 0, 3)
	cfg := pipeline(t, in, out, guest.Config{Name: "spin", Wasm: wasm, Limits: guest.Limits{Timeout: 50 * time.Millisecond}})
	cfg.Errors = host.ErrorPolicy{DeadLetter: dead, MaxRatio: 1}
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	letters := deadLetters(t, dead)
	slices.Sort(letters)
	if want := []string{in + "/0/0 deadline", in + "/0/1 deadline", in + "/0/2 deadline"}; !slices.Equal(letters, want) {
		t.Errorf("dead letters %v, want %v", letters, want)
	}
	verifyLag(t, cfg.Group, in)
}

// TestSlowGuest holds that a guest which takes longer than the transaction's timeout commits all the same: the transaction begins
// after it.
func TestSlowGuest(t *testing.T) {
	in, out := topic(t, "in", 1), topic(t, "out", 1)
	const n = 100
	fill(t, in, 0, n)
	first := true
	cfg := pipeline(t, in, out, guest.Config{Name: "slow", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
		if first {
			first = false
			<-time.After(9 * time.Second)
		}
		return upper(ctx, env, batch)
	}})
	aborts := 0
	cfg.Workers, cfg.TransactionTimeout, cfg.MaxGuestTime = 1, 8*time.Second, 12*time.Second
	cfg.Hooks.Aborted = func(_ host.Transaction, err error) { aborts++; t.Logf("aborted: %v", err) }
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	if aborts > 0 {
		t.Errorf("%d transactions were aborted", aborts)
	}
	verifyUpper(t, out, n)
	verifyLag(t, cfg.Group, in)
}

// TestFewerWorkers holds that a restart with fewer workers than before does not wait for the sessions of the others to time out,
// nor for their transactions.
func TestFewerWorkers(t *testing.T) {
	in, out := topic(t, "in", 4), topic(t, "out", 4)
	const n = 20_000
	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
	cfg.Once, cfg.Workers, cfg.MaxRecords = false, 4, 500
	adm := admin(t)
	r := start(t, cfg)
	fill(t, in, 0, n/2)
	load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })
	r.end(t)
	if got := members(load.Within(t), adm, cfg.Group, host.GroupClassic); got != 4 {
		t.Errorf("%d slots are kept for a restart, want 4", got)
	}
	cfg.Workers = 1
	fill(t, in, n/2, n)
	r = start(t, cfg)
	load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })
	if got := members(load.Within(t), adm, cfg.Group, host.GroupClassic); got != 1 {
		t.Errorf("%d slots are in the group, want 1", got)
	}
	r.end(t)
	verifyUpper(t, out, n)
	verifyLag(t, cfg.Group, in)
}

// TestTermUnderLoad holds that a process that is asked to end at its work ends well, and leaves no transaction open.
func TestTermUnderLoad(t *testing.T) {
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
  - name: ended
    inputs: { topics: [%q], group: %q }
    transforms: [{ name: upper, module: upper.wasm }]
    outputs: { out: { topic: %q } }
    transaction: { max_records: 100 }
`, kafka.Broker, filepath.Join(dir, "cache"), in, group, out)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 200_000
	fill(t, in, 0, n)
	var log bytes.Buffer
	run := exec.Command(binary, "run", "-c", file)
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatalf("%v: run make build", err)
	}
	t.Cleanup(func() { _ = run.Process.Kill() })
	load.Await(t, "the first commits", func(context.Context) bool { return committed(t, group, in) > 0 })
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	at := committed(t, group, in)
	t.Logf("%d of %d records are committed", at, n)
	open, err := admin(t).ListTransactions(load.Within(t), nil, []string{"Ongoing"})
	if err != nil {
		t.Fatal(err)
	}
	for id := range open {
		if bytes.HasPrefix([]byte(id), []byte(group)) {
			t.Errorf("transaction %s is open", id)
		}
	}
	if text, err := exec.CommandContext(load.Within(t), binary, "run", "-c", file, "--once").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	verifyUpper(t, out, n)
	verifyLag(t, group, in)
}
