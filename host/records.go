package host

import (
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
)

// inputBatch is a batch that is filled again and again, one slab for all of a worker's calls.
type inputBatch struct{ abi.Batch }

// fill makes the batch of what was fetched. The bytes stay the fetch's own and are never written to.
func (b *inputBatch) fill(f fetched) {
	if cap(b.Records) < len(f.records) {
		b.Records = make([]abi.Record, len(f.records))
	}
	clear(b.Records) // nothing of the last fetch stays referred to
	b.Records = b.Records[:len(f.records)]
	b.Topic, b.Partition, b.Clock = f.topic, f.partition, 0
	for i, r := range f.records {
		ms := r.Timestamp.UnixMilli()
		if i == 0 || ms > b.Clock {
			b.Clock = ms
		}
		to := &b.Records[i]
		to.Key, to.Value, to.Headers = r.Key, r.Value, abiHeaders(r.Headers)
		to.Offset, to.Timestamp, to.LeaderEpoch = r.Offset, ms, r.LeaderEpoch
		if r.Attrs.TimestampType() == 1 {
			to.Flags = abi.FlagBrokerTime
		} else {
			to.Flags = 0
		}
	}
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
