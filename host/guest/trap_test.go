package guest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
)

// Each way in which a call can end badly, and then the next call on a fresh instance.
func TestTraps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		guest   string
		kind    TrapKind
		message string
		stack   []string
	}{
		{guest: "unreachable", kind: TrapUnreachable, message: "unreachable", stack: []string{"inner", "middle", "wasmflow_transform"}},
		{guest: "bounds", kind: TrapBounds, message: "out of bounds memory access", stack: []string{"wasmflow_transform"}},
		{guest: "divide", kind: TrapArithmetic, message: "integer divide by zero"},
		{guest: "overflow", kind: TrapArithmetic, message: "integer overflow"},
		{guest: "convert", kind: TrapArithmetic, message: "invalid conversion to integer"},
		{guest: "indirect_null", kind: TrapIndirectCall, message: "invalid table access"},
		{guest: "indirect_type", kind: TrapIndirectCall, message: "indirect call type mismatch"},
		{guest: "recursion", kind: TrapStack, message: "stack overflow"},
		{guest: "stack_in_memory", kind: TrapStack, message: "stack overflow: the stack pointer is outside of memory"},
		{guest: "exit", kind: TrapExit, message: "the guest exited with code 3", stack: []string{"wasi_snapshot_preview1.proc_exit", "wasmflow_transform"}},
		{guest: "fail", kind: TrapUnreachable, message: "boom at src/lib.rs:3:5", stack: []string{"wasmflow_transform"}},
		{guest: "oom", kind: TrapMemory, message: "memory allocation of 65536 bytes failed"},
		{guest: "alloc_error", kind: TrapMemory, message: "unreachable", stack: []string{"alloc::alloc::handle_alloc_error", "wasmflow_transform"}},
		{guest: "stderr", kind: TrapUnreachable, message: "first\nsecond: out of luck"},
		{guest: "fail_pointer", kind: TrapBounds, message: "fail was called with 100 bytes at 0xfffffff0, outside of memory", stack: []string{"wasmflow.fail", "wasmflow_transform"}},
		{guest: "log_pointer", kind: TrapBounds, message: "log was called with 2 bytes at 0x3ffff, outside of memory"},
		{guest: "alloc_zero", kind: TrapMemory, message: `the guest has no room for the record at offset 100 of partition 3 of topic "in", an image of 5132 bytes`},
		{guest: "alloc_unaligned", kind: TrapBadResult, message: "wasmflow_alloc(8192) returned 0x404, which is not aligned to 8 bytes"},
		{guest: "output_flood", kind: TrapOutput, message: "records: 200000 is over the limit of 100000"},
		{guest: "alias_flood", kind: TrapOutput, message: "records[31].value_len: key, value and header bytes of this record and those before are over the limit of 33554432"},
		{guest: "alloc_outside", kind: TrapBadResult, message: "wasmflow_alloc(8192) returned 0x3fff8, which is outside of memory"},
		{guest: "alloc_trap", kind: TrapMemory, message: "unreachable", stack: []string{"wasmflow_alloc"}},
	} {
		t.Run(c.guest, func(t *testing.T) {
			t.Parallel()
			m := load(t, c.guest, nil)
			// Twice: the second is the call on a fresh instance.
			for range 2 {
				i := instantiate(t, m)
				// More than the buffer that init asked for.
				_, err := i.Transform(t.Context(), Env{}, batchOf(strings.Repeat("x", 5000)))
				trap := trapOf(t, err)
				if trap.Kind != c.kind || trap.Message != c.message {
					t.Errorf("got %s: %s", trap.Kind, trap.Message)
				}
				if c.stack != nil {
					if d := cmp.Diff(c.stack, trap.Stack); d != "" {
						t.Error(d)
					}
				}
				if trap.Transform != c.guest || trap.Digest != m.Info().Digest || len(trap.Digest) != 64 {
					t.Errorf("got transform %q, digest %q", trap.Transform, trap.Digest)
				}
				if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
					t.Errorf("after the trap: %v", err)
				}
			}
		})
	}
}

