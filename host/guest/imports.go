package guest

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// hostFunc is a function that a guest may import. It finds its instance in the context of the call.
type hostFunc struct {
	module, name string
	typ          meter.FuncType
	call         func(i *Instance, mem api.Memory, stack []uint64)
}

// hostFuncs is all that a guest can reach besides its own memory.
var hostFuncs = slices.Concat([]hostFunc{
	{abi.ImportModule, abi.ImportLog, meter.FuncType{Params: "\x7f\x7f\x7f"}, hostLog},
	{abi.ImportModule, abi.ImportFail, meter.FuncType{Params: "\x7f\x7f"}, hostFail},
}, wasiFuncs)

func findHostFunc(module, name string) (hostFunc, bool) {
	at := slices.IndexFunc(hostFuncs, func(f hostFunc) bool { return f.module == module && f.name == name })
	if at < 0 {
		return hostFunc{}, false
	}
	return hostFuncs[at], true
}

// allowed lists hostFuncs by their modules.
func allowed() string {
	var parts []string
	for _, module := range []string{abi.ImportModule, wasiModule} {
		var names []string
		for _, f := range hostFuncs {
			if f.module == module {
				names = append(names, f.name)
			}
		}
		parts = append(parts, strings.Join(names, ", ")+" of "+quote(module))
	}
	return strings.Join(parts, "; ")
}

// instantiateHost gives the functions to a runtime. None of them is called by reflection: that costs forty times as much.
func instantiateHost(ctx context.Context, rt wazero.Runtime) error {
	for _, module := range []string{abi.ImportModule, wasiModule, meter.ImportModule} {
		b := rt.NewHostModuleBuilder(module)
		for _, f := range slices.Concat(hostFuncs, meterFuncs) {
			if f.module != module {
				continue
			}
			call := f.call
			b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
				i := ctx.Value(instanceKey{}).(*Instance)
				i.tank.open(mod)
				if i.running == nil {
					i.starting(ctx)
				}
				i.yield()
				call(i, mod.Memory(), stack)
			}), []api.ValueType(f.typ.Params), []api.ValueType(f.typ.Results)).WithName(f.name).Export(f.name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// instanceKey finds the instance in the context of a call.
type instanceKey struct{}

// callContext is the context of the calls of one instance. It is part of the instance, so that a call allocates nothing.
type callContext struct {
	context.Context
	instance *Instance
}

func (c *callContext) Value(key any) any {
	if key == (instanceKey{}) {
		return c.instance
	}
	return c.Context.Value(key)
}

// hostLog is log(level, ptr, len). Every line of the text is a line of the log.
func hostLog(i *Instance, mem api.Memory, stack []uint64) {
	text := guestBytes(mem, abi.ImportLog, uint32(stack[1]), uint32(stack[2]))
	i.pay(len(text))
	if i.m.config.Log == nil {
		return
	}
	i.logged.level = abi.Level(min(uint32(stack[0]), uint32(abi.LevelError)))
	for part := range slices.Chunk(text, maxLook) {
		i.yield()
		i.logged.write(part, i)
	}
	i.logged.flush(i)
}

// hostFail is fail(ptr, len): the last text before a trap is its message.
func hostFail(i *Instance, mem api.Memory, stack []uint64) {
	text := guestBytes(mem, abi.ImportFail, uint32(stack[0]), uint32(stack[1]))
	text = text[:min(len(text), maxMessage+utf8.UTFMax)]
	i.pay(len(text))
	i.failed = clean(string(text), maxMessage)
}

// guestBytes are the bytes that a guest points at; pointing out of memory is a trap.
func guestBytes(mem api.Memory, name string, ptr, size uint32) []byte {
	b, ok := mem.Read(ptr, size)
	if !ok {
		interrupt(&pointerError{name, ptr, size})
	}
	return b
}

// interrupt ends the call that the guest is in. To panic is how a host function does that (wazero, api.GoModuleFunction): the
// runtime recovers, and the call returns the error with the guest's stack.
func interrupt(err error) { panic(err) }
