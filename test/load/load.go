// Package load fills topics of a real Kafka with records that can be recognized, and checks what comes out against them. Its
// functions fail the test that they are given.
package load

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Patience bounds every single wait of a test. It is far above what any takes: a wait that ends by it has found a defect.
const Patience = 4 * time.Minute

// Client connects to a broker, and is closed after the test.
func Client(t testing.TB, broker string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}

// Within gives a context that ends after Patience.
func Within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

var names atomic.Int64

// Unique makes a name that no other test uses.
func Unique(t testing.TB, what string) string {
	test := strings.Map(func(r rune) rune {
		if r == '/' || r == '_' || r == '#' {
			return '-'
		}
		return r
	}, t.Name())
	return fmt.Sprintf("%s.%s.%d", test, what, names.Add(1))
}

// Topic creates a topic with settings given as name, value, name, value.
func Topic(t testing.TB, broker, what string, partitions int32, settings ...string) string {
	t.Helper()
	name := Unique(t, what)
	configs := map[string]*string{}
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	adm := kadm.NewClient(Client(t, broker))
	if _, err := adm.CreateTopic(Within(t), partitions, 1, configs, name); err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	// The answer says that the controller knows it; the broker's own metadata follow a moment later.
	Await(t, "the topic "+name, func(ctx context.Context) bool {
		found, err := adm.ListTopics(ctx, name)
		return err == nil && found[name].Err == nil && len(found[name].Partitions) == int(partitions)
	})
	return name
}

// Await asks until the answer is yes.
func Await(t testing.TB, what string, ask func(context.Context) bool) {
	t.Helper()
	ctx := Within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("%s did not happen within %v", what, Patience)
		case <-tick.C:
		}
	}
}

// Values of the load have ValueSize bytes: an id of IDSize digits, then lower-case letters.
const (
	ValueSize = 100
	IDSize    = 10
)

// Filler is what a value holds behind its id and a colon.
var Filler = bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog. "), 3)[:ValueSize-IDSize-1]

// Value is the record value of an id.
func Value(id int) []byte {
	v := make([]byte, 0, ValueSize)
	v = fmt.Appendf(v, "%0*d:", IDSize, id)
	return append(v, Filler...)
}

// IDOf reads the id at the beginning of a value.
func IDOf(v []byte) (int, error) {
	if len(v) < IDSize {
		return 0, fmt.Errorf("value %q has no id", v)
	}
	return strconv.Atoi(string(v[:IDSize]))
}

// Fill writes ids from..to-1, each keyed by itself so that the key decides the partition, as the Java client would. The ids
// ascend in every partition.
func Fill(t testing.TB, broker, topic string, from, to int) {
	t.Helper()
	Produce(t, broker, from, to, func(id int) *kgo.Record {
		v := Value(id)
		return &kgo.Record{Topic: topic, Key: v[:IDSize], Value: v}
	})
}

// Produce writes what record makes of the ids from..to-1, in this order.
func Produce(t testing.TB, broker string, from, to int, record func(id int) *kgo.Record) {
	t.Helper()
	cl := Client(
		t, broker, kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(100_000),
	)
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	ctx := Within(t)
	for id := from; id < to && failed.Load() == nil; id++ {
		cl.Produce(ctx, record(id), done)
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatalf("load: %v", err)
	}
	if err := failed.Load(); err != nil {
		t.Fatalf("load: %v", *err)
	}
}

// Read hands over every record that a read_committed reader sees in the topics, up to where they end at the start. Records of
// one partition come in order.
func Read(t testing.TB, broker string, each func(*kgo.Record), topics ...string) {
	t.Helper()
	ends, err := kadm.NewClient(Client(t, broker)).ListEndOffsets(Within(t), topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatalf("list end offsets: %v", err)
	}
	left, from := map[string]map[int32]int64{}, map[string]map[int32]kgo.Offset{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset == 0 {
			return
		}
		if left[end.Topic] == nil {
			left[end.Topic], from[end.Topic] = map[int32]int64{}, map[int32]kgo.Offset{}
		}
		left[end.Topic][end.Partition] = end.Offset
		from[end.Topic][end.Partition] = kgo.NewOffset().AtStart()
	})
	// Control records are kept so that the end is seen behind the marker of a last transaction, also of an aborted one.
	cl := Client(
		t, broker, kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(32<<20), kgo.FetchMaxPartitionBytes(8<<20),
	)
	ctx := Within(t)
	for {
		open := 0
		for _, partitions := range left {
			open += len(partitions)
		}
		if open == 0 {
			return
		}
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %v, still to come %v: %v", topics, left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if end, ok := left[r.Topic][r.Partition]; ok && r.Offset+1 >= end {
				delete(left[r.Topic], r.Partition)
			} else if !ok {
				return // behind the end that was asked for
			}
			if !r.Attrs.IsControl() {
				each(r)
			}
		})
	}
}
