package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// fetched are the data records of one partition of one poll.
type fetched struct {
	topic     string
	partition int32
	records   []*kgo.Record
}

// poll takes the next records into the transaction. It blocks until there are some, and after the first only as long as
// the transaction may stay open. What it returns is in offset order within a partition, without control records.
func (w *worker) poll(ctx context.Context, s session, t *transaction) ([]fetched, error) {
	polling, cancel := w.pollContext(ctx, t)
	defer cancel()
	fetches := s.client().PollRecords(polling, w.room.records(t, w.h.cfg.MaxBytes))
	if fatal := w.fatal.Load(); fatal != nil {
		t.touch()
		return nil, *fatal
	}
	var out []fetched
	var errs []error
	var uncommitted error
	read, readBytes := 0, t.inBytes
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if f.Err != nil {
			errs = append(errs, w.fetchError(ctx, s, f.Topic, f.Partition, f.Err))
		}
		if f.Topic == "" {
			return // an error of the session as a whole
		}
		if len(f.Records) > 0 {
			t.touch()
		}
		if len(f.Records) > 0 && w.positions.isSkipped(f.Topic, f.Partition) {
			uncommitted = errUncommitted
			return
		}
		lost, err := w.positions.advance(&f, w.h.cfg.Isolation) // (I3)
		if lost >= 0 {
			if err = w.h.refuseRange(f.Topic, f.Partition, lost, f.LogStartOffset, f.HighWatermark); err == nil {
				w.h.skipped(w, f.Topic, f.Partition, lost, f.LogStartOffset)
			}
		}
		if err != nil {
			errs = append(errs, err)
			return
		}
		if records := data(f.Records, t); len(records) > 0 {
			out = append(out, fetched{f.Topic, f.Partition, records})
			read += len(records)
		}
	})
	if read > 0 {
		w.room.saw(read, t.inBytes-readBytes)
	}
	if t.in == 0 && len(out) > 0 {
		t.started = time.Now() // markers alone have waited for these: the delay counts from here
	}
	if len(errs) == 0 {
		return out, uncommitted
	}
	return out, errors.Join(errs...)
}

// pollContext bounds a poll: the first waits as long as it takes, the following only until the transaction's time is up.
func (w *worker) pollContext(ctx context.Context, t *transaction) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if t.polled {
		delay := w.h.cfg.MaxDelay
		if t.in == 0 {
			delay = markerDelay
		}
		ctx, cancel = context.WithDeadline(ctx, t.started.Add(delay))
	} else {
		w.hurry.Store(false)
		ctx, cancel = context.WithCancel(ctx)
	}
	w.interrupt.Store(&cancel)
	if w.hurry.Load() || w.fatal.Load() != nil || w.h.paused.Load() != nil || !t.polled && w.positions.skips() != nil {
		cancel()
	}
	return ctx, cancel
}

// wake ends the poll that runs.
func (w *worker) wake() {
	if cancel := w.interrupt.Load(); cancel != nil {
		(*cancel)()
	}
}

const rebalanceWaiting = "a rebalance waits for the open transaction"

// rebalanceWaits is told by the client that a rebalance waits for this worker's gate: the transaction ends soon.
func (w *worker) rebalanceWaits(context.Context, *kgo.Client) {
	w.hurry.Store(true)
	w.log.Debug(rebalanceWaiting)
	w.wake()
}

// data leaves out control records, in place, and counts the bytes of the rest.
func data(records []*kgo.Record, t *transaction) []*kgo.Record {
	n, bytes := 0, int64(0)
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		records[n] = r
		n++
		bytes += int64(recordBytes(r))
	}
	t.inBytes += bytes
	return records[:n]
}

// fetchError decides about an error that a poll brought; nil means that the client goes on by itself.
func (w *worker) fetchError(ctx context.Context, s session, topic string, partition int32, err error) error {
	var group *kgo.ErrGroupSession
	var loss *kgo.ErrDataLoss
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // our own bound of the poll
	case errors.As(err, &group):
		if a := classify(group.Err); a == actRetry || kerr.IsRetriable(group.Err) || isAny(group.Err, kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.StaleMemberEpoch) {
			w.log.Warn("the group session was lost; joining again", zap.NamedError("err", err))
			return nil
		}
		return w.h.explainGroup(group.Err)
	case errors.Is(err, kerr.OffsetOutOfRange):
		return w.resetOutOfRange(ctx, s, topic, partition)
	case errors.As(err, &loss):
		if w.h.cfg.OnOutOfRange == OutOfRangeFail {
			return fmt.Errorf("%w: %w; on_out_of_range says what to do", ErrOutOfRange, err)
		}
		w.h.skipped(w, topic, partition, loss.ConsumedTo, loss.ResetTo)
		w.positions.skip(topic, partition, loss.ConsumedTo, loss.ResetTo)
		return nil
	case isAny(err, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID):
		return fmt.Errorf("topic %q partition %d: it was deleted, or deleted and created again, and the offsets of the group mean nothing in it: %w", topic, partition, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("%w: %w", ErrEnvironment, readRight(topic).missing())
	case kerr.IsRetriable(err):
		w.log.Warn("fetch", zap.String("topic", topic), zap.Int32("partition", partition), zap.NamedError("err", err))
		return nil
	default:
		return fmt.Errorf("fetch topic %q partition %d at offset %d: %w", topic, partition, w.positions.expected(topic, partition), err)
	}
}
