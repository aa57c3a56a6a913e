package host

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// statics are the instance ids in the group, each with its client.
func (w *world) statics() map[string]string {
	w.t.Helper()
	groups, err := kadm.NewClient(w.client).DescribeGroups(w.ctx(), "g")
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range groups["g"].Members {
		if m.InstanceID != nil {
			got[*m.InstanceID] = m.ClientID
		}
	}
	return got
}

// TestI6_OwnSlot: only slots of the very name of a host are its own.
func TestI6_OwnSlot(t *testing.T) {
	t.Parallel()
	c := Config{IDPrefix: "g-p", Instance: "host-1"}
	for id, want := range map[string]int{
		"g-p-host-1-0": 0, "g-p-host-1-12": 12,
		"g-p-host-1-": -1, "g-p-host-1": -1, "g-p-host-1--1": -1, "g-p-host-1-01": -1, "g-p-host-1-x": -1, "g-p-host-11-0": -1, "g-p-host-1-1-0": -1, "": -1,
	} {
		if got := c.ownSlot(id); got != want {
			t.Errorf("%q is slot %d, want %d", id, got, want)
		}
	}
	if id := c.transactionalID(3); c.ownSlot(id) != 3 {
		t.Errorf("%q is slot %d, want 3", id, c.ownSlot(id))
	}
}

// TestI6_HeldByAnother: of two hosts with one instance name the later one keeps the slot, and the other stops and says who has it.
func TestI6_HeldByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	cfg := w.config(natives("forward"))
	assigned, came := make(chan struct{}, 10), make(chan struct{}, 100)
	cfg.Logger, cfg.Hooks.Assigned = zap.NewNop(), func(int, map[string][]int32) { assigned <- struct{}{} }
	first := w.run(cfg)
	<-assigned
	cfg.Kafka = []kgo.Opt{kgo.ClientID("the-other")}
	cfg.Hooks.Committed = func(Transaction) { came <- struct{}{} }
	second := w.run(cfg)
	<-assigned
	w.produce(0, 3, 1)
	mention(t, first.wait(t), ErrFenced, `"g-p-0-0" is held by client "the-other" at `, "its own `instance`")
	<-came
	second.stop()
	if err := second.wait(t); err != nil {
		t.Error(err)
	}
	w.expect(0, 3)
}

// TestI6_NobodyHoldsIt: a fence that no other member is behind, such as a transaction that timed out, costs a session and no more.
func TestI6_NobodyHoldsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 3, 1)
	hit := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced})
	cfg := w.config(natives("forward"))
	cfg.Logger = zap.NewNop()
	r := w.run(cfg)
	w.expect(0, 3)
	if s := r.h.Status(); hit.Hits() != 1 || s.Fences != 1 || s.SessionsRecreated != 1 || s.State != StateRunning {
		t.Errorf("%d fences met, status %+v", hit.Hits(), s)
	}
}

// TestFewerWorkers: a host that comes back with fewer workers does not wait for what the others have left: an open transaction, and
// partitions of a member that nobody runs.
func TestFewerWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 3, "out": 1})
	w.produce(0, 30, 3)
	life, kill := context.WithCancel(w.ctx())
	old, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(w.broker.Addrs()...), kgo.WithContext(life), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"),
		kgo.InstanceID("g-p-0-7"), kgo.TransactionalID("g-p-0-7"), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	if fetches := old.PollFetches(w.ctx()); fetches.NumRecords() == 0 || fetches.Err() != nil {
		t.Fatal(fetches.Err())
	}
	if err := old.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := old.Client().ProduceSync(w.ctx(), &kgo.Record{Topic: "out", Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	kill() // as a crash would: nothing is ended, nobody leaves
	old.Close()
	if got := w.statics(); got["g-p-0-7"] == "" {
		t.Fatalf("members %v", got)
	}
	cfg := w.config(natives("forward"))
	core, logs := observer.New(zap.InfoLevel)
	cfg.Logger = zap.New(core)
	r := w.run(cfg)
	w.expect(0, 30)
	if got := w.statics(); got["g-p-0-7"] != "" || len(got) != 1 {
		t.Errorf("members %v", got)
	}
	for _, text := range []string{"a slot that is not used any more leaves the group", "the open transaction of a slot that is not used any more is aborted"} {
		if logs.FilterMessage(text).Len() != 1 {
			t.Errorf("%q was logged %d times", text, logs.FilterMessage(text).Len())
		}
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
}

// TestLeave: whether a slot stays in the group at the end.
func TestLeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy      Leave
		once, leave bool
		stays       bool
	}{
		"auto":           {LeaveAuto, false, false, true},
		"auto, for good": {LeaveAuto, false, true, false},
		"auto, once":     {LeaveAuto, true, false, false},
		"always":         {LeaveAlways, false, false, false},
		"never":          {LeaveNever, false, true, true},
		"never, once":    {LeaveNever, true, false, true},
	} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		w.produce(0, 1, 1)
		cfg := w.config(natives("forward"))
		came := make(chan struct{}, 10)
		cfg.Leave, cfg.Once = c.policy, c.once
		cfg.Hooks.Committed = func(Transaction) { came <- struct{}{} }
		r := w.run(cfg)
		<-came
		if c.leave {
			r.h.Leave()
		}
		if !c.once {
			r.stop()
		}
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
		if _, stays := w.statics()["g-p-0-0"]; stays != c.stays {
			t.Errorf("%s: the slot stays %v, want %v", name, stays, c.stays)
		}
	}
}

// TestLeaveComesLate: a slot that the group learns of only after it was told to leave does not stay in it.
func TestLeaveComesLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 3, 1)
	early := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.LeaveGroup}, Err: kerr.UnknownMemberID, Count: 2})
	if err := w.once(w.config(natives("forward"))); err != nil {
		t.Fatal(err)
	}
	if left := w.statics(); len(left) > 0 || early.Hits() != 2 {
		t.Errorf("%v are still members, after %d answers that it does not know the slot", left, early.Hits())
	}
}
