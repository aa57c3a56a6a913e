package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
)

// errPlacement is wrapped where a topic can never take a record.
var errPlacement = errors.New("the record cannot be written")

// partitioner places records as the Java client does: by murmur2 of the key (KIP-480 where there is none), or in the
// partition that the transform gave.
type partitioner struct{ byKey kgo.Partitioner }

// newPartitioner keeps the order of what has a key or an explicit partition (I5).
func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{p.byKey.ForTopic(topic)}
}

type topicPartitioner struct{ byKey kgo.TopicPartitioner }

// OnNewBatch lets the sticky partitioner change partitions for records without a key.
func (p *topicPartitioner) OnNewBatch() {
	if sticky, ok := p.byKey.(kgo.TopicPartitionerOnNewBatch); ok {
		sticky.OnNewBatch()
	}
}

func (p *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != abi.PartitionByKey || p.byKey.RequiresConsistency(r)
}

// Partition gives the explicit partition as it is: the client refuses one that the topic does not have.
func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition != abi.PartitionByKey {
		return int(r.Partition)
	}
	return p.byKey.Partition(r, n)
}

// checkRecord holds what is about to be produced to what the broker would refuse, without saying which record it was.
func (w *worker) checkRecord(ctx context.Context, t *transaction, r *kgo.Record) error {
	h := w.h
	if r.Partition >= 0 {
		n := h.topics.partitionCount(r.Topic)
		if int(r.Partition) >= n {
			n = h.countPartitions(ctx, r.Topic)
		}
		if int(r.Partition) >= n {
			return fmt.Errorf("%w: partition %d of %d", errPlacement, r.Partition, n)
		}
	}
	if !writable(r.Timestamp) {
		return fmt.Errorf("%w: a timestamp of %d ms is none that can be written, from 1677-09-22 to 2262-04-11", errPlacement, r.Timestamp.UnixMilli())
	}
	if r.Key == nil && h.topics.isCompacted(r.Topic) {
		return fmt.Errorf("%w: a compacted topic takes no record without a key", errPlacement)
	}
	if size, most := batchSize(r), int(w.limits.of(r.Topic)); size > most {
		if !t.asked { // nobody is guilty by a limit of yesterday
			t.asked = true
			h.readLimits(ctx, h.cfg.OutputTopics())
		}
		if size <= int(h.topics.batchLimits().of(r.Topic)) {
			return errLimitRaised
		}
		return fmt.Errorf("%w: %d bytes are more than the %d that its max.message.bytes allows", errPlacement, size, most)
	}
	return nil
}

// writable says whether the client can write a time: it counts nanoseconds in 64 bits, and would silently write another time
// past their ends. Years beyond that are a mistake of units, or a word for "never".
func writable(at time.Time) bool { return WritableTime(at.UnixMilli()) }

// WritableTime says whether a record can have a timestamp of so many ms since 1970: from 1677-09-22 to 2262-04-11.
func WritableTime(ms int64) bool { return ms > -mostMillis && ms < mostMillis }

const mostMillis = math.MaxInt64 / int64(time.Millisecond)

// errLimitRaised is the cause of an abort after which a new session writes larger batches.
var errLimitRaised = errors.New("max.message.bytes of an output was raised")

// countPartitions asks again, since a topic may have grown.
func (h *Host) countPartitions(ctx context.Context, topic string) int {
	if described, err := h.describeTopics(ctx, []string{topic}); err == nil && described[topic].err == nil {
		h.topics.setPartitions(topic, described[topic].partitions)
	}
	return h.topics.partitionCount(topic)
}

// produceError is a failed produce that says nothing against the record: the transaction is tried again.
type produceError struct {
	topic string
	err   error
}

func (e *produceError) Error() string {
	if e.topic == "" {
		return fmt.Sprintf("produce: %v", e.err)
	}
	return fmt.Sprintf("produce to topic %q: %v", e.topic, e.err)
}

func (e *produceError) Unwrap() error { return e.err }
