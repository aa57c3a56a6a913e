package host

import (
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNewReportsEverything: one call tells all that is wrong, each with its key, rule and value.
func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := New(context.Background(), Config{
		Name: "a b", Inputs: []string{"in", "bad topic"}, InputsRegex: "(", Outputs: map[string]string{"x": "in", "y": "out"}, DefaultOutput: "z",
		Start: "first", Isolation: ReadUncommitted, Guarantee: "", GroupProtocol: "new", Compression: "rar", OnOutOfRange: "ask",
		RequireTransactionV2: "maybe", Workers: -1, MaxRecords: -1, MaxBytes: -1, MaxDelay: -1, Drain: -1,
		TransactionTimeout: time.Second, MaxGuestTime: time.Minute, IDPrefix: strings.Repeat("x", 250), Instance: "ä",
		Transforms: []guest.Config{{Name: "t"}, {Name: "t", Wasm: []byte{0}, Native: natives("forward")}, {}},
	})
	mention(t, err, ErrConfig,
		`Name: one or more of [a-zA-Z0-9._-] (got "a b")`, `Brokers: at least one address`, `Inputs: either Inputs or InputsRegex`,
		`InputsRegex: a regular expression`, `Inputs: a topic's name (got "bad topic")`, `DefaultOutput: the name of an output, one of x, y (got "z")`,
		`Outputs[x]: not an input of the same pipeline`, `Start: one of [earliest latest] (got "first")`, `Isolation: read_committed under exactly_once`,
		`GroupProtocol: one of`, `Compression: one of`, `OnOutOfRange: one of`, `RequireTransactionV2: one of`, `Workers: more than 0 (got -1)`,
		`MaxRecords: more than 0`, `MaxBytes: more than 0`, `MaxDelay: more than 0`, `Drain: more than 0`, `TransactionTimeout: at least 8s`,
		`MaxGuestTime: less than 15s`, `IDPrefix: prefix, instance and worker make a transactional id of at most 249 bytes`, `Instance: one or more of`,
		`Transforms[0]: either Wasm or Native`, `Transforms[1].Name: used once in a pipeline (got "t")`, `Transforms[1]: either Wasm or Native`, `Transforms[2].Name: not empty`)
}

// TestNewNamesTheModule: a module that is refused is named with its transform.
func TestNewNamesTheModule(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Name: "p", Brokers: []string{"127.0.0.1:1"}, Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"},
		Transforms: []guest.Config{{Name: "broken", Wasm: []byte("not a module")}},
	}
	_, err := New(context.Background(), cfg)
	mention(t, err, ErrConfig, `pipeline "p"`, `transform "broken"`)
}

// TestEnvironment: what is missing around the host is told at the start, readably, and stops it.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	t.Run("topics", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, map[string]int32{"other": 1})
		mention(t, w.once(w.config(natives("forward"))), ErrEnvironment, `topic "in" does not exist`, `topic "out" does not exist`, "wasmflow topics create")
	})
	t.Run("broker", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		if err := l.Close(); err != nil { // nobody listens there now
			t.Fatal(err)
		}
		w := newWorld(t, nil)
		cfg := w.config(natives("forward"))
		cfg.Brokers = []string{addr}
		mention(t, w.once(cfg), ErrEnvironment, addr, "refused")
	})
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		b, err := devbroker.Start(devbroker.Options{Superusers: map[string]string{"admin": "right"}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		w := newWorld(t, nil)
		cfg := w.config(natives("forward"))
		cfg.Brokers, cfg.Kafka = b.Addrs(), []kgo.Opt{kgo.SASL(plain.Auth{User: "admin", Pass: "wrong-word"}.AsMechanism())}
		err = w.once(cfg)
		mention(t, err, ErrEnvironment, "password")
		if strings.Contains(err.Error(), "wrong-word") {
			t.Errorf("the error tells the password: %v", err)
		}
	})
}

// TestOnePipelineFailsAlone: several pipelines in one process; one that fails does not stop the others.
func TestOnePipelineFailsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 2, "out": 2})
	w.produce(0, 10, 2)
	bad := w.config(natives("trap:00003"))
	bad.Name, bad.Group = "bad", "bad"
	failing, good := w.run(bad), w.run(w.config(natives("forward")))
	err := failing.wait(t)
	var record *RecordError
	var trap *guest.TrapError
	if !errors.As(err, &record) || !errors.As(err, &trap) {
		t.Fatalf("error %v", err)
	}
	w.produce(10, 10, 2)
	w.expect(0, 20)
	good.stop()
	if err := good.wait(t); err != nil {
		t.Error(err)
	}
}

