package wasmflow

import (
	"iter"
	"unsafe"
)

// Record is one input record: a view of two words that is passed by value. One that was kept panics in a later call.
//
// Its bytes are borrowed. They belong to the batch, are read only, and are valid until the transform returns; Clone makes
// bytes of its own. Writing to them would change what Forward passes on in the eyes of the guest but not in Kafka, where
// the host sends on the bytes that it holds itself.
type Record struct {
	in    *input
	index uint32
}

// Key is the record's key: nil is a null key, which is not the same as an empty one.
func (r Record) Key() []byte {
	row := r.in.row(r.index)
	return r.in.bytes(row.keyOff, row.keyLen, r.in.keyEnd)
}

// Value is the record's value: nil is a null value, a tombstone, which is not the same as an empty one.
func (r Record) Value() []byte {
	row := r.in.row(r.index)
	return r.in.bytes(row.valueOff, row.valueLen, r.in.valueEnd)
}

// Header is the value of the last header with that key, as Kafka's lastHeader gives it, and whether there is one. The
// value is nil where the header's is null.
func (r Record) Header(key string) (value []byte, ok bool) {
	h := r.Headers()
	for i := h.Len() - 1; i >= 0; i-- {
		if k, v := h.At(i); string(k) == key {
			return v, true
		}
	}
	return nil, false
}

// Headers are the record's headers, in the order in which they were produced.
func (r Record) Headers() Headers {
	row := r.in.row(r.index)
	if row.headerCount == 0 {
		return Headers{in: r.in}
	}
	if r.in.headersMissing {
		panic("wasmflow: headers were read that the host left out of the image, as the module's metadata asks (needs)")
	}
	if uint64(row.firstHeader)+uint64(row.headerCount) > uint64(r.in.h) {
		panic(badInput("first_header", uint64(row.firstHeader)))
	}
	return Headers{r.in, row.firstHeader, row.headerCount}
}

// Topic is the topic that the record was read from.
func (r Record) Topic() string {
	r.in.row(r.index)
	return r.in.topic
}

// Partition is the partition that the record was read from.
func (r Record) Partition() int32 {
	r.in.row(r.index)
	return r.in.partition
}

// Offset is the record's offset in its partition.
func (r Record) Offset() int64 { return r.in.row(r.index).offset }

// TimestampMs is the record's timestamp, in milliseconds since 1970-01-01 UTC.
func (r Record) TimestampMs() int64 { return r.in.row(r.index).timestampMs }

// Index is the record's place in its batch, from 0.
func (r Record) Index() int { return int(r.index) }

// Clone copies the record, so that it can be kept after the transform has returned.
func (r Record) Clone() Owned {
	o := Owned{
		Key: clone(r.Key()), Value: clone(r.Value()), Topic: r.Topic(), Partition: r.Partition(),
		Offset: r.Offset(), TimestampMs: r.TimestampMs(),
	}
	for k, v := range r.Headers().All() {
		o.Headers = append(o.Headers, Header{string(k), clone(v)})
	}
	return o
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// Owned is a copy of a record.
type Owned struct {
	// Key and Value of the record; nil is null.
	Key, Value []byte
	// Headers in the order in which they were produced.
	Headers []Header
	// Topic and Partition that the record was read from, and its Offset there.
	Topic     string
	Partition int32
	Offset    int64
	// TimestampMs in milliseconds since 1970-01-01 UTC.
	TimestampMs int64
}

// Header is a header of an Owned record. Its key is bytes to Kafka, so it need not be UTF-8; a nil Value is null.
type Header struct {
	Key   string
	Value []byte // nil is null
}

// Headers are the headers of a record: a view, borrowed like the record's bytes.
type Headers struct {
	in    *input
	first uint32
	count uint32
}

// Len is how many headers there are.
func (h Headers) Len() int { return int(h.count) }

// At is header i, from 0. A key is never nil; a nil value is null. It panics where i is out of range.
func (h Headers) At(i int) (key, value []byte) {
	if uint(i) >= uint(h.count) {
		panic("wasmflow: index of a header is out of range")
	}
	if h.in.h == 0 {
		panic(afterBatch)
	}
	e := (*headerEntry)(unsafe.Add(h.in.headers, (uintptr(h.first)+uintptr(i))*headerSize))
	all := uint64(len(h.in.image))
	if e.keyLen > 1<<31-1 {
		panic(badInput("header key_len", uint64(e.keyLen)))
	}
	return h.in.bytes(e.keyOff, int32(e.keyLen), all), h.in.bytes(e.valueOff, e.valueLen, all)
}

// All ranges over the headers' keys and values.
func (h Headers) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for i := range h.Len() {
			if !yield(h.At(i)) {
				return
			}
		}
	}
}

// Batch is the records of one call: of one partition, in offset order. It is borrowed like its records.
type Batch struct{ in *input }

// Len is how many records there are; it may be 0.
func (b Batch) Len() int { return int(b.open().n) }

// At is record i, from 0. It panics where i is out of range.
func (b Batch) At(i int) Record {
	if uint(i) >= uint(b.open().n) {
		panic("wasmflow: index of a record is out of range")
	}
	return Record{b.in, uint32(i)}
}

// All ranges over the records and their indices.
func (b Batch) All() iter.Seq2[int, Record] {
	return func(yield func(int, Record) bool) {
		for i := range b.open().n {
			if !yield(int(i), Record{b.in, i}) {
				return
			}
		}
	}
}

// Topic is the topic that the records were read from.
func (b Batch) Topic() string { return b.open().topic }

// Partition is the partition that the records were read from.
func (b Batch) Partition() int32 { return b.open().partition }

// ClockMs is the largest timestamp of the records, in milliseconds since 1970-01-01 UTC: the time of the batch, the same
// when the batch is run again.
func (b Batch) ClockMs() int64 { return b.open().clockMs }

func (b Batch) open() *input {
	if b.in.image == nil {
		panic("wasmflow: a batch was used after its call")
	}
	return b.in
}
