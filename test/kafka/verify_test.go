package kafka_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// books hold what came out against what went in: ids 0..n-1, each once, ascending in every partition.
type books struct {
	seen []uint8
	last map[string]int // by topic and partition
	// findings are the first few mistakes; count is how many there were.
	findings []string
	count    int
}

func newBooks(n int) *books {
	return &books{seen: make([]uint8, n), last: map[string]int{}}
}

func (b *books) find(format string, args ...any) {
	if b.count++; b.count <= 5 {
		b.findings = append(b.findings, fmt.Sprintf(format, args...))
	}
}

// enter books a record under its id.
func (b *books) enter(id int, r *kgo.Record) {
	where := fmt.Sprintf("%s/%d", r.Topic, r.Partition)
	switch last, ok := b.last[where]; {
	case id < 0 || id >= len(b.seen):
		b.find("%s@%d: id %d was never written", where, r.Offset, id)
		return
	case ok && id <= last:
		b.find("%s@%d: id %d comes after id %d", where, r.Offset, id, last)
	}
	b.last[where] = id
	if b.seen[id]++; b.seen[id] == 2 {
		b.find("%s@%d: id %d twice", where, r.Offset, id)
	}
}

// close says what is wrong with the books: also the ids that never came.
func (b *books) close() []string {
	for id, times := range b.seen {
		if times == 0 {
			b.find("id %d is missing", id)
		}
	}
	if b.count > len(b.findings) {
		b.findings = append(b.findings, fmt.Sprintf("and %d more", b.count-len(b.findings)))
	}
	return b.findings
}

// settle fails the test with what is wrong with the books.
func (b *books) settle(t testing.TB) {
	t.Helper()
	for _, finding := range b.close() {
		t.Error(finding)
	}
}

// verifyUpper reads the topic and holds that it has ids 0..n-1 in upper case, each once, in order per partition, each in the
// partition that its key has in a topic of as many.
func verifyUpper(t testing.TB, topic string, n int) {
	t.Helper()
	b := newBooks(n)
	upper := bytes.ToUpper(filler)
	read(t, func(r *kgo.Record) {
		id, err := idOf(r.Value)
		if err != nil || len(r.Value) != valueSize || !bytes.Equal(r.Value[idSize+1:], upper) || !bytes.Equal(r.Key, r.Value[:idSize]) {
			b.find("%s/%d@%d: key %q value %q", r.Topic, r.Partition, r.Offset, r.Key, r.Value)
			return
		}
		b.enter(id, r)
	}, topic)
	b.settle(t)
}

// verifyLag holds that the group has committed everything in the topics, transaction markers too.
func verifyLag(t testing.TB, group string, topics ...string) {
	t.Helper()
	adm := kadm.NewClient(client(t))
	ctx := within(t)
	committed, err := adm.FetchOffsets(ctx, group)
	if err != nil {
		t.Fatalf("offsets of group %s: %v", group, err)
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		t.Fatalf("end offsets: %v", err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := committed.Lookup(end.Topic, end.Partition)
		if !ok && end.Offset == 0 {
			return
		}
		if at.At != end.Offset {
			t.Errorf("group %s: %s/%d is committed at %d, and ends at %d: lag %d", group, end.Topic, end.Partition, at.At, end.Offset, end.Offset-at.At)
		}
	})
}

// count is the number of records that a read_committed reader sees.
func count(t testing.TB, topics ...string) int {
	t.Helper()
	n := 0
	read(t, func(*kgo.Record) { n++ }, topics...)
	return n
}

// TestVerifierCatches holds that the books find each kind of mistake, on a real topic: a verifier that finds nothing proves
// nothing.
func TestVerifierCatches(t *testing.T) {
	const n = 20
	for _, mistake := range []struct {
		name  string
		ids   []int
		wants []string
	}{
		{"none", seq(0, n), nil},
		{"missing", append(seq(0, 7), seq(8, n)...), []string{"id 7 is missing"}},
		{"twice", append(append(seq(0, 8), 7), seq(8, n)...), []string{"comes after", "id 7 twice"}},
		{"order", append([]int{0, 2, 1}, seq(3, n)...), []string{"id 1 comes after id 2"}},
		{"unknown", append(seq(0, n), n), []string{"never written"}},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			out := topic(t, "out", 1)
			loadWith(t, 0, len(mistake.ids), func(i int) *kgo.Record {
				v := value(mistake.ids[i])
				return &kgo.Record{Topic: out, Key: v[:idSize], Value: v}
			})
			b := newBooks(n)
			read(t, func(r *kgo.Record) {
				id, err := idOf(r.Value)
				if err != nil {
					t.Fatal(err)
				}
				b.enter(id, r)
			}, out)
			got := b.close()
			if len(got) != len(mistake.wants) {
				t.Fatalf("found %q, want %q", got, mistake.wants)
			}
			for i, want := range mistake.wants {
				if !bytes.Contains([]byte(got[i]), []byte(want)) {
					t.Errorf("found %q, want %q", got[i], want)
				}
			}
		})
	}
}

// TestReaderSkipsAborted holds that the reader does not hand over what a transaction aborted, and does not wait for it.
func TestReaderSkipsAborted(t *testing.T) {
	out := topic(t, "out", 1)
	upstream(t, out, 3, 10)
	if got := count(t, out); got != 20 {
		t.Errorf("read %d records, want the 20 of the two committed transactions", got)
	}
}

// upstream writes transactions of so many records each; every second is aborted, the second first. Ids ascend through the
// committed ones only, so that the ids that must come out are without a gap.
func upstream(t testing.TB, topic string, transactions, records int) (committed int) {
	t.Helper()
	cl := client(t, kgo.TransactionalID(unique(t, "upstream")), kgo.TransactionTimeout(30*time.Second))
	ctx := within(t)
	for i := range transactions {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range records {
			v := value(committed + j)
			if i%2 == 1 {
				v = []byte("aborted: nobody may see this")
			}
			cl.Produce(ctx, &kgo.Record{Topic: topic, Key: v[:idSize], Value: v}, nil)
		}
		if err := cl.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			committed += records
		}
		if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	return committed
}

func seq(from, to int) []int {
	var ids []int
	for id := from; id < to; id++ {
		ids = append(ids, id)
	}
	return ids
}
