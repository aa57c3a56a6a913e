package guest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
)

func native(t *testing.T, f Func) *Instance {
	t.Helper()
	m, err := Load(t.Context(), Config{Name: "n", Native: f, Outputs: []string{"out"}, Limits: Limits{OutputRecords: 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if info := m.Info(); info.Digest != "" || info.Imports == nil {
		t.Errorf("got %+v", info)
	}
	return instantiate(t, m)
}

func explode() { panic(errors.New("boom")) }

func TestNative(t *testing.T) {
	t.Parallel()
	i := native(t, func(_ context.Context, env Env, b abi.Batch) (abi.Result, error) {
		records := env.Arena.Records(len(b.Records))
		for n := range records {
			records[n] = abi.ResultRecord{Value: b.Records[n].Value, Source: uint32(n), Partition: abi.PartitionByKey}
		}
		return abi.Result{Records: records}, nil
	})
	got, err := i.Transform(t.Context(), Env{}, batchOf("a", "b"))
	if d := cmp.Diff([]string{"a", "b"}, valuesOf(got)); err != nil || d != "" {
		t.Fatal(err, d)
	}
	if _, err = i.Transform(t.Context(), Env{}, batchOf("a", "b", "c")); trapOf(t, err).Kind != TrapOutput {
		t.Errorf("got %v", err)
	}
	if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
		t.Errorf("got %v", err)
	}
}

func TestNativeTraps(t *testing.T) {
	t.Parallel()
	cause := errors.New("no luck")
	for name, c := range map[string]struct {
		f       Func
		kind    TrapKind
		message string
	}{
		"error": {func(context.Context, Env, abi.Batch) (abi.Result, error) { return abi.Result{}, cause }, TrapPanic, "no luck"},
		"panic": {func(context.Context, Env, abi.Batch) (abi.Result, error) { explode(); return abi.Result{}, nil }, TrapPanic, "panic: boom"},
		"nil": {func(_ context.Context, _ Env, b abi.Batch) (abi.Result, error) {
			b.Records[9].Key = nil
			return abi.Result{}, nil
		}, TrapPanic, "panic: runtime error: index out of range [9] with length 1"},
		"output": {func(context.Context, Env, abi.Batch) (abi.Result, error) {
			return abi.Result{Records: []abi.ResultRecord{{Output: 1}}}, nil
		}, TrapBadResult, "records[0].output: 1, but there are 1 outputs"},
	} {
		_, err := native(t, c.f).Transform(t.Context(), Env{}, batchOf("a"))
		trap := trapOf(t, err)
		if trap.Kind != c.kind || trap.Message != c.message || trap.Transform != "n" || trap.Digest != "" {
			t.Errorf("%s: got %v", name, err)
		}
		if want := `topic "in" partition 3 offset 100: transform "n": trap ` + string(c.kind) + ": " + c.message; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
		switch name {
		case "error":
			if !errors.Is(err, cause) {
				t.Error("the cause is lost")
			}
		case "panic":
			if len(trap.Stack) != 2 || !strings.Contains(trap.Stack[0], "guest.explode (") || !strings.Contains(trap.Stack[0], "native_test.go:") {
				t.Errorf("got %q", trap.Stack)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	i := native(t, func(ctx context.Context, _ Env, _ abi.Batch) (abi.Result, error) {
		cancel()
		<-ctx.Done()
		return abi.Result{}, ctx.Err()
	})
	if _, err := i.Transform(ctx, Env{}, batchOf("a")); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
