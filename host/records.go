package host

import (
	"math/bits"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
)

// Bounds of a batch. Records, image and result of one call stay in the processor's cache, and the guest's memory stays small;
// a call costs so little that more of them are not felt. A record that is larger is a batch of its own.
const (
	batchBytes   = 256 << 10
	batchRecords = 4096
)

// inputBatch is a batch that is filled again and again, one slab for all of a worker's calls.
type inputBatch struct{ abi.Batch }

// fill makes a batch of the first of the fetched records, in their order (I5), up to an offset, and leaves the others. The bytes stay the fetch's own and are never
// written to.
func (b *inputBatch) fill(f *fetched, until int64) {
	clear(b.Records) // nothing of the last one stays referred to
	b.Topic, b.Partition, b.Clock, b.Records = f.topic, f.partition, 0, b.Records[:0]
	size := 0
	for i, r := range f.records {
		size += recordBytes(r)
		if i > 0 && (size > batchBytes || r.Offset > until) || i == batchRecords {
			break
		}
		ms := r.Timestamp.UnixMilli()
		if i == 0 || ms > b.Clock {
			b.Clock = ms
		}
		flags := abi.RecordFlags(0)
		if r.Attrs.TimestampType() == 1 {
			flags = abi.FlagBrokerTime
		}
		b.Records = append(b.Records, abi.Record{
			Key: r.Key, Value: r.Value, Headers: abiHeaders(r.Headers),
			Offset: r.Offset, Timestamp: ms, LeaderEpoch: r.LeaderEpoch, Flags: flags,
		})
	}
	f.records = f.records[len(b.Records):]
}

// batchOf is the batch of some of the records of in.
func batchOf(in *abi.Batch, records []abi.Record) *abi.Batch {
	b := &abi.Batch{Topic: in.Topic, Partition: in.Partition, Records: records}
	for i := range records {
		if i == 0 || records[i].Timestamp > b.Clock {
			b.Clock = records[i].Timestamp
		}
	}
	return b
}

// batchSize is the length of a batch that holds this record alone, as it counts against max.message.bytes (KIP-98, message format 2).
func batchSize(r *kgo.Record) int {
	n := 1 + 1 + 1 + sized(r.Key) + sized(r.Value) + varint(len(r.Headers)) // attributes and both deltas
	for i := range r.Headers {
		n += varint(len(r.Headers[i].Key)) + len(r.Headers[i].Key) + sized(r.Headers[i].Value)
	}
	return batchOverhead + varint(n) + n
}

// batchOverhead is the length of a batch without records.
const batchOverhead = 61

// sized is the length of bytes behind their own length; that of null is one byte.
func sized(b []byte) int { return varint(len(b)) + len(b) }

// varint is the length of a zigzag number that is not negative.
func varint(n int) int { return (bits.Len64(uint64(n)<<1|1) + 6) / 7 }

// recordBytes is what a record carries.
func recordBytes(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

// The two kinds of header are the same struct under two names, as the conversions in these lines prove at compile time; a
// slice of one is taken for a slice of the other, since copying headers would cost more than all other work on a record.
var (
	_ = kgo.RecordHeader(abi.Header{})
	_ = abi.Header(kgo.RecordHeader{})
)

func abiHeaders(h []kgo.RecordHeader) []abi.Header { return *(*[]abi.Header)(unsafe.Pointer(&h)) }
func kafkaHeaders(h []abi.Header) []kgo.RecordHeader {
	return *(*[]kgo.RecordHeader)(unsafe.Pointer(&h))
}
