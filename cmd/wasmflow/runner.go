package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
)

// closeTimeout is how long the end waits for transforms that did not come back within the drain.
const closeTimeout = 2 * time.Second

// runner runs the hosts of a configuration side by side.
type runner struct {
	cfg    *config.Config
	once   bool
	log    *zap.Logger
	hosts  []*host.Host
	failed failures
}

// start makes a host of every pipeline that can have one. What the others lack is in the log at once: the end may be far.
func (r *runner) start(ctx context.Context) {
	for _, p := range r.cfg.Pipelines {
		h, err := host.New(ctx, p)
		switch {
		case err == nil:
			r.hosts = append(r.hosts, h)
		case ctx.Err() != nil:
			r.cutOff(ctx, p.Name)
		default:
			for _, e := range blameFor(r.cfg, p.Name, err) {
				r.log.Error("pipeline not started", zap.String("pipeline", p.Name), zap.NamedError("err", e))
				r.failed = append(r.failed, e)
			}
		}
	}
}

// run runs the hosts until ctx is done and waits for all of them.
func (r *runner) run(ctx context.Context) {
	if len(r.hosts) == 0 {
		return
	}
	// The hosts are stopped by hand, so that it is known which of them had come to their end by themselves.
	running, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	early := make([]bool, len(r.hosts))
	stopped := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(stopped)
		r.log.Info("draining: a second signal stops at once", zap.String("cause", context.Cause(ctx).Error()), zap.Duration("drain", r.cfg.Drain))
		var by interrupted
		if errors.As(context.Cause(ctx), &by) && by.sig == os.Interrupt { // somebody at a terminal, not a supervisor that restarts it
			for _, h := range r.hosts {
				h.Leave()
			}
		}
		for i, h := range r.hosts {
			early[i] = slices.Contains([]host.State{host.StateReady, host.StateStarting, host.StateRunning, host.StatePaused}, h.Status().State)
		}
		stop(context.Cause(ctx))
	})
	errs := make([]error, len(r.hosts))
	var all sync.WaitGroup
	for i, h := range r.hosts {
		all.Go(func() { errs[i] = h.Run(running) })
	}
	all.Wait()
	if !unwatch() {
		<-stopped
	}
	for i, err := range errs {
		switch name := r.hosts[i].Status().Name; {
		case err != nil:
			r.failed = append(r.failed, blameFor(r.cfg, name, err)...)
		case early[i]:
			r.cutOff(ctx, name)
		}
	}
}

// cutOff is a pipeline that a signal stopped. For one that runs for ever that is the end; one that runs once has not done what
// it was started for.
func (r *runner) cutOff(ctx context.Context, pipeline string) {
	if r.once {
		err := fmt.Errorf("%w before the ends of the inputs were reached: what was committed stays, run it again for the rest", context.Cause(ctx))
		r.failed = append(r.failed, &pipelineError{pipeline, err})
	}
}

// close frees what the hosts hold. ctx may be done.
func (r *runner) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	for _, h := range r.hosts {
		if err := h.Close(ctx); err != nil {
			r.failed = append(r.failed, err)
		}
	}
}
