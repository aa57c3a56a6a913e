package host

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
)

// TestFill: every field of a record, and the batch's clock, which is the latest of its times.
func TestFill(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli
	header := []kgo.RecordHeader{{Key: "trace", Value: []byte("7")}, {Key: "empty", Value: []byte{}}, {Key: "null"}}
	f := fetched{"in", 3, []*kgo.Record{
		{Key: []byte("k"), Value: []byte("v"), Headers: header, Offset: 10, Timestamp: at(-30), LeaderEpoch: 5},
		{Value: []byte{}, Offset: 12, Timestamp: at(-10), LeaderEpoch: 6, Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{TimestampType: 1})},
		{Key: []byte{}, Offset: 13, Timestamp: at(-20), Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{TimestampType: -1, Codec: 2})},
	}}
	want := abi.Batch{Topic: "in", Partition: 3, Clock: -10, Records: []abi.Record{
		{Key: []byte("k"), Value: []byte("v"), Headers: []abi.Header{{Key: "trace", Value: []byte("7")}, {Key: "empty", Value: []byte{}}, {Key: "null"}}, Offset: 10, Timestamp: -30, LeaderEpoch: 5},
		{Value: []byte{}, Offset: 12, Timestamp: -10, LeaderEpoch: 6, Flags: abi.FlagBrokerTime},
		{Key: []byte{}, Offset: 13, Timestamp: -20},
	}}
	var b inputBatch
	b.Clock, b.Records = 99, make([]abi.Record, 5) // of the last call
	b.fill(&f, math.MaxInt64)
	if diff := cmp.Diff(want, b.Batch); diff != "" {
		t.Errorf("batch, - expected, + got:\n%s", diff)
	}
	if len(f.records) != 0 {
		t.Errorf("%d records are left", len(f.records))
	}
	part := batchOf(&b.Batch, b.Records[1:])
	if diff := cmp.Diff(abi.Batch{Topic: "in", Partition: 3, Clock: -10, Records: want.Records[1:]}, *part); diff != "" {
		t.Errorf("part of it, - expected, + got:\n%s", diff)
	}
	for from, clock := range map[int]int64{0: -10, 2: -20} {
		if part = batchOf(&b.Batch, b.Records[from:]); part.Clock != clock {
			t.Errorf("clock from record %d on %d, want %d", from, part.Clock, clock)
		}
	}
	if back := kafkaHeaders(abiHeaders(header)); !slices.EqualFunc(header, back, func(a, b kgo.RecordHeader) bool {
		return a.Key == b.Key && string(a.Value) == string(b.Value)
	}) {
		t.Errorf("headers came back as %v", back)
	}
}

// TestFillCuts: a batch ends before the record with which it would pass 256 KiB of keys, values and headers, or 4096 records; one
// that is larger is a batch of its own, and none is lost or comes twice.
func TestFillCuts(t *testing.T) {
	t.Parallel()
	half := make([]byte, batchBytes/2)
	value := func(n int) *kgo.Record { return &kgo.Record{Value: make([]byte, n)} }
	for name, c := range map[string]struct {
		records []*kgo.Record
		want    []int // records of each batch
	}{
		"full to the byte":  {[]*kgo.Record{{Value: half}, {Value: half}}, []int{2}},
		"one byte more":     {[]*kgo.Record{{Value: half}, {Value: half}, value(1)}, []int{2, 1}},
		"keys count":        {[]*kgo.Record{{Key: half}, {Key: half, Value: []byte{1}}}, []int{1, 1}},
		"header keys count": {[]*kgo.Record{{Value: half}, {Value: half, Headers: []kgo.RecordHeader{{Key: "k"}}}}, []int{1, 1}},
		"headers count":     {[]*kgo.Record{{Value: half}, {Value: half, Headers: []kgo.RecordHeader{{Value: []byte{1}}}}}, []int{1, 1}},
		"too large first":   {[]*kgo.Record{value(batchBytes + 1), value(0), value(1)}, []int{1, 2}}, // an empty one does not join it either
		"too large between": {[]*kgo.Record{value(1), value(batchBytes * 3), value(1), value(1)}, []int{1, 1, 2}},
		"many":              {slices.Repeat([]*kgo.Record{value(1)}, 2*batchRecords+1), []int{batchRecords, batchRecords, 1}},
		"just enough":       {slices.Repeat([]*kgo.Record{value(1)}, batchRecords), []int{batchRecords}},
	} {
		for i, r := range c.records {
			again := *r
			again.Offset = int64(i)
			c.records[i] = &again
		}
		f, b, got, next := fetched{"in", 0, c.records}, inputBatch{}, []int(nil), int64(0)
		for len(f.records) > 0 {
			b.fill(&f, math.MaxInt64)
			got = append(got, len(b.Records))
			for i := range b.Records {
				if b.Records[i].Offset != next {
					t.Fatalf("%s: offset %d in the place of %d", name, b.Records[i].Offset, next)
				}
				next++
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: records of each batch, - expected, + got:\n%s", name, diff)
		}
	}
	if batchBytes != 256<<10 || batchRecords != 4096 {
		t.Errorf("batches of %d bytes and %d records, but the guide says 256 KiB and 4096", batchBytes, batchRecords)
	}
}

// TestHeadersGoThrough: in their order, also those with one key, nulls as nulls.
func TestHeadersGoThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	want := &kgo.Record{
		Topic: "in", Partition: 0, Value: []byte("v"), Timestamp: time.UnixMilli(5),
		Headers: []kgo.RecordHeader{{Key: "b", Value: []byte("1")}, {Key: "a"}, {Key: "b", Value: []byte{}}},
	}
	if err := w.client.ProduceSync(w.ctx(), want).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := w.once(w.config(natives("forward"))); err != nil {
		t.Fatal(err)
	}
	got := w.consume("out", 1)[0]
	if diff := cmp.Diff(want.Headers, got.Headers); diff != "" {
		t.Errorf("headers of the output, - expected, + got:\n%s", diff)
	}
	if !got.Timestamp.Equal(want.Timestamp) {
		t.Errorf("time of the output %v, want %v", got.Timestamp, want.Timestamp)
	}
}

// consume returns the first n records of a topic, as a consumer of committed records gets them.
func (w *world) consume(topic string, n int) []*kgo.Record {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx := w.ctx()
	var got []*kgo.Record
	for len(got) < n {
		got = append(got, cl.PollFetches(ctx).Records()...)
		if err := ctx.Err(); err != nil {
			w.t.Fatalf("%d of %d records of %q came: %v", len(got), n, topic, err)
		}
	}
	return got
}
