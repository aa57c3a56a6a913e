package guest

import (
	"reflect"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// deepStack is how large the runtime's stack of an instance may be, in bytes, while others have theirs. Compiled code seldom
// needs a tenth of it.
const deepStack = 4 << 20

// hugeStack is one that was doubled as often as it can be: its guest recurses without end, as good as always.
const hugeStack = 64 << 20

// deep is held by the one instance of the process that may grow its stack beyond. The runtime itself ends a recursion only at
// some 85 MB, and doubles the stack by copying it: without this, guests that recurse for ever on all workers take that, and as
// much garbage, many times. It is a queue and not a limit, so that what a guest returns does not depend on its neighbours.
var deep = make(chan struct{}, 1)

// function is a function of a guest, with the stack that the runtime gives to it: each has one of its own, which grows as it
// recurses and stays as large as it became.
type function struct {
	api.Function
	// stack is the runtime's field. There is no API for its size, the runtime tells no one when it grows, and its limit is a
	// constant. Where an engine has no such field, as the interpreter, the stack is not bounded here.
	stack reflect.Value
}

func stackOf(f api.Function) function {
	if engine := reflect.Indirect(reflect.ValueOf(f)); engine.Kind() == reflect.Struct {
		if stack := engine.FieldByName("stack"); stack.IsValid() && stack.Type() == reflect.TypeFor[[]byte]() {
			return function{f, stack}
		}
	}
	return function{Function: f}
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
	err := f.CallWithStack(&i.ctx, stack)
	i.running, i.depth = nil, f.size()
	return err
}

// queue waits for its turn before a stack that is deep may grow on. It is called with every slice of fuel: a recursion cannot
// go on without.
func (i *Instance) queue() {
	switch {
	case i.deep:
		return
	case i.running != nil:
		if i.running.size() <= deepStack {
			return
		}
	case i.tank.granted == 0:
		// A start function: nobody sees its stack, so only the first slice is free.
		return
	}
	timer := time.NewTimer(time.Until(i.tank.deadline))
	defer timer.Stop()
	select {
	case deep <- struct{}{}:
		i.deep = true
	case <-i.ctx.Done():
		interrupt(errInterrupted)
	case <-timer.C:
		interrupt(&limitError{TrapDeadline, LimitTimeout, i.tank.late() + ", while another instance of this process had a deep stack: it recurses, and so does that"})
	}
}

// surface ends what queue began. The stack is left to the collector, not kept with the instance. The next one in the queue
// does not begin while a huge one is still in memory: the collector would count both as what the process needs, and the next one
// seldom fits into the hole that this one leaves.
func (i *Instance) surface() {
	if !i.deep {
		return
	}
	if i.mod != nil {
		i.bind()
	}
	if i.mod == nil || i.depth > hugeStack {
		debug.FreeOSMemory()
	}
	i.deep, i.depth = false, 0
	<-deep
}
