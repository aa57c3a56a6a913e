package guest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// TrapKind says how a call ended that did not return properly.
type TrapKind string

// The kinds of traps. Those of the WebAssembly specification keep its meaning (core 2.0, section 4.4).
const (
	// TrapUnreachable: the guest gave up. What a panic and an abort become.
	TrapUnreachable TrapKind = "unreachable"
	// TrapBounds: an access outside of memory or table, by the guest itself or by a pointer that it handed to the host.
	TrapBounds TrapKind = "bounds"
	// TrapArithmetic: a division by zero, an overflow, a conversion of what is not a number.
	TrapArithmetic TrapKind = "arithmetic"
	// TrapIndirectCall: a call through a table to nothing, or to a function of another signature.
	TrapIndirectCall TrapKind = "indirect_call"
	// TrapStack: the guest recursed too deeply.
	TrapStack TrapKind = "stack"
	// TrapMemory: the guest needs more than Limits.Memory, or has no room for a record.
	TrapMemory TrapKind = "memory"
	// TrapOutput: the result exceeds Limits.OutputRecords or Limits.OutputBytes.
	TrapOutput TrapKind = "output"
	// TrapExit: the guest called proc_exit.
	TrapExit TrapKind = "exit"
	// TrapBadResult: what the guest returned breaks the ABI; the message names the field.
	TrapBadResult TrapKind = "bad_result"
	// TrapInit: the instance could not be initialized, by an error that the guest returned or by a trap.
	TrapInit TrapKind = "init"
	// TrapFuel: the guest used up Limits.FuelPerBatch or Limits.FuelPerRecord. The same call ends there every time.
	TrapFuel TrapKind = "fuel"
	// TrapDeadline: the call took longer than Limits.Timeout.
	TrapDeadline TrapKind = "deadline"
	// TrapPanic: Go code failed, a native transform above all.
	TrapPanic TrapKind = "panic"
)

// Bounds of what a TrapError carries, in bytes; MaxFrames in functions.
const (
	maxMessage = 4 << 10
	maxFrame   = 256
	maxFrames  = 32
)

// exitError is the guest's proc_exit on its way through the runtime.
type exitError struct{ code uint32 }

func (e *exitError) Error() string {
	return "the guest exited with code " + strconv.FormatUint(uint64(e.code), 10)
}

// errInterrupted is a context that was done while the guest ran.
var errInterrupted = errors.New("the context of the call is done")

// pointerError is an import that was called with a pointer outside of memory.
type pointerError struct {
	name      string
	ptr, size uint32
}

func (e *pointerError) Error() string {
	return fmt.Sprintf("%s was called with %d bytes at %#x, outside of memory", e.name, e.size, e.ptr)
}

// wasmTraps are the runtime's texts of the traps of the core specification.
var wasmTraps = map[string]TrapKind{
	"unreachable":                   TrapUnreachable,
	"out of bounds memory access":   TrapBounds,
	"integer divide by zero":        TrapArithmetic,
	"integer overflow":              TrapArithmetic,
	"invalid conversion to integer": TrapArithmetic,
	"invalid table access":          TrapIndirectCall,
	"indirect call type mismatch":   TrapIndirectCall,
	"stack overflow":                TrapStack,
}

// ended says how a call ended that the runtime returned an error from. A context that is done is no trap: it is nothing that
// the guest did.
func (i *Instance) ended(err error) error {
	if errors.Is(err, errInterrupted) {
		return i.ctx.Err()
	}
	return i.trapOf(err)
}

