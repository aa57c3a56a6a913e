package hostile_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/test/load"
)

// neighbour is a guest that somebody else runs in the same process.
type neighbour struct {
	module string
	kind   guest.TrapKind
	limits guest.Limits
	// late says that its time may be over before it comes to its trap.
	late bool
}

// neighbours spin, fill memory, log, recurse, grow and flood. Those that end by themselves have the time that they need on any
// machine.
var neighbours = []neighbour{
	{module: "spin_loop", kind: guest.TrapDeadline, limits: guest.Limits{Timeout: 500 * time.Millisecond}},
	{module: "spin_exponential", kind: guest.TrapFuel, limits: guest.Limits{Timeout: time.Minute, FuelPerBatch: 100_000_000}},
	{module: "spin_fill", kind: guest.TrapDeadline, limits: guest.Limits{Timeout: 500 * time.Millisecond}},
	{module: "spin_log", kind: guest.TrapDeadline, limits: guest.Limits{Timeout: 500 * time.Millisecond}},
	{module: "recursion", kind: guest.TrapStack, limits: guest.Limits{Timeout: time.Minute}},
	{module: "oom", kind: guest.TrapMemory, limits: guest.Limits{Timeout: time.Minute}},
	{module: "output_flood", kind: guest.TrapOutput, limits: guest.Limits{Timeout: time.Minute}},
	{module: "alias_flood", kind: guest.TrapOutput, limits: guest.Limits{Timeout: time.Minute}},
}

// pipeline reads a topic through one module.
func pipeline(t testing.TB, broker, in, out, name string, limits guest.Limits) host.Config {
	return host.Config{
		Name: name, Brokers: []string{broker}, Group: name, Inputs: []string{in}, Outputs: map[string]string{"out": out}, Workers: 1,
		Transforms: []guest.Config{{Name: name, Wasm: module(t, name), Limits: limits}},
	}
}

// start runs a host; the function that it returns drains it and says how it ended.
func start(t testing.TB, cfg host.Config) (h *host.Host, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h, err := host.New(ctx, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, h.Close(context.Background()))
	})
	t.Cleanup(func() { _ = stop() })
	return h, stop
}

// trapped says whether an error is the trap that the guest is to end by.
func (n neighbour) trapped(err error) bool {
	var trap *guest.TrapError
	return errors.As(err, &trap) && (trap.Kind == n.kind || n.late && trap.Kind == guest.TrapDeadline)
}

// haunt starts the pipeline of a neighbour again whenever it ended, until ctx is done, and says how often its trap ended it.
func (n neighbour) haunt(ctx context.Context, t testing.TB, cfg host.Config, ended func()) {
	for ctx.Err() == nil {
		h, err := host.New(ctx, cfg)
		if err == nil {
			err = h.Run(ctx)
		}
		if ctx.Err() != nil || tooBusy(err) {
			// It was told to end, or begins again.
		} else if !n.trapped(err) {
			t.Errorf("%s ended with %v, not by a trap of kind %s", n.module, err, n.kind)
			return
		} else if s := h.Status(); s.State != host.StateFailed || !n.trapped(s.Err) || s.Commits != 0 || s.Transforms[0].Fuel == 0 || s.Transforms[0].Traps[n.kind] == 0 && !n.late {
			t.Errorf("%s: %+v", n.module, s)
			return
		}
		if h != nil {
			if err := h.Close(context.Background()); err != nil {
				t.Errorf("%s: %v", n.module, err)
			}
		}
		if !tooBusy(err) {
			ended()
		}
	}
}

// Pipelines that end by their traps, again and again, take nothing from one beside them: all of its records come out, once, in
// order. Half of them are written when each neighbour has ended once, and the others run on.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	const n = 4000
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 4, "out": 4, "bait": 1, "nothing": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	addr := broker.Addrs()[0]
	load.Fill(t, addr, "bait", 0, 5)
	load.Fill(t, addr, "in", 0, n/2)
	good, stop := start(t, pipeline(t, addr, "in", "out", "identity", guest.Limits{}))
	ctx, cancel := context.WithCancel(load.Within(t))
	defer cancel()
	var haunting, all sync.WaitGroup
	for _, neighbour := range neighbours {
		cfg := pipeline(t, addr, "bait", "nothing", neighbour.module, neighbour.limits)
		all.Add(1)
		first := sync.OnceFunc(all.Done)
		haunting.Go(func() {
			defer first()
			neighbour.haunt(ctx, t, cfg, first)
		})
	}
	all.Wait()
	load.Fill(t, addr, "in", n/2, n)
	load.Await(t, "the end of the input", func(context.Context) bool { return good.Status().In == n })
	cancel()
	haunting.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if s := good.Status(); s.In != n || s.Out != n {
		t.Errorf("the good pipeline: %+v", s)
	}
	books := load.NewBooks(n)
	load.Read(t, addr, func(r *kgo.Record) {
		id, err := load.IDOf(r.Value)
		if err != nil || !bytes.Equal(r.Value, load.Value(id)) {
			books.Find("%s/%d@%d: value %q", r.Topic, r.Partition, r.Offset, r.Value)
			return
		}
		books.Enter(id, r)
	}, "out")
	books.Settle(t)
	load.Read(t, addr, func(r *kgo.Record) { t.Errorf("a neighbour wrote %q", r.Value) }, "nothing")
}
