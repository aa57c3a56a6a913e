package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/deadletters"
)

// guilty says what refuses does with a record.
func guilty(n int) (kind string) {
	switch {
	case n%3 == 0:
		return "refused"
	case n%7 == 0:
		return "panic"
	}
	return ""
}

// numbers of the records below n of a kind, or of any.
func numbers(n int, kinds ...string) (out []int) {
	for i := range n {
		if slices.Contains(kinds, guilty(i)) {
			out = append(out, i)
		}
	}
	return out
}

// verifyInput holds `in` to its n records, and those that were replayed so often: as they were, in their partition, and counted.
func (w *world) verifyInput(n int, times map[int]int) {
	w.t.Helper()
	type sight struct {
		partition int32
		content   string
		replayed  string
	}
	got, want := map[int][]sight{}, map[int][]sight{}
	for _, r := range w.records("in") {
		i, err := strconv.Atoi(string(r.Value))
		if err != nil {
			w.t.Fatal(err)
		}
		s := sight{partition: r.Partition}
		if last := r.Headers[len(r.Headers)-1]; last.Key == deadletters.HeaderReplayed {
			s.replayed, r.Headers = string(last.Value), r.Headers[:len(r.Headers)-1]
		}
		s.content = content(r)
		got[i] = append(got[i], s)
	}
	for i := range n {
		if len(got[i]) == 0 {
			w.t.Fatalf("record %d is gone", i)
		}
		first := got[i][0]
		for time := range times[i] + 1 {
			s := first
			if time > 0 {
				s.replayed = strconv.Itoa(time)
			}
			want[i] = append(want[i], s)
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sight{})); diff != "" {
		w.t.Errorf("records of `in`, - expected, + got:\n%s", diff)
	}
}

// verifyPending holds the letters that are not done to the numbers of their records.
func (w *world) verifyPending(want []int) {
	w.t.Helper()
	got := []int{}
	for _, l := range w.list(deadletters.Filter{}).Letters {
		n, err := strconv.Atoi(string(l.Value))
		if err != nil {
			w.t.Fatal(err)
		}
		got = append(got, n)
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]int{}, want...), got); diff != "" {
		w.t.Errorf("letters that are not done, - expected, + got:\n%s", diff)
	}
}

// verifyOutput holds `out` to the numbers of its records, each once.
func (w *world) verifyOutput(want []int) {
	w.t.Helper()
	got := []int{}
	for _, r := range w.records("out") {
		n, _ := strconv.Atoi(string(r.Value))
		got = append(got, n)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("records of `out`, - expected, + got:\n%s", diff)
	}
}

func once(lists ...[]int) map[int]int {
	times := map[int]int{}
	for _, list := range lists {
		for _, n := range list {
			times[n]++
		}
	}
	return times
}

