package deadletters_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/deadletters"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestList: the newest letters, in the order of their time, and the counts of all; those that are done only where they are asked for.
func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 60)
	w.pipe(refuses)
	l, err := w.open().List(w.ctx(), deadletters.Filter{}, false, 3)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, one := range l.Letters {
		got = append(got, fmt.Sprintf("%s %s %s %d %v", one.Value, one.Cause.Source, one.Cause.Kind, one.Time.Sub(began)/time.Second, one.Done))
	}
	if diff := cmp.Diff([]string{"00054 in/0/18 refused 54 false", "00056 in/2/18 panic 56 false", "00057 in/0/19 refused 57 false"}, got); diff != "" {
		t.Errorf("- expected, + got:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"refused": 20, "panic": 6}, l.Kinds); diff != "" || l.Chosen != 26 || l.Pending != 26 || l.Foreign != 0 {
		t.Errorf("%+v\n%s", l, diff)
	}
	if diff := cmp.Diff([]string{"panic", "refused"}, l.KindNames()); diff != "" {
		t.Error(diff)
	}
	if _, err := w.open().Replay(w.ctx(), w.order(deadletters.Filter{Kinds: []string{"refused"}})); err != nil {
		t.Fatal(err)
	}
	all, err := w.open().List(w.ctx(), deadletters.Filter{Until: began.Add(10 * time.Second)}, true, 0)
	if err != nil {
		t.Fatal(err)
	}
	got = got[:0]
	for _, one := range all.Letters {
		got = append(got, fmt.Sprintf("%s %v", one.Value, one.Done))
	}
	// 7 was left, and lies there twice: as it came, and copied.
	if diff := cmp.Diff([]string{"00000 true", "00003 true", "00006 true", "00007 true", "00007 false", "00009 true"}, got); diff != "" || all.Pending != 6 {
		t.Errorf("%d are pending, - expected, + got:\n%s", all.Pending, diff)
	}
}

// TestRead: one letter whole, or why there is none.
func TestRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 1)
	w.pipe(refuses)
	topic := w.open()
	in, dead := w.records("in")[0], w.records("dead")[0]
	l, err := topic.Read(w.ctx(), dead.Partition, dead.Offset)
	if err != nil {
		t.Fatal(err)
	}
	own := &kgo.Record{Key: l.Key, Value: l.Value, Timestamp: l.Time}
	for _, h := range l.Headers {
		own.Headers = append(own.Headers, kgo.RecordHeader(h))
	}
	if diff := cmp.Diff(content(in), content(own)); diff != "" || !l.Of(w.pipeline(forwards)) || l.Cause.Message != "refused: not a third" {
		t.Errorf("%+v\n%s", l.Cause, diff)
	}
	for name, test := range map[string]struct {
		partition int32
		offset    int64
		says      string
	}{
		"partition": {7, 0, "has no partition 7"},
		"behind":    {dead.Partition, 99, "has no letter at offset 99"},
		"marker":    {dead.Partition, dead.Offset + 1, "holds a marker"},
	} {
		if _, err := topic.Read(w.ctx(), test.partition, test.offset); !errors.Is(err, deadletters.ErrUsage) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPurge: what the filter chooses is gone from the log, what it leaves is not, and all of it without a filter.
func TestPurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 60)
	w.pipe(refuses)
	report, err := w.open().Purge(w.ctx(), w.order(deadletters.Filter{Kinds: []string{"panic"}}))
	if err != nil || report.Done != 6 || report.Left() != 20 {
		t.Fatalf("%+v, %v", report, err)
	}
	refused := numbers(60, "refused")
	w.verifyPending(refused)
	for _, r := range w.records("dead") {
		if guilty := string(r.Headers[len(r.Headers)-2].Value); guilty != "refused" {
			t.Errorf("%s is still there: %s", r.Value, guilty)
		}
	}
	if report, err = w.open().Purge(w.ctx(), w.order(deadletters.Filter{})); err != nil || report.Done != len(refused) || report.Left() != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if left := w.records("dead"); len(left) > 0 {
		t.Errorf("%d records are still there", len(left))
	}
	w.verifyInput(60, nil)
	w.pipe(refuses) // the pipeline goes on, and its letters are new ones
	w.produce(60, 3)
	w.pipe(refuses)
	w.verifyPending([]int{60})
}