func TestInitTraps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		guest, message string
		// inner is the kind of the trap inside, if there was one.
		inner TrapKind
	}{
		{"init_error", `no output "accepted"`, ""},
		{"init_error_pointer", "wasmflow_init returned an error whose text, 255 bytes at 0xfffffff0, is outside of memory", ""},
		{"init_trap", "bad threshold", TrapUnreachable},
		{"initialize_trap", "unreachable", TrapUnreachable},
		{"start_trap", "unreachable", TrapUnreachable},
		{"forged_start", "unreachable", TrapUnreachable},
		{"recursion_start", "stack overflow", TrapStack},
		{"record_trap", "unreachable", TrapUnreachable},
		{"alloc_zero_init", "the guest has no room for the settings, an image of 95 bytes", TrapMemory},
	} {
		t.Run(c.guest, func(t *testing.T) {
			t.Parallel()
			m := load(t, c.guest, nil)
			for range 2 {
				i, err := m.Instantiate(t.Context())
				trap := trapOf(t, err)
				if i != nil || trap.Kind != TrapInit || trap.Message != c.message || trap.Suspect != -1 {
					t.Errorf("got %s: %s", trap.Kind, trap.Message)
				}
				var inner *TrapError
				if errors.As(errors.Unwrap(trap), &inner) != (c.inner != "") || inner != nil && (inner.Kind != c.inner || inner.Suspect != -1) {
					t.Errorf("inside is %v", errors.Unwrap(trap))
				}
			}
			if len(m.instances) > 0 {
				t.Errorf("%d instances are left", len(m.instances))
			}
		})
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	m := load(t, "grow", func(c *Config) { c.Limits.Memory = 1<<20 + 5 })
	i := instantiate(t, m)
	b := batchOf("a")
	if _, err := i.Transform(t.Context(), Env{}, b); err != nil {
		t.Fatal(err)
	}
	if got := i.mem.Size(); got != 1<<20 {
		t.Errorf("the guest has %d bytes", got)
	}
	// Two limits in one cache: the compiled code is the same, the limit is not.
	cache, err := OpenCache(privateDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close(t.Context()) })
	for _, pages := range []int64{8, 16} {
		i := instantiate(t, load(t, "grow", func(c *Config) { c.Limits.Memory, c.Cache = pages*pageSize, cache }))
		if _, err := i.Transform(t.Context(), Env{}, b); err != nil {
			t.Fatal(err)
		}
		if got := int64(i.mem.Size()); got != pages*pageSize {
			t.Errorf("the guest has %d bytes, the limit is %d", got, pages*pageSize)
		}
	}
}

func TestGoCrash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, printed, want string }{
		{
			"panic", "before\npanic: boom [recovered]\n\tpanic: bang\n\ngoroutine 1 [running]:\npanic({0x1, 0x2})\n\t/go/src/runtime/panic.go:7 +0x1\nmain.f(...)\n\t/src/main.go:12\nmain.g()\n\t/src/main.go:9 +0x3\n",
			"panic: boom [recovered]\n\tpanic: bang\n/src/main.go:12",
		},
		{
			"out of memory", "runtime: out of memory: cannot allocate 4194304-byte block (62914560 in use)\nfatal error: out of memory\n\ngoroutine 1 [running]:\nruntime.throw({0x1, 0xd})\n\t/go/src/runtime/panic.go:1 +0x3\nmain.f()\n\t/src/main.go:5 +0x1\n",
			"runtime: out of memory: cannot allocate 4194304-byte block (62914560 in use)\nfatal error: out of memory\n/src/main.go:5",
		},
		{"no trace", "fatal error: all goroutines are asleep - deadlock!\n", "fatal error: all goroutines are asleep - deadlock!"},
		{"second", "panic: one\npanic: two\n", "panic: two"},
		{"none", "nothing happened\n", ""},
	} {
		i := &Instance{m: &Module{}, stderr: stream{name: streamStderr}}
		i.stderr.write([]byte(c.printed), i)
		got, ok := i.said.crash()
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		".inner()":                             "inner",
		".$7(i32,i32) i64":                     "$7",
		".f(i32) (i32,i64)":                    "f",
		"wasmflow.fail(i32,i32)":               "wasmflow.fail",
		".core::fmt::h0123456789abcdef(i32)":   "core::fmt",
		".<a as b>::c(f32)":                    "<a as b>::c",
		"... maybe followed by omitted frames": "... maybe followed by omitted frames",
		".a\x1b[31m\xffb()":                    "a[31m\uFFFDb",
		"":                                     "",
	} {
		if got := frame(line, ""); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	if got := frame("a.wasm.f(i32)", "a.wasm"); got != "f" {
		t.Errorf("got %q", got)
	}
	if got := (&Module{}).frames(strings.Repeat(".f()\n\t", 100)); len(got) != maxFrames {
		t.Errorf("got %d frames", len(got))
	}
}