// TestReplay: every letter goes back once, as it was, and a second replay finds nothing. With the transform mended, every record
// is in the output once.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 60)
	w.pipe(refuses)
	all := numbers(60, "refused", "panic")
	w.verifyPending(all)

	o := w.order(deadletters.Filter{})
	steps := 0
	o.Progress = func(done, chosen int) {
		if steps = done; chosen != len(all) {
			t.Errorf("%d of %d are done", done, chosen)
		}
	}
	report, err := w.open().Replay(w.ctx(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := &deadletters.Report{
		Topic: "dead", Group: "g-dlq-replay", Pending: len(all), Chosen: len(all), Done: len(all),
		Targets: []deadletters.Target{{Topic: "in", Letters: 20}, {Topic: "in", Partition: 1, Letters: 3}, {Topic: "in", Partition: 2, Letters: 3}},
	}
	if diff := cmp.Diff(want, report); diff != "" || steps != len(all) {
		t.Errorf("%d steps, report - expected, + got:\n%s", steps, diff)
	}
	w.verifyInput(60, once(all))
	w.verifyPending(nil)

	report, err = w.open().Replay(w.ctx(), w.order(deadletters.Filter{}))
	if err != nil || report.Chosen != 0 {
		t.Errorf("the second replay: %+v, %v", report, err)
	}
	w.verifyInput(60, once(all))

	w.pipe(forwards)
	every := make([]int, 60)
	for i := range every {
		every[i] = i
	}
	w.verifyOutput(every)
}

// TestReplayFiltered: what the filter leaves is as it was, and may be replayed later; what fails again comes back and counts up.
func TestReplayFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 60)
	w.pipe(refuses)
	refused, trapped := numbers(60, "refused"), numbers(60, "panic")
	before := map[string]bool{}
	for _, r := range w.records("dead") {
		before[content(r)] = true
	}

	report, err := w.open().Replay(w.ctx(), w.order(deadletters.Filter{Kinds: []string{"panic"}}))
	if err != nil {
		t.Fatal(err)
	}
	if report.Done != len(trapped) || report.Left() != len(refused) || report.Copied > len(refused) {
		t.Errorf("report %+v", report)
	}
	w.verifyInput(60, once(trapped))
	w.verifyPending(refused)
	pending := map[int32]map[int64]bool{0: {}, 1: {}}
	for _, l := range w.list(deadletters.Filter{}).Letters {
		pending[l.Partition][l.Offset] = true
	}
	for _, r := range w.records("dead") {
		if pending[r.Partition][r.Offset] && !before[content(r)] {
			t.Errorf("the letter at %d/%d was changed: %s", r.Partition, r.Offset, content(r))
		}
	}

	w.pipe(refuses) // those that trapped do it again
	w.verifyPending(slices.Sorted(slices.Values(append(slices.Clone(refused), trapped...))))
	if l := w.list(deadletters.Filter{Kinds: []string{"panic"}}); l.Letters[0].Replayed != 1 {
		t.Errorf("the letter says %d", l.Letters[0].Replayed)
	}
	if _, err := w.open().Replay(w.ctx(), w.order(deadletters.Filter{})); err != nil {
		t.Fatal(err)
	}
	w.verifyInput(60, once(trapped, trapped, refused))
	w.verifyPending(nil)
}

// TestReplayStopsBehindTheLast: letters behind the last one that was chosen stay where they are.
func TestReplayStopsBehindTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 3)
	w.pipe(refuses)
	w.produce(3, 300)
	w.pipe(refuses)
	o := w.order(deadletters.Filter{})
	o.Limit = 1
	cfg := w.pipeline(forwards)
	cfg.MaxRecords = 1
	topic, err := deadletters.Open(w.ctx(), cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	defer topic.Close()
	report, err := topic.Replay(w.ctx(), o)
	if err != nil || report.Done != 1 || report.Copied != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	w.verifyInput(303, once([]int{0}))
	w.verifyPending(numbers(303, "refused", "panic")[1:])
}

// TestDryRun: nothing is written, and no offset either.
func TestDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 30)
	w.pipe(refuses)
	o := w.order(deadletters.Filter{Transforms: []string{"f"}, Sources: []deadletters.Source{{Topic: "in", Partition: 1, Offset: -1}}})
	o.DryRun = true
	topic := w.open()
	for _, pass := range []func(context.Context, deadletters.Order) (*deadletters.Report, error){topic.Replay, topic.Purge} {
		report, err := pass(w.ctx(), o)
		if err != nil || report.Chosen != 2 || report.Done != 0 || len(report.Targets) != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	}
	w.verifyInput(30, nil)
	if offsets, err := w.admin.FetchOffsets(w.ctx(), "g-dlq-replay"); err == nil && len(offsets) > 0 {
		t.Errorf("the group has offsets: %v", offsets)
	}
}

