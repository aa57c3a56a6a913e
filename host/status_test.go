package host

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestStatusWhileRunning: lag counts from the last commit, not from the last poll, and the metric is its sum.
func TestStatusWhileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 2, "out": 1})
	w.produce(0, 10, 2)
	called, goOn := make(chan struct{}), make(chan struct{})
	h := &storyHost{called: called, goOn: goOn}
	registry := prometheus.NewRegistry()
	cfg := w.config(gated(natives("forward"), h))
	cfg.Metrics = registry
	committed := make(chan Transaction, 8)
	cfg.Hooks.Committed = func(txn Transaction) { committed <- txn }
	before := time.Now()
	r := w.run(cfg)
	<-called
	partitions := func(next, lag int64) []PartitionStatus {
		return []PartitionStatus{{"in", 0, next, lag}, {"in", 1, next, lag}}
	}
	lag := func(want int) {
		t.Helper()
		text := fmt.Sprintf("# HELP wasmflow_lag_records Offsets from the committed ones to the last stable ones, over the assigned partitions.\n"+
			"# TYPE wasmflow_lag_records gauge\nwasmflow_lag_records{pipeline=\"p\"} %d\n", want)
		if err := testutil.GatherAndCompare(registry, strings.NewReader(text), "wasmflow_lag_records"); err != nil {
			t.Error(err)
		}
	}
	got := r.h.Status()
	if diff := cmp.Diff(partitions(0, 5), got.Partitions); diff != "" {
		t.Errorf("partitions before the commit, - expected, + got:\n%s", diff)
	}
	if got.State != StateRunning || got.Sessions != 1 || got.Workers != 1 || got.In != 0 || !got.LastCommit.IsZero() {
		t.Errorf("before the commit: %+v", got)
	}
	lag(10)
	close(goOn)
	<-committed
	got = r.h.Status()
	if diff := cmp.Diff(partitions(5, 0), got.Partitions); diff != "" {
		t.Errorf("partitions after the commit, - expected, + got:\n%s", diff)
	}
	if got.In != 10 || got.Out != 10 || got.Commits != 1 || got.LastCommit.Before(before) {
		t.Errorf("after the commit: %+v", got)
	}
	lag(0)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := r.h.Status(); got.State != StateStopped || got.Sessions != 0 || len(got.Partitions) != 0 {
		t.Errorf("after the end: %+v", got)
	}
}

// TestLag: -1 before the first fetch, never below 0; the last stable offset or the high watermark is the end.
func TestLag(t *testing.T) {
	t.Parallel()
	var p positions
	p.set("in", 0, 4)
	status := func(want PartitionStatus) {
		t.Helper()
		if diff := cmp.Diff([]PartitionStatus{want}, p.status()); diff != "" {
			t.Error(diff)
		}
	}
	fetch := func(stable, high int64, offsets ...int64) *kgo.FetchTopicPartition {
		f := &kgo.FetchTopicPartition{Topic: "in", FetchPartition: kgo.FetchPartition{LastStableOffset: stable, HighWatermark: high}}
		for _, o := range offsets {
			f.Records = append(f.Records, &kgo.Record{Offset: o})
		}
		return f
	}
	status(PartitionStatus{"in", 0, 4, -1})
	if !p.drained() {
		t.Error("something is left to poll before anything was fetched")
	}
	for isolation, want := range map[Isolation]int64{ReadCommitted: 4, ReadUncommitted: 6} {
		if _, err := p.advance(fetch(8, 10), isolation); err != nil { // without records, as after a timeout
			t.Fatal(err)
		}
		status(PartitionStatus{"in", 0, 4, want})
	}
	if _, err := p.advance(fetch(8, 10, 4, 5), ReadCommitted); err != nil {
		t.Fatal(err)
	}
	status(PartitionStatus{"in", 0, 4, 4}) // polled is not committed
	if p.drained() {
		t.Error("nothing is left to poll before the stable offset")
	}
	p.keep()
	status(PartitionStatus{"in", 0, 6, 2})
	if _, err := p.advance(fetch(7, 10, 6, 8), ReadCommitted); err != nil {
		t.Fatal(err)
	}
	p.keep()
	status(PartitionStatus{"in", 0, 9, 0})
	if !p.drained() {
		t.Error("something is left to poll behind the stable offset")
	}
	w := &worker{}
	w.positions.set("in", 0, 4) // and before the first fetch a partition adds nothing to the sum
	w.positions.set("in", 1, 4)
	w.positions.m["in"][1].stable = 9
	if got := (&Host{workers: []*worker{w, w}}).lag(); got != 10 {
		t.Errorf("lag of two workers with 5 each: %g", got)
	}
	p.remove(map[string][]int32{"in": {0}})
	if got := p.status(); len(got) != 0 {
		t.Errorf("a revoked partition is still told: %v", got)
	}
}

