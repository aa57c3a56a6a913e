package guest

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The tests of this file are not parallel: they hold what all instances of the process share.

// hold takes the turn of a deep stack until the function that it returns is called.
func hold(t *testing.T) func() {
	t.Helper()
	select {
	case deep <- struct{}{}:
		return func() { <-deep }
	default:
		t.Fatal("the turn was not given back")
		return nil
	}
}

// The size of a stack is read from a field of the runtime, of which nothing says that it will be there.
func TestStackCanBeSeen(t *testing.T) {
	i := instantiate(t, load(t, "identity", nil))
	for name, f := range map[string]*function{"alloc": &i.alloc, "transform": &i.transform} {
		if f.size() < 1024 {
			t.Errorf("the stack of %s has %d bytes", name, f.size())
		}
	}
	if unknown := (&function{}); unknown.size() != 0 || stackOf(nil).stack.IsValid() {
		t.Error("there is a stack of nothing")
	}
}

// A guest that recurses deeply does so, with an equal result and equal fuel each time, and keeps none of the stack.
func TestDeepStack(t *testing.T) {
	i := instantiate(t, load(t, "deep", nil))
	fuel := i.Fuel()
	for n := range 3 {
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		if n > 0 && i.Fuel() != fuel {
			t.Errorf("%d units, before %d", i.Fuel(), fuel)
		}
		if fuel = i.Fuel(); i.transform.size() > deepStack {
			t.Errorf("it keeps a stack of %d bytes", i.transform.size())
		}
		hold(t)()
	}
}

// While another instance has a deep stack, one that comes to the bound waits there, at most until its time is over; and one that
// does not come there does not notice.
func TestDeepStackWaits(t *testing.T) {
	release := hold(t)
	// Long enough for a slow machine to come to the bound in.
	soon := func(c *Config) { c.Limits.Timeout = time.Second }
	i := instantiate(t, load(t, "recursion", soon))
	transform := i.transform
	_, err := i.Transform(t.Context(), Env{}, batchOf("a"))
	trap := trapOf(t, err)
	if trap.Kind != TrapDeadline || !strings.HasSuffix(trap.Message, ", the limit is 1s, while another instance of this process had a deep stack: it recurses, and so does that") {
		t.Errorf("got %s: %s", trap.Kind, trap.Message)
	}
	if size := transform.size(); size > 32<<20 {
		t.Errorf("it waits with a stack of %d bytes", size)
	}
	// What a start function needs cannot be seen: it has one slice, and then waits.
	_, err = load(t, "spin_start", soon).Instantiate(t.Context())
	if trap := trapOf(t, err); trap.Kind != TrapInit || !strings.Contains(trap.Message, "had a deep stack") || trap.Fuel < 900_000 {
		t.Errorf("spin_start: got %s: %s", trap.Kind, trap.Message)
	}
	if _, err := instantiate(t, load(t, "identity", nil)).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
		t.Error(err)
	}
	// A context that is done ends the waiting. Nothing else asks this one for Done.
	ctx, cancel := context.WithCancel(t.Context())
	i = instantiate(t, load(t, "deep", nil))
	if _, err := i.Transform(&asked{ctx, cancel}, Env{}, batchOf("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	hold(t)()
}

// The turn is given back after a trap, and what it left to the collector is collected before.
func TestStackOverflowIsCollected(t *testing.T) {
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	before := forced()
	for range 2 {
		_, err := instantiate(t, load(t, "recursion", nil)).Transform(t.Context(), Env{}, batchOf("a"))
		if trap := trapOf(t, err); trap.Kind != TrapStack {
			t.Errorf("got %v", err)
		}
		hold(t)()
	}
	if _, err := instantiate(t, load(t, "deep", nil)).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
		t.Error(err)
	}
	if n := forced() - before; n != 2 {
		t.Errorf("%d collections were forced, not one for each stack overflow", n)
	}
}

// Of several that recurse, all come to their turn.
func TestDeepStacksTakeTurns(t *testing.T) {
	turn := make(chan error)
	for range 3 {
		i := instantiate(t, load(t, "deep", nil))
		go func() {
			_, err := i.Transform(t.Context(), Env{}, batchOf("a"))
			turn <- err
		}()
	}
	for range 3 {
		if err := <-turn; err != nil {
			t.Error(err)
		}
	}
	hold(t)()
}

// asked is a context that is done once somebody waits for it.
type asked struct {
	context.Context
	cancel func()
}

func (c *asked) Done() <-chan struct{} {
	c.cancel()
	return c.Context.Done()
}
