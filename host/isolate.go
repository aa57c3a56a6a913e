package host

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// judge takes a batch through the chain and does with its guilty records what the policy says.
func (w *worker) judge(ctx context.Context, in *abi.Batch, t *transaction) error {
	innocent, guilty := w.h.verdicts.split(in)
	t.judged += len(guilty)
	t.guilty += len(guilty)
	if len(innocent.Records) > 0 {
		w.doubtful = false
		failed := w.h.verdicts.failed(innocent)
		found, err := w.isolate(ctx, innocent, t, 1+w.h.cfg.Errors.Retries-failed, failed)
		if err != nil {
			return err
		}
		guilty = append(guilty, found...)
	}
	if len(guilty) == 0 {
		return nil
	}
	slices.SortFunc(guilty, func(a, b verdict) int { return cmp.Compare(a.offset, b.offset) })
	return w.condemn(in, guilty, t)
}

// isolate runs a batch, again in fresh instances where it traps, and then in halves, down to the guilty records alone (I10).
// Nothing has been produced by then: that a batch is tried again shows nowhere, and what its other records became is kept.
// attempts is how many calls with these records have failed before.
func (w *worker) isolate(ctx context.Context, in *abi.Batch, t *transaction, tries, attempts int) (guilty []verdict, err error) {
	n := len(in.Records)
	if n == 1 {
		tries = max(1, tries)
	}
	stops := w.h.cfg.Errors.OnError == OnErrorFail // at the first guilty record
	var failed *RecordError
	for range tries {
		if attempts > 0 {
			if err := w.tooMuch(t, n); err != nil {
				return nil, err
			}
		}
		before := t.mark()
		found, err := w.attempt(ctx, in, t)
		if err == nil {
			if guilty, err = w.unplaced(ctx, in, t, before, found); err != nil {
				return nil, err
			}
			t.judged += n
			t.guilty += len(guilty)
			return guilty, w.tooGuilty(in, t, guilty)
		}
		if !errors.As(err, &failed) {
			return nil, err // no record's fault: a transform that cannot begin, or ctx is done
		}
		t.undo(before)
		w.chain.discard() // the stages may have seen these records: nothing of that may be met again (I8)
		attempts++
		if n > 1 && tooLarge(err) {
			break // no fault either: it was the host that chose how many records went into the call
		}
		w.h.verdicts.suspect(in)
		if n > 1 && w.hinted(in, failed) >= 0 {
			break // where to look is known: the record alone is the next try
		}
	}
	if n == 1 {
		found := verdict{in.Records[0].Offset, failed.Transform, failed.Digest, "", attempts, failed.Err}
		if stops {
			return nil, w.guilt(in.Topic, in.Partition, &found)
		}
		w.h.verdicts.convict(in.Topic, in.Partition, found)
		t.judged++
		t.guilty++
		guilty = []verdict{found}
		return guilty, w.tooGuilty(in, t, guilty)
	}
	if at := w.hinted(in, failed); at >= 0 {
		if guilty, known, err := w.around(ctx, in, t, at, attempts); known || err != nil {
			return guilty, err
		}
	}
	half, fresh := 1, true
	if failed != nil && tooLarge(failed) {
		half, fresh = tries, false // it says nothing of the halves
	}
	for i, part := range [2][]abi.Record{in.Records[:n/2], in.Records[n/2:]} {
		if i > 0 && fresh {
			w.chain.discard() // who is judged guilty is so by itself
		}
		found, err := w.isolate(ctx, batchOf(in, part), t, half, attempts)
		if err != nil {
			return nil, err
		}
		if guilty = append(guilty, found...); stops && len(guilty) > 0 {
			break
		}
	}
	return guilty, nil
}

// hinted is the index of the record that the guest says it was at, -1 where it says nothing, or was wrong about this batch before.
func (w *worker) hinted(in *abi.Batch, failed *RecordError) int {
	if failed == nil || failed.hint < 0 || w.doubtful || tooLarge(failed) {
		return -1
	}
	return slices.IndexFunc(in.Records, func(r abi.Record) bool { return r.Offset == failed.hint })
}

// leastPart is how many records a part of a batch has at least that is tried behind a guilty record.
const leastPart = 256

// around takes a batch apart at the record that the guest was at when it trapped. The guest's word decides nothing but where to look
// first: the record is tried alone, in a fresh instance. Where it fails, what is before and behind it follows. Where it is innocent,
// the guest's word counts no more for this batch, and known is false.
func (w *worker) around(ctx context.Context, in *abi.Batch, t *transaction, at, attempts int) (guilty []verdict, known bool, err error) {
	before, judged := t.mark(), t.judged
	retries := w.h.cfg.Errors.Retries
	guilty, err = w.isolate(ctx, batchOf(in, in.Records[at:at+1]), t, retries, attempts)
	if err != nil {
		return nil, false, err
	}
	if len(guilty) == 0 {
		t.undo(before) // it comes again, in its place
		t.judged = judged
		w.chain.discard()
		w.doubtful = true
		return nil, false, nil
	}
	// Where there was one there may be more: a short distance to it makes short parts, of which less is given in vain.
	parts := slices.Collect(slices.Chunk(in.Records[at+1:], max(leastPart, 4*(at+1))))
	if at > 0 {
		parts = slices.Insert(parts, 0, in.Records[:at])
	}
	for _, part := range parts {
		if err := w.tooMuch(t, len(in.Records)); err != nil {
			return nil, false, err
		}
		found, err := w.isolate(ctx, batchOf(in, part), t, 1+retries, 0)
		if err != nil {
			return nil, false, err
		}
		guilty = append(guilty, found...)
	}
	return guilty, true, nil
}

// attempt is one run of the chain; its time is the guest's.
func (w *worker) attempt(ctx context.Context, in *abi.Batch, t *transaction) ([]verdict, error) {
	began := time.Now()
	defer func() { t.guest += time.Since(began) }()
	return w.chain.run(ctx, in, t)
}

// tooLarge says that a call exceeded a limit that calls with fewer records may keep: what it made, or its fuel as a whole.
// fuel_per_record is none, it grows with the batch.
func tooLarge(err error) bool {
	var trap *guest.TrapError
	return errors.As(err, &trap) && (trap.Kind == guest.TrapOutput || trap.Kind == guest.TrapFuel && trap.Limit == guest.LimitFuelPerBatch)
}

// unplaced adds the records to the guilty ones whose outputs no topic takes, and withdraws these outputs.
func (w *worker) unplaced(ctx context.Context, in *abi.Batch, t *transaction, since mark, guilty []verdict) ([]verdict, error) {
	refused := map[int64]bool(nil)
	for i := since.out; i < len(t.out); i++ {
		from := &t.sources[i]
		if refused[from.offset] {
			continue
		}
		err := w.checkRecord(ctx, t, &t.out[i])
		if errors.Is(err, errLimitRaised) {
			return nil, err
		}
		if err != nil {
			if refused == nil {
				refused = map[int64]bool{}
			}
			refused[from.offset] = true
			guilty = append(guilty, verdict{from.offset, from.stage.name, from.stage.digest(), t.out[i].Topic, 1, err})
		}
	}
	if refused != nil {
		t.withdraw(since, func(offset int64) bool { return refused[offset] })
	}
	return guilty, nil
}
