package guest

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
)

// Equal calls from a fresh instance see an equal world; what differs in a call differs in the random numbers alone.
func TestWorldIsDeterministic(t *testing.T) {
	t.Parallel()
	m := load(t, "world", nil)
	see := func(i *Instance, b abi.Batch) (wall, mono uint64, random string) {
		t.Helper()
		got, err := i.Transform(t.Context(), Env{}, b)
		if err != nil {
			t.Fatal(err)
		}
		v := got.Records[0].Value
		return binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[8:]), string(v[16:])
	}
	first, second := instantiate(t, m), instantiate(t, m)
	seen := map[string]bool{}
	for n, change := range []func(*abi.Batch){
		func(*abi.Batch) {},
		func(b *abi.Batch) { b.Topic = "other" },
		func(b *abi.Batch) { b.Partition++ },
		func(b *abi.Batch) { b.Records[0].Offset++ },
	} {
		b := batchOf("a")
		change(&b)
		wall, mono, random := see(first, b)
		wall2, mono2, random2 := see(second, b)
		if wall != wall2 || mono != mono2 || random != random2 {
			t.Errorf("call %d: %d %d %x, then %d %d %x", n, wall, mono, random, wall2, mono2, random2)
		}
		if want := uint64(b.Clock)*1_000_000 + tick; wall != want {
			t.Errorf("call %d: it is %d, not %d", n, wall, want)
		}
		if want := uint64(2+2*n) * tick; mono != want {
			t.Errorf("call %d: the monotonic clock shows %d, not %d", n, mono, want)
		}
		if seen[random] {
			t.Errorf("call %d: %x again", n, random)
		}
		seen[random] = true
	}
	for clock, want := range map[int64]uint64{-5: tick, 0: tick, math.MaxInt64: math.MaxInt64/1_000_000*1_000_000 + tick} {
		b := batchOf("a")
		b.Clock = clock
		if wall, _, _ := see(first, b); wall != min(want, math.MaxInt64) {
			t.Errorf("at %d it is %d, not %d", clock, wall, want)
		}
	}
}

// subscription is one of poll_oneoff for a clock.
func subscription(userdata uint64, kind byte, clock uint32, timeout uint64, flags uint16) []byte {
	b := make([]byte, subscriptionSize)
	binary.LittleEndian.PutUint64(b, userdata)
	b[8] = kind
	binary.LittleEndian.PutUint32(b[16:], clock)
	binary.LittleEndian.PutUint64(b[24:], timeout)
	binary.LittleEndian.PutUint16(b[40:], flags)
	return b
}

func TestPollMovesTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		subs [][]byte
		// due are userdata<<16 | error of the events.
		due   []uint64
		moved uint64
	}{
		{"one", [][]byte{subscription(7, 0, 1, 5000, 0)}, []uint64{7 << 16}, 5000},
		{"first of two", [][]byte{subscription(1, 0, 1, 9000, 0), subscription(2, 0, 0, 5000, 0)}, []uint64{2 << 16}, 5000},
		{"both", [][]byte{subscription(1, 0, 1, 5000, 0), subscription(2, 0, 0, 5000, 0)}, []uint64{1 << 16, 2 << 16}, 5000},
		{"absolute", [][]byte{subscription(1, 0, 1, 150_000, 1)}, []uint64{1 << 16}, 50_000},
		{"absolute, past", [][]byte{subscription(1, 0, 1, 3, 1)}, []uint64{1 << 16}, 0},
		{"absolute real time", [][]byte{subscription(1, 0, 0, 1_000_007_000, 1)}, []uint64{1 << 16}, 7000},
		{"for ever", [][]byte{subscription(1, 0, 1, math.MaxUint64, 0)}, []uint64{1 << 16}, math.MaxInt64 - 100_000},
		{"descriptor", [][]byte{subscription(1, 0, 1, 5000, 0), subscription(2, 1, 0, 0, 0)}, []uint64{2<<16 | errnoBadf}, 0},
		{"process clock", [][]byte{subscription(1, 0, 2, 5000, 0)}, []uint64{1<<16 | errnoInval}, 0},
	} {
		i := instantiate(t, load(t, "world", nil))
		i.world.mono = 100_000
		i.world.enter(1000, seed{})
		at := uint32(4096)
		i.mem.Write(at, bytes.Join(c.subs, nil))
		stack := []uint64{uint64(at), 8192, uint64(len(c.subs)), 12288}
		wasiPoll(i, i.mem, stack)
		found, _ := i.mem.ReadUint32Le(12288)
		due := []uint64{}
		for n := range found {
			e, _ := i.mem.Read(8192+n*eventSize, eventSize)
			due = append(due, binary.LittleEndian.Uint64(e)<<16|uint64(binary.LittleEndian.Uint16(e[8:])))
		}
		if d := cmp.Diff(c.due, due); d != "" || stack[0] != errnoSuccess || i.world.mono != 100_000+c.moved {
			t.Errorf("%s: errno %d, moved by %d %s", c.name, stack[0], i.world.mono-100_000, d)
		}
	}
}

