package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// adjustOffsets decides where a session begins in the partitions that came to it, before anything of them is fetched. A
// partition without a commit gets an explicit offset, where begin found it or else at its start: the client would otherwise go
// back to 0 after an abort, or, starting at the end, skip what it had polled. It runs in the client's group goroutine.
func (w *worker) adjustOffsets(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topics := make([]string, 0, len(offsets))
	for topic := range offsets {
		topics = append(topics, topic)
	}
	if len(topics) == 0 {
		return offsets, nil
	}
	starts, err := w.h.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list where the logs of %v start: %w", topics, err)
	}
	ends, err := w.h.listEnds(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list where the logs of %v end: %w", topics, err)
	}
	for topic, partitions := range offsets {
		for n, o := range partitions {
			start, ok := starts.Lookup(topic, n)
			if !ok || start.Err != nil {
				return nil, fmt.Errorf("list where topic %q partition %d starts: %w", topic, n, start.Err)
			}
			end, ok := ends.Lookup(topic, n)
			if !ok || end.Err != nil {
				return nil, fmt.Errorf("list where topic %q partition %d ends: %w", topic, n, end.Err)
			}
			at := o.EpochOffset().Offset
			if at < 0 { // it is committed before anything is waited for, as begin would have done
				if at = start.Offset; w.h.begins != nil {
					if begin, ok := w.h.begins.Lookup(topic, n); ok {
						at = begin.At
					}
				}
				partitions[n] = kgo.NewOffset().At(at)
				w.positions.skip(topic, n, at, at)
				w.wake()
				if at >= start.Offset {
					continue
				}
			}
			switch {
			case at < start.Offset: // one beyond the end is for the fetch to tell: only the leader knows where the log really ends
				if err := w.h.refuseRange(topic, n, at, start.Offset, end.Offset); err != nil {
					w.stop(err)
					break
				}
				to := w.resetTo(start.Offset, end.Offset)
				w.h.skipped(w, topic, n, at, to)
				w.positions.skip(topic, n, at, to)
				partitions[n] = kgo.NewOffset().At(to)
				w.wake() // the new position is committed before anything is waited for
				continue
			}
			w.positions.set(topic, n, at)
			partitions[n] = o
		}
	}
	return offsets, nil
}

// resetOutOfRange decides what follows where the next offset of a partition is not in its log any more.
func (w *worker) resetOutOfRange(ctx context.Context, s session, topic string, partition int32) error {
	expected := w.positions.expected(topic, partition)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	starts, err := w.h.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("list where topic %q starts: %w", topic, err)
	}
	ends, err := w.h.listEnds(ctx, topic)
	if err != nil {
		return fmt.Errorf("list where topic %q ends: %w", topic, err)
	}
	start, _ := starts.Lookup(topic, partition)
	end, _ := ends.Lookup(topic, partition)
	if err := w.h.refuseRange(topic, partition, expected, start.Offset, end.Offset); err != nil {
		return err
	}
	to := w.resetTo(start.Offset, end.Offset)
	w.h.skipped(w, topic, partition, expected, to)
	s.client().SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {partition: {Epoch: -1, Offset: to}}})
	w.positions.skip(topic, partition, expected, to)
	return nil
}

// commitSkipped commits positions that lie behind lost records, between transactions. Without that a restart before the next
// record would skip again, from the old offset to a later end.
func (w *worker) commitSkipped(ctx context.Context, s session) error {
	skips := w.positions.skips()
	if skips == nil {
		return nil
	}
	// Bounded like any request: in a rebalance it may not be answered, and the session is as good as a new one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), produceTimeout+requestOverhead)
	defer cancel()
	var failed error
	s.client().CommitOffsetsSync(ctx, skips, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, res *kmsg.OffsetCommitResponse, err error) {
		failed = err
		if res == nil {
			return
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				failed = errors.Join(failed, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	})
	if failed != nil {
		return fmt.Errorf("commit the offsets behind lost records: %w", failed)
	}
	w.h.counters.skipped.Add(w.positions.committed(skips))
	return nil
}

// refuseRange says what is wrong with a next offset outside of the log, where the configuration does not allow to go on.
func (h *Host) refuseRange(topic string, partition int32, next, start, end int64) error {
	switch {
	case h.cfg.OnOutOfRange != OutOfRangeFail:
		return nil
	case next > end:
		return fmt.Errorf("%w: topic %q partition %d: the next offset is %d, but the log ends at %d: the topic was truncated, or deleted and created again; "+
			"on_out_of_range says what to do", ErrOutOfRange, topic, partition, next, end)
	default:
		return fmt.Errorf("%w: topic %q partition %d: the next offset is %d, but the log starts at %d: "+
			"retention has deleted records that were not processed; on_out_of_range says what to do", ErrOutOfRange, topic, partition, next, start)
	}
}

func (w *worker) resetTo(start, end int64) int64 {
	if w.h.cfg.OnOutOfRange == OutOfRangeLatest {
		return end
	}
	return start
}

// listEnds lists where the partitions end for this pipeline's isolation (I14): at the last stable offset, or the high watermark.
func (h *Host) listEnds(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
	if h.cfg.Isolation == ReadUncommitted {
		return h.admin.ListEndOffsets(ctx, topics...)
	}
	return h.admin.ListCommittedOffsets(ctx, topics...)
}
