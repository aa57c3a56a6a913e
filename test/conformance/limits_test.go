package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// TestLarge holds that guests take 100,000 records in one call, a value of 8 MB, and ten times what they are given.
func TestLarge(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		t.Run("100,000 records", func(t *testing.T) {
			batch := plain(100_000)
			m := load(t, wasm, map[string]any{"mode": "identity"}, func(c *guest.Config) { c.Limits.InputBytes = 64 << 20 })
			same(t, recordModes["identity"](batch), call(t, instance(t, m), batch))
		})
		t.Run("8 MB", func(t *testing.T) {
			value := bytes.Repeat([]byte("01234567"), 1<<20)
			batch := batchOf("large", 0, []abi.Record{{Key: []byte("k"), Value: value, LeaderEpoch: -1}, {Value: []byte("small"), Offset: 1, LeaderEpoch: -1}})
			for _, name := range []string{"identity", "part", "inherit"} {
				same(t, recordModes[name](batch), mode(t, wasm, name, batch))
			}
		})
		t.Run("8 MB made", func(t *testing.T) {
			want := make([]byte, 8<<20)
			for i := range want {
				want[i] = byte(i)
			}
			i := instance(t, load(t, wasm, map[string]any{"mode": "grow", "times": len(want)}))
			for range 3 {
				if got := call(t, i, plain(1)); len(got.Records) != 1 || !bytes.Equal(got.Records[0].Value, want) {
					t.Errorf("the guest made %d records, want one of 8 MB", len(got.Records))
				}
			}
		})
		t.Run("ten times the input", func(t *testing.T) {
			batch := plain(5_000)
			got := call(t, instance(t, load(t, wasm, map[string]any{"mode": "fan", "times": 10})), batch)
			same(t, every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord { return slices.Repeat([]abi.ResultRecord{r}, 10) }), got)
		})
	})
}

// TestRoom holds that a value written in place is what is sent, though the result moves in the guest's memory meanwhile.
func TestRoom(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		for _, size := range []int{0, 100, 1_000_000} {
			i := instance(t, load(t, wasm, map[string]any{"mode": "room", "times": size}))
			batch := plain(2)
			want := every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
				large := make([]byte, size)
				r.Key, r.Headers = large, []abi.Header{{Key: "large", Value: large}}
				return []abi.ResultRecord{r}
			})
			for range 2 { // the second call finds the buffers of the first
				same(t, want, call(t, i, batch))
			}
		}
	})
}

// TestLongRefusals holds that the text of a refusal is cut in the guest: whole ones would be over the limit of the result.
func TestLongRefusals(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		batch := plain(33)
		want := abi.Result{}
		for n := range batch.Records {
			want.Refusals = append(want.Refusals, abi.Refusal{Source: uint32(n), Code: 9, Text: "x" + strings.Repeat("ü", 511)})
		}
		same(t, want, call(t, instance(t, load(t, wasm, map[string]any{"mode": "long", "times": 1 << 19})), batch))
	})
}

// TestOutputLimits holds that a guest cannot make more than it may, also where what it makes shares memory.
func TestOutputLimits(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		for _, test := range []struct {
			name   string
			params map[string]any
			limits guest.Limits
			batch  abi.Batch
		}{
			{"records", map[string]any{"mode": "fan", "times": 11}, guest.Limits{OutputRecords: 100}, plain(10)},
			{"bytes", map[string]any{"mode": "grow", "times": 1001}, guest.Limits{OutputBytes: 10_000}, plain(10)},
			{"bytes that are inherited", map[string]any{"mode": "fan", "times": 50}, guest.Limits{OutputBytes: 100_000}, plain(30)},
			{"headers", map[string]any{"mode": "inherit"}, guest.Limits{OutputRecords: 1_000}, odd()},
		} {
			t.Run(test.name, func(t *testing.T) {
				m := load(t, wasm, test.params, func(c *guest.Config) { c.Limits = test.limits })
				trap(t, instance(t, m), test.batch, guest.TrapOutput)
			})
		}
	})
}

// trap runs a batch that must trap, and holds that the instance is gone afterwards.
func trap(t *testing.T, i *guest.Instance, batch abi.Batch, kind guest.TrapKind) *guest.TrapError {
	t.Helper()
	env := guest.Env{Arena: &abi.Arena{}}
	_, err := i.Transform(context.Background(), env, batch)
	var trap *guest.TrapError
	if !errors.As(err, &trap) {
		t.Fatalf("got error %v, want a trap", err)
	}
	if trap.Kind != kind {
		t.Errorf("got %v, want a trap of kind %q", trap, kind)
	}
	if _, err := i.Transform(context.Background(), env, plain(1)); !errors.Is(err, guest.ErrDiscarded) {
		t.Errorf("the next call of the instance got %v, want %v", err, guest.ErrDiscarded)
	}
	return trap
}

