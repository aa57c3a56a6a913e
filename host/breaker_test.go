package host

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
)

// TestBreaker: the ratio counts over the window and over at least 100 records, those of the open transaction with them.
func TestBreaker(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_000_000, 0)
	b := breaker{ratio: 0.05, window: time.Minute, began: at}
	opens := func(when time.Time, judged, guilty int, want bool) {
		t.Helper()
		if err := b.opens(when, judged, guilty); (err != nil) != want {
			t.Errorf("%d of %d: %v, want open %v", guilty, judged, err, want)
		}
	}
	opens(at, 0, 0, false)
	opens(at, 1, 1, false) // of at least 100
	opens(at, 5, 5, false)
	opens(at, 6, 6, true)
	opens(at, 1000, 50, false)
	opens(at, 1000, 51, true)
	b.add(at, 900, 40)
	opens(at, 100, 10, false)
	opens(at, 100, 11, true)
	opens(at.Add(30*time.Second), 100, 11, true)
	opens(at.Add(30*time.Second), 0, 0, false) // nothing new is wrong
	b.add(at.Add(30*time.Second), 1000, 0)
	opens(at.Add(30*time.Second), 100, 11, false)
	opens(at.Add(59*time.Second), 100, 61, true)
	opens(at.Add(75*time.Second), 100, 61, true)  // the first slice has left, its guilty ones and its records
	opens(at.Add(75*time.Second), 100, 55, false) // 55 of 1100
	opens(at.Add(3*time.Minute), 100, 5, false)
	opens(at.Add(3*time.Minute), 100, 6, true) // nothing is left of the window
	b.add(at.Add(3*time.Minute), 10, 6)
	b.reset()
	opens(at.Add(3*time.Minute), 10, 1, false)
	b.ratio = 1
	opens(at.Add(3*time.Minute), 1000, 1000, false)
}

// TestBreakerPauses: too many guilty records pause the pipeline before anything of them is committed. Once somebody has mended the
// cause and resumes it, all of them come out; a drain does not wait for that.
func TestBreakerPauses(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(i uint32, out *abi.Result) error{
		"refused": func(i uint32, out *abi.Result) error { refuse(out, i, "no"); return nil },
		"trapped": func(uint32, *abi.Result) error { return errors.New("no") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 2, "out": 1, "dead": 1})
			w.produce(0, 40, 2)
			var mended atomic.Bool
			cfg := w.config(native(func(r *abi.Record, i uint32, out *abi.Result) error {
				if !mended.Load() {
					return kind(i, out)
				}
				out.Records = append(out.Records, same(r, i))
				return nil
			}))
			paused, came := make(chan State, 100), make(chan int, 100)
			var r *running
			cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead", MaxRatio: 0.1}, zap.NewNop()
			cfg.Hooks.Aborted = func(_ Transaction, err error) {
				var breaker *breakerError
				if errors.As(err, &breaker) {
					paused <- StatePaused
				}
			}
			cfg.Hooks.Committed = func(txn Transaction) { came <- txn.In }
			r = w.run(cfg)
			<-paused
			s := r.h.Status()
			mention(t, s.Err, nil, "records in 1m0s were guilty, more than max_ratio 0.1", `topic "in" partition`)
			if s.State != StatePaused || s.In != 0 || s.DeadLetters != 0 {
				t.Errorf("state %s, %d in, %d dead letters", s.State, s.In, s.DeadLetters)
			}
			mended.Store(true)
			if name == "trapped" { // those that were found are known to be guilty
				r.h.cfg.Errors.MaxRatio = 1
			}
			r.h.breaker.mu.Lock()
			r.h.breaker.ratio = 1
			r.h.breaker.mu.Unlock()
			r.h.Resume()
			r.h.Resume() // changes nothing
			for n := 0; n < 40; n += <-came {
			}
			if s := r.h.Status(); s.State != StateRunning || s.Err != nil {
				t.Errorf("state %s (%v) after the pause", s.State, s.Err)
			}
			if len(paused) != 0 {
				t.Errorf("paused %d times more", len(paused))
			}
			r.h.Pause()
			if s := r.h.Status(); s.State != StatePaused || s.Err != nil {
				t.Errorf("state %s (%v), want paused", s.State, s.Err)
			}
			r.stop()
			if err := r.wait(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBreakerEndsOnce: where nobody would resume it, the pipeline stops.
func TestBreakerEndsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	w.produce(0, 200, 1)
	cfg := w.config(natives("refuse:0000"))
	cfg.Errors, cfg.Logger = ErrorPolicy{OnError: OnErrorDrop, MaxRatio: 0.05}, zap.NewNop()
	mention(t, w.once(cfg), ErrGuilty, "records in 1m0s were guilty")
	if got := w.read(0); len(got) != 0 || w.committed() != 0 {
		t.Errorf("outputs %v, committed %d", got, w.committed())
	}
}

// TestRest: a paused worker waits for the end of the pause, or of the host.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &Host{log: zap.NewNop()}
		h.rest(t.Context()) // not paused
		for _, end := range []func(cancel func()){func(func()) { h.Resume() }, func(cancel func()) { cancel() }} {
			ctx, cancel := context.WithCancel(t.Context())
			h.Pause()
			var rested atomic.Bool
			go func() { h.rest(ctx); rested.Store(true) }()
			synctest.Wait()
			if rested.Load() {
				t.Error("it did not wait")
			}
			end(cancel)
			synctest.Wait()
			if !rested.Load() {
				t.Error("it still waits")
			}
			cancel()
		}
	})
}
