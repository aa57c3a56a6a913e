package host

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestI1_FaultsAreRetried: errors that say nothing against a record abort or recreate, and every record comes out once.
func TestI1_FaultsAreRetried(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]devbroker.Fault{
		"produce/invalid_txn_state":     {Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidTxnState},
		"produce/abortable":             {Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.TransactionAbortable},
		"produce/not_leader":            {Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.NotLeaderForPartition, Count: 2},
		"offsets/illegal_generation":    {Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration},
		"offsets/fenced":                {Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.ProducerFenced},
		"end/concurrent":                {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ConcurrentTransactions},
		"end/invalid_producer_epoch":    {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch},
		"end/producer_fenced":           {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced},
		"end/unknown":                   {Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError},
		"heartbeat/unknown_member":      {Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID},
		"init/coordinator_loading":      {Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.CoordinatorLoadInProgress},
		"fetch/unknown_leader_epoch":    {Keys: []kmsg.Key{kmsg.Fetch}, Topic: "in", Err: kerr.UnknownLeaderEpoch},
		"offset_fetch/unstable_offsets": {Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g", Err: kerr.UnstableOffsetCommit, When: memberFetch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 2, "out": 2})
			w.produce(0, 20, 2)
			hit := w.broker.Inject(f)
			if err := w.once(w.config(natives("forward"))); err != nil {
				t.Fatal(err)
			}
			if hit.Hits() == 0 {
				t.Error("the fault did not happen")
			}
			w.expect(0, 20)
		})
	}
}

// TestAtLeastOnceLosesNothing: without transactions, errors of produce and commit bring records again, and lose none.
func TestAtLeastOnceLosesNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]devbroker.Fault{
		"produce": {Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.TransactionAbortable},
		"commit":  {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, When: memberCommit},
		"fatal":   {Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.InvalidCommitOffsetSize, When: memberCommit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 2, "out": 2})
			w.produce(0, 20, 2)
			hit := w.broker.Inject(f)
			cfg := w.config(natives("forward"))
			cfg.Guarantee, cfg.MaxRecords = AtLeastOnce, 5
			if err := w.once(cfg); err != nil {
				t.Fatal(err)
			}
			if hit.Hits() == 0 {
				t.Error("the fault did not happen")
			}
			got := map[string]bool{}
			for _, v := range w.read(20) {
				got[v] = true
			}
			if len(got) != 20 {
				t.Errorf("%d of 20 records came out", len(got))
			}
		})
	}
}

// TestI8_NothingOfAnAbortIsMetAgain: the retry of an aborted transaction runs in a fresh instance. The guest traps at its
// second batch.
func TestI8_NothingOfAnAbortIsMetAgain(t *testing.T) {
	t.Parallel()
	wasm, err := os.ReadFile("guest/testdata/twice.wasm")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError})
	cfg := w.config(nil)
	cfg.Transforms = []guest.Config{{Name: "twice", Wasm: wasm}}
	cfg.Once = true
	r := w.run(cfg)
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := r.h.Status(); got.Aborts != 1 || got.Commits != 1 || got.Dropped != 5 || got.Transforms[0].Fuel == 0 {
		t.Errorf("status %+v", got)
	}
}

// TestHurry: a rebalance that waits ends the poll, and with it the transaction.
func TestHurry(t *testing.T) {
	t.Parallel()
	w := &worker{h: &Host{cfg: Config{MaxDelay: time.Hour, MaxBytes: 1, MaxGuestTime: time.Hour}}, log: zap.NewNop(), room: room{limit: 10}}
	w.positions.set("in", 0, 0)
	w.positions.m["in"][0].stable = 5 // not drained
	var txn transaction
	txn.touch()
	txn.in = 1
	if w.enough(t.Context(), &txn) {
		t.Fatal("enough before anything asked for it")
	}
	polling, cancel := w.pollContext(t.Context(), &txn)
	defer cancel()
	w.rebalanceWaits(t.Context(), nil)
	select {
	case <-polling.Done():
	case <-time.After(patience):
		t.Fatal("the poll goes on")
	}
	if !w.enough(t.Context(), &txn) {
		t.Error("the transaction goes on")
	}
}

