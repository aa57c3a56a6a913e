package abi

import "math/bits"

// Arena is the memory of the results of one transaction: everything decoded into it, and everything taken from it, stays valid
// until Reset. The zero value is ready. One goroutine uses it at a time.
//
// It keeps one slab of each kind (records, headers, bytes) from one transaction to the next, as large as the transaction before
// needed, so that a worker in its stride allocates nothing.
type Arena struct {
	records slab[ResultRecord]
	headers slab[Header]
	bytes   slab[byte]
	// refused has a bit for each input record of the call that is being decoded.
	refused []uint64
}

// What one slab keeps over a Reset, in elements: about 16 MiB of each kind. A transaction may use more; what is beyond is left
// to the collector at Reset, so an idle arena holds less than 50 MiB whatever it went through.
const (
	keepRecords = 16 << 20 / 96
	keepHeaders = 16 << 20 / 40
	keepBytes   = 16 << 20
	keepRefused = 1 << 14
)

// The smallest slabs, in elements.
const (
	minRecords = 256
	minHeaders = 256
	minBytes   = 32 << 10
)

// Reset ends the life of all that was taken: the next transaction writes over it. It clears records and headers, so that no
// bytes of a fetch stay referenced, and keeps slabs of up to about 16 MiB a kind.
func (a *Arena) Reset() {
	a.records.reset(keepRecords, true)
	a.headers.reset(keepHeaders, true)
	a.bytes.reset(keepBytes, false)
	if cap(a.refused) > keepRefused {
		a.refused = nil
	}
}

// Records gives room for n records, all zero. It is nil where n is not positive.
func (a *Arena) Records(n int) []ResultRecord { return a.records.take(n, minRecords, keepRecords) }

// Headers gives room for n headers, all zero. It is nil where n is not positive.
func (a *Arena) Headers(n int) []Header { return a.headers.take(n, minHeaders, keepHeaders) }

// Bytes gives room for n bytes, whose content is whatever it was: write before reading. It is nil where n is not positive.
func (a *Arena) Bytes(n int) []byte { return a.bytes.take(n, minBytes, keepBytes) }

// clearRefused empties the set of refused records and makes room for n.
func (a *Arena) clearRefused(n int) bitset {
	words := (n + 63) / 64
	if cap(a.refused) < words {
		a.refused = make([]uint64, words)
	}
	a.refused = a.refused[:words]
	clear(a.refused)
	return a.refused
}

// bitset holds the sources that a call refused.
type bitset []uint64

func (b bitset) set(i uint32)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i uint32) bool { return b[i/64]>>(i%64)&1 != 0 }

// slab hands out parts of one slice, and of further ones when that is full. Only the first slice of a round outlives it.
type slab[T any] struct {
	kept []T // outlives reset
	free []T // what is left of kept, or of a later slice of this round
	// taken in this round, elements.
	taken int
	// want is the length that the round before needed.
	want int
}

func (s *slab[T]) take(n, smallest, keep int) []T {
	if n <= 0 {
		return nil
	}
	if n > len(s.free) {
		s.grow(n, smallest, keep)
	}
	t := s.free[:n:n]
	s.free = s.free[n:]
	s.taken += n
	return t
}

// grow doubles what there is, up to keep at a time: a round of k elements costs log k slices the first time and one afterwards.
func (s *slab[T]) grow(n, smallest, keep int) {
	size := max(n, smallest, min(s.taken, keep))
	if s.kept != nil {
		s.free = make([]T, size)
		return
	}
	s.free = make([]T, max(size, s.want))
	if len(s.free) <= keep {
		s.kept = s.free
	}
}

func (s *slab[T]) reset(keep int, wipe bool) {
	if wipe {
		clear(s.kept[:min(s.taken, len(s.kept))])
	}
	if s.taken > len(s.kept) && len(s.kept) < keep {
		s.kept, s.want = nil, min(1<<bits.Len(uint(s.taken-1)), keep)
	}
	s.free, s.taken = s.kept, 0
}
