package deadletters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/deadletters"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// patience bounds every wait: one that ends by it has found a defect.
const patience = time.Minute

func TestMain(m *testing.M) {
	if order := os.Getenv("DEADLETTERS_VICTIM"); order != "" {
		var v victim
		if err := json.Unmarshal([]byte(order), &v); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := v.run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// world is a broker, a pipeline from `in` (3 partitions) to `out` with dead letters in `dead` (2), and who looks at them.
type world struct {
	t      *testing.T
	broker *devbroker.Broker
	client *kgo.Client
	admin  *kadm.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	b, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 3, "out": 3, "dead": 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &world{t, b, client, kadm.NewClient(client)}
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// began is the time of the first record; each is a second later than the one before.
var began = time.UnixMilli(1_700_000_000_000)

// produce writes n records from first on, over the partitions of `in`, with what is easily lost: null and empty, repeated headers.
func (w *world) produce(first, n int) {
	w.t.Helper()
	for i := first; i < first+n; i++ {
		r := &kgo.Record{
			Topic: "in", Partition: int32(i % 3), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%05d", i),
			Timestamp: began.Add(time.Duration(i) * time.Second),
			Headers:   []kgo.RecordHeader{{Key: "id", Value: fmt.Append(nil, i)}, {Key: "id", Value: nil}, {Key: "\xff", Value: []byte{}}},
		}
		if i%4 == 0 {
			r.Key = nil
		}
		if err := w.client.ProduceSync(w.ctx(), r).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// refuses is a transform that refuses every third record, and traps on every seventh of the others.
func refuses(_ context.Context, _ guest.Env, b abi.Batch) (abi.Result, error) {
	res, err := forwards(context.Background(), guest.Env{}, b)
	for i, r := range b.Records {
		switch n, _ := strconv.Atoi(string(r.Value)); {
		case n%3 == 0:
			res.Refusals = append(res.Refusals, abi.Refusal{Source: uint32(i), Text: "not a third"})
		case n%7 == 0:
			err = errors.New("not a seventh")
		}
	}
	return res, err
}

func forwards(_ context.Context, _ guest.Env, b abi.Batch) (res abi.Result, _ error) {
	for i, r := range b.Records {
		res.Records = append(res.Records, abi.ResultRecord{
			Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp, Source: uint32(i), Partition: b.Partition,
		})
	}
	return res, nil
}

func (w *world) pipeline(f guest.Func) host.Config {
	return host.Config{
		Name: "p", Brokers: w.broker.Addrs(), Group: "g", Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"}, Workers: 1,
		Transforms: []guest.Config{{Name: "f", Native: f}}, Errors: host.ErrorPolicy{DeadLetter: "dead", MaxRatio: 1}, Once: true,
		Logger: zaptest.NewLogger(w.t, zaptest.Level(zapcore.ErrorLevel)),
	}
}

// pipe runs the pipeline to the end of its input.
func (w *world) pipe(f guest.Func) {
	w.t.Helper()
	h, err := host.New(w.ctx(), w.pipeline(f))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := h.Run(w.ctx()); err != nil {
		w.t.Fatal(err)
	}
	if err := h.Close(w.ctx()); err != nil {
		w.t.Fatal(err)
	}
}

// open opens the dead letters of the pipeline.
func (w *world) open() *deadletters.Topic {
	w.t.Helper()
	topic, err := deadletters.Open(w.ctx(), w.pipeline(forwards), "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(topic.Close)
	return topic
}

func (w *world) order(f deadletters.Filter) deadletters.Order {
	return deadletters.Order{Filter: f, Logger: zaptest.NewLogger(w.t, zaptest.Level(zapcore.ErrorLevel))}
}

// records are the committed records of a topic, to its end, by partition and offset.
func (w *world) records(topic string) (got []*kgo.Record) {
	w.t.Helper()
	ends, err := w.admin.ListEndOffsets(w.ctx(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	starts, err := w.admin.ListStartOffsets(w.ctx(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	open := map[int32]int64{}
	for n, end := range ends[topic] {
		if starts[topic][n].Offset < end.Offset {
			open[n] = end.Offset
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx := w.ctx()
	for len(open) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			w.t.Fatalf("read %s, still open %v: %v", topic, open, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				got = append(got, r)
			}
			if r.Offset+1 >= open[r.Partition] {
				delete(open, r.Partition)
			}
		})
	}
	slices.SortFunc(got, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return got
}

// content is all of a record but where it lies in its topic.
func content(r *kgo.Record) string {
	return fmt.Sprintf("%q %q %q %d", r.Key, r.Value, fmt.Sprint(r.Headers), r.Timestamp.UnixMilli())
}

// list are the letters that are not done.
func (w *world) list(f deadletters.Filter) *deadletters.Listing {
	w.t.Helper()
	l, err := w.open().List(w.ctx(), f, false, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}