// TestPanic holds that a panic traps with the guest's own words and the line in its source, and that a fresh instance works.
func TestPanic(t *testing.T) {
	places := map[string]string{"go": `conformance-record-go/main\.go:\d+`, "rust": `src/lib\.rs:\d+`}
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		m := load(t, wasm, map[string]any{"mode": "panic"})
		batch := plain(3)
		batch.Records[1].Value = []byte("panic")
		failed := trap(t, instance(t, m), batch, guest.TrapUnreachable)
		place := places[t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]]
		if !strings.Contains(failed.Message, "told to panic") || !regexp.MustCompile(place).MatchString(failed.Message) {
			t.Errorf("the trap says %q, want the panic's text and its place %s", failed.Message, place)
		}
		if len(failed.Stack) == 0 || failed.Transform != "test" || len(failed.Digest) != 64 {
			t.Errorf("the trap does not say where: stack %q, transform %q, module %q", failed.Stack, failed.Transform, failed.Digest)
		}
		if failed.Topic != batch.Topic || failed.First != batch.Records[0].Offset || failed.Last != batch.Records[2].Offset || failed.Fuel == 0 {
			t.Errorf("the trap does not say of which records, and what it took: %v", failed)
		}
		if failed.Suspect != batch.Records[1].Offset {
			t.Errorf("the guest was at offset %d, want %d", failed.Suspect, batch.Records[1].Offset)
		}
		if text := failed.Error(); strings.Contains(text, "\n") || !regexp.MustCompile(`^topic ".*told to panic.*`+place).MatchString(text) {
			t.Errorf("the trap's text is %q, want one line with all of it", text)
		}
		same(t, recordModes["identity"](plain(3)), call(t, instance(t, m), plain(3)))
	})
}

// TestBatchError holds that an error of a whole-batch transform traps the batch with its text.
func TestBatchError(t *testing.T) {
	each(t, "conformance-batch", func(t *testing.T, wasm []byte) {
		failed := trap(t, instance(t, load(t, wasm, map[string]any{"mode": "fail"})), plain(2), guest.TrapUnreachable)
		if failed.Suspect != -1 {
			t.Errorf("a whole batch names the record at offset %d", failed.Suspect)
		}
		if !strings.Contains(failed.Message, "told to fail") {
			t.Errorf("the trap says %q, want the error's text", failed.Message)
		}
	})
}

// TestMemory holds that a guest that needs more memory than it may traps with that kind.
func TestMemory(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		m := load(t, wasm, map[string]any{"mode": "grow", "times": 30 << 20}, func(c *guest.Config) { c.Limits.Memory = 16 << 20 })
		trap(t, instance(t, m), plain(1), guest.TrapMemory)
	})
}

// TestInit holds that a guest can refuse its configuration, in words that reach the reader.
func TestInit(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		for _, test := range []struct {
			name   string
			params map[string]any
			change func(*guest.Config)
			words  []string
		}{
			{"unknown mode", map[string]any{"mode": "nonsense"}, func(*guest.Config) {}, []string{"config.mode", "nonsense"}},
			{"wrong type", map[string]any{"mode": 3}, func(*guest.Config) {}, []string{"config.mode", "string"}},
			{"output that is not declared", map[string]any{"mode": "tee"}, func(c *guest.Config) { c.Outputs = []string{"out"} }, []string{`"copy"`, "not declared"}},
		} {
			t.Run(test.name, func(t *testing.T) {
				_, err := load(t, wasm, test.params, test.change).Instantiate(context.Background())
				var trap *guest.TrapError
				if !errors.As(err, &trap) || trap.Kind != guest.TrapInit {
					t.Fatalf("got error %v, want a trap of kind %q", err, guest.TrapInit)
				}
				for _, word := range test.words {
					if !strings.Contains(trap.Message, word) {
						t.Errorf("the error %q does not say %q", trap.Message, word)
					}
				}
			})
		}
	})
}

// TestLog holds that lines reach the log with their level, cut where they are too long.
func TestLog(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		var mu sync.Mutex
		var lines []guest.LogLine
		m := load(t, wasm, map[string]any{"mode": "log"}, func(c *guest.Config) {
			c.Log = func(line guest.LogLine) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, line)
			}
		})
		batch := batchOf("log", 0, []abi.Record{{Value: []byte("hello ü"), LeaderEpoch: -1}})
		same(t, recordModes["identity"](batch), call(t, instance(t, m), batch))
		var want []guest.LogLine
		for _, level := range []abi.Level{abi.LevelDebug, abi.LevelInfo, abi.LevelWarn, abi.LevelError} {
			want = append(want, guest.LogLine{Transform: "test", Level: level, Text: "hello ü", Stream: "log"})
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		lines = nil
		batch.Records[0].Value = bytes.Repeat([]byte("x"), 10_000)
		call(t, instance(t, m), batch)
		for _, line := range lines {
			if len(line.Text) > 4<<10 || len(line.Text) < 4<<9 {
				t.Errorf("a line of %d bytes, want it cut at 4 KiB", len(line.Text))
			}
		}
		if len(lines) != 4 {
			t.Errorf("%d lines, want 4", len(lines))
		}
	})
}

// TestDeterministic holds that equal calls of fresh instances give equal results.
func TestDeterministic(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		for _, name := range []string{"look", "headers", "count"} {
			m := load(t, wasm, map[string]any{"mode": name})
			same(t, call(t, instance(t, m), odd()), call(t, instance(t, m), odd()))
		}
	})
}

// TestInfo holds that a module says what it is without being run.
func TestInfo(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		info, err := guest.Inspect(context.Background(), wasm)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(info.ABI) != "[1]" || len(info.Problems) != 0 {
			t.Errorf("ABI %v, problems %v; want ABI 1 and none", info.ABI, info.Problems)
		}
	})
}
