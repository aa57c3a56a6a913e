package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// letters reads n dead letters, each as its offset and the kind of its guilt.
func (w *world) letters(n int) []string {
	w.t.Helper()
	got := []string{}
	for _, r := range w.records("dead", n) {
		h := map[string]string{}
		for _, header := range r.Headers {
			h[header.Key] = string(header.Value)
		}
		got = append(got, fmt.Sprintf("%s %s/%s/%s %s", r.Value, h[HeaderTopic], h[HeaderPartition], h[HeaderOffset], h[HeaderKind]))
	}
	return got
}

// isolator is a worker of one native transform, without a broker.
func isolator(t *testing.T, f guest.Func, policy ErrorPolicy) *worker {
	t.Helper()
	cfg := Config{
		Name: "p", Outputs: map[string]string{"out": "out"}, DefaultOutput: "out", MaxBytes: 1 << 20, MaxGuestTime: time.Hour, MaxRecords: 5000,
		Errors: policy.withDefaults(),
	}
	h := &Host{cfg: cfg, log: zap.NewNop()}
	h.breaker.ratio, h.breaker.window, h.breaker.began = cfg.Errors.MaxRatio, cfg.Errors.Window, time.Now()
	w := newWorker(h, 0)
	m, err := guest.Load(t.Context(), guest.Config{Name: "f", Native: f, Outputs: []string{"out"}})
	if err != nil {
		t.Fatal(err)
	}
	w.chain.stages = []stage{{name: "f", module: m, fuel: new(atomic.Uint64)}}
	return w
}

// numbered is a batch of so many records, each with its number for a value.
func numbered(n int) *abi.Batch {
	in := &abi.Batch{Topic: "in"}
	for i := range n {
		in.Records = append(in.Records, abi.Record{Value: fmt.Appendf(nil, "%05d", i), Offset: int64(100 + i)})
	}
	return in
}

// TestI10_CallsToIsolate: the guilty records of a batch are found in a bounded number of calls, wherever they are, and all other
// records come out once, in their order.
func TestI10_CallsToIsolate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n, most int
		guilty  []int
	}{
		"first of 1000":  {1000, 22, []int{0}},
		"middle of 1000": {1000, 22, []int{500}},
		"last of 1000":   {1000, 22, []int{999}},
		"two":            {1000, 42, []int{1, 998}},
		"all of 4":       {4, 2 + 2 + 4, []int{0, 1, 2, 3}},
		"the only one":   {1, 2, []int{0}},
	} {
		calls := 0
		evil := map[string]bool{}
		for _, n := range c.guilty {
			evil[fmt.Sprintf("%05d", n)] = true
		}
		f := native(func(r *abi.Record, i uint32, out *abi.Result) error {
			if evil[string(r.Value)] {
				return errors.New("evil")
			}
			out.Records = append(out.Records, same(r, i))
			return nil
		})
		counted := func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
			calls++
			return f(ctx, env, b)
		}
		w := isolator(t, counted, ErrorPolicy{DeadLetter: "dead"})
		txn := w.txn.reset()
		in := numbered(c.n)
		if err := w.judge(t.Context(), in, txn); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if calls > c.most {
			t.Errorf("%s: %d calls, want at most %d", name, calls, c.most)
		}
		var got, dead []string
		for i := range txn.out {
			if txn.out[i].Topic == "dead" {
				dead = append(dead, string(txn.out[i].Value))
			} else {
				got = append(got, string(txn.out[i].Value))
			}
		}
		var want, letters []string
		for i := range in.Records {
			if v := string(in.Records[i].Value); evil[v] {
				letters = append(letters, v)
			} else {
				want = append(want, v)
			}
		}
		if diff := cmp.Diff([][]string{want, letters}, [][]string{got, dead}); diff != "" {
			t.Errorf("%s: outputs and dead letters, - expected, + got:\n%s", name, diff)
		}
		if txn.judged != c.n || txn.guilty != len(c.guilty) {
			t.Errorf("%s: %d judged, %d guilty", name, txn.judged, txn.guilty)
		}
	}
}

