package host

import (
	"fmt"
	"sync"
	"time"

	"github.com/wasmflow/wasmflow/abi"
)

// leastJudged is how many records a ratio is counted over at least: a single guilty one in a quiet minute pauses nothing.
const leastJudged = 100

// breaker pauses a pipeline in which too many records are guilty: then it is the transform, or what comes in has changed, and
// a topic full of dead letters helps nobody. It counts in slices of its window.
type breaker struct {
	ratio  float64
	window time.Duration
	began  time.Time // counts of the clock that never jumps

	mu     sync.Mutex
	slices [10]struct {
		at             int64 // number of the slice since began, from 1
		judged, guilty int
	}
}

// add counts records of a committed transaction.
func (b *breaker) add(now time.Time, judged, guilty int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.number(now)
	s := &b.slices[n%int64(len(b.slices))]
	if s.at != n {
		s.at, s.judged, s.guilty = n, 0, 0
	}
	s.judged += judged
	s.guilty += guilty
}

// opens says whether there are too many with those of an open transaction, and describes it.
func (b *breaker) opens(now time.Time, judged, guilty int) *breakerError {
	if guilty == 0 || b.ratio >= 1 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.number(now)
	for _, s := range b.slices {
		if s.at > n-int64(len(b.slices)) {
			judged += s.judged
			guilty += s.guilty
		}
	}
	if float64(guilty) <= b.ratio*float64(max(judged, leastJudged)) {
		return nil
	}
	return &breakerError{guilty: guilty, judged: judged, ratio: b.ratio, window: b.window}
}

// reset forgets the window.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.slices[:])
}

func (b *breaker) number(now time.Time) int64 {
	return max(1, 1+int64(now.Sub(b.began))/max(1, int64(b.window)/int64(len(b.slices))))
}

// breakerError is why a breaker paused the pipeline.
type breakerError struct {
	guilty, judged int
	ratio          float64
	window         time.Duration
	last           error // the last of them
}

func (e *breakerError) Error() string {
	return fmt.Sprintf("%d of %d records in %v were guilty, more than max_ratio %g: mend the transform or the input, then resume; the last one: %v",
		e.guilty, e.judged, e.window, e.ratio, e.last)
}

// tooGuilty pauses the pipeline where the records of a transaction, with those of the window, are guilty too often.
func (w *worker) tooGuilty(in *abi.Batch, t *transaction, guilty []verdict) error {
	if len(guilty) == 0 || w.h.cfg.Errors.OnError == OnErrorFail {
		return nil // the first one stops it
	}
	err := w.h.breaker.opens(time.Now(), t.judged, t.guilty)
	if err == nil {
		return nil
	}
	err.last = w.guilt(in.Topic, in.Partition, &guilty[len(guilty)-1])
	switch {
	case w.h.cfg.Once: // nobody would resume it
		return fmt.Errorf("%w: %w", ErrGuilty, err)
	default:
		w.h.pause(err)
		return err
	}
}