// trapOf makes a trap of what the runtime returned and of what the guest said before.
func (i *Instance) trapOf(err error) *TrapError {
	text, trace, _ := strings.Cut(err.Error(), "\nwasm stack trace:\n\t")
	text = strings.TrimPrefix(strings.TrimSuffix(text, " (recovered by wazero)"), "wasm error: ")
	t := &TrapError{Kind: TrapPanic, Message: text, Stack: i.m.frames(trace), cause: err}
	var limit *limitError
	if errors.As(err, &limit) {
		// What the guest said before has nothing to do with it.
		t.Kind, t.Message, t.Limit = limit.kind, limit.text, limit.name
		i.said.flush(i)
		return i.m.trap(t)
	}
	var exit *exitError
	var pointer *pointerError
	switch {
	case errors.As(err, &exit):
		t.Kind, t.Message = TrapExit, exit.Error()
	case errors.As(err, &pointer):
		t.Kind, t.Message = TrapBounds, pointer.Error()
	case wasmTraps[text] == TrapBounds && i.stackRanOut():
		t.Kind, t.Message = TrapStack, "stack overflow: the stack pointer is outside of memory"
	case wasmTraps[text] != "":
		t.Kind = wasmTraps[text]
	}
	i.said.flush(i)
	crash, crashed := i.said.crash()
	switch {
	case i.failed != "":
		t.Message = i.failed
	case crashed:
		t.Message = crash
	case t.Kind == TrapUnreachable || t.Kind == TrapExit:
		if tail := i.said.text(); tail != "" && t.Kind == TrapExit {
			t.Message += ": " + tail
		} else if tail != "" {
			t.Message = tail
		}
	}
	switch {
	case t.Kind != TrapUnreachable && t.Kind != TrapExit:
	case slices.Contains(t.Stack, "runtime.copystack") || strings.HasPrefix(crash, "fatal error: stack overflow"):
		// A goroutine's stack lies in memory, and mostly reaches that limit first.
		t.Kind = TrapStack
	case outOfMemory(t):
		t.Kind = TrapMemory
	case t.Kind == TrapExit && crashed:
		t.Kind = TrapUnreachable
	}
	return i.m.trap(t)
}

// stackRanOut says whether the stack that compilers of C and Rust lay into memory grew below its beginning: its pointer wraps
// then, and the access that follows is out of bounds.
func (i *Instance) stackRanOut() bool {
	mod, ok := i.mod.(experimental.InternalModule)
	return ok && i.m.stack && uint32(mod.Global(0).Get()) > mod.Memory().Size()
}

// outOfMemory says whether a guest gave up because its allocator did. Go says so before it exits; Rust calls a function of
// its own, and prints where it has somewhere to print to.
func outOfMemory(t *TrapError) bool {
	for _, s := range []string{"fatal error: out of memory", "fatal error: runtime: out of memory", "runtime: out of memory", "memory allocation of "} {
		if strings.HasPrefix(t.Message, s) {
			return true
		}
	}
	for _, f := range t.Stack {
		for _, s := range []string{"handle_alloc_error", "rust_oom", "__rdl_oom", "__rg_oom", "default_alloc_error_hook"} {
			if strings.Contains(f, s) {
				return true
			}
		}
	}
	return false
}

// frames reads the runtime's stack trace: a function a line, with module and signature.
func (m *Module) frames(trace string) []string {
	trace, _, _ = strings.Cut(trace, "\n\n") // of a failed import, Go's own stack follows
	var out []string
	for line := range strings.SplitSeq(trace, "\n\t") {
		if len(out) == maxFrames {
			break
		}
		f := frame(line, m.prefix)
		if number, ok := strings.CutPrefix(f, "$"); ok {
			f = m.numbered(f, number)
		}
		if f != "" && !strings.HasPrefix(f, meter.ImportModule+".") {
			out = append(out, f)
		}
	}
	return out
}

// numbered names a function that has but its number, which is that of the rewritten module. It is empty for one that was added.
func (m *Module) numbered(f, number string) string {
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return f
	}
	index, ok := m.paid.Original(uint32(n))
	if !ok {
		return ""
	}
	f = "$" + strconv.FormatUint(uint64(index), 10)
	if name := m.names[f]; name != "" {
		return name
	}
	return f
}

// frame is the name of a function: without the module's own, and without the signature, which follow in wazero's traces.
func frame(line, module string) string {
	if at := strings.LastIndex(line, ") ("); at >= 0 {
		line = line[:at+1]
	}
	if at := strings.LastIndexByte(line, '('); at > 0 {
		line = line[:at]
	}
	if !strings.HasPrefix(line, "...") {
		line = strings.TrimPrefix(line, module+".")
	}
	if at := strings.LastIndex(line, "::h"); at > 0 && len(line)-at == len("::h")+16 {
		line = line[:at] // a hash of rustc
	}
	return flat(readable(line), maxFrame)
}
