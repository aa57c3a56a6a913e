package kafka_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// TestPlacement holds that a key comes into the partition that the Java client would choose. The hashes are those that
// org.apache.kafka.common.utils.Utils.murmur2 of Kafka 4.4.0 gives for the keys in UTF-8.
func TestPlacement(t *testing.T) {
	const partitions = 7
	hashes := map[string]int32{
		"":                           275646681,
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc":       479470107,
		"k":         -1567496736,
		"account-1": 1835529620,
		"ü€":        1453868851,
	}
	in, out := topic(t, "in", 1), topic(t, "out", partitions)
	var keys []string
	for key := range hashes {
		keys = append(keys, key)
	}
	load.Produce(t, kafka.Broker, 0, len(keys), func(i int) *kgo.Record { return &kgo.Record{Topic: in, Key: []byte(keys[i])} })
	if err := pipe(t, pipeline(t, in, out, guest.Config{Name: "same", Native: same})); err != nil {
		t.Fatal(err)
	}
	seen := 0
	read(t, func(r *kgo.Record) {
		seen++
		if want := (hashes[string(r.Key)] & 0x7fffffff) % partitions; r.Partition != want {
			t.Errorf("key %q is in partition %d, the Java client would choose %d", r.Key, r.Partition, want)
		}
	}, out)
	if seen != len(keys) {
		t.Errorf("%d records, want %d", seen, len(keys))
	}
}

// oddRecords are records at the edges of what Kafka carries. Their values have no lower-case letters: uppercase guests change nothing.
func oddRecords(topic string) []*kgo.Record {
	headers := make([]kgo.RecordHeader, 1_000)
	for i := range headers {
		headers[i] = kgo.RecordHeader{Key: fmt.Sprintf("h%d", i%300), Value: fmt.Appendf(nil, "%d", i)}
	}
	at := time.UnixMilli(1_700_000_000_123)
	records := []*kgo.Record{
		{Key: nil, Value: []byte("NULL KEY"), Timestamp: at},
		{Key: []byte{}, Value: []byte("EMPTY KEY"), Timestamp: at},
		{Key: []byte("TOMBSTONE"), Value: nil, Timestamp: at},
		{Key: []byte("EMPTY VALUE"), Value: []byte{}, Timestamp: at},
		{Key: nil, Value: nil, Timestamp: at},
		{Key: []byte("MANY HEADERS"), Value: []byte("V"), Headers: headers, Timestamp: at},
		{Key: []byte("REPEATED"), Value: []byte("V"), Timestamp: at, Headers: []kgo.RecordHeader{
			{Key: "b", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "b", Value: []byte{}}, {Key: "", Value: []byte("no name")}, {Key: "\xff\x00", Value: []byte("bytes")},
		}},
		{Key: []byte("TIME 0"), Value: []byte("V"), Timestamp: time.UnixMilli(0)},
		{Key: []byte("NO TIME"), Value: []byte("V"), Timestamp: time.UnixMilli(-1)},
		{Key: []byte("BYTES"), Value: []byte{0, 1, 0xff, 0xfe, 0x80}, Timestamp: at},
		{Key: []byte("MILLION"), Value: bytes.Repeat([]byte("0123456789"), 100_000), Timestamp: at},
	}
	for _, r := range records {
		r.Topic = topic
	}
	return records
}

// plain is what of a record must survive.
type plain struct {
	Key, Value []byte
	Headers    []kgo.RecordHeader
	Time       int64
}

func plainly(r *kgo.Record) plain {
	return plain{r.Key, r.Value, r.Headers, r.Timestamp.UnixMilli()}
}

// TestRecordsSurvive holds that null is not empty, that headers keep their order, and that times stay, in every language.
func TestRecordsSurvive(t *testing.T) {
	for _, test := range []struct {
		name      string
		transform func(*testing.T) guest.Config
	}{
		{"native", func(*testing.T) guest.Config { return guest.Config{Name: "same", Native: same} }},
		{"rust", func(t *testing.T) guest.Config {
			return guest.Config{Name: "upper", Wasm: module(t, "uppercase-rust")}
		}},
		{"go", func(t *testing.T) guest.Config { return guest.Config{Name: "upper", Wasm: module(t, "uppercase-go")} }},
	} {
		for _, guarantee := range []host.Guarantee{host.ExactlyOnce, host.AtLeastOnce} {
			t.Run(test.name+"/"+string(guarantee), func(t *testing.T) {
				in, out := topic(t, "in", 1), topic(t, "out", 1)
				records := oddRecords(in)
				var want, got []plain
				for _, r := range records {
					want = append(want, plainly(r))
				}
				produceLarge(t, records...)
				cfg := pipeline(t, in, out, test.transform(t))
				cfg.Guarantee = guarantee
				if err := pipe(t, cfg); err != nil {
					t.Fatal(err)
				}
				read(t, func(r *kgo.Record) { got = append(got, plainly(r)) }, out)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("records changed (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// produceLarge writes records with a batch limit that leaves the judgement to the broker.
func produceLarge(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	cl := client(t, kgo.ProducerBatchMaxBytes(32<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := cl.ProduceSync(load.Within(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// TestRecordTooLarge holds that an output record above the topic's limit stops the pipeline with the record's coordinates,
// and that nothing of its transaction is visible.
func TestRecordTooLarge(t *testing.T) {
	in, out := topic(t, "in", 1), topic(t, "out", 1, "max.message.bytes", "100000")
	fits, over := bytes.Repeat([]byte("X"), 99_000), bytes.Repeat([]byte("X"), 100_001)
	produceLarge(t, &kgo.Record{Topic: in, Value: fits}, &kgo.Record{Topic: in, Value: fits}, &kgo.Record{Topic: in, Value: over}, &kgo.Record{Topic: in, Value: fits})
	cfg := pipeline(t, in, out, guest.Config{Name: "same", Native: same})
	err := pipe(t, cfg)
	var record *host.RecordError
	if !errors.As(err, &record) {
		t.Fatalf("got error %v, want a RecordError", err)
	}
	if record.Topic != in || record.Partition != 0 || record.First != 2 || record.Last != 2 || record.Output != out {
		t.Errorf("error %v names %s/%d@%d-%d, output %q; want %s/0@2-2, output %q", err, record.Topic, record.Partition, record.First, record.Last, record.Output, in, out)
	}
	if got := count(t, out); got != 0 {
		t.Errorf("%d records of the aborted transaction are visible", got)
	}
	if at := committed(t, cfg.Group, in); at != 0 {
		t.Errorf("offset %d is committed, want none", at)
	}
}

// TestLargestRecord holds that a record as large as the topic takes goes through: the size is the broker's, not the client's.
func TestLargestRecord(t *testing.T) {
	const limit = 20 << 20
	in, out := topic(t, "in", 1, "max.message.bytes", fmt.Sprint(limit)), topic(t, "out", 1, "max.message.bytes", fmt.Sprint(limit))
	value := bytes.Repeat([]byte("X"), limit-1_000)
	produceLarge(t, &kgo.Record{Topic: in, Value: value})
	cfg := pipeline(t, in, out, guest.Config{Name: "same", Native: same, Limits: guest.Limits{InputBytes: 32 << 20, OutputBytes: 32 << 20}})
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	read(t, func(r *kgo.Record) {
		if !bytes.Equal(r.Value, value) {
			t.Errorf("a value of %d bytes became one of %d", len(value), len(r.Value))
		}
	}, out)
	verifyLag(t, cfg.Group, in)
}
