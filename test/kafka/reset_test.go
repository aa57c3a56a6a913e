package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// TestResetOffsets: the offsets of a group are reset while nobody is in it, and not while a host is, whichever way it joined. What is
// behind them comes again.
func TestResetOffsets(t *testing.T) {
	for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
		t.Run(string(protocol), func(t *testing.T) {
			in, out := topic(t, "in", 2), topic(t, "out", 2)
			fill(t, in, 0, 1_000)
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
			cfg.GroupProtocol, cfg.Once, cfg.Leave = protocol, false, host.LeaveAlways
			dir := t.TempDir()
			file := filepath.Join(dir, "wasmflow.yaml")
			text := fmt.Sprintf(`version: 1
kafka: { bootstrap_servers: [%q] }
pipelines:
  - name: test
    inputs: { topics: [%q], group: %q }
    transforms: [{ name: upper, module: upper.wasm }]
    outputs: { out: { topic: %q } }
`, kafka.Broker, in, cfg.Group, out)
			wasm := module(t, "uppercase-rust")
			if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "upper.wasm"), wasm, 0o600)); err != nil {
				t.Fatal(err)
			}
			reset := func() (string, error) {
				said, err := exec.CommandContext(load.Within(t), binary, "reset-offsets", "-c", file, "--to", "earliest", "--yes").CombinedOutput()
				return string(said), err
			}
			adm := admin(t)
			running := start(t, cfg)
			load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })
			said, err := reset()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(said, "is at work: client") {
				t.Errorf("with a host in the group: %v\n%s", err, said)
			}
			running.end(t)
			load.Await(t, "the last member's leave", func(ctx context.Context) bool { return members(ctx, adm, cfg.Group, protocol) == 0 })
			if said, err = reset(); err != nil || !strings.Contains(said, "offsets are processed again") {
				t.Fatalf("%v\n%s", err, said)
			}
			cfg.Once = true
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			if got := count(t, out); got != 2_000 {
				t.Errorf("%d records came out, want each of 1000 twice", got)
			}
		})
	}
}