// TestReplayIsCutOff: a replay that is told to stop says how far it came, and the next one does the rest.
func TestReplayIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 90)
	w.pipe(refuses)
	ctx, cancel := context.WithCancelCause(w.ctx())
	enough := errors.New("enough")
	o := w.order(deadletters.Filter{})
	o.Rate = 10
	o.Progress = func(int, int) { cancel(enough) }
	report, err := w.open().Replay(ctx, o)
	if !errors.Is(err, enough) || report.Done == 0 || report.Done == report.Chosen || !strings.Contains(fmt.Sprint(err), "run it again") {
		t.Fatalf("%+v, %v", report, err)
	}
	if report, err = w.open().Replay(w.ctx(), w.order(deadletters.Filter{})); err != nil || report.Done != report.Chosen {
		t.Fatalf("%+v, %v", report, err)
	}
	w.verifyInput(90, once(numbers(90, "refused", "panic")))
	w.verifyPending(nil)
}

// TestReplayGoesNowhere: letters that cannot go back stop the replay before it does anything.
func TestReplayGoesNowhere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*world, *host.Config)
		kind   error
		says   string
	}{
		"deleted": {func(w *world, _ *host.Config) {
			if err := w.broker.DeleteTopic("in"); err != nil {
				w.t.Fatal(err)
			}
		}, host.ErrEnvironment, `the topic does not exist any more`},
		"smaller": {func(w *world, _ *host.Config) {
			if err := errors.Join(w.broker.DeleteTopic("in"), w.broker.CreateTopic("in", 1, nil)); err != nil {
				w.t.Fatal(err)
			}
		}, host.ErrEnvironment, `the topic has only 1 partitions`},
		"not an input": {func(_ *world, c *host.Config) { c.Inputs = []string{"out"} }, deadletters.ErrUsage, `letters came from topic "in", which pipeline "p" does not read`},
		"a pattern":    {func(_ *world, c *host.Config) { c.Inputs, c.InputsRegex = nil, "i" }, deadletters.ErrUsage, `does not read`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.produce(0, 15)
			w.pipe(refuses)
			cfg := w.pipeline(forwards)
			test.change(w, &cfg)
			topic, err := deadletters.Open(w.ctx(), cfg, "")
			if err != nil {
				t.Fatal(err)
			}
			defer topic.Close()
			_, err = topic.Replay(w.ctx(), w.order(deadletters.Filter{}))
			if !errors.Is(err, test.kind) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("error %v, want %q", err, test.says)
			}
			w.verifyPending(numbers(15, "refused", "panic"))
		})
	}
}

// TestForeignLetters: what no host wrote, or that of another pipeline, is left and copied, whatever the filter.
func TestForeignLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.produce(0, 15)
	for n := range int32(2) { // before and behind ours
		r := &kgo.Record{Topic: "dead", Partition: n, Value: []byte("99999"), Headers: []kgo.RecordHeader{{Key: host.HeaderTopic, Value: []byte("in")}}, Timestamp: time.UnixMilli(1)}
		if err := w.client.ProduceSync(w.ctx(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.pipe(refuses)
	ours := numbers(15, "refused", "panic")
	w.verifyPending(append(slices.Clone(ours), 99999, 99999))
	report, err := w.open().Replay(w.ctx(), w.order(deadletters.Filter{}))
	if err != nil || report.Foreign != 2 || report.Done != len(ours) || report.Copied == 0 {
		t.Errorf("%+v, %v", report, err)
	}
	w.verifyInput(15, once(ours))
	w.verifyPending([]int{99999, 99999})
	if report, err = w.open().Purge(w.ctx(), w.order(deadletters.Filter{})); err != nil || report.Done != 0 || report.Left() != 2 {
		t.Errorf("purge: %+v, %v", report, err)
	}
	w.verifyPending([]int{99999, 99999})
	if left := w.records("dead"); len(left) != 2 || string(left[0].Value) != "99999" {
		t.Errorf("%d records are left, want those that are not ours alone", len(left))
	}
}
