package host

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
)

const (
	// markerDelay is how long a poll of nothing but markers waits before it is committed.
	markerDelay = time.Second
	// markerGap is the pause between the end of a transaction and the next produce of the same producer.
	markerGap = time.Millisecond
	// keptRecords bounds the slab of produced records that is kept from one transaction to the next.
	keptRecords = 1 << 17
)

// transaction is what a worker has read and made since its last end. One is used again and again: its slabs are kept.
type transaction struct {
	started time.Time // first poll
	ended   time.Time
	guest   time.Duration
	polled  bool // something was polled, markers included: it needs an end

	in, dropped       int
	inBytes, outBytes int64

	out     []kgo.Record // in the order of the transforms; not moved once the first was produced
	sources []source     // of each of out
	arena   abi.Arena    // bytes that out shares

	mu      sync.Mutex
	failed  error       // of the first record that was not produced, a record's own fault before others
	culprit *kgo.Record // which one
}

// source is where an output record comes from.
type source struct {
	topic     string
	partition int32
	offset    int64
	stage     *stage
}

// reset empties the transaction for the next step. Nothing of kgo's is referred to after an end.
func (t *transaction) reset() *transaction {
	clear(t.out)
	clear(t.sources)
	out, sources := t.out[:0], t.sources[:0]
	if cap(out) > keptRecords {
		out, sources = nil, nil
	}
	t.arena.Reset()
	t.started, t.ended, t.guest, t.polled = time.Time{}, time.Time{}, 0, false
	t.in, t.dropped, t.inBytes, t.outBytes = 0, 0, 0, 0
	t.out, t.sources, t.failed, t.culprit = out, sources, nil, nil
	return t
}

// touch says that something was polled: the transaction has begun, and needs an end.
func (t *transaction) touch() {
	if !t.polled {
		t.polled, t.started = true, time.Now()
	}
}

// promise collects the outcome of each produced record; one function for all of them, since a closure a record costs.
func (t *transaction) promise(r *kgo.Record, err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil || isRecordFault(err) && !isRecordFault(t.failed) {
		t.failed, t.culprit = err, r
	}
}

// failure is what promise collected: the source and topic of a record, and the error that it met.
func (t *transaction) failure() (from source, topic string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		return source{}, "", nil
	}
	for i := range t.out {
		if &t.out[i] == t.culprit {
			return t.sources[i], t.out[i].Topic, t.failed
		}
	}
	return source{}, "", t.failed
}

// room is how many records a transaction may read: less after a step that took too long, and more again after commits.
type room struct {
	limit int
	mean  int64 // bytes of a record, by the last fetches
}

func (r *room) shrink(in int)   { r.limit = max(1, min(r.limit, in)/2) }
func (r *room) grow(most int)   { r.limit = min(most, r.limit*2) }
func (r *room) saw(bytes int64) { r.mean = (r.mean*7 + bytes) / 8 }

// records is how many to poll: what is left, in records and, by the mean size, in bytes; at least one.
func (r *room) records(t *transaction, maxBytes int64) int {
	left := min(int64(r.limit-t.in), (maxBytes-t.inBytes)/max(1, r.mean))
	return int(max(1, left))
}
