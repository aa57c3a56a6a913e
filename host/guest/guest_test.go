package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
)

// wasmOf is a guest of testdata.
func wasmOf(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	list []LogLine
}

func (l *lines) add(line LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, line)
}

func (l *lines) all() []LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}

// load loads a guest of testdata; change may be nil.
func load(t testing.TB, name string, change func(*Config)) *Module {
	t.Helper()
	c := Config{Name: name, Wasm: wasmOf(t, name), Outputs: []string{"out"}}
	c.Limits.Timeout = time.Minute // no test depends on how fast the machine is
	if change != nil {
		change(&c)
	}
	m, err := Load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func instantiate(t testing.TB, m *Module) *Instance {
	t.Helper()
	i, err := m.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// batchOf is a batch of values at offsets from 100 on.
func batchOf(values ...string) abi.Batch {
	b := abi.Batch{Topic: "in", Partition: 3, Clock: 1_700_000_000_000}
	for n, v := range values {
		b.Records = append(b.Records, abi.Record{
			Key: []byte("k"), Value: []byte(v), Offset: int64(100 + n), Timestamp: b.Clock, LeaderEpoch: -1,
			Headers: []abi.Header{{Key: "h", Value: nil}},
		})
	}
	return b
}

// valuesOf are the values of a result.
func valuesOf(r abi.Result) []string {
	out := []string{}
	for _, rec := range r.Records {
		out = append(out, string(rec.Value))
	}
	return out
}

func trapOf(t testing.TB, err error) *TrapError {
	t.Helper()
	var trap *TrapError
	if !errors.As(err, &trap) {
		t.Fatalf("got %v, not a trap", err)
	}
	return trap
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	i := instantiate(t, load(t, "identity", nil))
	arena := &abi.Arena{}
	// More memory than the guest has at first: views must be taken again.
	for n, size := range []int{0, 1, 5000, 200_000, 3, 1_000_000} {
		b := batchOf("a", "", strings.Repeat("x", size))
		b.Records[1].Value, b.Records[1].Key = nil, nil
		got, err := i.Transform(t.Context(), Env{Arena: arena}, b)
		if err != nil {
			t.Fatal(err)
		}
		want := []abi.ResultRecord{}
		for s, r := range b.Records {
			want = append(want, abi.ResultRecord{
				Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp,
				Source: uint32(s), Partition: abi.PartitionByKey,
			})
		}
		if d := cmp.Diff(want, got.Records); d != "" || len(got.Refusals) > 0 {
			t.Fatalf("round %d: %s", n, d)
		}
	}
	got, err := i.Transform(t.Context(), Env{}, abi.Batch{Topic: "in"})
	if err != nil || len(got.Records) > 0 {
		t.Fatalf("an empty batch: %v, %v", got, err)
	}
}

func TestInputIsNeverReadBack(t *testing.T) {
	t.Parallel()
	i := instantiate(t, load(t, "overwrite", nil))
	got, err := i.Transform(t.Context(), Env{}, batchOf("abc", "def"))
	if d := cmp.Diff([]string{"abc", "def"}, valuesOf(got)); err != nil || d != "" {
		t.Fatal(err, d)
	}
}

func TestDiscarded(t *testing.T) {
	t.Parallel()
	m := load(t, "identity", nil)
	i := instantiate(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Transform(ctx, Env{}, batchOf("a")); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
		t.Fatal(err)
	}
	if _, err := m.Instantiate(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := Load(ctx, Config{Wasm: wasmOf(t, "identity")}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	j := instantiate(t, m)
	for range 2 {
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
		t.Fatal(err)
	}
	k := instantiate(t, m)
	for range 2 {
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
		t.Fatal(err)
	}
	if _, err := m.Instantiate(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// A hammer: calls, instances and the end of a module against each other.
func TestHammerClose(t *testing.T) {
	t.Parallel()
	for range 20 {
		m := load(t, "identity", nil)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for {
					i, err := m.Instantiate(context.Background())
					if errors.Is(err, ErrClosed) {
						return
					} else if err != nil {
						t.Error(err)
						return
					}
					for range 20 {
						if _, err := i.Transform(context.Background(), Env{}, batchOf("a", "b")); err != nil && !errors.Is(err, ErrDiscarded) {
							t.Error(err)
						}
					}
					_ = i.Close(context.Background())
				}
			})
		}
		instantiate(t, m)
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wait.Wait()
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	m := load(t, "settings", func(c *Config) {
		c.Outputs = []string{"ok", "bad"}
		c.Params = map[string]any{"limit": 3}
	})
	_, err := m.Instantiate(t.Context())
	want := `{"abi":1,"transform":"settings","outputs":["ok","bad"],"stores":[],"features":[],"config":{"limit":3}}`
	if got := trapOf(t, err).Message; got != want {
		t.Errorf("got %s", got)
	}
	_, err = load(t, "settings", func(c *Config) { c.Outputs = nil }).Instantiate(t.Context())
	want = `{"abi":1,"transform":"settings","outputs":[],"stores":[],"features":[],"config":{}}`
	if got := trapOf(t, err).Message; got != want {
		t.Errorf("got %s", got)
	}
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, Env, abi.Batch) (abi.Result, error) { return abi.Result{}, nil }
	for name, c := range map[string]struct {
		config Config
		want   []string
	}{
		"nothing": {Config{Name: "x"}, []string{`transform "x": give either Wasm or Native`}},
		"both":    {Config{Wasm: []byte("x"), Native: nothing}, []string{"give either"}},
		"params":  {Config{Native: nothing, Params: map[string]any{"f": func() {}}}, []string{"Params"}},
		"memory":  {Config{Native: nothing, Limits: Limits{Memory: 1}}, []string{"Limits.Memory: between 65536 and 4294901760 (got 1)"}},
		"all": {
			Config{Native: nothing, Limits: Limits{Memory: 4 << 30, InputBytes: 2 << 30, OutputRecords: -1, OutputBytes: -1}},
			[]string{"Memory", "InputBytes", "OutputRecords", "OutputBytes"},
		},
	} {
		_, err := Load(t.Context(), c.config)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", name, err, w)
			}
		}
	}
}
