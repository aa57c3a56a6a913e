package offsets_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/internal/offsets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.UnixMilli(1_700_000_000_000)

// world has `in` with ten records in each of two partitions, a second apart, the first three of partition 0 deleted, and an open
// transaction behind partition 1; the group has committed 5 in partition 0.
type world struct {
	t      *testing.T
	broker *devbroker.Broker
	admin  *kadm.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	b, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 2, "in.out": 1, "other": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	w := &world{t: t, broker: b}
	plain := w.client()
	w.admin = kadm.NewClient(plain)
	for i := range 20 {
		r := &kgo.Record{Topic: "in", Partition: int32(i % 2), Timestamp: began.Add(time.Duration(i/2) * time.Second)}
		if err := plain.ProduceSync(w.ctx(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteRecords("in", 0, 3); err != nil {
		t.Fatal(err)
	}
	open := w.client(kgo.TransactionalID("open"))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := open.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Partition: 1}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	at := kadm.Offsets{}
	at.AddOffset("in", 0, 5, -1)
	if err := w.admin.CommitAllOffsets(w.ctx(), "g", at); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) client(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(w.broker.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *world) pipeline() host.Config {
	return host.Config{Name: "p", Group: "g", Brokers: w.broker.Addrs(), Inputs: []string{"in"}, Outputs: map[string]string{"out": "in.out"}}
}

// next are the offsets that the group has committed.
func (w *world) next() string {
	w.t.Helper()
	committed, err := w.admin.FetchOffsets(w.ctx(), "g")
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(committed["in"][0].At, " ", committed["in"][1].At)
}

func TestReset(t *testing.T) {
	t.Parallel()
	both := func(first, second offsets.Change) []offsets.Change {
		first.Topic, second.Topic, second.Partition, first.Old, second.Old = "in", "in", 1, 5, -1
		return []offsets.Change{first, second}
	}
	for name, test := range map[string]struct {
		order offsets.Order
		want  []offsets.Change
		next  string
	}{
		"earliest": {offsets.Order{To: offsets.Target{Where: offsets.Earliest}}, both(offsets.Change{New: 3, Again: 2}, offsets.Change{New: 0}), "3 0"},
		"latest":   {offsets.Order{To: offsets.Target{Where: offsets.Latest}}, both(offsets.Change{New: 10, Skipped: 5}, offsets.Change{New: 10}), "10 10"},
		"a time": {
			offsets.Order{To: offsets.Target{Where: offsets.AtTime, At: began.Add(3500 * time.Millisecond)}},
			both(offsets.Change{New: 4, Again: 1}, offsets.Change{New: 4}), "4 4",
		},
		"a time to come": {
			offsets.Order{To: offsets.Target{Where: offsets.AtTime, At: time.Now().Add(time.Hour)}},
			both(offsets.Change{New: 10, Skipped: 5}, offsets.Change{New: 10}), "10 10",
		},
		"an offset": {
			offsets.Order{To: offsets.Target{Where: offsets.AtOffset, Offset: 7}, Only: []offsets.Part{{Topic: "in", Partition: -1}}},
			both(offsets.Change{New: 7, Skipped: 2}, offsets.Change{New: 7}), "7 7",
		},
		"one partition": {
			offsets.Order{To: offsets.Target{Where: offsets.AtOffset, Offset: 7}, Only: []offsets.Part{{Topic: "in", Partition: 1}}},
			[]offsets.Change{{Topic: "in", Partition: 1, Old: -1, New: 7}},
			"5 7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, dry := range []bool{true, false} {
				test.order.DryRun = dry
				got, err := offsets.Reset(w.ctx(), w.pipeline(), test.order)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("dry run %v, - expected, + got:\n%s", dry, diff)
				}
				if want := map[bool]string{true: "5 0", false: test.next}[dry]; w.next() != want {
					t.Errorf("dry run %v: the next offsets are %s, want %s", dry, w.next(), want)
				}
			}
		})
	}
}

