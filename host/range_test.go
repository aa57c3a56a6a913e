package host

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// fourInAFetch is a value of which a client's fetch holds four and not five (fetchMaxPartition).
func fourInAFetch(i int) []byte { return fmt.Appendf(make([]byte, 0, 900_000), "%0900000d", i) }

// produceLarge writes records of which a fetch holds four; only what lies behind these can be deleted unread.
func (w *world) produceLarge(first, n int) {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.DefaultProduceTopic("in"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	for i := first; i < first+n; i++ {
		if err := cl.ProduceSync(w.ctx(), &kgo.Record{Value: fourInAFetch(i)}).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// committed is the group's next offset in partition 0 of `in`, -1 without one.
func (w *world) committed() int64 {
	w.t.Helper()
	offsets, err := kadm.NewClient(w.client).FetchOffsets(w.ctx(), "g")
	if err != nil {
		w.t.Fatal(err)
	}
	if at, ok := offsets.Lookup("in", 0); ok {
		return at.At
	}
	return -1
}

// commit commits an offset of partition 0 of `in` for the group.
func (w *world) commit(at int64) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset("in", 0, at, -1)
	if err := kadm.NewClient(w.client).CommitAllOffsets(w.ctx(), "g", offsets); err != nil {
		w.t.Fatal(err)
	}
}

// lastDigits is a transform that forwards the end of each value. Its first call tells it, and waits until it may go on.
func lastDigits(called chan<- struct{}, goOn <-chan struct{}) guest.Func {
	var first sync.Once
	short := native(func(r *abi.Record, i uint32, out *abi.Result) error {
		o := same(r, i)
		o.Value = r.Value[len(r.Value)-5:]
		out.Records = append(out.Records, o)
		return nil
	})
	return func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		first.Do(func() { close(called); <-goOn })
		return short(ctx, env, b)
	}
}

// TestOutOfRangeWhileRunning: retention deletes what a running pipeline was about to read. It stops, or it goes on at the log's
// start or end and tells how much is lost; what it had read before comes out in any case.
func TestOutOfRangeWhileRunning(t *testing.T) {
	t.Parallel()
	for policy, want := range map[OutOfRange]struct {
		values    []string
		skipped   int64
		committed int64
	}{
		OutOfRangeFail:     {[]string{"00000", "00001", "00002", "00003"}, 0, 4},
		OutOfRangeEarliest: {[]string{"00000", "00001", "00002", "00003", "00006", "00007"}, 2, 8},
		OutOfRangeLatest:   {[]string{"00000", "00001", "00002", "00003"}, 4, 8},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produceLarge(0, 8)
			called, goOn := make(chan struct{}), make(chan struct{})
			cfg := w.config(lastDigits(called, goOn))
			cfg.OnOutOfRange, cfg.MaxRecords, cfg.Once = policy, 2, true
			cfg.Logger = zap.NewNop()
			r := w.run(cfg)
			<-called // records 0 and 1; 2 and 3 have been fetched with them
			if err := w.broker.DeleteRecords("in", 0, 6); err != nil {
				t.Fatal(err)
			}
			close(goOn)
			err := r.wait(t)
			if policy == OutOfRangeFail {
				mention(t, err, ErrOutOfRange, `topic "in" partition 0: the next offset is 4, but the log starts at 6`)
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.values, w.read(len(want.values))); diff != "" {
				t.Errorf("records of `out`, - expected, + got:\n%s", diff)
			}
			if at, skipped := w.committed(), r.h.Status().Skipped; at != want.committed || skipped != want.skipped {
				t.Errorf("committed %d, %d skipped, want %d and %d", at, skipped, want.committed, want.skipped)
			}
		})
	}
}

// TestOutOfRangeAtTheStart: the group's offset lies before the log, and the pipeline goes on as configured, also where there is
// nothing left to read: the position behind the loss is committed.
func TestOutOfRangeAtTheStart(t *testing.T) {
	t.Parallel()
	for policy, want := range map[OutOfRange]struct{ first, n, skipped int64 }{
		OutOfRangeEarliest: {3, 2, 3},
		OutOfRangeLatest:   {5, 0, 5},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 5, 1)
			w.commit(0)
			if err := w.broker.DeleteRecords("in", 0, 3); err != nil {
				t.Fatal(err)
			}
			cfg := w.config(natives("forward"))
			cfg.OnOutOfRange, cfg.Once, cfg.Logger = policy, true, zap.NewNop()
			r := w.run(cfg)
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
			w.expect(int(want.first), int(want.n))
			if got := r.h.Status(); got.Skipped != want.skipped || w.committed() != 5 {
				t.Errorf("%d skipped, committed %d, want %d and 5", got.Skipped, w.committed(), want.skipped)
			}
		})
	}
}

// TestSkipIsCommittedAgain: the position behind lost records is not taken for committed where the broker refused it.
func TestSkipIsCommittedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	w.commit(0)
	if err := w.broker.DeleteRecords("in", 0, 3); err != nil {
		t.Fatal(err)
	}
	hit := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownServerError})
	cfg := w.config(natives("forward"))
	cfg.OnOutOfRange, cfg.Once, cfg.Logger = OutOfRangeLatest, true, zap.NewNop()
	r := w.run(cfg)
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if hit.Hits() != 1 || r.h.Status().SessionsRecreated != 1 || w.committed() != 5 {
		t.Errorf("%d commits refused, %d sessions recreated, committed %d; want 1, 1 and 5", hit.Hits(), r.h.Status().SessionsRecreated, w.committed())
	}
	if got := r.h.Status().Skipped; got != 5 { // once, though it was skipped twice
		t.Errorf("%d skipped, want 5", got)
	}
}

