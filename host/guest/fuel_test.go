package guest

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// Guests that never return, by where they spin.
var spinning = map[string][]string{
	"spin_loop": {"spin", "wasmflow_transform"}, "spin_exponential": nil, "spin_mutual": nil, "spin_log": nil, "spin_fill": {"wasmflow_transform"},
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, stack := range spinning {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := load(t, name, func(c *Config) { c.Limits.Timeout = 100 * time.Millisecond })
			for range 2 { // the second is the call on a fresh instance
				i := instantiate(t, m)
				_, err := i.Transform(t.Context(), Env{}, batchOf("a"))
				trap := trapOf(t, err)
				if trap.Kind != TrapDeadline || trap.Limit != LimitTimeout || !strings.HasPrefix(trap.Message, "stopped after ") || !strings.HasSuffix(trap.Message, ", the limit is 100ms") {
					t.Errorf("got %s: %s", trap.Kind, trap.Message)
				}
				if trap.Fuel == 0 || trap.Fuel != i.Fuel() {
					t.Errorf("%d units in the trap, %d of the instance", trap.Fuel, i.Fuel())
				}
				if d := cmp.Diff(stack, trap.Stack); stack != nil && d != "" {
					t.Error(d)
				}
				for _, f := range trap.Stack {
					if strings.HasPrefix(f, "$") || strings.Contains(f, "refuel") || strings.Contains(f, "check") {
						t.Errorf("the stack shows %s", f)
					}
				}
				if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
					t.Errorf("after the trap: %v", err)
				}
			}
		})
	}
}

// Whatever runs before the first call is held to the deadline too.
func TestDeadlineOfInit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"spin_init", "spin_start"} {
		m := load(t, name, func(c *Config) { c.Limits.Timeout = 50 * time.Millisecond })
		_, err := m.Instantiate(t.Context())
		trap := trapOf(t, err)
		var inner *TrapError
		if trap.Kind != TrapInit || !errors.As(errors.Unwrap(trap), &inner) || inner.Kind != TrapDeadline || trap.Fuel == 0 {
			t.Errorf("%s: %v, inside is %v", name, trap, inner)
		}
	}
}

// A start function that traps has paid for what it did: there is no instance yet that could be asked.
func TestFuelOfStart(t *testing.T) {
	t.Parallel()
	m := load(t, "start_count", nil)
	for _, slice := range []int64{1, 1000, defaultSlice} {
		m.slice = slice
		_, err := m.Instantiate(t.Context())
		if trap := trapOf(t, err); trap.Kind != TrapInit || trap.Fuel != 700_001 {
			t.Errorf("slices of %d: %d units, %v", slice, trap.Fuel, trap)
		}
	}
}

// A budget ends a call at the same unit, whatever is granted at once; a call that needs less is let through.
func TestFuel(t *testing.T) {
	t.Parallel()
	for name := range spinning {
		for _, mode := range []FuelMode{FuelExact, FuelCoarse} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				t.Parallel()
				m := load(t, name, func(c *Config) {
					c.Limits = Limits{Timeout: time.Minute, FuelPerBatch: 3_000_000, FuelPerRecord: 1_000_000, FuelMode: mode}
				})
				first := ""
				for _, slice := range []int64{1, 1000, defaultSlice, 1 << 40} {
					m.slice = slice
					i := instantiate(t, m)
					_, err := i.Transform(t.Context(), Env{}, batchOf("a", "b"))
					trap := trapOf(t, err)
					if trap.Kind != TrapFuel || trap.Limit != LimitFuelPerRecord || !strings.HasSuffix(trap.Message, " more are needed, of the limit of 2000000") {
						t.Fatalf("slices of %d: %s: %s", slice, trap.Kind, trap.Message)
					}
					if trap.Fuel < 1_900_000 || trap.Fuel > 2_040_000 {
						t.Errorf("slices of %d: %d used", slice, trap.Fuel)
					}
					if first == "" {
						first = trap.Error()
					}
					if d := cmp.Diff(first, trap.Error()); d != "" {
						t.Errorf("slices of %d: %s", slice, d)
					}
				}
			})
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		batch, record int64
		records       int
		want          int64
		limit         string
	}{
		{0, 0, 5, unlimited, ""},
		{7, 0, 5, 7, LimitFuelPerBatch},
		{0, 7, 5, 35, LimitFuelPerRecord},
		{0, 7, 0, 7, LimitFuelPerRecord},
		{30, 7, 5, 30, LimitFuelPerBatch},
		{34, 7, 5, 34, LimitFuelPerBatch},
		{35, 7, 5, 35, LimitFuelPerRecord},
		{40, 7, 5, 35, LimitFuelPerRecord},
		{0, unlimited, 2, unlimited, ""},
		{9, unlimited, 2, 9, LimitFuelPerBatch},
	} {
		l := Limits{FuelPerBatch: c.batch, FuelPerRecord: c.record}
		if got, limit := l.budget(c.records); got != c.want || limit != c.limit {
			t.Errorf("%+v: %d by %q", c, got, limit)
		}
	}
}

// Work that takes long, but not too long, is done; what was left of one call is not the next one's.
func TestLongWork(t *testing.T) {
	t.Parallel()
	m := load(t, "work", func(c *Config) { c.Limits.Timeout = time.Minute })
	i := instantiate(t, m)
	used := uint64(0)
	for n := range 2 {
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		if got := i.Fuel(); got < 300_000_000 || n > 0 && got != used {
			t.Errorf("%d units, before %d", got, used)
		}
		used = i.Fuel()
	}
	for limit, want := range map[int64]TrapKind{int64(used): "", int64(used) - 1000: TrapFuel} {
		m := load(t, "work", func(c *Config) { c.Limits.Timeout, c.Limits.FuelPerBatch = time.Minute, limit })
		_, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a"))
		var trap *TrapError
		if errors.As(err, &trap) != (want != "") || trap != nil && trap.Kind != want {
			t.Errorf("limit of %d: %v", limit, err)
		}
	}
}

// The collector is not held up by a guest that spins, and a context that is done ends its call, which is no trap.
func TestSpinningGuestLetsTheCollectorRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := make(chan struct{})
	m := load(t, "spin_loop", func(c *Config) {
		c.Limits.Timeout = time.Minute
		c.Log = func(LogLine) { close(began) }
	})
	i := instantiate(t, m)
	ended := make(chan error, 1)
	go func() {
		_, err := i.Transform(ctx, Env{}, abi.Batch{Topic: "in"})
		ended <- err
	}()
	<-began
	for range 3 {
		runtime.GC()
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the guest was ended by %v", err)
	}
	if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
		t.Errorf("after its end: %v", err)
	}
}

// What is compiled differs by the mode, and so does where the cache keeps it.
func TestFuelModeIsPartOfTheIdentity(t *testing.T) {
	t.Parallel()
	dir := privateDir(t)
	cache, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(t.Context())
	used := map[uint64]bool{}
	for _, mode := range []FuelMode{FuelExact, FuelCoarse} {
		m := load(t, "identity", func(c *Config) { c.Cache, c.Limits.FuelMode = cache, mode })
		i := instantiate(t, m)
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		used[i.Fuel()] = true
	}
	for _, mode := range []string{"exact", "coarse"} {
		found, err := filepath.Glob(filepath.Join(dir, "*-"+mode+strconv.Itoa(meter.Version)))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %q, %v", mode, found, err)
		}
	}
	if len(used) != 2 {
		t.Errorf("both modes use %v", used)
	}
}
