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
	// largeRecord is the size of a record, in bytes, where none was seen: what brokers take at most by default.
	largeRecord = 1 << 20
	// mostOutput, times MaxBytes, and mostRecords bound what one transaction may hold to be produced; past them fewer records
	// are read.
	mostOutput  = 4
	mostRecords = 1 << 20
)

// transaction is what a worker has read and made since its last end. One is used again and again: its slabs are kept.
type transaction struct {
	started time.Time // first poll
	ended   time.Time
	guest   time.Duration
	polled  bool // something was polled, markers included: it needs an end

	in, dropped       int
	inBytes, outBytes int64

	judged, guilty int          // records that were found innocent or guilty
	asked          bool         // the limits of topics were read again
	verdicts       []verdict    // of the guilty ones that were done with
	firstGuilty    *RecordError // the first of them, for the log

	out     []kgo.Record // in the order of the transforms; not moved once the first was produced
	sources []source     // of each of out
	arena   abi.Arena    // bytes that out shares

	mu       sync.Mutex
	failed   error                 // the first that says nothing against a record
	victim   *kgo.Record           // the record that it came to
	culprits map[*kgo.Record]error // those that were refused; the broker refuses a batch as a whole
}

// source is where an output record comes from.
type source struct {
	topic     string
	partition int32
	offset    int64
	stage     *stage // nil for a dead letter
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
	t.out, t.sources, t.failed, t.victim, t.culprits = out, sources, nil, nil, nil
	t.judged, t.guilty, t.verdicts, t.firstGuilty, t.asked = 0, 0, nil, nil, false
	return t
}

// touch says that something was polled: the transaction has begun, and needs an end.
func (t *transaction) touch() {
	if !t.polled {
		t.polled, t.started = true, time.Now()
	}
}

// promise collects the outcome of each produced record (I2); one function for all of them, since a closure a record costs.
func (t *transaction) promise(r *kgo.Record, err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case isRecordFault(err):
		if t.culprits == nil {
			t.culprits = map[*kgo.Record]error{}
		}
		t.culprits[r] = err
	case t.failed == nil:
		t.failed, t.victim = err, r
	}
}

// failure is what promise collected. Where records were refused: the topic of the first output among them, or of the first dead letter
// where only these were; its error; and the input records whose outputs failed with that topic in the same way. Else the first
// error, with the topic.
func (t *transaction) failure() (suspects []suspect, topic string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	letters := true
	for i := range t.out {
		if refused := t.culprits[&t.out[i]]; refused != nil && (err == nil || letters && t.sources[i].stage != nil) {
			topic, err, letters = t.out[i].Topic, refused, t.sources[i].stage == nil
		}
	}
	if err == nil {
		if t.victim != nil {
			topic = t.victim.Topic
		}
		return nil, topic, t.failed
	}
	at := map[source]int{}
	for i := range t.out {
		if refused := t.culprits[&t.out[i]]; refused == nil || t.out[i].Topic != topic || !sameFault(refused, err) {
			continue // those that failed otherwise fail again the next time
		}
		from := t.sources[i]
		n, known := at[from]
		if !known {
			n = len(suspects)
			at[from] = n
			suspects = append(suspects, suspect{source: from})
		}
		suspects[n].outputs = append(suspects[n].outputs, i)
	}
	return suspects, topic, err
}

// withdraw takes back what came out of guilty records since the mark.
func (t *transaction) withdraw(m mark, guilty func(offset int64) bool) {
	n := m.out
	t.outBytes = m.outBytes
	for i := m.out; i < len(t.out); i++ {
		if guilty(t.sources[i].offset) {
			continue
		}
		t.out[n], t.sources[n] = t.out[i], t.sources[i]
		t.outBytes += int64(recordBytes(&t.out[n]))
		n++
	}
	clear(t.out[n:])
	clear(t.sources[n:])
	t.out, t.sources = t.out[:n], t.sources[:n]
}

// mark is a place in a transaction to go back to.
type mark struct {
	out, dropped int
	outBytes     int64
}

func (t *transaction) mark() mark { return mark{len(t.out), t.dropped, t.outBytes} }

// undo takes back what came out since the mark. The arena keeps its bytes until the end.
func (t *transaction) undo(m mark) {
	clear(t.out[m.out:])
	clear(t.sources[m.out:])
	t.out, t.sources, t.dropped, t.outBytes = t.out[:m.out], t.sources[:m.out], m.dropped, m.outBytes
}

// room is how many records a transaction may read: less after a step that took too long, and more again after commits.
type room struct {
	limit int
	// A poll is bounded by records, a transaction by bytes: what is known of their size bounds the poll. The mean follows
	// larger records at once and smaller ones slowly, since too few cost a poll more, and too many go past the bound. And a
	// poll takes at most twice what the largest one brought, since little is known from few; the first is for large records.
	mean int64 // bytes of a record, by the last polls
	seen int   // records of the largest poll
}

func (r *room) shrink(in int) { r.limit = max(1, min(r.limit, in)/2) }

// saw follows a poll that brought so many records of so many bytes in all.
func (r *room) saw(records int, bytes int64) {
	mean := bytes / int64(records)
	r.mean = max(mean, (r.mean*7+mean)/8)
	r.seen = max(r.seen, records)
}

// grow follows a commit of in records: slowly, and only where that was all there was room for, so that what was too much once
// is not tried again at every second transaction.
func (r *room) grow(in, most int) {
	if in >= r.limit {
		r.limit = min(most, r.limit+max(1, r.limit/4))
	}
}

// full says that there is no room for another record in so many bytes.
func (r *room) full(t *transaction, maxBytes int64) bool {
	return t.in >= r.limit || t.inBytes >= maxBytes || t.in > 0 && t.inBytes+r.mean > maxBytes
}

// records is how many to poll: what is left, in records and, by what is known of their size, in bytes; at least one.
func (r *room) records(t *transaction, maxBytes int64) int {
	left := min(int64(r.limit-t.in), (maxBytes-t.inBytes)/max(1, r.mean), max(maxBytes/largeRecord, 2*int64(r.seen)))
	return int(max(1, left))
}
