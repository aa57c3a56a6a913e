package guest

import (
	"context"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// deepStack is how large the runtime's stack of an instance may become without a turn, in bytes. Compiled code seldom needs a
// tenth of it.
const deepStack = 4 << 20

// hugeStack is one that was doubled as often as it can be: its guest recurses without end, as good as always.
const hugeStack = 64 << 20

// turn is how long an instance may grow its stack while others wait: many times what a recursion without end takes to be ended.
const turn = 250 * time.Millisecond

// deep is held by the one instance of the process whose turn it is to grow its stack beyond. The runtime itself ends a recursion
// only at some 85 MB, and doubles the stack by copying it: without this, guests that recurse for ever on all workers take that,
// and as much garbage, many times. It is a queue and not a limit: to wait takes nothing of the time of a call, and at the end of a
// turn a guest goes on with the stack that it has. So what a guest returns does not depend on its neighbours.
var deep = make(chan struct{}, 1)

// function is a function of a guest, with the stack that the runtime gives to it: each has one of its own, which grows as it
// recurses and stays as large as it became.
type function struct {
	api.Function
	// stack is the runtime's field. There is no API for its size, the runtime tells no one when it grows, and its limit is a
	// constant. Where an engine has no such field, as the interpreter, the stack is not bounded here.
	stack reflect.Value
	// had is the size that it had when its turn ended.
	had int
}

func stackOf(f api.Function) function { return function{Function: f, stack: stackIn(f)} }

// stackIn finds the stack of what runs a function in the runtime.
func stackIn(engine any) reflect.Value {
	if engine := reflect.Indirect(reflect.ValueOf(engine)); engine.Kind() == reflect.Struct {
		if stack := engine.FieldByName("stack"); stack.IsValid() && stack.Type() == reflect.TypeFor[[]byte]() {
			return stack
		}
	}
	return reflect.Value{}
}

// size in bytes.
func (f *function) size() int {
	if !f.stack.IsValid() {
		return 0
	}
	return f.stack.Len()
}

// invoke calls a function of the guest.
func (i *Instance) invoke(f *function, stack []uint64) error {
	i.running = f
	defer i.ran()
	return f.CallWithStack(&i.ctx, stack)
}

// ran takes note of the stack that was needed.
func (i *Instance) ran() {
	if i.running != nil {
		i.depth = max(i.depth, i.running.size())
		i.running = nil
	}
}

// starting takes note of a start function, which the runtime calls by itself: the first function of the host that is called by it
// is told. To ask for snapshots, which nobody takes, is how the runtime says what runs it.
func (i *Instance) starting(ctx context.Context) {
	i.running = &function{stack: stackIn(experimental.GetSnapshotter(ctx))}
}

// queue waits for its turn before a stack that is deep may grow on. It is called with every slice of fuel: a recursion cannot
// go on without.
func (i *Instance) queue() {
	if i.deep {
		if time.Since(i.since) < turn {
			return
		}
		i.giveWay()
	}
	if i.running.size() <= max(deepStack, i.running.had) {
		return
	}
	began := time.Now()
	select {
	case deep <- struct{}{}:
	case <-i.ctx.Done():
		interrupt(errInterrupted)
	}
	i.deep, i.since = true, time.Now()
	i.tank.wait(i.since.Sub(began))
}

// giveWay ends the turn of a guest that goes on. It needs another one where its stack becomes larger.
func (i *Instance) giveWay() {
	if i.deep {
		i.deep, i.running.had = false, i.running.size()
		<-deep
	}
}

// surface ends what queue began. A stack that is deep is left to the collector, not kept with the instance. The next one in the
// queue does not begin while a huge one is still in memory: the collector would count both as what the process needs, and the next
// one seldom fits into the hole that this one leaves.
func (i *Instance) surface() {
	i.ran()
	if i.depth > deepStack && i.mod != nil {
		i.bind()
	}
	if i.depth > hugeStack {
		debug.FreeOSMemory()
	}
	i.depth = 0
	if i.deep {
		i.deep = false
		<-deep
	}
}