// TestSkips: a position behind lost records is to be committed until a commit has passed it or said it.
func TestSkips(t *testing.T) {
	t.Parallel()
	type offsets = map[string]map[int32]kgo.EpochOffset
	var p positions
	p.set("in", 0, 2)
	if got := p.skips(); got != nil {
		t.Errorf("nothing was skipped, but %v is to be committed", got)
	}
	p.skip("in", 0, 2, 6)
	p.skip("in", 1, 5, 9)
	want := offsets{"in": {0: {Epoch: -1, Offset: 6}, 1: {Epoch: -1, Offset: 9}}}
	if diff := cmp.Diff(want, p.skips()); diff != "" {
		t.Error(diff)
	}
	p.drop() // an abort does not lose them
	if diff := cmp.Diff(want, p.skips()); diff != "" {
		t.Error(diff)
	}
	f := &kgo.FetchTopicPartition{Topic: "in", FetchPartition: kgo.FetchPartition{Records: []*kgo.Record{{Offset: 6}}}}
	if _, err := p.advance(f, ReadCommitted); err != nil {
		t.Fatal(err)
	}
	if lost := p.keep(); lost != 4 { // partition 0 was polled and committed, partition 1 was not
		t.Errorf("%d lost records before what was committed, want 4", lost)
	}
	want = offsets{"in": {1: {Epoch: -1, Offset: 9}}}
	if diff := cmp.Diff(want, p.skips()); diff != "" {
		t.Error(diff)
	}
	p.skip("in", 1, 9, 20)
	if lost := p.committed(want); lost != 0 { // of what was skipped to before
		t.Errorf("%d lost records before an older position, want 0", lost)
	}
	if diff := cmp.Diff(offsets{"in": {1: {Epoch: -1, Offset: 20}}}, p.skips()); diff != "" {
		t.Error(diff)
	}
	if lost := p.committed(p.skips()); lost != 4+11 {
		t.Errorf("%d lost records, want both skips of the partition, 15", lost)
	}
	p.committed(offsets{"gone": {0: {}}})
	if got := p.skips(); got != nil {
		t.Errorf("still to be committed: %v", got)
	}
}

// TestAbortsAreCounted: an abort counts with its reason, its time and for the status, and nothing that it read counts as read.
func TestAbortsAreCounted(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]guest.Func{"trap": natives("trap:00001"), "refused": natives("refuse:00001"), "produce": natives("place:7,1")} {
		w := newWorld(t, map[string]int32{"in": 1, "out": 1})
		w.produce(0, 3, 1)
		registry := prometheus.NewRegistry()
		cfg := w.config(f)
		cfg.Metrics, cfg.Once, cfg.Logger = registry, true, zap.NewNop()
		r := w.run(cfg)
		if err := r.wait(t); err == nil {
			t.Fatal("the pipeline did not stop")
		}
		text := fmt.Sprintf("# HELP kafka_tx_aborts_total Transactions that were aborted, by reason.\n# TYPE kafka_tx_aborts_total counter\n"+
			"kafka_tx_aborts_total{pipeline=\"p\",reason=%q} 1\n", want)
		m := r.h.metrics
		for i, c := range []prometheus.Counter{m.commits, m.in, m.out, m.dropped} {
			if got := testutil.ToFloat64(c); got != 0 {
				t.Errorf("%s: counter %d is %g after an abort", want, i, got)
			}
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(text), "kafka_tx_aborts_total"); err != nil {
			t.Error(err)
		}
		if got := r.h.Status(); got.Aborts != 1 || got.Commits != 0 || got.In != 0 || got.Out != 0 || got.State != StateFailed || got.Err == nil {
			t.Errorf("%s: status %+v", want, got)
		}
	}
}