// What the functions answer to arguments that are out of place.
func TestWasiErrors(t *testing.T) {
	t.Parallel()
	i := instantiate(t, load(t, "world", nil))
	const outside = 0xfffffff0
	i.mem.Write(4096, []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) // a vector of 4 GiB
	i.mem.Write(4104, bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 3, 0}, 1000))
	for _, c := range []struct {
		name  string
		args  []uint64
		errno uint64
	}{
		{"args_get", []uint64{0, 0}, errnoSuccess},
		{"args_sizes_get", []uint64{8, 12}, errnoSuccess},
		{"args_sizes_get", []uint64{8, outside}, errnoFault},
		{"args_get", []uint64{outside, 0}, errnoFault},
		{"args_get", []uint64{0, outside}, errnoFault},
		{"environ_get", []uint64{0, 0}, errnoSuccess},
		{"environ_get", []uint64{outside, 0}, errnoFault},
		{"environ_get", []uint64{0, outside}, errnoFault},
		{"environ_sizes_get", []uint64{outside, 8}, errnoFault},
		{"clock_res_get", []uint64{1, 8}, errnoSuccess},
		{"clock_res_get", []uint64{2, 8}, errnoInval},
		{"clock_time_get", []uint64{3, 0, 8}, errnoInval},
		{"clock_time_get", []uint64{0, 0, 0x3fffc}, errnoFault},
		{"random_get", []uint64{8, 0x3fff9}, errnoFault},
		{"random_get", []uint64{0x3ff00, 0x100}, errnoSuccess},
		{"sched_yield", []uint64{0}, errnoSuccess},
		{"poll_oneoff", []uint64{4096, 8192, 0, 8}, errnoInval},
		{"poll_oneoff", []uint64{4096, 8192, 1 << 31, 8}, errnoInval},
		{"poll_oneoff", []uint64{0, 0, maxSubscriptions + 1, 8}, errnoInval},
		{"poll_oneoff", []uint64{outside, 8192, 1, 8}, errnoFault},
		{"poll_oneoff", []uint64{4096, outside, 1, 8}, errnoFault},
		{"fd_write", []uint64{0, 4096, 1, 8}, errnoBadf},
		{"fd_write", []uint64{3, 4096, 1, 8}, errnoBadf},
		{"fd_write", []uint64{1, 4096, 1, 8}, errnoSuccess},
		{"fd_write", []uint64{1, outside, 1, 8}, errnoFault},
		{"fd_write", []uint64{1, 4096, 0xffffffff, 8}, errnoFault},
		{"fd_write", []uint64{1, 4104, 1, outside}, errnoFault},
		{"fd_fdstat_get", []uint64{1, 8}, errnoSuccess},
		{"fd_fdstat_get", []uint64{0, 8}, errnoBadf},
		{"fd_fdstat_get", []uint64{2, outside}, errnoFault},
		{"fd_fdstat_set_flags", []uint64{2, 0}, errnoSuccess},
		{"fd_fdstat_set_flags", []uint64{3, 0}, errnoBadf},
		{"fd_close", []uint64{1}, errnoSuccess},
		{"fd_close", []uint64{5}, errnoBadf},
		{"fd_seek", []uint64{1, 0, 0, 8}, errnoSpipe},
		{"fd_read", []uint64{0, 4096, 1, 8}, errnoBadf},
		{"fd_prestat_get", []uint64{3, 8}, errnoBadf},
		{"fd_prestat_dir_name", []uint64{3, 8, 8}, errnoBadf},
	} {
		f, ok := findHostFunc(wasiModule, c.name)
		if !ok {
			t.Fatal(c.name)
		}
		stack := append([]uint64{}, c.args...)
		f.call(i, i.mem, stack)
		if stack[0] != c.errno {
			t.Errorf("%s%x: got %d, want %d", c.name, c.args, stack[0], c.errno)
		}
	}
	// A thousand vectors of 192 KiB each write no more than one call may.
	stack := []uint64{1, 4104, 1000, 8}
	wasiWrite(i, i.mem, stack)
	if n, _ := i.mem.ReadUint32Le(8); stack[0] != errnoSuccess || n != maxWrite {
		t.Errorf("got %d, %d bytes", stack[0], n)
	}
	stack = []uint64{0, 0, maxSubscriptions, 8}
	if wasiPoll(i, i.mem, stack); stack[0] != errnoSuccess {
		t.Errorf("%d subscriptions: got %d", maxSubscriptions, stack[0])
	}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	seen := map[[32]byte]bool{}
	for _, s := range []seed{{}, {name: "a"}, {batch: true}, {batch: true, name: "a"}, {batch: true, name: "a", partition: 1}, {batch: true, name: "a", offset: 1}} {
		for _, digest := range []string{"d", "e"} {
			if sum := s.sum(digest); seen[sum] {
				t.Errorf("%+v of %s is not alone", s, digest)
			} else {
				seen[sum] = true
			}
		}
	}
}
