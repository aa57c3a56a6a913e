package host

import (
	"context"

	"go.uber.org/zap"
)

// hold is the time in which a pipeline takes nothing.
type hold struct {
	over  chan struct{}
	cause error
}

// Pause lets the pipeline take no further records: the open transactions are ended, the sessions stay in the group and keep
// their partitions. It returns at once; Status says when it is so. A paused pipeline still drains when Run's context ends.
func (h *Host) Pause() { h.pause(nil) }

// Resume ends a pause, also one that ErrorPolicy.MaxRatio began, and begins a new window of it.
func (h *Host) Resume() {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.paused.Swap(nil)
	if p == nil {
		return
	}
	h.breaker.reset()
	close(p.over)
	if h.state == StatePaused {
		h.state, h.err = StateRunning, nil
	}
	h.log.Info("pipeline resumed")
}

func (h *Host) pause(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.paused.CompareAndSwap(nil, &hold{make(chan struct{}), cause}) {
		return
	}
	if h.state == StateRunning {
		h.state, h.err = StatePaused, cause
	}
	for _, w := range h.workers {
		w.wake()
	}
	if cause != nil {
		h.log.Error("pipeline paused", zap.NamedError("err", cause))
		return
	}
	h.log.Info("pipeline paused")
}

// rest waits while the pipeline is paused.
func (h *Host) rest(ctx context.Context) {
	if p := h.paused.Load(); p != nil {
		select {
		case <-p.over:
		case <-ctx.Done():
		}
	}
}
