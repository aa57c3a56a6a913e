package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wasmflow": main})
}

// TestScript runs the program itself, as its users do: a story a file in testdata/script.
func TestScript(t *testing.T) {
	t.Parallel()
	caches := t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			// The system's folder for caches hangs on HOME, which scripts do not have. They share one, so that a module is compiled once.
			e.Setenv("XDG_CACHE_HOME", caches)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"lost":    lost,
			"module":  writeModule,
			"guest":   copyGuest,
			"broker":  startBroker,
			"produce": produce,
			"consume": consume,
		},
	})
}

// exits CODE ARGS...: wasmflow with these arguments ends with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err := ts.Exec("wasmflow", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// lost CODE ARGS...: wasmflow with these arguments, on a full disk, ends with this code and says that its answer is lost where
// the code is 1.
func lost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lost CODE ARGS...")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	ts.Check(err)
	defer full.Close()
	cmd := exec.Command("wasmflow", args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "XDG_CACHE_HOME", "KAFKA_BROKERS", "NO_COLOR"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = full, io.MultiWriter(ts.Stderr(), &said)
	err = cmd.Run()
	if code := strconv.Itoa(cmd.ProcessState.ExitCode()); code != args[0] {
		ts.Fatalf("%v, want exit code %s:\n%s", err, args[0], said.String())
	}
	if args[0] != "0" && !strings.Contains(said.String(), "the result is lost") {
		ts.Fatalf("it says nothing of it:\n%s", said.String())
	}
}

// module KIND FILE: writes a module of this kind (module_test.go).
func writeModule(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: module KIND FILE")
	}
	wasm, ok := modules[args[0]]
	if !ok {
		ts.Fatalf("there is no kind %q", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), wasm, 0o644))
}

// guests are the guests of the examples that a script asked for, each built once.
var guests sync.Map // of func() (string, error) by name.

// guest NAME FILE: builds examples/NAME/go.
func copyGuest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: guest NAME FILE")
	}
	build, _ := guests.LoadOrStore(args[0], sync.OnceValues(func() ([]byte, error) { return buildGuest(args[0]) }))
	wasm, err := build.(func() ([]byte, error))()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), wasm, 0o644))
}

func buildGuest(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wasmflow-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, ".")
	cmd.Dir = filepath.Join("..", "..", "examples", name, "go")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the guest %s: %w\n%s", name, err, out)
	}
	return os.ReadFile(file)
}

// broker TOPIC...: starts an embedded broker with these topics of two partitions; $KAFKA_BROKERS is its address.
func startBroker(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: broker TOPIC...")
	}
	create := map[string]int32{}
	for _, topic := range args {
		create[topic] = 2
	}
	broker, err := devbroker.Start(devbroker.Options{Topics: create})
	ts.Check(err)
	ts.Defer(broker.Close)
	ts.Setenv("KAFKA_BROKERS", broker.Addrs()[0])
}

// produce TOPIC FILE: a record for each line, KEY SPACE VALUE.
func produce(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: produce TOPIC FILE")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("KAFKA_BROKERS")))
	ts.Check(err)
	defer client.Close()
	var records []*kgo.Record
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		records = append(records, &kgo.Record{Topic: args[0], Key: []byte(key), Value: []byte(value)})
	}
	ts.Check(client.ProduceSync(context.Background(), records...).FirstErr())
}

// consume TOPIC N: prints N committed records of the topic, sorted by nothing but their partition and offset.
func consume(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: consume TOPIC N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	client, err := kgo.NewClient(kgo.SeedBrokers(ts.Getenv("KAFKA_BROKERS")), kgo.ConsumeTopics(args[0]),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ts.Check(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for want > 0 {
		fetches := client.PollFetches(ctx)
		ts.Check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			fmt.Fprintf(ts.Stdout(), "%s %s\n", r.Key, r.Value)
			want--
		})
	}
}
