package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wasmflow/wasmflow/abi"
)

// Instance is one memory of a module. It does one call at a time; further callers wait. After any error it is gone: what a
// trap left behind in its memory must never reach another batch.
type Instance struct {
	m  *Module
	mu sync.Mutex
	// discarded instances have no module any more.
	discarded bool

	mod              api.Module
	mem              api.Memory
	linear           experimental.LinearMemory // what mem lies in
	alloc, transform function
	// running is the function that the guest is in. deep says that it is this one's turn to have a deep stack, from since on; depth is
	// the largest stack that a function had in this call.
	running *function
	deep    bool
	since   time.Time
	depth   int
	stack   [2]uint64
	// in is the guest's buffer for input images, room its size. They hold until the next alloc.
	in, room uint32
	// record is where the guest keeps the index of the record that it is at, where it says so.
	record     uint32
	hasRecords bool

	// batch is what Transform was given, here so that a call allocates nothing.
	batch abi.Batch
	// at is the part of it that the call is about.
	at             *abi.Batch
	ctx            callContext
	tank           tank
	world          world
	rate           rate
	stdout, stderr stream
	logged         stream // closed between two calls of log
	said           said
	// failed is what the guest told the import fail in this call.
	failed string
}

// Instantiate makes an instance of the module and initializes it: its start functions, then init with the settings image. A
// guest that traps there, or that returns an error, is a *TrapError of kind init; one for whose memory the system has no room is
// one of kind memory.
func (m *Module) Instantiate(ctx context.Context) (*Instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	i := &Instance{
		m: m, world: world{digest: m.digest, open: m.config.Capabilities.Clock == ClockWall, born: time.Now(), system: m.config.Capabilities.Random == RandomSystem},
		logged: stream{name: streamLog},
		stdout: stream{name: streamStdout, level: abi.LevelInfo},
		stderr: stream{name: streamStderr, level: abi.LevelWarn},
	}
	i.ctx.instance = i
	i.tank.slice = m.slice
	// Close of the module waits for this, as for any call.
	i.mu.Lock()
	defer i.mu.Unlock()
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, ErrClosed
	}
	m.instances[i] = struct{}{}
	m.mu.Unlock()
	if m.config.Native != nil {
		return i, nil
	}
	if err := i.start(ctx); err != nil {
		i.discard()
		return nil, err
	}
	return i, nil
}

func (i *Instance) start(ctx context.Context) (err error) {
	// Without a limit of fuel: an init works once, and for no record.
	i.tank.fill(unlimited, "", i.m.config.Limits.Timeout)
	defer func() { i.account(err) }()
	i.enter(experimental.WithSnapshotter(i.withLinear(ctx)), 0, seed{name: i.m.config.Name})
	defer i.leave()
	defer func() {
		// What the runtime does beside calls it does not recover from by itself.
		p := recover()
		if limit, ok := p.(*limitError); ok {
			err = i.trapOf(limit) // as it is: nothing of the guest has run
		} else if p != nil {
			err = i.initTrap(i.m.trap(&TrapError{Kind: TrapPanic, Message: fmt.Sprintf("it cannot be instantiated: %v", p)}))
		}
	}()
	// Without a name, so that there can be several; without start functions, so that _start is never one.
	mod, err := i.m.runtime.InstantiateModule(&i.ctx, i.m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(nobody{}))
	i.ran()
	i.ctx.Context = ctx
	if err != nil {
		if cause := errors.Unwrap(err); cause != nil && strings.HasPrefix(err.Error(), "start ") {
			err = cause // without the preamble, which numbers and names the function as the module does
		}
		return i.initTrap(i.ended(err))
	}
	i.tank.open(mod)
	i.mod, i.mem = mod, mod.ExportedMemory(abi.ExportMemory)
	i.bind()
	if initialize := mod.ExportedFunction(abi.ExportInitialize); initialize != nil {
		f := stackOf(initialize)
		if err := i.invoke(&f, nil); err != nil {
			return i.initTrap(i.ended(err))
		}
	}
	if err := i.init(stackOf(mod.ExportedFunction(abi.ExportInit))); err != nil {
		return err
	}
	return i.askRecord()
}

