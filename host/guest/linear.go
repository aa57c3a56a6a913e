package guest

import (
	"context"

	"github.com/tetratelabs/wazero/experimental"
)

// withLinear has the runtime take the instance's memory from the system.
func (i *Instance) withLinear(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(capacity, most uint64) experimental.LinearMemory {
		if l := newLinear(most); l != nil {
			i.linear = l
			return l
		}
		return &heap{make([]byte, 0, capacity)}
	}))
}

// heap is a memory in Go's heap.
type heap struct{ bytes []byte }

// Reallocate grows the memory by a copy.
func (h *heap) Reallocate(size uint64) []byte {
	if size > uint64(cap(h.bytes)) {
		grown := make([]byte, size)
		copy(grown, h.bytes)
		h.bytes = grown
	}
	h.bytes = h.bytes[:size]
	return h.bytes
}

// Free leaves it to the collector.
func (h *heap) Free() { h.bytes = nil }
