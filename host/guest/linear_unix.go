//go:build unix

package guest

import (
	"math"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// linear is a guest's memory outside of Go's heap: room for all that it may become is reserved at once, and the system gives a page
// when it is first touched. So a memory which grows copies nothing; an instance costs what it uses; the collector neither scans nor
// paces itself by what guests hold; and where the system gives no more, a memory does not grow, and the process goes on. Nothing
// may refer to it once it is free.
type linear struct {
	room []byte
	most uint64
}

// newLinear is a memory of at most so many bytes.
func newLinear(most uint64) experimental.LinearMemory { return &linear{most: most} }

// Reallocate gives the first bytes of the room, nil where the system has no room for them. A system that does not give away more
// than it has may have less room than for all that the memory may become: then it moves as it grows.
func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(len(l.room)) {
		room := reserve(size, l.most)
		if room == nil {
			return nil
		}
		copy(room, l.room)
		l.Free()
		l.room = room
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

// spare is what must be left for the process itself, in bytes: Go's heap grows by 64 MiB, and that it cannot is fatal.
const spare = 128 << 20

// reserve takes room for most bytes, or for as much less as there is, but for at least so many; nil where there is none.
func reserve(least, most uint64) []byte {
	for size := most; size <= math.MaxInt; size = max(least, size/2) {
		if room := take(int(size)); room != nil {
			if rest := take(spare); rest != nil {
				_ = syscall.Munmap(rest)
				return room
			}
			_ = syscall.Munmap(room)
		}
		if size <= least {
			break
		}
	}
	return nil
}

// take maps so many bytes, nil where the system has none.
func take(size int) []byte {
	room, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|noReserve)
	if err != nil {
		return nil
	}
	return room
}