// TestRetryInAFreshInstance: a batch that traps once is called again in another instance, and nobody is guilty.
func TestRetryInAFreshInstance(t *testing.T) {
	t.Parallel()
	for policy, want := range map[OnError]int{OnErrorFail: 2, OnErrorDeadLetter: 2, OnErrorDrop: 2} {
		var w *worker
		met := map[*guest.Instance]bool{}
		f := func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
			met[w.chain.stages[0].instance] = true
			if len(met) == 1 {
				return abi.Result{}, errors.New("a bad day")
			}
			return natives("forward")(ctx, env, b)
		}
		w = isolator(t, f, ErrorPolicy{OnError: policy, DeadLetter: "dead"})
		txn := w.txn.reset()
		if err := w.judge(t.Context(), numbered(10), txn); err != nil {
			t.Fatalf("%s: %v", policy, err)
		}
		if len(met) != want || len(txn.out) != 10 || txn.guilty != 0 {
			t.Errorf("%s: %d instances, %d outputs, %d guilty; want %d, 10 and 0", policy, len(met), len(txn.out), txn.guilty, want)
		}
	}
}

// TestI10_VerdictsSurviveAborts: where the guest's time of a transaction is too short to find a guilty record, the next ones go
// on where it ended; what was found is not looked for again.
func TestI10_VerdictsSurviveAborts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	w.produce(0, 64, 1)
	var calls, aborts atomic.Int64
	evil := natives("trap:00037")
	cfg := w.config(func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		calls.Add(1)
		return evil(ctx, env, b)
	})
	cfg.MaxGuestTime, cfg.Errors, cfg.Logger = 1, ErrorPolicy{DeadLetter: "dead"}, zap.NewNop() // each call takes too long
	cfg.Hooks.Aborted = func(_ Transaction, err error) {
		if errors.Is(err, errGuestTime) {
			aborts.Add(1)
		}
	}
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if aborts.Load() == 0 {
		t.Error("no transaction was too long")
	}
	got := w.read(63)
	if len(got) != 63 || strings.Contains(strings.Join(got, " "), "00037") {
		t.Errorf("outputs %v", got)
	}
	if diff := cmp.Diff([]string{"00037 in/0/37 panic"}, w.letters(1)); diff != "" {
		t.Error(diff)
	}
	if calls.Load() > 200 {
		t.Errorf("%d calls for 64 records", calls.Load())
	}
}

// TestI10_BrokerRefusesOne: a broker refuses a batch as a whole; the guilty record is found by probes that leave nothing behind.
func TestI10_BrokerRefusesOne(t *testing.T) {
	t.Parallel()
	for _, guarantee := range []Guarantee{ExactlyOnce, AtLeastOnce} {
		for policy, letters := range map[OnError][]string{
			OnErrorDeadLetter: {"00003 in/0/3 unwritable", "00011 in/0/11 unwritable"}, OnErrorDrop: {}, OnErrorFail: {},
		} {
			w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
			w.produce(0, 16, 1)
			w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidRecord, Count: -1, When: func(req kmsg.Request) bool {
				for _, topic := range req.(*kmsg.ProduceRequest).Topics {
					for _, p := range topic.Partitions {
						if bytes.Contains(p.Records, []byte("00003")) || bytes.Contains(p.Records, []byte("00011")) {
							return true
						}
					}
				}
				return false
			}})
			cfg := w.config(natives("forward"))
			cfg.Guarantee, cfg.Logger = guarantee, zap.NewNop()
			cfg.Errors = ErrorPolicy{OnError: policy}
			if policy == OnErrorDeadLetter {
				cfg.Errors.DeadLetter = "dead"
			}
			err := w.once(cfg)
			if policy == OnErrorFail {
				mention(t, err, kerr.InvalidRecord, `topic "in" partition 0 offset 3: transform "f": output to topic "out"`)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, v := range w.read(14) {
				seen[v]++
			}
			if len(seen) != 14 || seen["00003"]+seen["00011"] > 0 {
				t.Errorf("%s %s: outputs %v", guarantee, policy, seen)
			}
			for v, n := range seen {
				if guarantee == ExactlyOnce && n != 1 {
					t.Errorf("%s %s: %s came %d times", guarantee, policy, v, n)
				}
			}
			if diff := cmp.Diff(letters, w.letters(len(letters))); diff != "" {
				t.Errorf("%s %s: dead letters, - expected, + got:\n%s", guarantee, policy, diff)
			}
			if at := w.committed(); at != 16 {
				t.Errorf("%s %s: committed %d, want 16", guarantee, policy, at)
			}
		}
	}
}

