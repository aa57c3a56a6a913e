package kafka_test

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

// patience bounds every single wait of a test. It is far above what any takes: a wait that ends by it has found a defect.
const patience = 4 * time.Minute

// within gives a context that ends after patience.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

var names atomic.Int64

// unique makes a name that no other test uses.
func unique(t testing.TB, what string) string {
	test := strings.Map(func(r rune) rune {
		if r == '/' || r == '_' || r == '#' {
			return '-'
		}
		return r
	}, t.Name())
	return fmt.Sprintf("%s.%s.%d", test, what, names.Add(1))
}

// topic creates a topic with settings given as name, value, name, value.
func topic(t testing.TB, what string, partitions int32, settings ...string) string {
	t.Helper()
	name := unique(t, what)
	configs := map[string]*string{}
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	adm := kadm.NewClient(client(t))
	if _, err := adm.CreateTopic(within(t), partitions, 1, configs, name); err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	return name
}

// Values of the load have valueSize bytes: an id, then lower-case letters.
const (
	valueSize = 100
	idSize    = 10
)

var filler = bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog. "), 3)[:valueSize-idSize-1]

// value is the record value of an id.
func value(id int) []byte {
	v := make([]byte, 0, valueSize)
	v = fmt.Appendf(v, "%0*d:", idSize, id)
	return append(v, filler...)
}

// idOf reads the id at the beginning of a value.
func idOf(v []byte) (int, error) {
	if len(v) < idSize {
		return 0, fmt.Errorf("value %q has no id", v)
	}
	return strconv.Atoi(string(v[:idSize]))
}

// load writes ids from..to-1, each keyed by itself so that the key decides the partition, as the Java client would. The ids
// ascend in every partition.
func load(t testing.TB, topic string, from, to int) {
	t.Helper()
	loadWith(t, from, to, func(id int) *kgo.Record {
		v := value(id)
		return &kgo.Record{Topic: topic, Key: v[:idSize], Value: v}
	})
}

// loadWith writes what record makes of the ids from..to-1, in this order.
func loadWith(t testing.TB, from, to int, record func(id int) *kgo.Record) {
	t.Helper()
	cl := client(
		t, kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(100_000),
	)
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	ctx := within(t)
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

// read hands over every record that a read_committed reader sees in the topics, up to where they end at the start. Records of
// one partition come in order.
func read(t testing.TB, each func(*kgo.Record), topics ...string) {
	t.Helper()
	ends, err := kadm.NewClient(client(t)).ListEndOffsets(within(t), topics...)
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
	cl := client(
		t, kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(32<<20), kgo.FetchMaxPartitionBytes(8<<20),
	)
	ctx := within(t)
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