// askRecord asks the guest where it keeps the index of the record that it is at.
func (i *Instance) askRecord() error {
	f := i.mod.ExportedFunction(abi.ExportRecord)
	if f == nil {
		return nil
	}
	call := stackOf(f)
	i.stack = [2]uint64{}
	if err := i.invoke(&call, i.stack[:1]); err != nil {
		return i.initTrap(i.ended(err))
	}
	i.record, i.hasRecords = uint32(i.stack[0]), true
	return nil
}

// suspect is the offset of the record that the guest is at, by its own word; -1 where it has none.
func (i *Instance) suspect() int64 {
	if !i.hasRecords || i.mem == nil {
		return -1
	}
	n, ok := i.mem.ReadUint32Le(i.record)
	if !ok || uint64(n) >= uint64(len(i.at.Records)) {
		return -1
	}
	return i.at.Records[n].Offset
}

// nobody is the runtime's source of random numbers, which only its own WASI would ask: a new one for each instance costs more than
// all else of an instance.
type nobody struct{}

func (nobody) Read([]byte) (int, error) { return 0, io.EOF }

// bind takes the functions of a call from the module, with stacks that are new.
func (i *Instance) bind() {
	i.alloc, i.transform = stackOf(i.mod.ExportedFunction(abi.ExportAlloc)), stackOf(i.mod.ExportedFunction(abi.ExportTransform))
}

// init hands over the settings image.
func (i *Instance) init(call function) error {
	view, err := i.buffer(int64(len(i.m.settings)))
	if err != nil {
		return i.initTrap(err)
	}
	if view == nil {
		return i.initTrap(i.noRoom("the settings", int64(len(i.m.settings))))
	}
	copy(view, i.m.settings)
	i.stack = [2]uint64{uint64(i.in), uint64(len(i.m.settings))}
	if err := i.invoke(&call, i.stack[:]); err != nil {
		return i.initTrap(i.ended(err))
	}
	packed := i.stack[0]
	if packed == 0 {
		return nil
	}
	at, size := uint32(packed>>32), uint32(packed)
	text, ok := i.mem.Read(at, size)
	message := clean(string(text[:min(len(text), maxMessage+4)]), maxMessage)
	switch {
	case !ok:
		message = fmt.Sprintf("%s returned an error whose text, %d bytes at %#x, is outside of memory", abi.ExportInit, size, at)
	case message == "":
		message = abi.ExportInit + " returned an error without a text"
	}
	return i.m.trap(&TrapError{Kind: TrapInit, Message: message})
}

// initTrap makes a trap of kind init of one that happened there.
func (i *Instance) initTrap(err error) error {
	t, ok := err.(*TrapError)
	if !ok {
		return err
	}
	return i.m.trap(&TrapError{Kind: TrapInit, Message: t.Message, Stack: t.Stack, Limit: t.Limit, cause: t})
}

// account takes note of what a call used, in its trap too.
func (i *Instance) account(err error) {
	used := uint64(max(0, i.tank.read()))
	for rest := err; rest != nil; rest = errors.Unwrap(rest) {
		if t, ok := rest.(*TrapError); ok {
			t.Fuel = used
		}
	}
}

// Fuel is what the last call used, in units of Limits.FuelMode; where there was none yet, what Instantiate did. A batch that
// became several calls counts as one. It is 0 for a native transform.
func (i *Instance) Fuel() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return uint64(max(0, i.tank.used))
}

// enter begins a call.
func (i *Instance) enter(ctx context.Context, clock int64, s seed) {
	i.ctx.Context = ctx
	i.world.enter(clock, s)
	i.said.reset()
	i.failed = ""
}

// leave ends a call: nothing of the caller's context is kept.
func (i *Instance) leave() {
	i.surface()
	i.ctx.Context = context.Background()
}

// discard closes the instance and takes it from its module.
func (i *Instance) discard() {
	if i.discarded {
		return
	}
	i.discarded = true
	i.said.flush(i)
	i.reportDropped(i.rate.dropped)
	if i.mod != nil {
		// Nothing of an anonymous instance without files can fail to close.
		_ = i.mod.Close(context.Background())
	}
	if i.linear != nil { // also where there was no module yet
		i.linear.Free()
		i.linear = nil
	}
	i.mod, i.mem, i.alloc, i.transform, i.tank.left = nil, nil, function{}, function{}, nil
	i.m.mu.Lock()
	defer i.m.mu.Unlock()
	delete(i.m.instances, i)
}

// Close discards the instance, after the call that it is in. It may be called twice, and at any time.
func (i *Instance) Close(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.discard()
	return nil
}