func TestLogLines(t *testing.T) {
	t.Parallel()
	var got lines
	m := load(t, "log", func(c *Config) { c.Log = got.add })
	if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
		t.Fatal(err)
	}
	want := []LogLine{
		{"log", abi.LevelDebug, "hello", "log"},
		{"log", abi.LevelError, "hello", "log"},
		{"log", abi.LevelError, "\uFFFDwörld", "log"},
		{"log", abi.LevelError, "hell", "log"},
	}
	if d := cmp.Diff(want, got.all()); d != "" {
		t.Error(d)
	}
}

func TestLogFlood(t *testing.T) {
	t.Parallel()
	var got lines
	m := load(t, "log_flood", func(c *Config) { c.Log = got.add })
	i := instantiate(t, m)
	// Lines of this test that stand for the rest of a second which has begun.
	for range 3 {
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	passed, reports := 0, 0
	for _, l := range got.all() {
		if l.Stream == streamLog {
			passed++
		} else {
			reports++
		}
	}
	if passed < linesPerSecond || passed >= 3000 || reports == 0 {
		t.Errorf("%d of 3000 lines passed, %d reports", passed, reports)
	}
}

// What was said in a call that went well is not the message of a later trap.
func TestTrapForgetsEarlierCalls(t *testing.T) {
	t.Parallel()
	i := instantiate(t, load(t, "unreachable", nil))
	i.failed = "old"
	i.stderr.write([]byte("panic: old\n"), i)
	_, err := i.Transform(t.Context(), Env{}, batchOf("a"))
	if trap := trapOf(t, err); trap.Kind != TrapUnreachable || trap.Message != "unreachable" {
		t.Errorf("got %v", err)
	}
}

// TestRecordAtATrap: a trap names the record that the guest says it was at, where there is one.
func TestRecordAtATrap(t *testing.T) {
	t.Parallel()
	record, outside, none := load(t, "record", nil), load(t, "record_outside", nil), load(t, "unreachable", nil)
	for _, c := range []struct {
		m     *Module
		index int32
		want  int64
	}{
		{record, 0, 100},
		{record, 2, 102},
		{record, 3, -1},
		{record, -1, -1},
		{record, 1<<31 - 1, -1},
		{outside, 0, -1},
		{none, 0, -1},
	} {
		b := batchOf("a", "b", "c")
		b.Partition = c.index
		_, err := instantiate(t, c.m).Transform(t.Context(), Env{}, b)
		if trap := trapOf(t, err); trap.Suspect != c.want {
			t.Errorf("%s at %d of three records: offset %d, want %d", trap.Transform, c.index, trap.Suspect, c.want)
		}
	}
	native := func(_ context.Context, _ Env, b abi.Batch) (abi.Result, error) {
		return abi.Result{}, fmt.Errorf("wrapped: %w", &AtRecord{b.Records[1].Offset, errors.New("no")})
	}
	m, err := Load(t.Context(), Config{Name: "n", Native: native, Outputs: []string{"out"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a", "b"))
	if trap := trapOf(t, err); trap.Suspect != 101 || trap.Message != "wrapped: no" {
		t.Errorf("a native transform: offset %d, %s; want 101", trap.Suspect, trap.Message)
	}
}
