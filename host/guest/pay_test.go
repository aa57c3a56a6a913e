package guest

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
)

// looked is a context that counts how often it is asked whether it is done.
type looked struct {
	context.Context
	times int
}

func (c *looked) Err() error {
	c.times++
	return c.Context.Err()
}

// Functions of the host charge for what they look at or move, whatever comes of it, and look at the time meanwhile.
func TestHostFunctionsArePaid(t *testing.T) {
	t.Parallel()
	const mega = 1 << 20
	for _, c := range []struct {
		module, name string
		args         []uint64
		units        int64
		looks        int
	}{
		{abi.ImportModule, abi.ImportLog, []uint64{1, 0, mega}, mega / 32, 1 + mega/maxLook},
		{abi.ImportModule, abi.ImportLog, []uint64{1, 0, 33}, 2, 2},
		{abi.ImportModule, abi.ImportLog, []uint64{1, 0, 0}, 0, 1},
		{abi.ImportModule, abi.ImportFail, []uint64{0, mega}, (maxMessage + 4 + 31) / 32, 1},
		{wasiModule, "random_get", []uint64{0, mega}, mega / 32, 1 + mega/maxLook},
		// There memory is full of zeros: all vectors are empty, and of 100,000 of them no more than a thousand are looked at.
		{wasiModule, "fd_write", []uint64{1, 1 << 16, 100_000, mega}, maxVectors, maxVectors},
		{wasiModule, "fd_write", []uint64{1, mega, 1, 0}, (8 + 4096 + 31) / 32, 1},
		{wasiModule, "poll_oneoff", []uint64{0, mega, maxSubscriptions, 8}, maxSubscriptions * (subscriptionSize + eventSize) / 32, 1},
		{wasiModule, "environ_get", []uint64{0, mega}, 1, 1},
		{wasiModule, "clock_time_get", []uint64{1, 0, 8}, 0, 0},
	} {
		for _, log := range []func(LogLine){nil, func(LogLine) {}} {
			i := instantiate(t, load(t, "world", func(c *Config) { c.Log = log }))
			i.m.environ = []string{"A=" + strings.Repeat("b", 25)}
			i.mem.Grow(32)
			i.mem.Write(mega+4, []byte{0, 16}) // a vector of 4 KiB
			ctx := &looked{Context: t.Context()}
			i.ctx.Context = ctx
			i.tank.fill(unlimited, "", i.tank.timeout)
			f, ok := findHostFunc(c.module, c.name)
			if !ok {
				t.Fatal(c.name)
			}
			f.call(i, i.mem, append([]uint64{}, c.args...))
			if used := i.tank.read(); used != c.units {
				t.Errorf("%s%v: %d units, want %d", c.name, c.args, used, c.units)
			}
			// Without a log there is nothing to do for one.
			if ctx.times != c.looks && (log != nil || c.name != abi.ImportLog) {
				t.Errorf("%s%v: %d looks at the time, want %d", c.name, c.args, ctx.times, c.looks)
			}
			// What is too much for the limit is not done.
			i.tank.fill(max(0, c.units-1), LimitFuelPerBatch, i.tank.timeout)
			func() {
				defer func() {
					var limit *limitError
					if err, _ := recover().(error); !errors.As(err, &limit) != (c.units == 0) || limit != nil && limit.kind != TrapFuel {
						t.Errorf("%s%v: got %v", c.name, c.args, err)
					}
				}()
				f.call(i, i.mem, append([]uint64{}, c.args...))
			}()
		}
	}
}

// A budget that a function of the host exceeds ends the call at the same unit, however it is granted; what it leaves is enough.
func TestFuelOfHostFunctions(t *testing.T) {
	t.Parallel()
	run := func(slice, budget int64) (uint64, error) {
		m := load(t, "world", func(c *Config) { c.Limits.FuelPerBatch = budget })
		m.slice = slice
		i := instantiate(t, m)
		_, err := i.Transform(t.Context(), Env{}, batchOf("a"))
		return i.Fuel(), err
	}
	used, err := run(defaultSlice, math.MaxInt32)
	if err != nil {
		t.Fatal(err)
	}
	for _, slice := range []int64{1, 700, defaultSlice} {
		if got, err := run(slice, int64(used)); err != nil || got != used {
			t.Errorf("slices of %d: %d units, not %d: %v", slice, got, used, err)
		}
		texts := map[string]bool{}
		for range 2 {
			_, err := run(slice, int64(used)/2)
			texts[trapOf(t, err).Error()] = true
		}
		if len(texts) != 1 {
			t.Errorf("slices of %d: %v", slice, texts)
		}
	}
}
