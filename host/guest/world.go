package guest

import (
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"
)

// tick is by how much a clock advances each time that it is read, in nanoseconds.
const tick = 1000

// world is what a guest can see of the world: clocks and random numbers. It is made of the batch alone, so that an equal
// history of calls gives equal bytes; but for what Capabilities open.
type world struct {
	digest string
	// open says that the clocks are those of the host; born is when the monotonic one began.
	open bool
	born time.Time
	// system says that random numbers are those of the host.
	system bool
	// mono is the monotonic clock: it counts over the life of the instance and never goes back.
	mono uint64
	// wall is the real-time clock at the time began of mono.
	wall, began uint64
	// seed of what is called with what; random is made of it when the guest first asks.
	seed   seed
	random *rand.ChaCha8
}

// seed says which call this is: an init, or a batch by its topic, partition and first offset.
type seed struct {
	batch     bool
	name      string // of the topic, or of the transform
	partition int32
	offset    int64
}

// enter begins a call: the clock stands at clock milliseconds, and random numbers follow from s.
func (w *world) enter(clock int64, s seed) {
	ms := uint64(min(max(clock, 0), math.MaxInt64/1_000_000))
	w.wall, w.began = ms*1_000_000, w.mono
	w.seed, w.random = s, nil
}

func (w *world) advance(ns uint64) {
	w.mono = min(w.mono+min(ns, math.MaxInt64), math.MaxInt64)
}

// look reads clock id, 0 real time or 1 monotonic, in nanoseconds; those of processes and threads do not exist.
func (w *world) look(id uint32) (ns uint64, ok bool) {
	switch {
	case id > 1:
		return 0, false
	case w.open && id == 0:
		return uint64(max(0, time.Now().UnixNano())), true
	case w.open:
		return uint64(time.Since(w.born)), true
	case id == 0:
		return min(w.wall+(w.mono-w.began), math.MaxInt64), true
	}
	return w.mono, true
}

func (w *world) fill(b []byte) {
	if w.system {
		// It never returns an error, and ends the process where the system has no random numbers.
		_, _ = cryptorand.Read(b)
		return
	}
	if w.random == nil {
		w.random = rand.NewChaCha8(w.seed.sum(w.digest))
	}
	// ChaCha8 reads never fail.
	_, _ = w.random.Read(b)
}

// sum begins with the kind of call, so that no topic can be named like a transform, and ends with the only part whose length
// is free.
func (s seed) sum(digest string) [sha256.Size]byte {
	kind := byte('i')
	if s.batch {
		kind = 'b'
	}
	b := append(append(make([]byte, 0, 128), kind), digest...)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.partition))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.offset))
	return sha256.Sum256(append(b, s.name...))
}
