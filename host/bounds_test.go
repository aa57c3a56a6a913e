package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
)

// TestRoom: how many records a transaction may read, by what the last ones were like.
func TestRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ limit, in, want int }{{100, 80, 40}, {100, 300, 50}, {100, 1, 1}, {1, 1, 1}, {1, 0, 1}} {
		r := room{limit: c.limit}
		if r.shrink(c.in); r.limit != c.want {
			t.Errorf("%d shrunk after %d records: %d, want %d", c.limit, c.in, r.limit, c.want)
		}
	}
	for _, c := range []struct{ limit, in, most, want int }{
		{40, 39, 100, 40}, // not all of the room was used
		{40, 40, 100, 50},
		{40, 60, 100, 50},
		{90, 90, 100, 100},
		{100, 100, 100, 100},
		{1, 1, 100, 2},
		{3, 3, 100, 4},
	} {
		r := room{limit: c.limit}
		if r.grow(c.in, c.most); r.limit != c.want {
			t.Errorf("%d grown after %d records: %d, want %d", c.limit, c.in, r.limit, c.want)
		}
	}
	for _, c := range []struct {
		mean           int64
		in             int
		inBytes, bytes int64
		want           int
	}{
		{100, 0, 0, 1 << 20, 50},    // records bound it
		{100, 20, 0, 1 << 20, 30},   // what is left of them
		{100, 0, 0, 1000, 10},       // bytes bound it
		{100, 5, 500, 1000, 5},      // what is left of them
		{100, 10, 1000, 1000, 1},    // at least one
		{100, 50, 5000, 1000, 1},    // too much already
		{5000, 0, 0, 1000, 1},       // one record may be larger
		{0, 0, 0, 1000, 50},         // records without bytes
		{1, 49, 0, 1 << 40, 1},      // the last one
		{1 << 20, 0, 0, 4 << 20, 4}, // large records
	} {
		r := room{limit: 50, mean: c.mean, seen: 25}
		if got := r.records(&transaction{in: c.in, inBytes: c.inBytes}, c.bytes); got != c.want {
			t.Errorf("%+v: room for %d", c, got)
		}
	}
	if got := (&room{limit: 1000}).records(&transaction{}, 16<<20); got != 16 { // room for that many large ones
		t.Errorf("the first poll takes %d records, want 16", got)
	}
	r := room{limit: 1000}
	for _, c := range []struct {
		records          int
		bytes, mean, max int64
	}{
		{0, 0, 0, 1},      // nothing is known: one record
		{1, 100, 100, 2},  // twice what was seen
		{2, 1800, 900, 4}, // larger ones count at once
		{4, 400, 800, 8},  // smaller ones by an eighth
		{2, 1600, 800, 8}, // the largest poll counts
		{99, 79200, 800, 100_000 / 800},
	} {
		if c.records > 0 {
			r.saw(c.records, c.bytes)
		}
		if got := r.records(&transaction{}, 100_000); r.mean != c.mean || int64(got) != c.max {
			t.Errorf("%+v: mean %d, room for %d", c, r.mean, got)
		}
	}
}

// TestData: what is polled counts, control records aside.
func TestData(t *testing.T) {
	t.Parallel()
	marker := &kgo.Record{Value: make([]byte, 5000), Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Control: true, Transactional: true})}
	txn := &transaction{inBytes: 7}
	got := data([]*kgo.Record{{Value: make([]byte, 800)}, marker, {Key: make([]byte, 1000)}}, txn)
	if len(got) != 2 || len(got[0].Value) != 800 || len(got[1].Key) != 1000 {
		t.Errorf("data %v", got)
	}
	if txn.inBytes != 1807 {
		t.Errorf("%d bytes in, want 1807", txn.inBytes)
	}
	if got = data([]*kgo.Record{marker}, txn); len(got) != 0 || txn.inBytes != 1807 {
		t.Errorf("a marker alone: data %v, %d bytes in", got, txn.inBytes)
	}
}

