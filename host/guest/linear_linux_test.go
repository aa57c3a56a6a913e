package guest

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// roomFor leaves the process so many bytes of addresses besides those that it has, until the test ends.
func roomFor(t *testing.T, more uint64) {
	t.Helper()
	var pages uint64
	stat, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(stat), &pages)
	}
	var before syscall.Rlimit
	if err == nil {
		err = syscall.Getrlimit(syscall.RLIMIT_AS, &before)
	}
	less := before
	if less.Cur = pages*uint64(os.Getpagesize()) + more; err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_AS, &less)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &before); err != nil {
			t.Error(err)
		}
	})
}

// Where the system has not the room that a memory may take, it takes what there is, in steps; and where there is no more, it does
// not grow. Not parallel: the whole process has less room.
func TestMemoryWithoutRoom(t *testing.T) {
	const limit = 2 << 30
	grow := load(t, "grow", func(c *Config) { c.Limits.Memory = limit })
	wasm := wasmOf(t, "identity")
	at := bytes.Index(wasm, []byte{5, 3, 1, 0, 1})
	if at < 0 {
		t.Fatal("there is no memory section")
	}
	// The same with a gigabyte to begin with.
	large, err := Load(t.Context(), Config{Name: "large", Outputs: []string{"out"}, Limits: Limits{Memory: limit}, Wasm: slices.Concat(wasm[:at], []byte{5, 5, 1, 0, 0x80, 0x80, 1}, wasm[at+5:])})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = large.Close(t.Context()) })
	roomFor(t, 512<<20)
	i := instantiate(t, grow)
	if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
		t.Fatal(err)
	}
	if size := i.mem.Size(); size < 64<<20 || size >= 1<<30 {
		t.Errorf("the memory grew to %d bytes", size)
	}
	if err := i.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		_, err = large.Instantiate(t.Context())
		if trap := trapOf(t, err); trap.Kind != TrapMemory || !strings.HasPrefix(trap.Message, "the system has no room for the 1073741824 bytes") {
			t.Errorf("got %v", err)
		}
	}
	if len(large.instances) > 0 {
		t.Errorf("%d instances are left", len(large.instances))
	}
	if _, err := instantiate(t, grow).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
		t.Error(err)
	}
}

// A memory that moves keeps what is in it.
func TestMemoryMoves(t *testing.T) {
	l := newLinear(2 << 30)
	roomFor(t, 512<<20)
	defer l.Free()
	b := l.Reallocate(pageSize)
	copy(b, "here")
	room := len(l.(*linear).room)
	b = l.Reallocate(uint64(room))
	b[room-1] = 1
	if b = l.Reallocate(uint64(room) + pageSize); b != nil && (string(b[:4]) != "here" || b[room-1] != 1) {
		t.Errorf("it begins with %q", b[:4])
	}
	if l.Reallocate(2<<30) != nil {
		t.Error("there is room for all")
	}
	if b = l.Reallocate(uint64(room)); string(b[:4]) != "here" {
		t.Errorf("after it did not grow, it begins with %q", b[:4])
	}
}