// TestResetPattern: the topics that a pattern matches, but never the outputs.
func TestResetPattern(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.pipeline()
	p.Inputs, p.InputsRegex = nil, "in.*"
	got, err := offsets.Reset(w.ctx(), p, offsets.Order{To: offsets.Target{Where: offsets.Latest}, DryRun: true})
	if err != nil || len(got) != 2 || got[1].Topic != "in" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestResetWaits: what an open transaction will have committed is waited for.
func TestResetWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unstable := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g", Err: kerr.UnstableOffsetCommit, Count: 3})
	if _, err := offsets.Reset(w.ctx(), w.pipeline(), offsets.Order{To: offsets.Target{Where: offsets.Latest}}); err != nil || unstable.Hits() != 3 {
		t.Errorf("%v, after %d answers", err, unstable.Hits())
	}
}

func TestResetRefuses(t *testing.T) {
	t.Parallel()
	part := func(topic string, n int32) []offsets.Part { return []offsets.Part{{Topic: topic, Partition: n}} }
	earliest := offsets.Target{Where: offsets.Earliest}
	for name, test := range map[string]struct {
		before func(*world)
		order  offsets.Order
		kind   error
		says   string
	}{
		"no topic":      {nil, offsets.Order{To: offsets.Target{Where: offsets.AtOffset, Offset: 7}}, offsets.ErrUsage, "--topic"},
		"other topic":   {nil, offsets.Order{To: earliest, Only: part("other", -1)}, offsets.ErrUsage, `does not read topic "other", but in`},
		"no partition":  {nil, offsets.Order{To: earliest, Only: part("in", 2)}, offsets.ErrUsage, "has no partition 2"},
		"deleted":       {nil, offsets.Order{To: offsets.Target{Where: offsets.AtOffset, Offset: 2}, Only: part("in", 0)}, offsets.ErrUsage, "holds offsets 3 to 10, not 2"},
		"not there yet": {nil, offsets.Order{To: offsets.Target{Where: offsets.AtOffset, Offset: 11}, Only: part("in", 1)}, offsets.ErrUsage, "holds offsets 0 to 10, not 11"},
		"at work":       {func(w *world) { w.join(kgo.InstanceID("slot-0")) }, offsets.Order{To: earliest}, host.ErrEnvironment, `group "g" is at work: client "member" at 127.0.0.1`},
		"whose slot":    {func(w *world) { w.join(kgo.InstanceID("slot-0")) }, offsets.Order{To: earliest}, host.ErrEnvironment, `(slot slot-0)`},
		"at work by KIP-848": {
			func(w *world) { w.join(kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())) },
			offsets.Order{To: earliest},
			host.ErrEnvironment, `group "g" is at work: client "member" at 127.0.0.1`,
		},
		"joined meanwhile": {
			func(w *world) {
				w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownMemberID, Count: -1})
			}, offsets.Order{To: earliest}, host.ErrEnvironment, "joined group",
		},
		"no right": {
			func(w *world) {
				w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Err: kerr.GroupAuthorizationFailed, Count: -1})
			}, offsets.Order{To: earliest}, host.ErrEnvironment, "kafka-acls --add",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if test.before != nil {
				test.before(w)
			}
			got, err := offsets.Reset(w.ctx(), w.pipeline(), test.order)
			if !errors.Is(err, test.kind) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("%+v, error %v, want %q", got, err, test.says)
			}
			if w.next() != "5 0" {
				t.Errorf("the next offsets are %s", w.next())
			}
		})
	}
}

// join makes a member of the group, and waits until it is one.
func (w *world) join(opts ...kgo.Opt) {
	w.t.Helper()
	assigned := make(chan struct{})
	opts = append(opts, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"), kgo.ClientID("member"), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(assigned) }))
	w.client(opts...)
	select {
	case <-assigned:
	case <-w.ctx().Done():
		w.t.Fatal("nothing was assigned")
	}
}
