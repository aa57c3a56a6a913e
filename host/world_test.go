package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// world is a broker with topics, and hosts that run on it.
type world struct {
	t      *testing.T
	broker *devbroker.Broker
	client *kgo.Client
	login  []kgo.Opt // where the broker wants one
}

func newWorld(t *testing.T, topics map[string]int32) *world {
	t.Helper()
	b, err := devbroker.Start(devbroker.Options{Topics: topics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(newPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &world{t: t, broker: b, client: cl}
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*patience)
	w.t.Cleanup(cancel)
	return ctx
}

// config of a pipeline from `in` to `out` with one transform.
func (w *world) config(f guest.Func) Config {
	return Config{
		Name: "p", Brokers: w.broker.Addrs(), Group: "g", Inputs: []string{"in"},
		Outputs: map[string]string{"out": "out"}, Workers: 1,
		Transforms: []guest.Config{{Name: "f", Native: f}},
		Logger:     zaptest.NewLogger(w.t, zaptest.Level(zapcore.ErrorLevel)),
	}
}

// produce writes n records, numbered from first on, over the partitions of `in`.
func (w *world) produce(first, n, partitions int) {
	w.t.Helper()
	for i := first; i < first+n; i++ {
		r := &kgo.Record{Topic: "in", Partition: int32(i % partitions), Value: fmt.Appendf(nil, "%05d", i)}
		if err := w.client.ProduceSync(w.ctx(), r).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// running is a host in its own goroutine.
type running struct {
	h    *Host
	stop context.CancelFunc
	err  chan error
}

func (w *world) run(cfg Config) *running {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.ctx())
	h, err := New(ctx, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &running{h, cancel, make(chan error, 1)}
	go func() { r.err <- h.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := h.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
	return r
}

// wait returns what Run returned.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.err:
		return err
	case <-time.After(patience):
		t.Fatal("the host did not stop")
		return nil
	}
}

// once runs the pipeline to the end of its input.
func (w *world) once(cfg Config) error {
	w.t.Helper()
	cfg.Once = true
	return w.run(cfg).wait(w.t)
}

// expect reads `out`, committed records only, until so many came, and holds them to "each number once".
func (w *world) expect(first, n int) {
	w.t.Helper()
	got := w.read(n)
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprintf("%05d", first+i)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("records of `out`, - expected, + got:\n%s", diff)
	}
}

// read returns the committed values of `out`, to its end: once there are n, and no transaction is open any more.
func (w *world) read(n int) []string {
	w.t.Helper()
	got := []string{}
	for _, r := range w.records("out", n) {
		got = append(got, string(r.Value))
	}
	return got
}

// records are read as read does from any topic.
func (w *world) records(topic string, n int) (got []*kgo.Record) {
	w.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(w.broker.Addrs()...), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
	}, w.login...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(w.ctx(), patience)
	defer cancel()
	at := map[int32]int64{}
	for len(got) < n || !w.settled(ctx, topic, at) {
		wait, done := context.WithTimeout(ctx, 50*time.Millisecond)
		cl.PollFetches(wait).EachRecord(func(r *kgo.Record) {
			at[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				got = append(got, r)
			}
		})
		done()
		if err := ctx.Err(); err != nil {
			w.t.Fatalf("%d of %d records came: %v", len(got), n, err)
		}
	}
	return got
}

// settled says that the partitions of a topic were read to their ends, and that these are stable.
func (w *world) settled(ctx context.Context, topic string, at map[int32]int64) bool {
	w.t.Helper()
	admin := kadm.NewClient(w.client)
	stable, err := admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	for n, end := range ends[topic] {
		if at[n] < end.Offset || stable[topic][n].Offset < end.Offset {
			return false
		}
	}
	return true
}

// mention fails the test unless the error is of the kind and says all of the words.
func mention(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if kind != nil && !errors.Is(err, kind) {
		t.Fatalf("error %v is not %v", err, kind)
	}
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}
