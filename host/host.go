package host

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host/guest"
)

// Host runs one pipeline. Its methods may be called by several goroutines.
type Host struct {
	cfg     Config
	log     *zap.Logger
	modules []*guest.Module
	fuel    []*atomic.Uint64 // used by each of modules
	pattern *regexp.Regexp   // of InputsRegex
	traps   []*traps         // of each of modules
	topics  topics
	metrics *metrics

	client *kgo.Client // for questions; no group, no transactions
	admin  *kadm.Client

	begins   kadm.Offsets // where the group begins in partitions that it had committed nothing of
	ends     *ends        // where it ends; nil where it does not run once
	verdicts verdicts
	breaker  breaker

	ran     atomic.Bool
	paused  atomic.Pointer[hold] // nil while it runs
	leaving atomic.Bool          // the host does not come back: its slots leave the group
	late    atomic.Bool          // the drain is over: nothing is committed any more
	done    chan struct{}

	running sync.WaitGroup // workers, which may outlive Run where the drain was too short

	mu      sync.Mutex
	state   State
	err     error
	workers []*worker

	counters  counters
	closeOnce sync.Once
	closeErr  error
}

// New checks the configuration, all of it at once, and loads the modules. It opens no connection and starts no goroutine.
// Errors wrap ErrConfig; a module that is refused is named with the reason. The host must be closed.
func New(ctx context.Context, cfg Config) (*Host, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("pipeline %q: %w:\n%w", cfg.Name, ErrConfig, err)
	}
	h := &Host{cfg: cfg, log: cfg.Logger, done: make(chan struct{}), state: StateReady}
	if h.log == nil {
		h.log = zap.NewNop()
	}
	h.log = h.log.With(zap.String("pipeline", cfg.Name))
	h.breaker.ratio, h.breaker.window, h.breaker.began = cfg.Errors.MaxRatio, cfg.Errors.Window, time.Now()
	var errs []error
	if cfg.InputsRegex != "" {
		h.pattern = regexp.MustCompile(anchored(cfg.InputsRegex)) // validate compiled it once already
	}
	for _, t := range cfg.Transforms {
		if t.Log == nil {
			t.Log = h.guestLog
		}
		m, err := guest.Load(ctx, t)
		if err != nil {
			errs = append(errs, fmt.Errorf("transform %q: %w", t.Name, err))
			continue
		}
		h.modules = append(h.modules, m)
		h.fuel, h.traps = append(h.fuel, new(atomic.Uint64)), append(h.traps, new(traps))
	}
	var err error
	if h.metrics, err = newMetrics(cfg.Metrics, h); err != nil {
		errs = append(errs, err)
	}
	if cause := context.Cause(ctx); cause != nil { // nothing is wrong with the configuration
		return nil, errors.Join(fmt.Errorf("pipeline %q: %w", cfg.Name, cause), h.Close(ctx))
	}
	if len(errs) > 0 {
		return nil, errors.Join(fmt.Errorf("pipeline %q: %w:\n%w", cfg.Name, ErrConfig, errors.Join(errs...)), h.Close(ctx))
	}
	return h, nil
}

// Run runs the pipeline until ctx is done, and returns nil then: the open transaction is ended first, within Config.Drain.
// With Config.Once it returns nil when the input was drained. Any other return is an error that stopped it: a *RecordError,
// or one that wraps ErrEnvironment, ErrOutOfRange, ErrFenced or a Kafka error. It runs once.
func (h *Host) Run(ctx context.Context) error {
	if !h.ran.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer close(h.done)
	h.setState(StateStarting, nil)
	err := h.run(ctx)
	if err != nil {
		h.setState(StateFailed, err)
		h.log.Error("pipeline stopped", zap.NamedError("err", err))
		return err
	}
	h.setState(StateStopped, nil)
	h.log.Info("pipeline stopped", zap.Int64("records", h.counters.in.Load()))
	return nil
}

func (h *Host) run(ctx context.Context) error {
	client, err := kgo.NewClient(h.clientOptions()...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	defer client.Close()
	h.client, h.admin = client, kadm.NewClient(client)
	partitions, err := h.probe(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("pipeline %q: %w", h.cfg.Name, err)
	}
	// One that fails stops the others; each ends its own transaction.
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	n := h.cfg.Workers
	if h.cfg.InputsRegex == "" { // a pattern may match more later
		n = min(n, max(1, partitions))
	}
	workers := make([]*worker, n)
	for i := range workers {
		workers[i] = newWorker(h, i)
	}
	h.mu.Lock()
	h.workers = workers
	h.mu.Unlock()
	if err := h.begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("pipeline %q: %w", h.cfg.Name, err)
	}
	h.clearSlots(ctx, n)
	if h.cfg.Once {
		if h.ends, err = h.readEnds(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("pipeline %q: %w", h.cfg.Name, err)
		}
		h.leaving.Store(true)
	}
	h.setState(StateRunning, nil)
	h.log.Info("pipeline started", zap.Int("workers", n), zap.Int("partitions", partitions))
	return h.supervise(running, stop, workers)
}

// supervise runs the workers until ctx is done, the input is drained (Once), or one of them fails.
func (h *Host) supervise(ctx context.Context, stop context.CancelCauseFunc, workers []*worker) error {
	errs := make([]error, len(workers))
	for i, w := range workers {
		h.running.Go(func() {
			if errs[i] = w.run(ctx); errs[i] != nil {
				stop(errs[i])
			}
		})
	}
	if h.ends != nil {
		h.running.Go(func() {
			h.ends.wait(ctx)
			stop(nil)
		})
	}
	ended := make(chan struct{})
	go func() { h.running.Wait(); close(ended) }()
	<-ctx.Done()
	h.setState(StateDraining, nil)
	timer := time.NewTimer(h.cfg.Drain)
	defer timer.Stop()
	select {
	case <-ended:
		return errors.Join(errs...)
	case <-timer.C:
		h.late.Store(true) // (I13) what ends later than this aborts
		err := fmt.Errorf("pipeline %q: the open transactions did not end within %v: they are aborted by the broker, and taken again at the next start", h.cfg.Name, h.cfg.Drain)
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			err = errors.Join(cause, err) // the worker that stopped the others
		}
		return err
	}
}

// Leave says that the host does not come back: under LeaveAuto its slots leave the group when Run ends, and the other hosts take
// its partitions over at once.
func (h *Host) Leave() { h.leaving.Store(true) }

// Close frees the modules. It waits until Run has returned and no transform runs any more, so cancel Run's context first;
// ctx bounds the wait, and where it ends first the error wraps its cause and nothing was freed. It may be called more than once.
func (h *Host) Close(ctx context.Context) error {
	if h.ran.Load() {
		ended := make(chan struct{})
		go func() { <-h.done; h.running.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-ctx.Done():
			return fmt.Errorf("close pipeline %q: a transform still runs: %w", h.cfg.Name, context.Cause(ctx))
		}
	}
	h.closeOnce.Do(func() {
		var errs []error
		for _, m := range h.modules {
			errs = append(errs, m.Close(context.WithoutCancel(ctx)))
		}
		if h.metrics != nil {
			h.metrics.unregister()
		}
		h.closeErr = errors.Join(errs...)
	})
	return h.closeErr
}