// TestMarkersAloneWait: a poll of nothing but transaction markers does not make a commit of its own at once, which the next
// pipeline would answer with one of its own, for ever; a pipeline that runs once does not wait.
func TestMarkersAloneWait(t *testing.T) {
	t.Parallel()
	w := &worker{h: &Host{cfg: Config{MaxDelay: time.Hour, MaxBytes: 1, MaxGuestTime: time.Hour}}, room: room{limit: 10}}
	var txn transaction
	txn.touch()
	if w.enough(t.Context(), &txn) {
		t.Error("markers alone were committed at once")
	}
	txn.started = txn.started.Add(-markerDelay)
	if !w.enough(t.Context(), &txn) {
		t.Error("markers alone are never committed")
	}
	txn.started = time.Now()
	w.h.cfg.Once = true
	if !w.enough(t.Context(), &txn) {
		t.Error("a pipeline that runs once waits for records after markers")
	}
}

// TestSlowDeliveryShrinks: a transaction that does not reach the broker in time comes again with fewer records, else it would
// be late again for ever.
func TestSlowDeliveryShrinks(t *testing.T) {
	t.Parallel()
	w := newWorker(&Host{cfg: Config{Outputs: map[string]string{"out": "out"}, DefaultOutput: "out", MaxRecords: 100, TransactionTimeout: time.Minute}, log: zap.NewNop()}, 0)
	cl, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.DefaultProduceTopic("out"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	txn := w.txn.reset()
	txn.in, txn.out, txn.sources = 80, []kgo.Record{{Topic: "out", Partition: -1, Timestamp: time.UnixMilli(1)}}, []source{{}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = w.produce(ctx, &plainSession{cl, func() {}}, txn)
	if classify(err) != actRetry {
		t.Errorf("error %v is not tried again", err)
	}
	if w.room.limit != 40 {
		t.Errorf("room for %d records, want 40", w.room.limit)
	}
	w.room.grow(30, 100) // not all of the room was used
	w.room.grow(40, 100)
	if w.room.limit != 50 {
		t.Errorf("room for %d records after a commit, want 50", w.room.limit)
	}
}

// TestDeletedTopicStops: an input that is deleted, or deleted and created again, stops the pipeline with its name.
func TestDeletedTopicStops(t *testing.T) {
	t.Parallel()
	for name, recreate := range map[string]bool{"deleted": false, "created again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 5, 1)
			committed := make(chan Transaction, 8)
			cfg := w.config(natives("forward"))
			cfg.Hooks.Committed = func(txn Transaction) { committed <- txn }
			r := w.run(cfg)
			<-committed
			if err := w.broker.DeleteTopic("in"); err != nil {
				t.Fatal(err)
			}
			if recreate {
				if err := w.broker.CreateTopic("in", 1, nil); err != nil {
					t.Fatal(err)
				}
			}
			mention(t, r.wait(t), nil, `topic "in" partition 0`, "deleted")
		})
	}
}

// memberFetch picks the offset fetches of group members, not those of tools.
func memberFetch(r kmsg.Request) bool {
	req, ok := r.(*kmsg.OffsetFetchRequest)
	return ok && len(req.Groups) > 0 && req.Groups[0].MemberID != nil
}

// TestI2_RecordFaultAborts: a record that the broker refuses is named, and nothing of its transaction is visible.
func TestI2_RecordFaultAborts(t *testing.T) {
	t.Parallel()
	for _, fault := range []*kerr.Error{kerr.PolicyViolation, kerr.InvalidTimestamp, kerr.InvalidRecord, kerr.MessageTooLarge} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 5, 1)
			w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: fault, Count: -1})
			err := w.once(w.config(natives("forward")))
			mention(t, err, fault, `topic "in" partition 0 offset`, `output to topic "out"`, `transform "f"`)
			var record *RecordError
			if !errors.As(err, &record) {
				t.Fatalf("%v is not a *RecordError", err)
			}
			if got := w.read(0); len(got) > 0 {
				t.Errorf("visible after an abort: %v", got)
			}
		})
	}
}

