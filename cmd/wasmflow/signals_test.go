package main

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
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

// startVerb starts a verb on a pipeline that reads topic in.
func startVerb(t *testing.T, broker string, args ...string) *process {
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
	return start(t, append(args, "-c", filepath.Join(dir, "c.yaml"))...)
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, "wasmflow", args...), t: t}
	p.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
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

// TestFirstSignalDrains: somebody at a terminal does not come back, and the group is left; after a SIGTERM it is not, since a
// supervisor restarts the process.
func TestFirstSignalDrains(t *testing.T) {
	t.Parallel()
	for sig, stays := range map[os.Signal]bool{os.Interrupt: false, syscall.SIGTERM: true} {
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
		p := startVerb(t, broker.Addrs()[0], "run")
		p.says(`"assigned"`)
		p.signal(sig)
		p.says("draining")
		p.ends(exitOK)
		groups, err := kadm.NewClient(client).DescribeGroups(t.Context(), "drop")
		if err != nil {
			t.Fatal(err)
		}
		if got := len(groups["drop"].Members) > 0; got != stays {
			t.Errorf("after %s the slots are in the group: %v, want %v", sig, got, stays)
		}
	}
}

// TestOnceIsCutOff has an input that cannot be read to its end: the fetches of it are not answered.
func TestOnceIsCutOff(t *testing.T) {
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
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	once := sync.OnceFunc(func() { close(asked) })
	broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, When: func(kmsg.Request) bool {
		once()
		return true
	}})
	p := startVerb(t, broker.Addrs()[0], "run", "--once")
	p.says("pipeline started")
	<-asked
	p.signal(syscall.SIGTERM)
	p.says(`pipeline "drop": stopped by signal terminated before the ends of the inputs were reached`)
	p.ends(exitFailed)
}

// TestTopicsCreateIsCutOff has a broker that accepts connections and never answers.
func TestTopicsCreateIsCutOff(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	p := startVerb(t, hole.Addr().String(), "topics", "create")
	conn, err := hole.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.says("wasmflow: stopped by signal terminated")
	p.ends(exitFailed)
}

func TestDemoIsCutOff(t *testing.T) {
	t.Parallel()
	module := filepath.Join(t.TempDir(), "drop.wasm")
	if err := os.WriteFile(module, modules["drop"], 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "demo", "--module", module, "--payments", "2000")
	p.says("payments produced")
	p.signal(syscall.SIGTERM)
	p.says("wasmflow: stopped by signal terminated")
	p.ends(exitFailed)
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
	p := startVerb(t, broker.Addrs()[0], "run")
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
	again := time.NewTicker(echo) // the first of these may still be an echo
	defer again.Stop()
	said := make(chan struct{})
	go func() {
		for {
			select {
			case <-again.C:
				_ = p.Process.Signal(os.Interrupt)
			case <-said:
				return
			}
		}
	}()
	p.says("second signal")
	close(said)
	p.ends(exitFailed)
}

// TestEcho: the same signal at once, as timeout(1) sends it to a process and to its group, is no second one.
func TestEcho(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, done := make(chan os.Signal, 2), make(chan struct{})
		var firsts atomic.Int32
		end := make(chan os.Signal, 1)
		go func() { end <- second(got, done, func(os.Signal) { firsts.Add(1) }) }()
		got <- syscall.SIGTERM
		got <- syscall.SIGTERM
		synctest.Wait()
		if firsts.Load() != 1 || len(end) != 0 {
			t.Fatalf("told %d times of a signal and its echo, ended %d times; want 1 and 0", firsts.Load(), len(end))
		}
		<-time.After(echo) // of the fake clock
		got <- os.Interrupt
		if s := <-end; s != os.Interrupt || firsts.Load() != 1 {
			t.Errorf("second signal %v, told %d times of the first; want interrupt and 1", s, firsts.Load())
		}
		close(done)
		if s := second(got, done, nil); s != nil {
			t.Errorf("signal %v without one", s)
		}
	})
}
