package guest

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// wasiModule is the one version of WASI that a guest may import from.
const wasiModule = "wasi_snapshot_preview1"

// Errors of WASI preview1 (typenames.witx).
const (
	errnoSuccess = 0
	errnoBadf    = 8
	errnoFault   = 21
	errnoInval   = 28
	errnoSpipe   = 70
)

// Signatures of wasiFuncs: i is i32, l is i64.
func wasiType(params string) meter.FuncType {
	b := []byte(params)
	for n, c := range b {
		b[n] = map[byte]byte{'i': 0x7f, 'l': 0x7e}[c]
	}
	return meter.FuncType{Params: string(b), Results: "\x7f"}
}

// wasiFuncs is as much of WASI preview1 as the runtimes of Go, Rust and C ask for: output to the log, clocks, random
// numbers, an end. Arguments are empty, the environment holds what was granted, and there are no files: descriptors 1 and 2 are
// all there is.
var wasiFuncs = []hostFunc{
	{wasiModule, "args_get", wasiType("ii"), wasiStrings(noStrings)},
	{wasiModule, "args_sizes_get", wasiType("ii"), wasiStringSizes(noStrings)},
	{wasiModule, "environ_get", wasiType("ii"), wasiStrings(environ)},
	{wasiModule, "environ_sizes_get", wasiType("ii"), wasiStringSizes(environ)},
	{wasiModule, "clock_res_get", wasiType("ii"), wasiClockRes},
	{wasiModule, "clock_time_get", wasiType("ili"), wasiClockTime},
	{wasiModule, "random_get", wasiType("ii"), wasiRandom},
	{wasiModule, "sched_yield", wasiType(""), func(i *Instance, _ api.Memory, s []uint64) { i.world.advance(tick); s[0] = errnoSuccess }},
	{wasiModule, "poll_oneoff", wasiType("iiii"), wasiPoll},
	{wasiModule, "proc_exit", meter.FuncType{Params: "\x7f"}, func(_ *Instance, _ api.Memory, s []uint64) { interrupt(&exitError{uint32(s[0])}) }},
	{wasiModule, "fd_write", wasiType("iiii"), wasiWrite},
	{wasiModule, "fd_fdstat_get", wasiType("ii"), wasiFdstat},
	{wasiModule, "fd_fdstat_set_flags", wasiType("ii"), wasiOutputOnly(errnoSuccess)},
	{wasiModule, "fd_close", wasiType("i"), wasiOutputOnly(errnoSuccess)},
	{wasiModule, "fd_seek", wasiType("ilii"), wasiOutputOnly(errnoSpipe)},
	{wasiModule, "fd_read", wasiType("iiii"), wasiOutputOnly(errnoBadf)},
	{wasiModule, "fd_prestat_get", wasiType("ii"), wasiOutputOnly(errnoBadf)},
	{wasiModule, "fd_prestat_dir_name", wasiType("iii"), wasiOutputOnly(errnoBadf)},
}

// wasiOutputOnly answers errno for standard output and standard error; any other descriptor is not there.
func wasiOutputOnly(errno uint64) func(*Instance, api.Memory, []uint64) {
	return func(_ *Instance, _ api.Memory, s []uint64) {
		if fd := uint32(s[0]); fd != 1 && fd != 2 {
			s[0] = errnoBadf
			return
		}
		s[0] = errno
	}
}

func fault(ok bool) uint64 {
	if ok {
		return errnoSuccess
	}
	return errnoFault
}

func wasiClockRes(_ *Instance, mem api.Memory, s []uint64) {
	if uint32(s[0]) > 1 {
		s[0] = errnoInval
		return
	}
	s[0] = fault(mem.WriteUint64Le(uint32(s[1]), tick))
}

func wasiClockTime(i *Instance, mem api.Memory, s []uint64) {
	i.world.advance(tick)
	ns, ok := i.world.look(uint32(s[0]))
	if !ok {
		s[0] = errnoInval
		return
	}
	s[0] = fault(mem.WriteUint64Le(uint32(s[2]), ns))
}

func wasiRandom(i *Instance, mem api.Memory, s []uint64) {
	b, ok := mem.Read(uint32(s[0]), uint32(s[1]))
	i.pay(len(b))
	for part := range slices.Chunk(b, maxLook) {
		i.yield()
		i.world.fill(part)
	}
	s[0] = fault(ok)
}

