package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

var (
	errRebalanced = errors.New("partitions were taken away before the commit")
	// errGuestTime is the cause of an abort after which fewer records are polled.
	errGuestTime = errors.New("the transforms took longer than the transaction's guest time")
	// errFanOut is one too.
	errFanOut = errors.New("the transforms made more of the records than one transaction holds")
	errLate   = errors.New("the drain is over")
	// errUncommitted is a poll that came before the position that it begins at was committed: it is given back.
	errUncommitted = errors.New("where the partition begins is not committed yet")
)

// Back-off of a worker: between tries of the same records, and between sessions.
const (
	backOffLeast = 50 * time.Millisecond
	backOffMost  = 5 * time.Second
)

// worker is one slot: a transactional id and group instance id that stay the same over restarts, one session at a time, one
// open transaction, and an instance of each transform. One goroutine runs it; the session's callbacks are the exception,
// and touch only what is atomic or locked.
type worker struct {
	h         *Host
	n         int
	log       *zap.Logger
	positions positions
	chain     chain
	doubtful  bool // the guest was wrong about the record that it was at
	batch     inputBatch
	txn       transaction
	limits    batchLimits // of the session's client
	room      room
	lastEnd   time.Time
	failures  int // in a row, of steps or sessions
	slow      int // starts of instances in a row that took too long
	fences    []time.Time
	member    atomic.Pointer[string] // the member id of the last session

	hurry     atomic.Bool                        // a rebalance waits for the gate
	interrupt atomic.Pointer[context.CancelFunc] // ends the poll that runs
	fatal     atomic.Pointer[error]              // found by a callback; the next poll returns it
}

func newWorker(h *Host, n int) *worker {
	w := &worker{h: h, n: n, log: h.log.With(zap.Int("worker", n))}
	w.room = room{limit: h.cfg.MaxRecords}
	w.chain.pipeline = h.cfg.Name
	for _, name := range h.cfg.OutputNames() {
		w.chain.topics = append(w.chain.topics, h.cfg.Outputs[name])
	}
	for i, m := range h.modules {
		w.chain.stages = append(w.chain.stages, stage{name: h.cfg.Transforms[i].Name, module: m, fuel: h.fuel[i], traps: h.traps[i]})
	}
	return w
}

// run supervises the worker: session after session on the same slot until ctx is done or an error stops the pipeline.
func (w *worker) run(ctx context.Context) error {
	defer w.chain.discard()
	if err := w.chain.open(context.WithoutCancel(ctx)); err != nil && !isSlowStart(err) { // also where there is nothing to read, and the end is near
		return w.named(err)
	}
	for ctx.Err() == nil {
		err := w.live(ctx)
		if ctx.Err() != nil && (err == nil || classify(err) != actStop) {
			return nil // drained; what had an unknown outcome is decided by the committed offsets at the next start
		}
		if classify(err) == actStop && !(isSlowStart(err) && w.slow < slowStarts) {
			return w.named(err)
		}
		if isSlowStart(err) {
			w.slow++
		}
		if isFence(err) {
			if err := w.fenced(ctx, err); err != nil {
				return err
			}
		}
		w.log.Warn("session ended; opening a new one on the same slot", zap.NamedError("err", err))
		w.h.counters.sessions.Add(1)
		if w.backOff(ctx) != nil {
			break
		}
	}
	return nil
}

// named puts the pipeline's name before an error that does not say it.
func (w *worker) named(err error) error {
	var record *RecordError
	if errors.As(err, &record) {
		return err
	}
	if !errors.Is(err, ErrEnvironment) && isAny(err, rightsErrors...) { // at the end of a transaction, which does not say of what
		err = fmt.Errorf("%w: a right was taken away, and `wasmflow doctor` says which: %w", ErrEnvironment, err)
	}
	return fmt.Errorf("pipeline %q: %w", w.h.cfg.Name, err)
}

// live is one session, from open to close. It returns nil when ctx is done.
func (w *worker) live(ctx context.Context) error {
	defer w.chain.discard()
	if err := w.chain.open(ctx); err != nil { // before anything is polled: init may refuse its settings
		return err
	}
	w.slow = 0
	defer w.leave(ctx) // once the session is closed: it would join again; one that could not be opened may have joined too
	s, err := w.openSession(ctx)
	if err != nil {
		return err
	}
	w.h.counters.live.Add(1)
	defer w.h.counters.live.Add(-1)
	defer w.positions.clear()
	defer s.close() // (I13) never with an open transaction: a step has ended its own
	for ctx.Err() == nil {
		w.h.rest(ctx)
		if err := w.commitSkipped(ctx, s); err != nil {
			return err
		}
		w.h.ends.rest(s.client(), &w.positions)
		if err := w.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// backOff waits longer after each failure in a row, with jitter. It returns an error only when ctx is done.
func (w *worker) backOff(ctx context.Context) error {
	wait := min(backOffMost, backOffLeast<<min(w.failures, 10))
	w.failures++
	if !pause(ctx, wait/2+rand.N(wait/2)) {
		return ctx.Err()
	}
	return nil
}

// pause waits, and says whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// stop makes the next poll return err. Callbacks of the client use it.
func (w *worker) stop(err error) {
	w.fatal.CompareAndSwap(nil, &err)
	w.wake()
}

func (w *worker) assigned(partitions map[string][]int32) {
	if len(partitions) == 0 {
		return
	}
	w.log.Info("assigned", zap.Any("partitions", partitions))
	if f := w.h.cfg.Hooks.Assigned; f != nil {
		f(w.n, partitions)
	}
}

func (w *worker) revoked(ctx context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if len(partitions) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(partitions))
	w.h.running.Go(func() { w.stopIfDeleted(ctx, names) })
	w.positions.remove(partitions)
	w.log.Info("revoked", zap.Any("partitions", partitions))
	if f := w.h.cfg.Hooks.Revoked; f != nil {
		f(w.n, partitions)
	}
}

// stopIfDeleted looks for inputs that are gone among those that were revoked. Under KIP-848 the broker takes the partitions of a
// deleted topic away before a fetch could fail: nothing else would say why no record comes any more.
func (w *worker) stopIfDeleted(ctx context.Context, revoked []string) {
	described, err := w.h.describeTopics(ctx, revoked)
	if err != nil {
		w.log.Debug("the revoked topics cannot be described", zap.NamedError("err", err))
	}
	for topic, d := range described {
		if errors.Is(d.err, kerr.UnknownTopicOrPartition) {
			w.stop(fmt.Errorf("topic %q: it was deleted: %w", topic, d.err))
		}
	}
}
