package host

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestCompression: what is produced is compressed as configured, and not at all by default.
func TestCompression(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1})
	r := &kgo.Record{Topic: "in", Partition: 0, Value: []byte(strings.Repeat("compressible ", 100))}
	if err := w.client.ProduceSync(w.ctx(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for compression, want := range map[Compression]kgo.CompressionCodecType{
		"": kgo.CodecNone, CompressionNone: kgo.CodecNone, CompressionGzip: kgo.CodecGzip, CompressionSnappy: kgo.CodecSnappy,
		CompressionLz4: kgo.CodecLz4, CompressionZstd: kgo.CodecZstd,
	} {
		t.Run(string(compression), func(t *testing.T) {
			topic := "out-" + string(compression)
			if err := w.broker.CreateTopic(topic, 1, nil); err != nil {
				t.Fatal(err)
			}
			cfg := w.config(natives("forward"))
			cfg.Compression, cfg.Group, cfg.Outputs = compression, topic, map[string]string{"out": topic}
			if err := w.once(cfg); err != nil {
				t.Fatal(err)
			}
			if got := kgo.CompressionCodecType(w.consume(topic, 1)[0].Attrs.CompressionType()); got != want {
				t.Errorf("codec %d, want %d", got, want)
			}
		})
	}
}

// TestTransactionTimeout: the broker is told after what time it may abort, and produces end before.
func TestTransactionTimeout(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]int32{0: 10_000, 17 * time.Second: 17_000} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		w.produce(0, 1, 1)
		var mu sync.Mutex
		got := map[int32]bool{}
		w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			got[r.(*kmsg.InitProducerIDRequest).TransactionTimeoutMillis] = true
			return false
		}})
		cfg := w.config(natives("forward"))
		cfg.TransactionTimeout = timeout
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if diff := cmp.Diff(map[int32]bool{want: true}, got); diff != "" {
			t.Errorf("timeouts of the producer in ms, - expected, + got:\n%s", diff)
		}
		mu.Unlock()
	}
}

// TestRequireTransactionV2: a cluster with transaction.version 1 is warned of, refused, or not looked at.
func TestRequireTransactionV2(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		require   TransactionV2
		guarantee Guarantee
		level     int16
		refused   bool
		warnings  int
		version   int
	}{
		"default":       {"", "", 1, false, 1, 1},
		"warn":          {TransactionV2Warn, ExactlyOnce, 1, false, 1, 1},
		"enforce":       {TransactionV2Enforce, ExactlyOnce, 1, true, 0, 1},
		"off":           {TransactionV2Off, ExactlyOnce, 1, false, 0, 0},
		"none needed":   {TransactionV2Enforce, AtLeastOnce, 1, false, 0, 0},
		"nothing there": {TransactionV2Enforce, ExactlyOnce, 0, true, 0, 0},
		"new enough":    {TransactionV2Enforce, ExactlyOnce, 2, false, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 3, 1)
			updated, err := kadm.NewClient(w.client).UpdateFeatures(w.ctx(), false, kadm.FeatureUpdate{
				Feature: "transaction.version", MaxVersionLevel: c.level, UpgradeType: 3, // a downgrade
			})
			if err != nil || updated.Error() != nil {
				t.Fatal(err, updated.Error())
			}
			core, logs := observer.New(zapcore.WarnLevel)
			cfg := w.config(natives("forward"))
			cfg.RequireTransactionV2, cfg.Guarantee, cfg.Logger, cfg.Once = c.require, c.guarantee, zap.New(core), true
			r := w.run(cfg)
			err = r.wait(t)
			if c.refused {
				mention(t, err, ErrEnvironment, "transaction.version is", "exactly once needs 2", "kafka-features")
			} else if err != nil {
				t.Fatal(err)
			}
			warned := 0
			for _, e := range logs.FilterLevelExact(zapcore.WarnLevel).All() {
				if strings.Contains(e.Message, "transaction.version is 1, but exactly once needs 2") {
					warned++
				}
			}
			if got := r.h.Status(); warned != c.warnings || got.TransactionVersion != c.version {
				t.Errorf("%d warnings, version %d, want %d and %d", warned, got.TransactionVersion, c.warnings, c.version)
			}
			if !c.refused {
				w.expect(0, 3)
			}
		})
	}
}