// TestInitIsNotHidden: a transform that cannot begin stops the pipeline, also where the end comes before its worker has begun.
func TestInitIsNotHidden(t *testing.T) {
	t.Parallel()
	wasm, err := os.ReadFile("guest/testdata/init_error.wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := guest.Load(t.Context(), guest.Config{Name: "f", Wasm: wasm, Outputs: []string{"out"}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(&Host{cfg: Config{Name: "p", Group: "g"}.withDefaults(), log: zap.NewNop()}, 0)
	w.chain.stages = []stage{{name: "f", module: m, fuel: new(atomic.Uint64)}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	mention(t, w.run(ended), nil, `pipeline "p"`, `no output "accepted"`)
}

// TestSlowStart: an instance that took too long to begin is begun again, and stops the pipeline only where it is always so.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	slow := &startError{&guest.TrapError{Kind: guest.TrapInit, Limit: guest.LimitTimeout}}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"slow":          {slow, true},
		"refused":       {&startError{&guest.TrapError{Kind: guest.TrapInit}}, false},
		"a slow record": {&RecordError{Err: &guest.TrapError{Kind: guest.TrapDeadline, Limit: guest.LimitTimeout}}, false},
		"none":          {nil, false},
	} {
		if got := isSlowStart(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	wasm, err := os.ReadFile("guest/testdata/spin_init.wasm")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 1, 1)
	cfg := w.config(nil)
	cfg.Transforms, cfg.Logger = []guest.Config{{Name: "f", Wasm: wasm, Limits: guest.Limits{Timeout: 20 * time.Millisecond}}}, zap.NewNop()
	r := w.run(cfg)
	mention(t, r.wait(t), nil, "trap init", "the limit is 20ms")
	if got := r.h.Status().SessionsRecreated; got != slowStarts {
		t.Errorf("begun again %d times, want %d", got, slowStarts)
	}
	h, err := New(w.ctx(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	again := newWorker(h, 0)
	again.failures = 5 // of another kind
	mention(t, again.run(w.ctx()), nil, "the limit is 20ms")
	if got := h.Status().SessionsRecreated; got != slowStarts {
		t.Errorf("begun again %d times after other failures, want %d", got, slowStarts)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNewIsCutOff: a context that is done is no mistake of the configuration.
func TestNewIsCutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWorld(t, map[string]int32{"in": 1})
	if _, err := New(ctx, w.config(natives("forward"))); !errors.Is(err, context.Canceled) || errors.Is(err, ErrConfig) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// TestRunsOnce: a second Run is refused, and Close may come again.
func TestRunsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	cfg := w.config(natives("forward"))
	cfg.Once = true
	r := w.run(cfg)
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if err := r.h.Run(context.Background()); !errors.Is(err, ErrRunning) {
		t.Errorf("second run: %v", err)
	}
	for range 2 {
		if err := r.h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestMetrics: the names of the guide, well formed, with the pipeline's name, and gone after Close.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	registry := prometheus.NewPedanticRegistry()
	cfg := w.config(natives("drop:00001"))
	cfg.Metrics, cfg.Once = registry, true
	r := w.run(cfg)
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	want := `# HELP kafka_tx_commits_total Transactions that were committed.
# TYPE kafka_tx_commits_total counter
kafka_tx_commits_total{pipeline="p"} 1
# HELP wasmflow_records_dropped_total Records of committed transactions that a transform dropped.
# TYPE wasmflow_records_dropped_total counter
wasmflow_records_dropped_total{pipeline="p"} 1
# HELP wasmflow_records_out_total Records of committed transactions that were produced.
# TYPE wasmflow_records_out_total counter
wasmflow_records_out_total{pipeline="p"} 4
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "kafka_tx_commits_total", "wasmflow_records_dropped_total", "wasmflow_records_out_total"); err != nil {
		t.Error(err)
	}
	if err := r.h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if left, err := registry.Gather(); err != nil || len(left) > 0 {
		t.Errorf("left after Close: %v %v", left, err)
	}
}

// TestMetricsAreDocumented: docs/metrics.md has every metric, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	m, err := newMetrics(prometheus.NewRegistry(), &Host{cfg: Config{Name: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range m.collectors {
		described := make(chan *prometheus.Desc, 1)
		c.Describe(described)
		name, _, _ := strings.Cut(strings.TrimPrefix((<-described).String(), `Desc{fqName: "`), `"`)
		names = append(names, name)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, row[1])
	}
	slices.Sort(names)
	slices.Sort(documented)
	if diff := cmp.Diff(names, documented); diff != "" {
		t.Errorf("metrics, - registered, + documented:\n%s", diff)
	}
}

// TestOutputNames: the default output is the first that a guest sees, the others stand in the order of their names.
func TestOutputNames(t *testing.T) {
	t.Parallel()
	c := Config{Outputs: map[string]string{"b": "1", "a": "2", "c": "3"}, DefaultOutput: "b"}
	if diff := cmp.Diff([]string{"b", "a", "c"}, c.OutputNames()); diff != "" {
		t.Error(diff)
	}
}

// TestBoundsOfASlot: the transactional id carries prefix, instance and worker, and stays the same.
func TestBoundsOfASlot(t *testing.T) {
	t.Parallel()
	c := Config{Name: "p", Group: "g", Instance: "pod-3"}.withDefaults()
	if got := c.transactionalID(2); got != "g-p-pod-3-2" {
		t.Errorf("transactional id %q", got)
	}
}
