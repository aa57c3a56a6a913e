package kafka_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/test/load"
)

// verifyUpper holds that the topic has ids 0..n-1 in upper case, each once, in order per partition.
func verifyUpper(t testing.TB, topic string, n int) {
	t.Helper()
	load.VerifyUpper(t, kafka.Broker, topic, n)
}

// verifyLag holds that the group has committed everything in the topics, transaction markers too.
func verifyLag(t testing.TB, group string, topics ...string) {
	t.Helper()
	load.VerifyLag(t, kafka.Broker, group, topics...)
}

// committed is the sum of the offsets that the group has committed in the topic.
func committed(t testing.TB, group, topic string) (sum int64) {
	t.Helper()
	offsets, err := admin(t).FetchOffsets(load.Within(t), group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		t.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At > 0 {
			sum += o.At
		}
	})
	return sum
}

// commit makes offset the next one of the group in partition 0 of the topic.
func commit(t testing.TB, group, topic string, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, offset, -1)
	if err := admin(t).CommitAllOffsets(load.Within(t), group, offsets); err != nil {
		t.Fatal(err)
	}
}

// verifyIDs holds that the values of a topic with one partition have these ids, in this order.
func verifyIDs(t testing.TB, topic string, want []int) {
	t.Helper()
	var got []int
	read(t, func(r *kgo.Record) {
		id, err := load.IDOf(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}, topic)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("ids of %s (-want +got):\n%s", topic, diff)
	}
}

// mentions holds that an error says each of the parts.
func mentions(t testing.TB, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
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
			load.Produce(t, kafka.Broker, 0, len(mistake.ids), func(i int) *kgo.Record {
				v := load.Value(mistake.ids[i])
				return &kgo.Record{Topic: out, Key: v[:load.IDSize], Value: v}
			})
			b := load.NewBooks(n)
			read(t, func(r *kgo.Record) {
				id, err := load.IDOf(r.Value)
				if err != nil {
					t.Fatal(err)
				}
				b.Enter(id, r)
			}, out)
			got := b.Close()
			if len(got) != len(mistake.wants) {
				t.Fatalf("found %q, want %q", got, mistake.wants)
			}
			for i, want := range mistake.wants {
				if !strings.Contains(got[i], want) {
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
	cl := client(t, kgo.TransactionalID(load.Unique(t, "upstream")), kgo.TransactionTimeout(30*time.Second))
	ctx := load.Within(t)
	for i := range transactions {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range records {
			v := load.Value(committed + j)
			if i%2 == 1 {
				v = []byte("aborted: nobody may see this")
			}
			cl.Produce(ctx, &kgo.Record{Topic: topic, Key: v[:load.IDSize], Value: v}, nil)
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