// TestAuthorizationStops: a missing right stops the pipeline instead of being tried for ever.
func TestAuthorizationStops(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault devbroker.Fault
		words []string
	}{
		"transactional id": {devbroker.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.TransactionalIDAuthorizationFailed, Count: -1}, []string{`"g-p-0-0"`, "kafka-acls", "--transactional-id"}},
		"group":            {devbroker.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, TopLevel: true, Err: kerr.GroupAuthorizationFailed, Count: -1}, []string{`"g"`, "kafka-acls", "--group g"}},
		"output":           {devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.TopicAuthorizationFailed, Count: -1}, []string{`"out"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 5, 1)
			w.broker.Inject(c.fault)
			mention(t, w.once(w.config(natives("forward"))), ErrEnvironment, c.words...)
		})
	}
}

// TestI6_FencedAgainAndAgainStops: two hosts with one instance name must not take the slot from each other for ever.
func TestI6_FencedAgainAndAgainStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced, Count: -1})
	r := w.run(w.config(natives("forward")))
	mention(t, r.wait(t), ErrFenced, `"g-p-0-0"`, "instance")
	if got := r.h.Status(); got.Fences != fenceMost || got.State != StateFailed {
		t.Errorf("status %+v", got)
	}
}

// TestI7_ProducerIDBeforeOffsets: what a dead host left open is aborted before the group's offsets are asked for.
func TestI7_ProducerIDBeforeOffsets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	var mu sync.Mutex
	var order []string
	note := func(name string, pick func(kmsg.Request) bool) func(kmsg.Request) bool {
		return func(r kmsg.Request) bool {
			if pick == nil || pick(r) {
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
			}
			return false
		}
	}
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Count: -1, Observe: true, When: note("init", nil)})
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Count: -1, Observe: true, When: note("offsets", memberFetch)})
	if err := w.once(w.config(natives("forward"))); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(order) < 2 || order[0] != "init" {
		t.Errorf("order of requests %v, want init first", order)
	}
}

// TestI3_OffsetsGoForward: a fetch below the expected offset is fatal, a hole is not, a hole that retention made is.
func TestI3_OffsetsGoForward(t *testing.T) {
	t.Parallel()
	fetch := func(start int64, offsets ...int64) *kgo.FetchTopicPartition {
		f := &kgo.FetchTopicPartition{Topic: "in", FetchPartition: kgo.FetchPartition{Partition: 1, LogStartOffset: start, LastStableOffset: 100}}
		for _, o := range offsets {
			f.Records = append(f.Records, &kgo.Record{Offset: o})
		}
		return f
	}
	var p positions
	p.set("in", 1, 10)
	advance := func(f *kgo.FetchTopicPartition) (int64, error) { return p.advance(f, ReadCommitted) }
	if lost, err := advance(fetch(0, 10, 11, 15)); err != nil || lost >= 0 {
		t.Fatal(lost, err)
	}
	if got := p.expected("in", 1); got != 16 {
		t.Fatalf("next %d, want 16", got)
	}
	if lost, err := advance(fetch(0, 20)); err != nil || lost >= 0 { // markers or compaction
		t.Fatal(lost, err)
	}
	_, err := advance(fetch(0, 20))
	mention(t, err, ErrContinuity, "expected offset 21, got 20")
	if lost, err := advance(fetch(30, 30)); err != nil || lost != 21 { // retention
		t.Errorf("lost from %d (%v), want from 21", lost, err)
	}
	p.drop()
	if got := p.expected("in", 1); got != 10 {
		t.Errorf("after an abort next is %d, want 10", got)
	}
	if _, err = advance(fetch(0, 10)); err != nil {
		t.Fatal(err)
	}
	p.keep()
	p.drop()
	if got := p.expected("in", 1); got != 11 {
		t.Errorf("after a commit and an abort next is %d, want 11", got)
	}
	_, err = advance(&kgo.FetchTopicPartition{Topic: "in", FetchPartition: kgo.FetchPartition{Partition: 2}})
	mention(t, err, ErrContinuity)
}

// TestI4_AbortBeforeTheFirstCommit: an abort before any commit goes back to where the group began, at the end of the log then.
func TestI4_AbortBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	cfg := w.config(natives("forward"))
	cfg.Start = StartLatest
	assigned := make(chan struct{}, 8)
	cfg.Hooks.Assigned = func(int, map[string][]int32) { assigned <- struct{}{} }
	committed := make(chan Transaction, 8)
	cfg.Hooks.Committed = func(txn Transaction) { committed <- txn }
	offsets := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Observe: true, Count: -1})
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError})
	r := w.run(cfg)
	<-assigned
	if err := offsets.Wait(w.ctx(), 2); err != nil { // start and end of the log were asked for: the group stands at its end
		t.Fatal(err)
	}
	fetched := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1})
	if err := fetched.Wait(w.ctx(), 1); err != nil {
		t.Fatal(err)
	}
	w.produce(5, 5, 1)
	for n := 0; n < 5; {
		n += (<-committed).In
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	w.expect(5, 5)
}

// TestI12_GuestTimeShrinks: a step that takes too long goes back, and comes again with fewer records until it fits.
func TestI12_GuestTimeShrinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 4, "out": 1})
	w.produce(0, 40, 4)
	cfg := w.config(natives("forward"))
	cfg.MaxGuestTime = 1
	var shrunk atomic.Bool
	cfg.Hooks.Aborted = func(_ Transaction, err error) {
		if errors.Is(err, errGuestTime) {
			shrunk.Store(true)
		}
	}
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if !shrunk.Load() {
		t.Error("no step was given back")
	}
	w.expect(0, 40)
}

// TestI13_Drain: the end of Run's context lets the open transaction end, and commits it.
func TestI13_Drain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	began, goOn := make(chan struct{}), make(chan struct{})
	cfg := w.config(func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		close(began)
		<-goOn
		if err := ctx.Err(); err != nil {
			return abi.Result{}, err
		}
		return natives("forward")(ctx, env, b)
	})
	r := w.run(cfg)
	<-began
	r.stop()
	close(goOn)
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 5)
	if got := r.h.Status(); got.State != StateStopped || got.Commits != 1 || got.In != 5 {
		t.Errorf("status %+v", got)
	}
}

// TestI13_DrainIsBounded: a guest that does not come back does not hold the host for ever.
func TestI13_DrainIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	began, goOn := make(chan struct{}), make(chan struct{})
	cfg := w.config(func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		close(began)
		<-goOn
		return natives("forward")(ctx, env, b)
	})
	cfg.Drain = time.Millisecond
	r := w.run(cfg)
	<-began
	r.stop()
	mention(t, r.wait(t), nil, "did not end within 1ms")
	closing, cancel := context.WithCancel(t.Context())
	cancel()
	mention(t, r.h.Close(closing), context.Canceled, "a transform still runs")
	close(goOn)
	if err := r.h.Close(w.ctx()); err != nil {
		t.Fatal(err)
	}
	if got := r.h.Status(); got.Commits != 0 { // Run has said that it would not be
		t.Errorf("committed after the drain: %+v", got)
	}
	w.expect(0, 0)
}

// memberCommit is a commit of a member, not the one with which a group begins.
func memberCommit(req kmsg.Request) bool { return req.(*kmsg.OffsetCommitRequest).MemberID != "" }
