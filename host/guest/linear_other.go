//go:build !unix

package guest

import "github.com/tetratelabs/wazero/experimental"

// heap is a memory in Go's heap, where there is no other. One that finds no room there ends the process.
type heap struct{ bytes []byte }

func newLinear(uint64) experimental.LinearMemory { return &heap{} }

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