// openTransaction writes a record to `in` in a transaction that stays open.
func (w *world) openTransaction(value string) *kgo.Client {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.TransactionalID("upstream"), kgo.DefaultProduceTopic("in"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	if err := cl.ProduceSync(w.ctx(), kgo.StringRecord(value)).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
	return cl
}

// TestReadUncommitted: without transactions of its own a pipeline may read those of others while they are open, up to the high
// watermark; it has to be told.
func TestReadUncommitted(t *testing.T) {
	t.Parallel()
	for isolation, n := range map[Isolation]int{"": 3, ReadCommitted: 3, ReadUncommitted: 4} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		w.produce(0, 3, 1)
		w.openTransaction("00003")
		cfg := w.config(natives("forward"))
		cfg.Guarantee, cfg.Isolation, cfg.Once = AtLeastOnce, isolation, true
		cfg.MaxDelay = time.Hour // what ends the transaction is that the input is drained
		r := w.run(cfg)
		if err := r.wait(t); err != nil {
			t.Fatal(err)
		}
		w.expect(0, n)
		if at := w.committed(); at != int64(n) {
			t.Errorf("%q: committed %d, want %d", isolation, at, n)
		}
	}
}

// TestStartsAtTheEnd: a first start at the end passes what an open transaction has written only where that is read.
func TestStartsAtTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 3, 1)
	w.openTransaction("00003")
	for isolation, want := range map[Isolation]int64{ReadCommitted: 3, ReadUncommitted: 4} {
		h := &Host{cfg: Config{Isolation: isolation}, admin: kadm.NewClient(w.client)}
		ends, err := h.listEnds(w.ctx(), "in")
		if err != nil {
			t.Fatal(err)
		}
		if end, _ := ends.Lookup("in", 0); end.Offset != want {
			t.Errorf("%s: the input ends at %d, want %d", isolation, end.Offset, want)
		}
	}
}

// TestRegexLeavesInternalTopics: a pattern that matches everything never reads Kafka's own topics, nor an output, and a run to
// the end does not wait for them.
func TestRegexLeavesInternalTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "_in": 1, "__state": 1, "out": 1})
	w.produce(0, 2, 1)
	for i, topic := range []string{"_in", "__state", "out"} {
		if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: topic, Partition: 0, Value: []byte([]string{"00002", "never", "00003"}[i])}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var got []string
	cfg := w.config(natives("forward"))
	cfg.Inputs, cfg.InputsRegex = nil, ".*"
	cfg.Hooks.Assigned = func(_ int, partitions map[string][]int32) {
		mu.Lock()
		defer mu.Unlock()
		for topic := range partitions {
			got = append(got, topic)
		}
	}
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 4)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"_in", "in"}, got); diff != "" {
		t.Errorf("topics that were read, - expected, + got:\n%s", diff)
	}
}

// TestRegexFindsLaterTopics: a topic that is created while a pipeline runs is read too, with as many workers as were asked for.
func TestRegexFindsLaterTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"out": 1})
	cfg := w.config(natives("forward"))
	cfg.Inputs, cfg.InputsRegex, cfg.Workers = nil, "in.*", 2
	cfg.Kafka = []kgo.Opt{kgo.MetadataMaxAge(200 * time.Millisecond)}
	assigned := make(chan struct{}, 16)
	cfg.Hooks.Assigned = func(int, map[string][]int32) { assigned <- struct{}{} }
	r := w.run(cfg)
	if err := w.broker.CreateTopic("in", 1, nil); err != nil {
		t.Fatal(err)
	}
	w.produce(0, 1, 1)
	w.expect(0, 1)
	<-assigned
	if err := w.broker.CreateTopic("inside", 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "inside", Partition: 0, Value: []byte("00001")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 2)
	if got := r.h.Status(); got.Workers != 2 {
		t.Errorf("%d workers, want 2", got.Workers)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
}

