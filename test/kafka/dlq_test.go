package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// broken is the payments transform before it was mended: it refuses every fifth payment and traps on every 101st of the others.
func broken(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
	result, err := same(ctx, env, batch)
	for i, r := range batch.Records {
		var id int
		if _, scan := fmt.Sscanf(string(r.Key), "%d", &id); scan != nil {
			return result, scan
		}
		switch {
		case id%5 == 0:
			result.Refusals = append(result.Refusals, abi.Refusal{Source: uint32(i), Text: "no payment for me"})
		case id%101 == 0:
			err = errors.New("what is this?")
		}
	}
	return result, err
}

// dlq is a pipeline whose dead letters the binary works on.
type dlq struct {
	t                 *testing.T
	file, dead, group string
}

// command is `wasmflow dlq` with a verb and its flags.
func (d *dlq) command(verb string, args ...string) *exec.Cmd {
	return exec.CommandContext(load.Within(d.t), binary, append([]string{"dlq", verb, "-c", d.file}, args...)...)
}

// says runs it and holds its answer to a pattern.
func (d *dlq) says(pattern, verb string, args ...string) {
	d.t.Helper()
	out, err := d.command(verb, args...).CombinedOutput()
	if err != nil || !regexp.MustCompile("(?m)"+pattern).Match(out) {
		d.t.Errorf("dlq %s %v: %v, want %q:\n%s", verb, args, err, pattern, out)
	}
}

// kill starts a replay, and kills it once it has committed something.
func (d *dlq) kill(args ...string) {
	d.t.Helper()
	before := committed(d.t, d.group+"-dlq-replay", d.dead)
	run := d.command("replay", args...)
	var log bytes.Buffer
	run.Stdout, run.Stderr = &log, &log
	if err := run.Start(); err != nil {
		d.t.Fatalf("%v: run make build", err)
	}
	load.Await(d.t, "a commit of the replay", func(context.Context) bool {
		return committed(d.t, d.group+"-dlq-replay", d.dead) > before+10
	})
	_ = run.Process.Kill()
	err := run.Wait()
	if status, ok := run.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		d.t.Fatalf("the replay ended by itself: %v\n%s", err, &log)
	}
	d.t.Logf("killed at %d of %d", committed(d.t, d.group+"-dlq-replay", d.dead)-before, count(d.t, d.dead))
}

// TestReplayDeadLetters: a broken transform fills the dead letters; once it is mended, replays that are killed in the middle,
// filtered and not, and run again, bring every payment to its topic, once.
func TestReplayDeadLetters(t *testing.T) {
	in, accepted, rejected, dead := topic(t, "raw", 4), topic(t, "accepted", 4), topic(t, "rejected", 4), topic(t, "dead", 3)
	const n = 20_000
	load.Produce(t, kafka.Broker, 0, n, func(id int) *kgo.Record {
		json, _ := payment(id)
		return &kgo.Record{Topic: in, Key: fmt.Appendf(nil, "%d", id), Value: []byte(json)}
	})
	mended := guest.Config{Name: "validate", Wasm: module(t, "payments-rust"), Params: map[string]any{"currencies": []any{"EUR", "USD"}, "limit": "10000.00"}}
	cfg := pipeline(t, in, accepted, guest.Config{Name: "validate", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
		result, err := broken(ctx, env, batch)
		for i := range result.Records { // what it does not fail on, it routes
			var id int
			if _, scan := fmt.Sscanf(string(result.Records[i].Key), "%d", &id); scan != nil {
				return result, scan
			}
			if _, accept := payment(id); !accept {
				result.Records[i].Output = 1
			}
		}
		return result, err
	}})
	cfg.Outputs, cfg.DefaultOutput = map[string]string{"accepted": accepted, "rejected": rejected}, "accepted"
	cfg.Errors = host.ErrorPolicy{DeadLetter: dead, MaxRatio: 1}
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	refused, trapped := n/5, 0
	for id := range n {
		if id%101 == 0 && id%5 != 0 {
			trapped++
		}
	}

	d := &dlq{t, filepath.Join(t.TempDir(), "wasmflow.yaml"), dead, cfg.Group}
	wasm := filepath.Join(filepath.Dir(d.file), "payments.wasm")
	text := fmt.Sprintf(`version: 1
kafka: { bootstrap_servers: [%q] }
pipelines:
  - name: %s
    inputs: { topics: [%q], group: %q }
    transforms: [{ name: validate, module: payments.wasm, config: { currencies: [EUR, USD], limit: "10000.00" } }]
    outputs: { accepted: { topic: %q, default: true }, rejected: { topic: %q } }
    transaction: { max_records: 100 } # many ends of transactions, to be killed in
    errors: { dead_letter: { topic: %q } }
`, kafka.Broker, cfg.Name, in, cfg.Group, accepted, rejected, dead)
	if err := errors.Join(os.WriteFile(d.file, []byte(text), 0o600), os.WriteFile(wasm, mended.Wasm, 0o600)); err != nil {
		t.Fatal(err)
	}
	d.says(fmt.Sprintf("^%d letters of topic %s are not done", refused+trapped, regexp.QuoteMeta(dead)), "list")
	d.kill("--kind", "panic", "--rate", "100") // leaves most, which are copied
	d.kill("--kind", "panic", "--rate", "100")
	d.says(fmt.Sprintf(`^\d+ of \d+ letters replayed, %d left`, refused), "replay", "--kind", "panic")
	d.says(fmt.Sprintf("^%d letters of topic", refused), "list", "--limit", "1")
	for range 3 {
		d.kill("--rate", "500")
	}
	d.says(`^\d+ of \d+ letters replayed, 0 left`, "replay")
	d.says(`^0 of 0 letters replayed`, "replay")
	d.says(`^0 letters of topic`, "list")
	if got := count(t, in); got != n+refused+trapped {
		t.Errorf("%d records are in the input, want %d and %d that came back", got, n, refused+trapped)
	}

	cfg.Transforms[0] = mended
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, cfg.Group, in)
	times := make([]int, n)
	back := 0
	read(t, func(r *kgo.Record) {
		var id int
		if _, err := fmt.Sscanf(string(r.Key), "%d", &id); err != nil || id < 0 || id >= n {
			t.Fatalf("%s/%d@%d: key %q", r.Topic, r.Partition, r.Offset, r.Key)
		}
		times[id]++
		json, accept := payment(id)
		if want := map[bool]string{true: accepted, false: rejected}[accept]; r.Topic != want || string(r.Value) != json {
			t.Fatalf("payment %s is in %s as %s", json, r.Topic, r.Value)
		}
		for _, h := range r.Headers {
			if strings.HasPrefix(h.Key, "__streams") {
				t.Fatalf("payment %d has the header %s", id, h.Key)
			}
			if h.Key == "wasmflow.replayed" {
				back++
			}
		}
	}, accepted, rejected)
	for id, n := range times {
		if n != 1 {
			t.Errorf("payment %d came out %d times", id, n)
		}
	}
	if back != refused+trapped || count(t, dead) == 0 {
		t.Errorf("%d came back, want %d", back, refused+trapped)
	}
	d.says(`^0 of 0 letters purged`, "purge", "--yes")
	starts, err1 := admin(t).ListStartOffsets(load.Within(t), dead)
	ends, err2 := admin(t).ListEndOffsets(load.Within(t), dead)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for n, end := range ends[dead] {
		if start := starts[dead][n]; start.Offset != end.Offset {
			t.Errorf("the log of partition %d still holds %d to %d", n, start.Offset, end.Offset)
		}
	}
}