// TestEnough: each bound of a transaction by itself ends it, and nothing below it does.
func TestEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := Config{MaxBytes: 1000, MaxDelay: time.Minute, MaxGuestTime: time.Second}
		for name, change := range map[string]struct {
			below, at func(*worker, *transaction)
		}{
			"records":  {func(_ *worker, t *transaction) { t.in = 9 }, func(_ *worker, t *transaction) { t.in = 10 }},
			"bytes in": {func(_ *worker, t *transaction) { t.inBytes = 999 }, func(_ *worker, t *transaction) { t.inBytes = 1000 }},
			"next record": {
				func(w *worker, t *transaction) { t.inBytes, w.room.mean = 900, 100 },
				func(w *worker, t *transaction) { t.inBytes, w.room.mean = 900, 101 },
			},
			"bytes out":  {func(_ *worker, t *transaction) { t.outBytes = 999 }, func(_ *worker, t *transaction) { t.outBytes = 1000 }},
			"guest time": {func(_ *worker, t *transaction) { t.guest = time.Second }, func(_ *worker, t *transaction) { t.guest = time.Second + 1 }},
			"delay": {
				func(_ *worker, t *transaction) { t.started = time.Now().Add(1 - time.Minute) },
				func(_ *worker, t *transaction) { t.started = time.Now().Add(-time.Minute) },
			},
			"delay of markers": {
				func(_ *worker, t *transaction) { t.in, t.started = 0, time.Now().Add(1-markerDelay) },
				func(_ *worker, t *transaction) { t.in, t.started = 0, time.Now().Add(-markerDelay) },
			},
			"drained": {
				func(w *worker, _ *transaction) { w.positions.m["in"][0].next = 4 },
				func(w *worker, _ *transaction) { w.positions.m["in"][0].next = 5 },
			},
			"rebalance":   {func(*worker, *transaction) {}, func(w *worker, _ *transaction) { w.hurry.Store(true) }},
			"empty poll":  {func(*worker, *transaction) {}, func(_ *worker, t *transaction) { t.polled = false }},
			"run to end ": {func(*worker, *transaction) {}, func(w *worker, t *transaction) { w.h.cfg.Once, t.in, w.positions.m["in"][0].next = true, 0, 5 }},
		} {
			for want, change := range map[bool]func(*worker, *transaction){false: change.below, true: change.at} {
				w := &worker{h: &Host{cfg: c}, log: zap.NewNop(), room: room{limit: 10}}
				w.positions.set("in", 0, 0)
				w.positions.m["in"][0].stable = 5
				txn := &transaction{in: 1}
				txn.touch()
				change(w, txn)
				if got := w.enough(t.Context(), txn); got != want {
					t.Errorf("%s: enough %v, want %v", name, got, want)
				}
			}
		}
		w := &worker{h: &Host{cfg: c}, room: room{limit: 10}}
		w.positions.set("in", 0, 0)
		w.positions.m["in"][0].stable = 5
		drained, cancel := context.WithCancel(t.Context())
		cancel()
		if !w.enough(drained, &transaction{polled: true, in: 1, started: time.Now()}) {
			t.Error("the transaction goes on though the host drains")
		}
	})
}

// TestPollEnds: the first poll waits as long as it takes, the following ones until the transaction's time is up.
func TestPollEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &worker{h: &Host{cfg: Config{MaxDelay: time.Minute}}}
		txn := &transaction{}
		polling, cancel := w.pollContext(t.Context(), txn)
		if at, ok := polling.Deadline(); ok {
			t.Errorf("the first poll ends at %v", at)
		}
		cancel()
		txn.touch()
		for in, delay := range map[int]time.Duration{0: markerDelay, 1: time.Minute} {
			txn.in = in
			polling, cancel = w.pollContext(t.Context(), txn)
			if at, ok := polling.Deadline(); !ok || at.Sub(txn.started) != delay {
				t.Errorf("with %d records the poll ends %v after the first, want %v", in, at.Sub(txn.started), delay)
			}
			cancel()
		}
		for name, change := range map[string]func(*worker){
			"a callback found an error":                        func(w *worker) { w.fatal.Store(&errAny) },
			"a position behind lost records was not committed": func(w *worker) { w.positions.skip("in", 0, 5, 7) },
		} {
			w := &worker{h: w.h}
			change(w)
			polling, cancel = w.pollContext(t.Context(), &transaction{})
			if polling.Err() == nil {
				t.Errorf("the first poll waits though %s", name)
			}
			cancel()
		}
	})
}

// TestDelayCountsFromRecords: markers that waited for records do not use up the delay of their transaction.
func TestDelayCountsFromRecords(t *testing.T) {
	t.Parallel()
	for in, again := range map[int]bool{0: true, 1: false} {
		world := newWorld(t, map[string]int32{"in": 1})
		world.produce(0, 3, 1)
		w := newWorker(&Host{cfg: Config{MaxDelay: 10 * time.Hour}.withDefaults(), log: zap.NewNop()}, 0)
		w.positions.set("in", 0, 0)
		began := time.Now().Add(-markerDelay / 2)
		txn := &transaction{polled: true, in: in, started: began}
		if fetches, err := w.poll(world.ctx(), &plainSession{world.reader(0), func() {}}, txn); err != nil || len(fetches) != 1 {
			t.Fatal(fetches, err)
		}
		if got := !txn.started.Equal(began); got != again {
			t.Errorf("with %d records before: the delay counts anew %v, want %v", in, got, again)
		}
	}
}

