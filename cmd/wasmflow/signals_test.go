package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// process is a wasmflow that runs beside the test.
type process struct {
	*exec.Cmd
	t     *testing.T
	lines *bufio.Scanner // Of stderr.
}

// startRun starts run on a pipeline that reads topic in.
func startRun(t *testing.T, broker string) *process {
	t.Helper()
	dir := t.TempDir()
	config := `version: 1
kafka: { bootstrap_servers: "` + broker + `" }
pipelines:
  - name: drop
    inputs: { topics: [in], group: drop }
    transforms: [ { name: drop, module: drop.wasm } ]
    outputs: { out: { topic: out } }
log: { format: json }
`
	for name, content := range map[string]string{"c.yaml": config, "drop.wasm": string(modules["drop"])} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, "wasmflow", "run", "-c", filepath.Join(dir, "c.yaml")), t: t}
	p.Env = append(os.Environ(), "XDG_CACHE_HOME="+dir)
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(stderr)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// says waits for a line of stderr that contains s.
func (p *process) says(s string) {
	p.t.Helper()
	var all []string
	for p.lines.Scan() {
		if all = append(all, p.lines.Text()); strings.Contains(p.lines.Text(), s) {
			return
		}
	}
	p.t.Fatalf("it never said %q, but:\n%s", s, strings.Join(all, "\n"))
}

// ends waits for the end and checks the exit code.
func (p *process) ends(code int) {
	p.t.Helper()
	for p.lines.Scan() {
	}
	_ = p.Wait() // The state says it all.
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d (%s), want %d", got, p.ProcessState, code)
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func TestFirstSignalDrains(t *testing.T) {
	t.Parallel()
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 1, "out": 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	p := startRun(t, broker.Addrs()[0])
	p.says("pipeline started")
	p.signal(os.Interrupt)
	p.says("draining")
	p.ends(exitOK)
}

// TestSecondSignalExits has a broker that stops answering at the end of the first transaction, so that the drain takes long.
func TestSecondSignalExits(t *testing.T) {
	t.Parallel()
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 1, "out": 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	stuck, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, When: func(kmsg.Request) bool {
		close(stuck)
		<-release
		return false
	}})
	p := startRun(t, broker.Addrs()[0])
	p.says("pipeline started")
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stuck:
	case <-t.Context().Done():
		t.Fatal("no transaction was ended")
	}
	p.signal(os.Interrupt)
	p.says("draining")
	p.signal(os.Interrupt)
	p.says("second signal")
	p.ends(exitFailed)
}
