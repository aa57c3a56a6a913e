package host

import (
	"context"
	"errors"
	"fmt"
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
func (h *Host) checkRecord(ctx context.Context, r *kgo.Record) error {
	if r.Partition >= 0 {
		n := h.topics.partitionCount(r.Topic)
		if int(r.Partition) >= n {
			n = h.countPartitions(ctx, r.Topic)
		}
		if int(r.Partition) >= n {
			return fmt.Errorf("%w: partition %d of %d", errPlacement, r.Partition, n)
		}
	}
	if !r.Timestamp.After(time.Time{}) || r.Timestamp.Year() > lastYear {
		return fmt.Errorf("%w: no time that Kafka can hold", errPlacement)
	}
	if r.Key == nil && h.topics.isCompacted(r.Topic) {
		return fmt.Errorf("%w: a compacted topic takes no record without a key", errPlacement)
	}
	if size, most := batchSize(r), int(h.topics.maxMessageBytes(r.Topic)); size > most {
		return fmt.Errorf("%w: %d bytes are more than the %d that its max.message.bytes allows", errPlacement, size, most)
	}
	return nil
}

// lastYear is the last one that a timestamp may lie in: later ones are a mistake of units.
const lastYear = 9999

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