func wasiWrite(i *Instance, mem api.Memory, s []uint64) {
	to := &i.stdout
	switch uint32(s[0]) {
	case 1:
	case 2:
		to = &i.stderr
	default:
		s[0] = errnoBadf
		return
	}
	vectors, ok := mem.Read(uint32(s[1]), uint32(min(uint64(uint32(s[2]))*8, math.MaxUint32&^7)))
	if !ok {
		s[0] = errnoFault
		return
	}
	// Vectors may overlap: a few kilobytes can name terabytes, and many may be empty. What is left over is written by the next call.
	vectors = vectors[:min(len(vectors), 8*maxVectors)]
	written := uint32(0)
	for ; len(vectors) > 0 && written < maxWrite; vectors = vectors[8:] {
		size := min(binary.LittleEndian.Uint32(vectors[4:]), maxWrite-written)
		i.pay(8 + int(size))
		b, ok := mem.Read(binary.LittleEndian.Uint32(vectors), size)
		if !ok {
			s[0] = errnoFault
			return
		}
		to.write(b, i)
		written += size
	}
	s[0] = fault(mem.WriteUint32Le(uint32(s[3]), written))
}

// wasiFdstat says that outputs are terminals: a C library then writes whole lines, and loses none at a trap.
func wasiFdstat(_ *Instance, mem api.Memory, s []uint64) {
	const characterDevice, rightFdWrite = 2, 1 << 6
	if fd := uint32(s[0]); fd != 1 && fd != 2 {
		s[0] = errnoBadf
		return
	}
	b, ok := mem.Read(uint32(s[1]), 24)
	if ok {
		clear(b)
		b[0] = characterDevice
		binary.LittleEndian.PutUint64(b[8:], rightFdWrite)
	}
	s[0] = fault(ok)
}

// Sizes and kinds of poll_oneoff (typenames.witx: subscription, event).
const (
	subscriptionSize = 48
	eventSize        = 32
	eventClock       = 0
	absoluteTime     = 1
	maxSubscriptions = 4096
)

// wasiPoll waits for the first subscription that is due. Descriptors are not there to wait for.
func wasiPoll(i *Instance, mem api.Memory, s []uint64) {
	in, out, n, count := uint32(s[0]), uint32(s[1]), uint64(uint32(s[2])), uint32(s[3])
	if n == 0 || n > maxSubscriptions {
		s[0] = errnoInval
		return
	}
	subs, ok := mem.Read(in, uint32(n*subscriptionSize))
	events, ok2 := mem.Read(out, uint32(n*eventSize))
	if !ok || !ok2 {
		s[0] = errnoFault
		return
	}
	i.pay(len(subs) + len(events))
	// The guest may have laid the events over the subscriptions.
	subs = bytes.Clone(subs)
	wait := uint64(math.MaxUint64)
	for sub := range slices.Chunk(subs, subscriptionSize) {
		left, _ := i.world.left(sub)
		wait = min(wait, left)
	}
	found := uint32(0)
	for sub := range slices.Chunk(subs, subscriptionSize) {
		left, errno := i.world.left(sub)
		if left > wait {
			continue
		}
		event := events[found*eventSize:][:eventSize]
		clear(event)
		copy(event, sub[:8])
		binary.LittleEndian.PutUint16(event[8:], errno)
		event[10] = sub[8]
		found++
	}
	i.pass(wait)
	s[0] = fault(mem.WriteUint32Le(count, found))
}

// left is how long a subscription has to wait, in nanoseconds; what cannot be waited for is due at once, with its error.
func (w *world) left(sub []byte) (ns uint64, errno uint16) {
	if sub[8] != eventClock {
		return 0, errnoBadf
	}
	ns = binary.LittleEndian.Uint64(sub[24:])
	now, ok := w.look(binary.LittleEndian.Uint32(sub[16:]))
	if !ok {
		return 0, errnoInval
	}
	if binary.LittleEndian.Uint16(sub[40:])&absoluteTime != 0 {
		ns -= min(ns, now)
	}
	return ns, errnoSuccess
}

// pass lets time go by. On the clock of records it only moves the clock on; else it takes the time, but no more than the call
// has left.
func (i *Instance) pass(ns uint64) {
	if !i.world.open {
		i.world.advance(ns)
		return
	}
	// Who sleeps needs no larger stack.
	i.giveWay()
	left := max(0, time.Until(i.tank.deadline)+1)
	timer := time.NewTimer(time.Duration(min(ns, uint64(left))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-i.ctx.Done():
	}
	i.yield()
}
