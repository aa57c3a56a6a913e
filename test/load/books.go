package load

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Books hold what came out against what went in: ids 0..n-1, each once, ascending in every partition.
type Books struct {
	seen []uint8
	last map[string]int // by topic and partition
	// findings are the first few mistakes; count is how many there were.
	findings []string
	count    int
}

// NewBooks opens books for ids 0..n-1.
func NewBooks(n int) *Books {
	return &Books{seen: make([]uint8, n), last: map[string]int{}}
}

// Find notes a mistake.
func (b *Books) Find(format string, args ...any) {
	if b.count++; b.count <= 5 {
		b.findings = append(b.findings, fmt.Sprintf(format, args...))
	}
}

// Enter books a record under its id.
func (b *Books) Enter(id int, r *kgo.Record) {
	where := fmt.Sprintf("%s/%d", r.Topic, r.Partition)
	switch last, ok := b.last[where]; {
	case id < 0 || id >= len(b.seen):
		b.Find("%s@%d: id %d was never written", where, r.Offset, id)
		return
	case ok && id <= last:
		b.Find("%s@%d: id %d comes after id %d", where, r.Offset, id, last)
	}
	b.last[where] = id
	if b.seen[id]++; b.seen[id] == 2 {
		b.Find("%s@%d: id %d twice", where, r.Offset, id)
	}
}

// Close says what is wrong with the books: also the ids that never came.
func (b *Books) Close() []string {
	for id, times := range b.seen {
		if times == 0 {
			b.Find("id %d is missing", id)
		}
	}
	if b.count > len(b.findings) {
		b.findings = append(b.findings, fmt.Sprintf("and %d more", b.count-len(b.findings)))
	}
	return b.findings
}

// Settle fails the test with what is wrong with the books.
func (b *Books) Settle(t testing.TB) {
	t.Helper()
	for _, finding := range b.Close() {
		t.Error(finding)
	}
}

// VerifyUpper reads the topic and holds that it has ids 0..n-1 in upper case, each once, in order per partition, each in the
// partition that its key has in a topic of as many.
func VerifyUpper(t testing.TB, broker, topic string, n int) {
	t.Helper()
	b := NewBooks(n)
	upper := bytes.ToUpper(Filler)
	Read(t, broker, func(r *kgo.Record) {
		id, err := IDOf(r.Value)
		if err != nil || len(r.Value) != ValueSize || !bytes.Equal(r.Value[IDSize+1:], upper) || !bytes.Equal(r.Key, r.Value[:IDSize]) {
			b.Find("%s/%d@%d: key %q value %q", r.Topic, r.Partition, r.Offset, r.Key, r.Value)
			return
		}
		b.Enter(id, r)
	}, topic)
	b.Settle(t)
}

// VerifyLag holds that the group has committed everything in the topics, transaction markers too.
func VerifyLag(t testing.TB, broker, group string, topics ...string) {
	t.Helper()
	adm := kadm.NewClient(Client(t, broker))
	ctx := Within(t)
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