// TestRefusedTogetherOnly: records that a broker refuses together, and none of them alone, are guilty of nothing.
func TestRefusedTogetherOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	w.produce(0, 8, 1)
	hit := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidRecord})
	cfg := w.config(natives("forward"))
	cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop()
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if hit.Hits() != 1 {
		t.Errorf("%d refused, want 1", hit.Hits())
	}
	w.expect(0, 8)
	if got := w.letters(0); len(got) != 0 {
		t.Errorf("dead letters %v", got)
	}
}

// TestUndeliverable: a dead letter that cannot be written stops the pipeline. Its record is not skipped, and nothing is visible.
func TestUndeliverable(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*world){
		"too large": func(w *world) {
			size := "1000"
			if _, err := kadm.NewClient(w.client).CreateTopic(w.ctx(), 1, 1, map[string]*string{"max.message.bytes": &size}, "dead"); err != nil {
				t.Fatal(err)
			}
			if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Value: bytes.Repeat([]byte("00001"), 190)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		},
		"refused": func(w *world) {
			if _, err := kadm.NewClient(w.client).CreateTopic(w.ctx(), 1, 1, nil, "dead"); err != nil {
				t.Fatal(err)
			}
			w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "dead", Err: kerr.PolicyViolation, Count: -1})
		},
	} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		refuse(w)
		w.produce(0, 3, 1)
		cfg := w.config(natives("refuse:00001"))
		cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop()
		err := w.once(cfg)
		mention(t, err, ErrDeadLetter, `topic "dead"`, `topic "in" partition 0 offset `)
		if got := w.read(0); len(got) != 0 || w.committed() != 0 {
			t.Errorf("%s: outputs %v, committed %d", name, got, w.committed())
		}
	}
}

// TestLettersAreTransactional: what makes a transaction abort takes its dead letters back too.
func TestLettersAreTransactional(t *testing.T) {
	t.Parallel()
	for _, f := range []devbroker.Fault{
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidTxnState},
		{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch},
	} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
		w.produce(0, 9, 1)
		hit := w.broker.Inject(f)
		cfg := w.config(natives("trap:00004"))
		cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop()
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
		if hit.Hits() == 0 {
			t.Errorf("%v did not happen", f.Keys)
		}
		if got := w.read(8); len(got) != 8 {
			t.Errorf("%v: outputs %v", f.Keys, got)
		}
		if diff := cmp.Diff([]string{"00004 in/0/4 panic"}, w.letters(1)); diff != "" {
			t.Errorf("%v: %s", f.Keys, diff)
		}
	}
}

// TestLettersAreNoInput: a pattern of inputs never matches the dead letters.
func TestLettersAreNoInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "in.dead": 1})
	w.produce(0, 3, 1)
	cfg := w.config(natives("refuse:0000"))
	cfg.Inputs, cfg.InputsRegex = nil, "in.*"
	cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "in.dead"}, zap.NewNop()
	for range 2 {
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.records("in.dead", 3); len(got) != 3 {
		t.Errorf("%d dead letters, want 3", len(got))
	}
}

