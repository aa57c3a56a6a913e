package host

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// step runs ONE transaction: poll and transform until there is enough, begin, produce, flush, and end it. It is the only
// place that decides between commit and abort. It returns nil after a commit and after an abort that may be tried again; an
// error ends the session, and classify says what follows.
//
// The order is the contract. The guest runs before the transaction begins, since the broker's clock starts at the first
// produce: a guest slower than the transaction's timeout still commits. Nothing is polled outside the step that commits it,
// and every poll has its end (I4), since an end commits everything that was polled.
func (w *worker) step(ctx context.Context, s session) error {
	defer s.allowRebalance() // the gate is held through guest and end: a join that waits costs no abort
	t := w.txn.reset()

	cause := w.fill(ctx, s, t)
	if !t.polled { // (I4)
		return cause // there is nothing to end
	}
	ending, cancel := w.h.cfg.detached(ctx)
	defer cancel()
	if cause == nil {
		cause = w.produce(ending, s, t)
	}
	if cause == nil && w.h.late.Load() {
		cause = errLate
	}
	committed, err := s.end(ending, cause == nil) // (I1) (I2)
	t.ended = time.Now()
	switch {
	case err == nil && errors.Is(cause, errUncommitted): // the loop commits it, and polls again
		w.positions.drop()
		w.chain.discard()
		return nil
	case err != nil:
		w.drop(t, errors.Join(cause, err))
		return errors.Join(cause, err)
	case committed:
		w.keep(t)
		return nil
	case cause == nil: // the group took partitions away, or the coordinator asked for an abort
		w.drop(t, errRebalanced)
		return nil
	}
	var unwritable *unwritableError
	if errors.As(cause, &unwritable) {
		cause = w.findUnwritable(ending, s, t, unwritable)
	}
	w.drop(t, cause)
	if classify(cause) == actRetry {
		return w.backOff(ctx)
	}
	return cause
}

// fill polls and transforms until the transaction is full, the input is drained, or its time is up.
func (w *worker) fill(ctx context.Context, s session, t *transaction) error {
	for {
		fetches, err := w.poll(ctx, s, t)
		if err != nil {
			return err
		}
		for i := range fetches {
			for len(fetches[i].records) > 0 {
				if err := w.tooMuch(t, t.in); err != nil {
					return err
				}
				if err := w.transform(ctx, &fetches[i], t); err != nil {
					return err
				}
			}
		}
		if w.enough(ctx, t) {
			return nil
		}
	}
}

// enough says whether the transaction ends here.
func (w *worker) enough(ctx context.Context, t *transaction) bool {
	c := w.h.cfg
	switch {
	case ctx.Err() != nil, w.hurry.Load(): // a drain, or a rebalance that waits for us
		return true
	case t.guest > c.MaxGuestTime:
		return true
	case !t.polled:
		return true // the first poll came back without records: a new step, so that the gate opens
	case w.room.full(t, c.MaxBytes) || t.outBytes >= c.MaxBytes:
		return true
	case t.in == 0 && !c.Once: // markers only: committed lazily, else two chained pipelines would keep each other busy
		return time.Since(t.started) >= markerDelay
	default:
		return w.positions.drained() || time.Since(t.started) >= c.MaxDelay
	}
}

// transform runs the next batch of a partition through the chain of transforms and keeps what comes out.
func (w *worker) transform(ctx context.Context, f *fetched, t *transaction) error {
	w.batch.fill(f, w.h.verdicts.until(f.topic, f.partition, f.records[0].Offset))
	err := w.judge(context.WithoutCancel(ctx), &w.batch.Batch, t)
	t.in += len(w.batch.Records)
	return err
}

// tooMuch says that a transaction of so many records takes too long, or makes too much of them. What was polled goes back by
// the abort, and comes again with fewer records (I12).
func (w *worker) tooMuch(t *transaction, records int) error {
	var err error
	switch c := w.h.cfg; {
	case t.guest > c.MaxGuestTime:
		err = errGuestTime
	case t.outBytes > mostOutput*c.MaxBytes || len(t.out) > mostRecords:
		err = errFanOut
	default:
		return nil
	}
	w.room.shrink(records)
	return err
}

// produce begins the transaction, produces what the transforms returned, and waits until all of it was answered. An end
// that commits would commit in spite of produce errors: they are collected here, and any one aborts (I2).
func (w *worker) produce(ctx context.Context, s session, t *transaction) error {
	if len(t.out) > 0 {
		// The broker still writes the markers of the last transaction: a produce that comes at once waits ~20 ms in it.
		if gap := markerGap - time.Since(w.lastEnd); gap > 0 {
			time.Sleep(gap)
		}
	}
	if err := s.begin(); err != nil {
		return err
	}
	delivering, cancel := context.WithTimeout(ctx, w.h.cfg.deliveryTimeout())
	defer cancel()
	if err := w.deliver(delivering, s, t); err != nil {
		return err
	}
	return w.explainProduce(t)
}

// keep makes the transaction's end true for the worker.
func (w *worker) keep(t *transaction) {
	w.lastEnd = t.ended
	w.h.counters.skipped.Add(w.positions.keep())
	w.h.breaker.add(t.ended, t.judged, t.guilty)
	if w.h.verdicts.known.Load() > 0 {
		w.h.verdicts.forget(w.positions.offsets())
	}
	if t.firstGuilty != nil {
		w.log.Warn("guilty records", zap.Int("records", len(t.verdicts)), zap.String("on_error", string(w.h.cfg.Errors.OnError)), zap.NamedError("first", t.firstGuilty))
	}
	w.room.grow(t.in, w.h.cfg.MaxRecords)
	w.failures = 0
	w.h.committed(w, t)
}

// drop forgets what the transaction did, the memory of its instances first (I8).
func (w *worker) drop(t *transaction, cause error) {
	w.lastEnd = t.ended
	w.positions.drop()
	w.chain.discard()
	w.log.Warn("transaction aborted", zap.Int("records", t.in), zap.NamedError("err", cause))
	w.h.aborted(w, t, cause)
}