// TestMetadata: new partitions are seen within half a minute, and within what the caller says where the caller does.
func TestMetadata(t *testing.T) {
	t.Parallel()
	for want, opts := range map[time.Duration][]kgo.Opt{30 * time.Second: nil, 7 * time.Second: {kgo.MetadataMaxAge(7 * time.Second)}} {
		h := &Host{cfg: Config{Brokers: []string{"127.0.0.1:1"}, Kafka: opts}, log: zap.NewNop()}
		cl, err := kgo.NewClient(h.clientOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if got := cl.OptValue(kgo.MetadataMaxAge); got != want {
			t.Errorf("metadata is asked for every %v, want %v", got, want)
		}
		if got := cl.OptValue(kgo.MetadataMinAge); got != 100*time.Millisecond {
			t.Errorf("metadata is asked for again after %v, want 100ms", got)
		}
	}
}

// TestOutputGrows: a partition that an output got after the start can be written to.
func TestOutputGrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	committed := make(chan Transaction, 8)
	cfg := w.config(natives("place:1,5"))
	assigned := make(chan struct{}, 8)
	cfg.Hooks.Assigned = func(int, map[string][]int32) { assigned <- struct{}{} }
	cfg.Hooks.Committed = func(txn Transaction) { committed <- txn }
	r := w.run(cfg)
	<-assigned // it has looked at its topics
	created, err := kadm.NewClient(w.client).CreatePartitions(w.ctx(), 1, "out")
	if err != nil || created.Error() != nil {
		t.Fatal(err, created.Error())
	}
	w.produce(0, 1, 1)
	select {
	case <-committed:
	case err := <-r.err:
		t.Fatal(err)
	}
	if got := w.consume("out", 1)[0]; got.Partition != 1 {
		t.Errorf("partition %d, want 1", got.Partition)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
}

// TestMaxMessageBytes: an output takes batches of its own max.message.bytes, but none that the client cannot write in one request.
func TestMaxMessageBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"default": 1})
	topics := map[string]int32{"small": 1000, "large": 10 << 20, "huge": 200 << 20}
	for topic, n := range topics {
		if err := w.broker.CreateTopic(topic, 1, map[string]string{"max.message.bytes": strconv.Itoa(int(n))}); err != nil {
			t.Fatal(err)
		}
	}
	h := &Host{admin: kadm.NewClient(w.client), log: zap.NewNop()}
	h.readLimits(w.ctx(), []string{"default", "small", "large", "huge"})
	topics["huge"], topics["default"], topics["not known"] = mostMessageBytes, brokerMaxMessageBytes, brokerMaxMessageBytes
	for topic, want := range topics {
		if got := h.topics.batchLimits().of(topic); got != want {
			t.Errorf("%s: batches of %d bytes, want %d", topic, got, want)
		}
	}
}

// TestConsistentPlaces: a record with a key or an explicit partition waits for its partition where that has no leader; one without
// either goes to another.
func TestConsistentPlaces(t *testing.T) {
	t.Parallel()
	p := newPartitioner().ForTopic("out")
	for _, c := range []struct {
		r     kgo.Record
		place int // -1 is anywhere
		waits bool
	}{
		{kgo.Record{Partition: abi.PartitionByKey}, -1, false},
		{kgo.Record{Partition: abi.PartitionByKey, Key: []byte("foobar")}, 2, true}, // as the Java client's DefaultPartitioner
		{kgo.Record{Partition: abi.PartitionByKey, Key: []byte{}}, -1, true},
		{kgo.Record{Partition: 1}, 1, true},
		{kgo.Record{Partition: 1, Key: []byte("foobar")}, 1, true},
		{kgo.Record{Partition: 9}, 9, true}, // which the client refuses
	} {
		if got := p.RequiresConsistency(&c.r); got != c.waits {
			t.Errorf("%+v: waits for its partition %v, want %v", c.r, got, c.waits)
		}
		if got := p.Partition(&c.r, 4); c.place >= 0 && got != c.place {
			t.Errorf("%+v: partition %d, want %d", c.r, got, c.place)
		}
	}
}

// TestLeavesTheGroup: a host that has run to the end of its input leaves no member behind, one that is stopped keeps its slots for
// the next start.
func TestLeavesTheGroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		protocol GroupProtocol
		once     bool
		members  int
	}{
		"classic to the end":  {GroupClassic, true, 0},
		"consumer to the end": {GroupConsumer, true, 0},
		"classic stopped":     {GroupClassic, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 1, "out": 1})
			w.produce(0, 3, 1)
			committed := make(chan Transaction, 8)
			cfg := w.config(natives("forward"))
			cfg.GroupProtocol, cfg.Once = c.protocol, c.once
			cfg.Hooks.Committed = func(txn Transaction) { committed <- txn }
			r := w.run(cfg)
			<-committed
			if !c.once {
				r.stop()
			}
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
			if got := w.members(c.protocol); got != c.members {
				t.Errorf("%d members in the group, want %d", got, c.members)
			}
		})
	}
}

// members counts those of the group.
func (w *world) members(protocol GroupProtocol) int {
	w.t.Helper()
	admin, ctx := kadm.NewClient(w.client), w.ctx()
	if protocol == GroupConsumer {
		groups, err := admin.DescribeConsumerGroups(ctx, "g")
		if err != nil || groups["g"].Err != nil {
			w.t.Fatal(err, groups["g"].Err)
		}
		return len(groups["g"].Members)
	}
	groups, err := admin.DescribeGroups(ctx, "g")
	if err != nil || groups["g"].Err != nil {
		w.t.Fatal(err, groups["g"].Err)
	}
	return len(groups["g"].Members)
}