// TestCut: texts in headers end between two characters.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    string
		most int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"äöü", 4, "äö"}, {"äöü", 5, "äö"}, {"", 0, ""}, {"ä", 1, ""}} {
		if got := cut(c.s, c.most); got != c.want {
			t.Errorf("%q to %d bytes: %q, want %q", c.s, c.most, got, c.want)
		}
	}
	long := verdict{err: &guest.TrapError{Kind: guest.TrapFuel, Message: strings.Repeat("m", 5000), Stack: []string{strings.Repeat("s", 9000)}}}
	w := isolator(t, natives("forward"), ErrorPolicy{DeadLetter: "dead"})
	r := w.deadLetter(&abi.Batch{Topic: "in"}, &abi.Record{Headers: []abi.Header{{Key: HeaderKind, Value: []byte("theirs")}}}, &long)
	for _, h := range r.Headers {
		if n := len(h.Value); h.Key == HeaderMessage && n != mostMessage || (h.Key == HeaderStack || h.Key == HeaderStacktrace) && n != mostStack {
			t.Errorf("%s has %d bytes", h.Key, n)
		}
	}
	if r.Headers[0].Key != HeaderKind || string(r.Headers[0].Value) != "theirs" {
		t.Errorf("first header %v, want the record's own", r.Headers[0])
	}
}

// TestSmallerBatches: a topic that takes less than was known refuses batches of records that are small enough. They are sent in
// parcels, and a record that is too large by itself is guilty alone.
func TestSmallerBatches(t *testing.T) {
	t.Parallel()
	const most = 3000
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	w.produce(0, 300, 1)
	large := bytes.Repeat([]byte("large"), most/5)
	if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Value: large}, &kgo.Record{Topic: "in", Value: large[:most-100]}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.takes("out", most)
	cfg := w.config(natives("forward"))
	cfg.Errors, cfg.Logger, cfg.MaxDelay = ErrorPolicy{DeadLetter: "dead", MaxRatio: 1}, zap.NewNop(), time.Hour
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if got := w.read(301); len(got) != 301 {
		t.Errorf("%d outputs, want 301", len(got))
	}
	if got := w.records("dead", 1); len(got) != 1 || !bytes.Equal(got[0].Value, large) {
		t.Errorf("dead letters %v", got)
	}
}

// TestRaisedLimit: a topic's limit that was raised while the pipeline runs holds for the records that come.
func TestRaisedLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 2, "dead": 1})
	admin := kadm.NewClient(w.client)
	small, large := "1000", "10000"
	if _, err := admin.CreateTopic(w.ctx(), 1, 1, map[string]*string{"max.message.bytes": &small}, "out"); err != nil {
		t.Fatal(err)
	}
	cfg := w.config(natives("forward"))
	committed := make(chan Transaction, 10)
	cfg.Errors, cfg.Logger, cfg.Workers = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop(), 2
	cfg.Hooks.Committed = func(txn Transaction) { committed <- txn }
	r := w.run(cfg)
	value := bytes.Repeat([]byte("x"), 2000)
	put := func(partition int32, guilty int) {
		t.Helper()
		if err := w.client.ProduceSync(w.ctx(), &kgo.Record{Topic: "in", Partition: partition, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if txn := <-committed; txn.In != 1 || txn.Guilty != guilty {
			t.Fatalf("%d records, %d guilty, want 1 and %d", txn.In, txn.Guilty, guilty)
		}
	}
	put(0, 1)
	put(1, 1)
	if _, err := admin.AlterTopicConfigs(w.ctx(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &large}}, "out"); err != nil {
		t.Fatal(err)
	}
	put(0, 0)
	put(1, 0) // whose worker has a client of its own, with the limits that it was opened with
	if got := w.read(2); len(got) != 2 || r.h.Status().SessionsRecreated != 2 {
		t.Errorf("outputs %v, %d sessions recreated", got, r.h.Status().SessionsRecreated)
	}
}