// TestOutOfRangeStops: without Once the group's offsets are looked at when the partitions come.
func TestOutOfRangeStops(t *testing.T) {
	t.Parallel()
	for at, words := range map[int64]string{
		0:   "the next offset is 0, but the log starts at 3",
		100: "the next offset is 100, but the log ends at 5",
	} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		w.produce(0, 5, 1)
		w.commit(at)
		if err := w.broker.DeleteRecords("in", 0, 3); err != nil {
			t.Fatal(err)
		}
		cfg := w.config(natives("forward"))
		cfg.Logger = zap.NewNop()
		r := w.run(cfg)
		mention(t, r.wait(t), ErrOutOfRange, `topic "in" partition 0: `+words)
		if got := r.h.Status(); got.Skipped != 0 || w.committed() != at {
			t.Errorf("%d skipped, committed %d, want 0 and %d", got.Skipped, w.committed(), at)
		}
		w.expect(0, 0)
	}
}

// reader is a client that reads partition 0 of `in` from an offset on, without a group.
func (w *world) reader(at int64) *kgo.Client {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"in": {0: kgo.NewOffset().At(at)}}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	return cl
}

// TestBehindAnOpenTransaction: the group's offset lies above the last stable one, and is not out of range for that.
func TestBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 3, 1)
	w.openTransaction("open")
	w.produce(3, 2, 1)
	w.commit(5)
	if err := w.once(w.config(natives("forward"))); err != nil {
		t.Fatal(err)
	}
	if at := w.committed(); at != 5 {
		t.Errorf("committed %d, want 5", at)
	}
	w.expect(0, 0)
}

// TestHoleInAPoll: a poll begins behind the expected offset, and the log's start says that it was retention.
func TestHoleInAPoll(t *testing.T) {
	t.Parallel()
	for policy, skipped := range map[OutOfRange]int64{OutOfRangeFail: 0, OutOfRangeEarliest: 2, OutOfRangeLatest: 2} {
		world := newWorld(t, map[string]int32{"in": 1})
		world.produce(0, 8, 1)
		if err := world.broker.DeleteRecords("in", 0, 6); err != nil {
			t.Fatal(err)
		}
		cl := world.reader(6)
		w := newWorker(&Host{cfg: Config{OnOutOfRange: policy}.withDefaults(), log: zap.NewNop()}, 0)
		w.positions.set("in", 0, 4)
		txn := w.txn.reset()
		fetches, err := w.poll(world.ctx(), &plainSession{cl, func() {}}, txn)
		if policy == OutOfRangeFail {
			mention(t, err, ErrOutOfRange, "the next offset is 4, but the log starts at 6")
			if !txn.polled || len(fetches) != 0 {
				t.Errorf("polled %v with %d fetches: the end has to go back behind them", txn.polled, len(fetches))
			}
		} else if err != nil || len(fetches) != 1 || fetches[0].records[0].Offset != 6 {
			t.Errorf("%s: %v %v", policy, fetches, err)
		}
		w.positions.drop()
		if lost := w.positions.keep(); lost != 0 {
			t.Errorf("%s: %d lost after an abort, want 0: they are met again", policy, lost)
		}
		if policy == OutOfRangeFail {
			continue
		}
		lost, err := w.positions.advance(&kgo.FetchTopicPartition{Topic: "in", FetchPartition: kgo.FetchPartition{LogStartOffset: 6, Records: fetches[0].records}}, ReadCommitted)
		if lost != 4 || err != nil {
			t.Errorf("%s: lost from %d on (%v), want 4", policy, lost, err)
		}
		if lost := w.positions.keep(); lost != skipped {
			t.Errorf("%s: %d lost before what was committed, want %d", policy, lost, skipped)
		}
	}
}

// TestBeginInAnActiveGroup: where another host is in the group, only members may commit where it begins. What is new to the group
// begins as configured; a partition that comes later is read from its beginning, also under `latest`.
func TestBeginInAnActiveGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "more": 1, "out": 1})
	w.produce(0, 2, 1)
	if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "more", Value: []byte("old")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	first := w.config(natives("forward"))
	assigned := make(chan struct{}, 10)
	first.Start, first.Hooks.Assigned = StartLatest, func(int, map[string][]int32) { assigned <- struct{}{} }
	one := w.run(first)
	<-assigned
	for w.committed() != 2 { // the member that got the partition says so
		if w.t.Context().Err() != nil {
			t.Fatal("no beginning was committed")
		}
	}
	second := w.config(natives("forward"))
	second.Inputs, second.Instance, second.Start = []string{"in", "more"}, "1", StartLatest
	more := make(chan struct{})
	var once sync.Once
	second.Hooks.Assigned = func(_ int, partitions map[string][]int32) {
		if len(partitions["more"]) > 0 {
			once.Do(func() { close(more) })
		}
	}
	two := w.run(second)
	<-more
	if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "more", Value: []byte("00000")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(w.client).CreatePartitions(w.ctx(), 1, "in"); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Partition: 1, Value: []byte("00001")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*running{one, two} { // they would see the partition within metadataMaxAge
		r.h.leaving.Store(true)
		r.stop()
		if err := r.wait(t); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.once(second); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 2)
}
