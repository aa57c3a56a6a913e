//go:build unix

package guest

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// linear is a guest's memory outside of Go's heap: room for all that it may become is reserved at once, and the system gives a page
// when it is first touched. It never moves, so that a memory which grows copies nothing; an instance costs what it uses; and the
// collector neither scans nor paces itself by what guests hold. Nothing may refer to it once it is free.
type linear struct{ room []byte }

// newLinear reserves room for a memory of at most so many bytes; nil where the system has none, and the runtime allocates it.
func newLinear(most uint64) experimental.LinearMemory {
	if most == 0 || most > 1<<32 {
		return nil
	}
	room, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|noReserve)
	if err != nil {
		return nil
	}
	return &linear{room}
}

// Reallocate gives the first bytes of the room, nil where there is no room for them.
func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(len(l.room)) {
		return nil
	}
	return l.room[:size:size]
}

// Free gives the room back.
func (l *linear) Free() {
	if l.room != nil {
		_ = syscall.Munmap(l.room)
		l.room = nil
	}
}