// TestMaxBytes: a transaction ends when it has read its bytes, a worker's first one too; the next one goes on there.
func TestMaxBytes(t *testing.T) {
	t.Parallel()
	for size, want := range map[int][]int{100: {10, 10, 10}, 500: slices.Repeat([]int{2}, 15), 600: slices.Repeat([]int{1}, 30)} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		records := make([]*kgo.Record, 30)
		for i := range records {
			records[i] = &kgo.Record{Topic: "in", Partition: 0, Value: []byte(strings.Repeat("x", size))}
		}
		if err := w.client.ProduceSync(w.ctx(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []int
		cfg := w.config(natives("forward"))
		cfg.MaxBytes, cfg.MaxDelay = 1000, time.Hour
		cfg.Hooks.Committed = func(txn Transaction) { mu.Lock(); got = append(got, txn.In); mu.Unlock() }
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records of %d bytes in each transaction, - expected, + got:\n%s", size, diff)
		}
		mu.Unlock()
	}
}

// TestSlabsAreKept: the slabs of a transaction serve the next one, unless they are very large; nothing in them stays referred to.
func TestSlabsAreKept(t *testing.T) {
	t.Parallel()
	for n, kept := range map[int]bool{keptRecords: true, keptRecords + 1: false} {
		txn := &transaction{out: make([]kgo.Record, 1, n), sources: make([]source, 1, n)}
		out := txn.out
		out[0].Value = []byte("v")
		txn.reset()
		if got := cap(txn.out) > 0 && cap(txn.sources) > 0; len(txn.out) != 0 || got != kept || out[0].Value != nil {
			t.Errorf("slab of %d records: kept %v, want %v; it holds %q", n, got, kept, out[0].Value)
		}
	}
}

// TestBytesOut: what comes out is counted, beside the default output too, and taken back with a batch that is tried in halves.
func TestBytesOut(t *testing.T) {
	t.Parallel()
	c := newChain(t, natives("route:a"), natives("twice"))
	in := abi.Batch{Topic: "in", Records: []abi.Record{{Key: []byte("key"), Value: []byte("a"), Offset: 1}, {Value: []byte("b"), Headers: []abi.Header{{Key: "h", Value: []byte("vv")}}, Offset: 2}}}
	txn := (&transaction{}).reset()
	before := txn.mark()
	if _, err := c.run(t.Context(), &in, txn); err != nil {
		t.Fatal(err)
	}
	if txn.outBytes != 4+2*(3+3)+2*(3+3) || len(txn.out) != 5 { // beside, both halves of the first, both of the second with a header
		t.Errorf("%d records of %d bytes out, want 5 of 28", len(txn.out), txn.outBytes)
	}
	txn.dropped = 3
	txn.undo(before)
	if len(txn.out) != 0 || len(txn.sources) != 0 || txn.outBytes != 0 || txn.dropped != 0 {
		t.Errorf("left of what was taken back: %d records of %d bytes, %d dropped", len(txn.out), txn.outBytes, txn.dropped)
	}
}

// TestFanOutShrinks: transforms that make more of the records than one transaction holds get fewer of them, until it fits.
func TestFanOutShrinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 16, "out": 1})
	w.produce(0, 16, 16) // a batch for each partition; a poll holds many once it is known that they are small
	cfg := w.config(native(func(r *abi.Record, i uint32, out *abi.Result) error {
		o := same(r, i)
		o.Key = make([]byte, 1000)
		out.Records = append(out.Records, o)
		return nil
	}))
	cfg.MaxBytes, cfg.Logger = 1000, zap.NewNop()
	var given, most atomic.Int64
	cfg.Hooks.Aborted = func(txn Transaction, err error) {
		if errors.Is(err, errFanOut) {
			given.Add(1)
		}
	}
	cfg.Hooks.Committed = func(txn Transaction) { most.Store(max(most.Load(), int64(txn.Out))) }
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if given.Load() == 0 {
		t.Error("no step was given back")
	}
	if most.Load() > mostOutput+1 { // past the bound there is at most the batch that passed it
		t.Errorf("%d records of 1 kB in a transaction of %d bytes", most.Load(), cfg.MaxBytes)
	}
	w.expect(0, 16)
}

// TestFanOutOfRecords: the number of records that come out is bounded too, whatever their size.
func TestFanOutOfRecords(t *testing.T) {
	t.Parallel()
	world := newWorld(t, map[string]int32{"in": 1})
	world.produce(0, 5, 1)
	cl := world.reader(0)
	w := newWorker(&Host{cfg: Config{MaxRecords: 8}.withDefaults(), log: zap.NewNop()}, 0)
	w.positions.set("in", 0, 0)
	txn := w.txn.reset()
	txn.in, txn.out = 6, make([]kgo.Record, mostRecords+1) // of earlier polls of this transaction
	err := w.fill(world.ctx(), &plainSession{cl, func() {}}, txn)
	if !errors.Is(err, errFanOut) || classify(err) != actRetry {
		t.Errorf("error %v", err)
	}
	if w.room.limit != 3 {
		t.Errorf("room for %d records, want 3", w.room.limit)
	}
}