// TestReplaysFence: of two replays at once the later one keeps the slot, and whatever each does, every letter goes back once.
func TestReplaysFence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 120)
	w.pipe(refuses)
	started, all := make(chan struct{}), sync.WaitGroup{}
	first := w.order(deadletters.Filter{Kinds: []string{"refused"}})
	first.Rate, first.Logger = 10, nil
	start := sync.OnceFunc(func() { close(started) })
	first.Progress = func(int, int) { start() }
	topic := w.open()
	var err1 error
	all.Go(func() { _, err1 = topic.Replay(w.ctx(), first) })
	<-started
	second := w.order(deadletters.Filter{Kinds: []string{"refused"}})
	second.Logger = nil
	_, err2 := w.open().Replay(w.ctx(), second)
	all.Wait()
	if err1 == nil && err2 == nil {
		t.Log("the first one had not noticed")
	}
	for _, err := range []error{err1, err2} {
		if err != nil && !errors.Is(err, host.ErrFenced) && !strings.Contains(err.Error(), "run it again") {
			t.Error(err)
		}
	}
	if _, err := w.open().Replay(w.ctx(), w.order(deadletters.Filter{Kinds: []string{"refused"}})); err != nil {
		t.Fatal(err)
	}
	w.verifyInput(120, once(numbers(120, "refused")))
	w.verifyPending(numbers(120, "panic"))
}

// TestListWaits: whether letters are done that an open transaction holds is known once it is over.
func TestListWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 3)
	w.pipe(refuses)
	done := kadm.Offsets{}
	done.AddOffset("dead", 0, 0, -1)
	if err := w.admin.CommitAllOffsets(w.ctx(), "g-dlq-replay", done); err != nil {
		t.Fatal(err)
	}
	unstable := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g-dlq-replay", Err: kerr.UnstableOffsetCommit, Count: 3})
	w.verifyPending([]int{0})
	if unstable.Hits() != 3 {
		t.Errorf("%d answers", unstable.Hits())
	}
}

// TestOneGroup: a second group would do letters again that the first one has done.
func TestOneGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 15)
	w.pipe(refuses)
	done := kadm.Offsets{}
	done.AddOffset("dead", 0, 1, -1)
	elsewhere := kadm.Offsets{}
	elsewhere.AddOffset("out", 0, 1, -1)
	if err := errors.Join(w.admin.CommitAllOffsets(w.ctx(), "old-dlq-replay", done), w.admin.CommitAllOffsets(w.ctx(), "x-dlq-replay", elsewhere)); err != nil {
		t.Fatal(err)
	}
	topic := w.open()
	for _, pass := range []func() error{
		func() error { _, err := topic.Replay(w.ctx(), w.order(deadletters.Filter{})); return err },
		func() error { _, err := topic.Purge(w.ctx(), w.order(deadletters.Filter{})); return err },
	} {
		if err := pass(); !errors.Is(err, deadletters.ErrUsage) || !strings.Contains(err.Error(), "use --group old-dlq-replay") {
			t.Errorf("error %v", err)
		}
	}
	if l := w.list(deadletters.Filter{}); !slices.Equal(l.OtherGroups, []string{"old-dlq-replay"}) {
		t.Errorf("other groups: %v", l.OtherGroups)
	}
	old, err := deadletters.Open(w.ctx(), w.pipeline(forwards), "old-dlq-replay")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if report, err := old.Replay(w.ctx(), w.order(deadletters.Filter{})); err != nil || report.Done != report.Chosen || report.Done != report.Pending {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestOpen says what is missing.
func TestOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		change func(*host.Config)
		group  string
		kind   error
		says   string
	}{
		"no dead letters": {func(c *host.Config) { c.Errors.DeadLetter = "" }, "", deadletters.ErrUsage, "errors.dead_letter.topic"},
		"no topic":        {func(c *host.Config) { c.Errors.DeadLetter = "nowhere" }, "", host.ErrEnvironment, "topics create"},
		"a group":         {func(*host.Config) {}, "mine", deadletters.ErrUsage, "-dlq-replay"},
		"nobody there":    {func(c *host.Config) { c.Brokers = []string{"127.0.0.1:1"} }, "", host.ErrEnvironment, "describe the topics"},
	} {
		cfg := w.pipeline(forwards)
		test.change(&cfg)
		topic, err := deadletters.Open(w.ctx(), cfg, test.group)
		if !errors.Is(err, test.kind) || !strings.Contains(fmt.Sprint(err), test.says) {
			t.Errorf("%s: error %v", name, err)
		}
		if topic != nil {
			topic.Close()
		}
	}
}
