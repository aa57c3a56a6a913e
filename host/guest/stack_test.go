package guest

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	if unknown := (&function{}); unknown.size() != 0 || stackIn(nil).IsValid() {
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

// bubble is a test in a time of its own, which stands still while anything runs. What it holds is made in it.
func bubble(t *testing.T, test func(t *testing.T)) {
	others := deep
	defer func() { deep = others }()
	synctest.Test(t, func(t *testing.T) {
		deep = make(chan struct{}, 1)
		test(t)
	})
}

// While another instance has its turn, one that comes to the bound waits there; what it waits is none of its time.
func TestDeepStackWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		i := instantiate(t, load(t, "deep", func(c *Config) { c.Limits.Timeout = time.Second }))
		release := hold(t)
		time.AfterFunc(time.Hour, release)
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Error(err)
		}
		if i.tank.waited != time.Hour {
			t.Errorf("it waited for %v", i.tank.waited)
		}
		hold(t)()
	})
}

// A trap of one that waited tells both times.
func TestDeepStackWaitedIsTold(t *testing.T) {
	now := time.Now()
	late := tank{started: now, timeout: time.Hour, deadline: now}
	late.wait(time.Minute)
	if got := late.late(); !strings.HasSuffix(got, ", the limit is 1h0m0s; it waited for 1m0s besides, for other deep stacks of this process") || !late.deadline.Equal(now.Add(time.Minute)) {
		t.Errorf("got %s", got)
	}
}

// One that does not come to the bound does not notice, nor does one that spins where its stack cannot be seen from outside.
func TestShallowStackDoesNotWait(t *testing.T) {
	defer hold(t)()
	if _, err := instantiate(t, load(t, "identity", nil)).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
		t.Error(err)
	}
	_, err := load(t, "spin_start", func(c *Config) { c.Limits.Timeout = 50 * time.Millisecond }).Instantiate(t.Context())
	if trap := trapOf(t, err); trap.Kind != TrapInit || trap.Limit != LimitTimeout || strings.Contains(trap.Message, "waited") {
		t.Errorf("spin_start: got %v", err)
	}
}

// A context that is done ends the waiting, of a start function too. Nothing else asks this one for Done.
func TestDeepStackWaitsForItsContext(t *testing.T) {
	defer hold(t)()
	ctx, cancel := context.WithCancel(t.Context())
	i := instantiate(t, load(t, "recursion", nil))
	transform := i.transform
	if _, err := i.Transform(&asked{ctx, cancel}, Env{}, batchOf("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if size := transform.size(); size > 32<<20 {
		t.Errorf("it waits with a stack of %d bytes", size)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if _, err := load(t, "recursion_start", nil).Instantiate(&asked{ctx, cancel}); !errors.Is(err, context.Canceled) {
		t.Errorf("recursion_start: got %v", err)
	}
}

// Guests that recurse deeply and then do not end keep nobody from a deep stack: they have their turn, and go on without it.
func TestDeepStackIsNoHostage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var hogs sync.WaitGroup
	defer hogs.Wait()
	defer cancel()
	deepNow := make(chan struct{}, 3)
	m := load(t, "spin_deep", func(c *Config) { c.Log = func(LogLine) { deepNow <- struct{}{} } })
	for range 3 {
		i := instantiate(t, m)
		hogs.Go(func() {
			if _, err := i.Transform(ctx, Env{}, batchOf("a")); !errors.Is(err, context.Canceled) {
				t.Errorf("the neighbour ended with %v", err)
			}
		})
	}
	<-deepNow
	i := instantiate(t, load(t, "deep", func(c *Config) { c.Limits.Timeout = 2 * time.Second }))
	for range 2 {
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		i = instantiate(t, i.m)
	}
	<-deepNow
	<-deepNow
}

// A guest that sleeps gives its turn away, and has what it had.
func TestSleepGivesWay(t *testing.T) {
	stack := make([]byte, 3*deepStack)
	i := &Instance{m: &Module{}, running: &function{stack: reflect.ValueOf(&struct{ stack []byte }{stack}).Elem().Field(0)}, world: world{open: true}}
	i.ctx.Context = t.Context()
	i.tank.deadline = time.Now().Add(time.Hour)
	i.queue()
	if !i.deep {
		t.Fatal("it has no turn")
	}
	i.pass(1)
	if i.deep || i.running.had != len(stack) {
		t.Errorf("it keeps its turn, and has %d bytes", i.running.had)
	}
	defer hold(t)()
	i.queue()
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
