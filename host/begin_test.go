package host

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestOnlyMembersCommit: where a group begins is committed by the member that has the partition, and by nobody else: who is no member
// cannot know what the group has done since it was asked.
func TestOnlyMembersCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 2, "out": 1})
	w.produce(0, 6, 2)
	foreign := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1, When: func(req kmsg.Request) bool { return !memberCommit(req) }})
	own := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1, When: memberCommit})
	if err := w.once(w.config(natives("forward"))); err != nil {
		t.Fatal(err)
	}
	if foreign.Hits() != 0 || own.Hits() == 0 {
		t.Errorf("%d commits of members, %d of others", own.Hits(), foreign.Hits())
	}
	w.expect(0, 6)
}

// TestBeginningsAreAskedAgain: a leader that cannot tell yet where its log starts or ends is asked again, and nothing else is taken for
// the beginning.
func TestBeginningsAreAskedAgain(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int64{"start": -2, "end": -1} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		w.produce(0, 5, 1)
		hit := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "in", Err: kerr.OffsetNotAvailable, When: func(req kmsg.Request) bool {
			return req.(*kmsg.ListOffsetsRequest).Topics[0].Partitions[0].Timestamp == at
		}})
		cfg := w.config(natives("forward"))
		cfg.Start, cfg.Logger = StartLatest, zap.NewNop()
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
		if got := w.read(0); hit.Hits() != 1 || len(got) != 0 || w.committed() != 5 {
			t.Errorf("%s: %d answers refused, outputs %v, committed %d", name, hit.Hits(), got, w.committed())
		}
	}
}

// TestDrainWhileBeginning: a host that is asked to end before it has begun ends well.
func TestDrainWhileBeginning(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{kmsg.OffsetFetch, kmsg.ListOffsets} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		ctx, cancel := context.WithCancel(w.ctx())
		defer cancel()
		w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{key}, Err: kerr.CoordinatorLoadInProgress, Count: -1, When: func(kmsg.Request) bool { cancel(); return true }})
		cfg := w.config(natives("forward"))
		cfg.Once, cfg.Logger = true, zap.NewNop()
		h, err := New(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Run(ctx); err != nil {
			t.Errorf("%s: %v", key.Name(), err)
		}
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestLettersOfTheFuture: a dead letter does not have a time that topics refuse: it has its own, and its record's as a header.
func TestLettersOfTheFuture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	future := time.Now().Add(24 * time.Hour)
	if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Value: []byte("v"), Timestamp: future}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cfg := w.config(natives("refuse:v"))
	cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop()
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	r := w.records("dead", 1)[0]
	if last := r.Headers[len(r.Headers)-1]; last.Key != HeaderTimestamp || string(last.Value) != strconv.FormatInt(future.UnixMilli(), 10) || r.Timestamp.After(time.Now()) {
		t.Errorf("time %v, last header %s %q", r.Timestamp, last.Key, last.Value)
	}
}

// TestBeginningsComeFirst: what is fetched before the position that it begins at was committed is given back, and nothing of it is
// read: a pipeline that stops there has begun there.
func TestBeginningsComeFirst(t *testing.T) {
	t.Parallel()
	world := newWorld(t, map[string]int32{"in": 1})
	world.produce(0, 3, 1)
	w := newWorker(&Host{cfg: Config{}.withDefaults(), log: zap.NewNop()}, 0)
	w.positions.skip("in", 0, 0, 0)
	s := &plainSession{world.reader(0), func() {}}
	txn := &transaction{polled: true, started: time.Now(), in: 1} // a poll that was under way when the partition came
	fetches, err := w.poll(world.ctx(), s, txn)
	if !errors.Is(err, errUncommitted) || len(fetches) != 0 || w.positions.expected("in", 0) != 0 {
		t.Errorf("%d fetches, error %v, goes on at %d", len(fetches), err, w.positions.expected("in", 0))
	}
	w.positions.committed(w.positions.skips())
	again := &plainSession{world.reader(0), func() {}}
	if fetches, err = w.poll(world.ctx(), again, w.txn.reset()); err != nil || len(fetches) != 1 {
		t.Errorf("%d fetches, error %v once it is committed", len(fetches), err)
	}
}