// TestRecordFaultFirst: of all the errors of a transaction's produces the one that a record itself is to blame for is told, with
// every input record whose output for that topic failed like it; a dead letter only where there is nothing else.
func TestRecordFaultFirst(t *testing.T) {
	t.Parallel()
	type failed struct {
		record int
		err    error
	}
	for name, c := range map[string]struct {
		failed []failed
		err    error
		want   string // suspects, or the dead letter
		topic  string
	}{
		"none":                          {},
		"another one alone":             {[]failed{{3, kerr.InvalidTxnState}}, kerr.InvalidTxnState, "", "out"},
		"the first of others":           {[]failed{{3, kerr.InvalidTxnState}, {1, kerr.UnknownServerError}}, kerr.InvalidTxnState, "", "out"},
		"after others":                  {[]failed{{3, kerr.InvalidTxnState}, {1, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/11:[1]", "out"},
		"before others":                 {[]failed{{2, kerr.InvalidRecord}, {0, kerr.InvalidTxnState}}, kerr.InvalidRecord, "in/0/12:[2]", "out"},
		"a batch":                       {[]failed{{3, kerr.InvalidRecord}, {1, kerr.InvalidRecord}, {2, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/11:[1] in/0/12:[2] in/0/13:[3]", "out"},
		"two of one record":             {[]failed{{5, kerr.InvalidRecord}, {3, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/13:[3 5]", "out"},
		"of several partitions":         {[]failed{{1, kerr.InvalidRecord}, {4, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/11:[1] in/1/99:[4]", "out"},
		"of several outputs":            {[]failed{{6, kerr.InvalidRecord}, {1, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/11:[1]", "out"},
		"of another output":             {[]failed{{6, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/13:[6]", "audit"},
		"one fault and another":         {[]failed{{0, kerr.InvalidTimestamp}, {2, kerr.InvalidRecord}}, kerr.InvalidTimestamp, "in/0/10:[0]", "out"},
		"answers that are none, errors": {[]failed{{0, nil}, {2, kerr.PolicyViolation}, {1, nil}}, kerr.PolicyViolation, "in/0/12:[2]", "out"},
		"another topic's":               {[]failed{{6, kerr.MessageTooLarge}, {1, kerr.InvalidTimestamp}}, kerr.InvalidTimestamp, "in/0/11:[1]", "out"},
		"dead letters":                  {[]failed{{8, kerr.InvalidRecord}, {7, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/7:[7] in/0/8:[8]", "dead"},
		"a dead letter and an output":   {[]failed{{7, kerr.InvalidRecord}, {6, kerr.InvalidRecord}}, kerr.InvalidRecord, "in/0/13:[6]", "audit"},
	} {
		txn := (&transaction{}).reset()
		add := func(topic string, from source) {
			txn.out = append(txn.out, kgo.Record{Topic: topic})
			txn.sources = append(txn.sources, from)
		}
		for i := range 4 {
			add("out", source{"in", 0, int64(10 + i), &stage{}})
		}
		for i := range txn.sources {
			txn.sources[i].stage = txn.sources[0].stage
		}
		st := txn.sources[0].stage
		add("out", source{"in", 1, 99, st})
		add("out", source{"in", 0, 13, st})
		add("audit", source{"in", 0, 13, st})
		add("dead", source{"in", 0, 7, nil})
		add("dead", source{"in", 0, 8, nil})
		for _, f := range c.failed {
			txn.promise(&txn.out[f.record], f.err)
		}
		suspects, topic, err := txn.failure()
		var got []string
		for _, s := range suspects {
			got = append(got, fmt.Sprintf("%s/%d/%d:%v", s.topic, s.partition, s.offset, s.outputs))
		}
		if all := strings.Join(got, " "); !errors.Is(err, c.err) || all != c.want || topic != c.topic {
			t.Errorf("%s: %s of topic %q: %v; want %s of %q", name, all, topic, err, c.want, c.topic)
		}
		if suspects, topic, err = txn.reset().failure(); err != nil || suspects != nil || topic != "" {
			t.Errorf("%s: the next transaction begins with %v of topic %q: %v", name, suspects, topic, err)
		}
	}
}

// TestBatchRefused: the broker refuses a batch as a whole; probes find the record in it that is to blame.
func TestBatchRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.produce(0, 5, 1)
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidRecord, Count: -1})
	err := w.once(w.config(natives("forward")))
	var record *RecordError
	if !errors.As(err, &record) {
		t.Fatalf("%v is not a *RecordError", err)
	}
	if record.First != 0 || record.Last != 0 {
		t.Errorf("offsets %d to %d, want 0", record.First, record.Last)
	}
	mention(t, err, kerr.InvalidRecord, "offset 0", `output to topic "out"`)
}
