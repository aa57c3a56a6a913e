package guest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lookup finds variables in a map.
func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

// seenAtInit is what the guest environ saw as it began.
func seenAtInit(t *testing.T, m *Module) (clock int64, strings string) {
	t.Helper()
	got, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	v := got.Records[0].Value
	size := binary.LittleEndian.Uint32(v[12:])
	if n := binary.LittleEndian.Uint32(v[8:]); int(n) != bytes.Count(v[16:], []byte{'='}) {
		t.Errorf("%d strings in %q", n, v[16:])
	}
	return int64(binary.LittleEndian.Uint64(v)), string(v[16 : 16+size])
}

// A guest finds the variables that it was granted, in the order in which they were, and no others.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"REGION": "eu", "EMPTY": "", "PASSWORD": "hunter2"}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"REGION"}, "REGION=eu\x00"},
		{[]string{"EMPTY", "REGION"}, "EMPTY=\x00REGION=eu\x00"},
	} {
		m := load(t, "environ", func(conf *Config) { conf.Capabilities.Env, conf.LookupEnv = c.names, lookup(vars) })
		if clock, got := seenAtInit(t, m); got != c.want || clock != tick {
			t.Errorf("%q: it finds %q, at %d", c.names, got, clock)
		}
		if d := cmp.Diff(Capabilities{ClockRecord, RandomSeeded, append([]string{}, c.names...)}, m.Capabilities()); d != "" {
			t.Error(d)
		}
	}
}

// What cannot be granted is told by Load, all of it, and no value with it.
func TestCapabilitiesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given Capabilities
		want  []string
	}{
		{Capabilities{Clock: "sun", Random: "dice"}, []string{`Capabilities.Clock: record or wall (got "sun")`, `Capabilities.Random: seeded or system (got "dice")`}},
		{Capabilities{Env: []string{"A=B", "", "REGION", "REGION"}}, []string{`"A=B" is not the name of a variable`, `"" is not`, "REGION is given twice"}},
		{Capabilities{Env: []string{"NOWHERE", "BINARY"}}, []string{`transform "x": Capabilities.Env: NOWHERE is not set in the environment of the host: set it, or take the name out`, "the value of BINARY holds a zero byte"}},
	} {
		_, err := Load(t.Context(), Config{
			Name: "x", Wasm: wasmOf(t, "environ"), Capabilities: c.given,
			LookupEnv: lookup(map[string]string{"REGION": "eu", "BINARY": "hunter\x002"}),
		})
		if err == nil {
			t.Fatalf("%+v is granted", c.given)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%v does not say %s", err, want)
			}
		}
	}
	if _, err := Load(t.Context(), Config{Name: "x", Wasm: wasmOf(t, "environ"), Capabilities: Capabilities{Env: []string{"WASMFLOW_TEST_NOT_SET"}}}); err == nil {
		t.Error("a variable that the process lacks is granted")
	}
}

// The clock of the host holds from the beginning; the monotonic one is the instance's own.
func TestWallClock(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixNano()
	m := load(t, "environ", func(c *Config) { c.Capabilities.Clock = ClockWall })
	if clock, _ := seenAtInit(t, m); clock < before || clock > time.Now().UnixNano() {
		t.Errorf("init sees the time %d, not one after %d", clock, before)
	}
	i := instantiate(t, load(t, "world", func(c *Config) { c.Capabilities.Clock = ClockWall }))
	last := uint64(0)
	for range 3 {
		got, err := i.Transform(t.Context(), Env{}, batchOf("a"))
		if err != nil {
			t.Fatal(err)
		}
		v := got.Records[0].Value
		if wall := int64(binary.LittleEndian.Uint64(v)); wall < before || wall > time.Now().UnixNano() {
			t.Errorf("a call sees the time %d, not one after %d", wall, before)
		}
		mono := binary.LittleEndian.Uint64(v[8:])
		if mono <= last || mono > uint64(time.Now().UnixNano()-before) {
			t.Errorf("the monotonic clock shows %d after %d", mono, last)
		}
		last = mono
	}
}

// On the host's clock to wait takes time: as much as was asked for, or what the call has left.
func TestWaitOnTheWallClock(t *testing.T) {
	t.Parallel()
	// The guest is entered by hand, and so are its functions.
	poll := func(i *Instance, sub []byte) (stopped any) {
		defer func() { stopped = recover() }()
		i.mem.Write(4096, sub)
		wasiPoll(i, i.mem, []uint64{4096, 8192, 1, 12288})
		return nil
	}
	i := instantiate(t, load(t, "world", func(c *Config) { c.Capabilities.Clock = ClockWall }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	i.enter(ctx, 1000, seed{})
	i.tank.fill(unlimited, "", time.Hour)
	began := time.Now()
	for clock, at := range []int64{began.UnixNano(), int64(began.Sub(i.world.born))} {
		wait := uint64(20 * time.Millisecond)
		if stopped := poll(i, subscription(7, 0, uint32(clock), wait, 0)); stopped != nil || time.Since(began) < time.Duration(wait) {
			t.Errorf("clock %d: stopped by %v after %v", clock, stopped, time.Since(began))
		}
		// Until a time that has come already.
		if stopped := poll(i, subscription(7, 0, uint32(clock), uint64(at), absoluteTime)); stopped != nil {
			t.Errorf("clock %d: stopped by %v", clock, stopped)
		}
	}
	i.tank.fill(unlimited, "", 20*time.Millisecond)
	var limit *limitError
	if err, _ := poll(i, subscription(7, 0, 1, math.MaxUint64, 0)).(error); !errors.As(err, &limit) || limit.kind != TrapDeadline {
		t.Errorf("a call that waits for ever is ended by %v", err)
	}
	i.tank.fill(unlimited, "", time.Hour)
	cancel()
	if stopped := poll(i, subscription(7, 0, 1, math.MaxUint64, 0)); stopped != errInterrupted {
		t.Errorf("a call whose context is done is ended by %v", stopped)
	}
}

// Random numbers of the system differ for the same batch, the seeded ones do not.
func TestSystemRandom(t *testing.T) {
	t.Parallel()
	for random, want := range map[Random]int{RandomSystem: 4, RandomSeeded: 1} {
		m := load(t, "world", func(c *Config) { c.Capabilities.Random = random })
		seen := map[string]bool{}
		for range 4 {
			got, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a"))
			if err != nil {
				t.Fatal(err)
			}
			seen[string(got.Records[0].Value[16:])] = true
		}
		if len(seen) != want {
			t.Errorf("%s: four fresh instances get %d numbers, want %d", random, len(seen), want)
		}
	}
}