// stubSession is a session that only begins.
type stubSession struct {
	session
	begun func() error
}

func (s stubSession) begin() error { return s.begun() }

// TestMarkerGap: a produce waits until the broker has written the markers of the last transaction; nothing to produce, nothing to
// wait for.
func TestMarkerGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(&Host{cfg: Config{}.withDefaults(), log: zap.NewNop()}, 0)
		for _, c := range []struct {
			out         int
			since, want time.Duration
		}{{1, 0, markerGap}, {1, markerGap / 4, markerGap * 3 / 4}, {1, markerGap, 0}, {1, time.Hour, 0}, {0, 0, 0}} {
			txn := (&transaction{}).reset()
			for range c.out {
				txn.out = append(txn.out, kgo.Record{Topic: "out", Partition: abi.PartitionByKey, Timestamp: time.Now()})
				txn.sources = append(txn.sources, source{})
			}
			began := time.Now()
			w.lastEnd = began.Add(-c.since)
			waited := time.Duration(-1)
			err := w.produce(t.Context(), stubSession{begun: func() error { waited = time.Since(began); return errAny }}, txn)
			if !errors.Is(err, errAny) || waited != c.want {
				t.Errorf("%+v: waited %v (%v)", c, waited, err)
			}
		}
	})
}

// TestNotDelivered: an end without an answer to every produce commits nothing.
func TestNotDelivered(t *testing.T) {
	t.Parallel()
	cl, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	w := newWorker(&Host{cfg: Config{MaxRecords: 100}.withDefaults(), log: zap.NewNop()}, 0)
	txn := w.txn.reset()
	txn.in = 10
	ctx, cancel := context.WithCancel(t.Context())
	cl.Produce(t.Context(), &kgo.Record{Topic: "out"}, nil) // another record that is on its way
	cancel()
	s := &plainSession{cl, func() {}}
	mention(t, w.produce(ctx, s, txn), context.Canceled, "not delivered within 8s")
	if w.room.limit != 5 {
		t.Errorf("room for %d records, want 5", w.room.limit)
	}
	if committed, err := s.end(ctx, true); committed || !errors.Is(err, context.Canceled) {
		t.Errorf("committed %v, %v", committed, err)
	}
}

// TestBackOff: a worker waits longer after each failure in a row, with jitter and a limit, and a commit forgets them.
func TestBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(&Host{cfg: Config{MaxRecords: 100}.withDefaults(), log: zap.NewNop()}, 0)
		backOff := func() time.Duration {
			began := time.Now()
			if err := w.backOff(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		for want := backOffLeast; want < 4*backOffMost; want *= 2 {
			if got, most := backOff(), min(want, backOffMost); got < most/2 || got >= most {
				t.Errorf("waited %v, want from %v to %v", got, most/2, most)
			}
		}
		w.positions.set("in", 0, 3)
		w.positions.m["in"][0].next = 8
		w.room.limit = 4
		txn := &transaction{in: 4}
		txn.ended = time.Now()
		w.keep(txn)
		if got := backOff(); got >= backOffLeast {
			t.Errorf("waited %v after a commit", got)
		}
		if w.room.limit != 5 || !w.lastEnd.Equal(txn.ended) {
			t.Errorf("room for %d records, last end %v", w.room.limit, w.lastEnd)
		}
		if w.positions.drop(); w.positions.expected("in", 0) != 8 {
			t.Errorf("goes back to %d after a commit up to 8", w.positions.expected("in", 0))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.backOff(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a drain does not end the wait: %v", err)
		}
	})
}

// TestI6_OldFencesAreForgotten: transactions that time out now and then are no other host on the slot.
func TestI6_OldFencesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(&Host{cfg: Config{Name: "p", Group: "g", GroupProtocol: GroupConsumer}.withDefaults(), log: zap.NewNop()}, 0)
		for range 3 * fenceMost {
			if err := w.fenced(t.Context(), kerr.ProducerFenced); err != nil {
				t.Fatal(err)
			}
			<-time.After(fenceWindow / (fenceMost - 1)) // of the bubble's clock
		}
		<-time.After(fenceWindow)
		for n := 1; n <= fenceMost; n++ {
			if err := w.fenced(t.Context(), kerr.ProducerFenced); (err != nil) != (n == fenceMost) {
				t.Errorf("fence %d within the window: %v", n, err)
			}
		}
	})
}
