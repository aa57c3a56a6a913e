package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// endings is a session of which a test sees how its transactions end.
type endings struct {
	plainSession
	fails error
	ended []bool // each end: whether it was to commit
}

func (e *endings) end(_ context.Context, commit bool) (bool, error) {
	e.ended = append(e.ended, commit)
	return commit && e.fails == nil, e.fails
}

func (e *endings) allowRebalance() {}

// TestI4_EveryPollHasItsEnd: a step ends what it has polled, once, and with an abort where anything went wrong, also where that was
// the poll itself; a poll that brought nothing needs no end.
func TestI4_EveryPollHasItsEnd(t *testing.T) {
	t.Parallel()
	drained, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		expected int64 // offset
		f        guest.Func
		fails    error // of the end
		want     []bool
		words    string // of the error that the step returns
	}{
		"records":        {t.Context(), 0, natives("drop:"), nil, []bool{true}, ""},
		"trap":           {t.Context(), 0, natives("trap:00002"), nil, []bool{false}, "the guest met 00002"},
		"no poll":        {drained, 0, natives("drop:"), nil, nil, ""},
		"poll backwards": {t.Context(), 3, natives("drop:"), nil, []bool{false}, "expected offset 3, got 0"},
		"end fails":      {t.Context(), 0, natives("drop:"), errAny, []bool{true}, "something"},
	} {
		world := newWorld(t, map[string]int32{"in": 1})
		world.produce(0, 5, 1)
		cl := world.reader(0)
		cfg := Config{
			Name: "p", Brokers: world.broker.Addrs(), Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"},
			Transforms: []guest.Config{{Name: "f", Native: c.f}},
		}
		h, err := New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(h, 0)
		w.positions.set("in", 0, c.expected)
		s := &endings{plainSession: plainSession{cl, func() {}}, fails: c.fails}
		if err = w.step(c.ctx, s); c.words != "" {
			mention(t, err, nil, c.words)
		} else if err != nil {
			t.Errorf("%s: the step returns %v", name, err)
		}
		if diff := cmp.Diff(c.want, s.ended); diff != "" {
			t.Errorf("%s: ends, - expected, + got:\n%s", name, diff)
		}
		at, commits, aborts := c.expected, int64(0), int64(0)
		switch {
		case c.words != "":
			aborts = 1
		case c.want != nil:
			at, commits = 5, 1
		}
		if got := w.positions.expected("in", 0); got != at {
			t.Errorf("%s: goes on at %d, want %d", name, got, at)
		}
		if got := h.Status(); got.Commits != commits || got.Aborts != aborts || aborts > 0 && w.chain.stages[0].instance != nil {
			t.Errorf("%s: %d commits, %d aborts, instance %v", name, got.Commits, got.Aborts, w.chain.stages[0].instance)
		}
		if err := errors.Join(w.chain.discard(), h.Close(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// order watches what a transform is given: each partition in the order of its offsets, and one batch of it at a time.
type order struct {
	mu      sync.Mutex
	running map[int32]bool
	next    map[int32]int64
	wrong   []string
}

func (o *order) enter(b *abi.Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running[b.Partition] {
		o.wrong = append(o.wrong, fmt.Sprintf("two batches of partition %d at once", b.Partition))
	}
	o.running[b.Partition] = true
	for i := range b.Records {
		at := b.Records[i].Offset
		if next := o.next[b.Partition]; at < next {
			o.wrong = append(o.wrong, fmt.Sprintf("partition %d: offset %d after %d", b.Partition, at, next-1))
		}
		o.next[b.Partition] = at + 1
	}
}

func (o *order) leave(b *abi.Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running[b.Partition] = false
}

// aborted lets the partitions of a worker go back to what was committed.
func (o *order) aborted(offsets map[string]map[int32]int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, at := range offsets["in"] {
		o.next[n] = at
	}
}

// runTwo runs a pipeline of two workers, and returns when each of them has its share of the partitions.
func (w *world) runTwo(cfg Config) *running {
	w.t.Helper()
	var first [2]sync.Once
	var shared [2]chan struct{}
	for n := range shared {
		shared[n] = make(chan struct{})
	}
	cfg.Workers, cfg.Logger = len(shared), zap.NewNop()
	cfg.Hooks.Assigned = func(n int, _ map[string][]int32) { first[n].Do(func() { close(shared[n]) }) }
	r, ctx := w.run(cfg), w.ctx()
	for _, c := range shared {
		if err := wait(ctx, c); err != nil {
			w.t.Fatal(err)
		}
	}
	return r
}

// wait waits for something, but not for ever.
func wait(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestI5_Order: two workers, small transactions and aborts between them. A transform sees each input partition in order, one batch
// of it at a time; outputs keep that order by key, whatever partition the key has, and by the explicit partition they were given.
func TestI5_Order(t *testing.T) {
	t.Parallel()
	const inputs, outputs, each = 4, 3, 60
	w := newWorld(t, map[string]int32{"in": inputs, "out": outputs})
	var records []*kgo.Record
	for i := range each {
		for n := range int32(inputs) {
			// Five keys for each input partition; every sixth record has none, and an explicit partition at the output.
			r := &kgo.Record{Topic: "in", Partition: n, Value: fmt.Appendf(nil, "%d %d", n, i)}
			if i%6 != 0 {
				r.Key = fmt.Appendf(nil, "k%d.%d", n, i%6)
			}
			records = append(records, r)
		}
	}
	o := &order{running: map[int32]bool{}, next: map[int32]int64{}}
	forward := native(func(r *abi.Record, i uint32, out *abi.Result) error {
		v := same(r, i)
		if r.Key == nil {
			n, _, _ := strings.Cut(string(r.Value), " ")
			partition, err := strconv.Atoi(n)
			if err != nil {
				return err
			}
			v.Partition = int32(partition % outputs)
		}
		out.Records = append(out.Records, v)
		return nil
	})
	cfg := w.config(func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		o.enter(&b)
		defer o.leave(&b)
		return forward(ctx, env, b)
	})
	cfg.MaxRecords = 7
	cfg.Hooks.Aborted = func(txn Transaction, _ error) { o.aborted(txn.Offsets) }
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidTxnState, Count: 2})
	r := w.runTwo(cfg)
	if err := w.client.ProduceSync(w.ctx(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := w.consume("out", inputs*each)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if s := r.h.Status(); s.Aborts == 0 || s.Commits < inputs*each/7 {
		t.Errorf("status %+v: the test means to have aborts and small transactions", s)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.wrong) > 0 {
		t.Errorf("the transform saw %v", o.wrong)
	}
	last, places := map[string]int{}, map[string]int32{}
	used := map[int32]bool{}
	for _, r := range got {
		var n, i int
		if _, err := fmt.Sscan(string(r.Value), &n, &i); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("key %q of partition %d", r.Key, n)
		if before, ok := last[line]; ok && i <= before {
			t.Errorf("%s: record %d after %d", line, i, before)
		}
		if at, ok := places[line]; ok && at != r.Partition {
			t.Errorf("%s: in partitions %d and %d", line, at, r.Partition)
		}
		if r.Key == nil && r.Partition != int32(n%outputs) {
			t.Errorf("%s: in partition %d, want the explicit one", line, r.Partition)
		}
		last[line], places[line], used[r.Partition] = i, r.Partition, true
	}
	if len(last) != inputs*6 || len(used) != outputs {
		t.Errorf("%d lines of records in %d partitions, want %d in %d", len(last), len(used), inputs*6, outputs)
	}
}

// TestI12_TimesFit: New refuses timeouts that do not fit into each other, at the very bound, and takes what lies next to it.
func TestI12_TimesFit(t *testing.T) {
	t.Parallel()
	least := produceTimeout + requestOverhead + time.Second
	for name, c := range map[string]struct {
		change func(*Config)
		words  string // of the refusal; "" is none
	}{
		"defaults":                   {func(*Config) {}, ""},
		"shortest transaction":       {func(c *Config) { c.TransactionTimeout = least }, ""},
		"transaction too short":      {func(c *Config) { c.TransactionTimeout = least - 1 }, "TransactionTimeout: at least 8s"},
		"no transactions":            {func(c *Config) { c.TransactionTimeout, c.Guarantee = least-1, AtLeastOnce }, ""},
		"longest guest":              {func(c *Config) { c.MaxGuestTime = rebalanceTimeout/2 - 1 }, ""},
		"guest too long":             {func(c *Config) { c.MaxGuestTime = rebalanceTimeout / 2 }, "MaxGuestTime: less than 15s"},
		"guest too long at any rate": {func(c *Config) { c.MaxGuestTime, c.Guarantee = rebalanceTimeout/2, AtLeastOnce }, "MaxGuestTime: less than 15s"},
	} {
		cfg := Config{
			Name: "p", Brokers: []string{"127.0.0.1:1"}, Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"},
			Transforms: []guest.Config{{Name: "f", Native: natives("forward")}},
		}
		c.change(&cfg)
		h, err := New(t.Context(), cfg)
		if c.words != "" {
			mention(t, err, ErrConfig, c.words)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for timeout, want := range map[time.Duration]time.Duration{10 * time.Second: 8 * time.Second, least: produceTimeout + requestOverhead} {
		c := Config{TransactionTimeout: timeout}
		if got := c.deliveryTimeout(); got != want {
			t.Errorf("within %v records are delivered for %v, want %v", timeout, got, want)
		}
		synctest.Test(t, func(t *testing.T) {
			drained, cancel := context.WithCancel(t.Context())
			cancel()
			ending, cancel := c.detached(drained)
			defer cancel()
			if at, ok := ending.Deadline(); ending.Err() != nil || !ok || time.Until(at) != want+endTimeout {
				t.Errorf("a drained transaction has %v (%v), want %v", time.Until(at), ending.Err(), want+endTimeout)
			}
		})
	}
}

// TestI14_ReadCommitted: the input is read committed unless a pipeline without transactions says otherwise.
func TestI14_ReadCommitted(t *testing.T) {
	t.Parallel()
	base := Config{
		Name: "p", Brokers: []string{"127.0.0.1:1"}, Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"},
		Transforms: []guest.Config{{Name: "f", Native: natives("forward")}},
	}
	for _, c := range []struct {
		guarantee Guarantee
		isolation Isolation
		want      Isolation // "" is refused
	}{
		{"", "", ReadCommitted},
		{ExactlyOnce, "", ReadCommitted},
		{ExactlyOnce, ReadCommitted, ReadCommitted},
		{ExactlyOnce, ReadUncommitted, ""},
		{"", ReadUncommitted, ""},
		{AtLeastOnce, "", ReadCommitted},
		{AtLeastOnce, ReadUncommitted, ReadUncommitted},
	} {
		cfg := base
		cfg.Guarantee, cfg.Isolation = c.guarantee, c.isolation
		h, err := New(t.Context(), cfg)
		if c.want == "" {
			mention(t, err, ErrConfig, "Isolation: read_committed under exactly_once")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.cfg.Isolation != c.want {
			t.Errorf("%+v: isolation %q", c, h.cfg.Isolation)
		}
		cl, err := kgo.NewClient(newWorker(h, 0).sessionOptions(nil)...)
		if err != nil {
			t.Fatal(err)
		}
		level := map[Isolation]int8{ReadCommitted: 1, ReadUncommitted: 0}[c.want] // of Kafka's protocol
		if got := cl.OptValue(kgo.FetchIsolationLevel); got != level {
			t.Errorf("%+v: fetches with level %v", c, got)
		}
		cl.Close()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestI14_OpenTransactionsAreNotRead: what an upstream transaction has written is read when it is committed, not before, and what
// lies behind it waits too.
func TestI14_OpenTransactionsAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 2, 1)
	upstream := w.openTransaction("00002")
	w.produce(3, 2, 1)
	cfg := w.config(natives("forward"))
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 2)
	if got := w.committed(); got != 2 {
		t.Errorf("committed %d, want 2", got)
	}
	if err := upstream.EndTransaction(w.ctx(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 5)
	if diff := cmp.Diff([]string{"00000", "00001", "00002", "00003", "00004"}, w.read(5)); diff != "" {
		t.Errorf("records of `out`, - expected, + got:\n%s", diff)
	}
}

// TestI13_OpenTransactionIsEnded: a worker that fails while another one works ends the pipeline, and the other one ends its own
// transaction before that, in one way or the other: none is left to the broker's timeout, which would hold up all readers.
func TestI13_OpenTransactionIsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 2, "out": 1})
	patient := w.ctx()
	working, failed := make(chan struct{}), make(chan struct{})
	var works, fails sync.Once
	cfg := w.config(func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		if string(b.Records[0].Value) == "evil" {
			return abi.Result{}, errors.Join(wait(patient, working), errors.New("cannot take it"))
		}
		works.Do(func() { close(working) })
		if err := wait(patient, failed); err != nil {
			return abi.Result{}, err
		}
		return natives("forward")(ctx, env, b)
	})
	cfg.TransactionTimeout = 10 * patience
	cfg.Hooks.Aborted = func(Transaction, error) { fails.Do(func() { close(failed) }) }
	r := w.runTwo(cfg)
	for n, value := range []string{"good", "evil"} {
		if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Partition: int32(n), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	mention(t, r.wait(t), nil, `topic "in" partition 1`, "cannot take it")
	got := w.read(0) // which waits until no transaction is open
	if s := r.h.Status(); len(got) != int(s.Out) || s.State != StateFailed {
		t.Errorf("visible %v, status %+v", got, s)
	}
}
