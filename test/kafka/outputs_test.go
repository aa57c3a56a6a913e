package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// TestRefusedByTheTopic holds that a record that the output does not take stops the pipeline and is named, though the broker refuses
// a batch as a whole and does not say which of its records it was; and that it is the only one that goes to the dead letters.
func TestRefusedByTheTopic(t *testing.T) {
	const n, guilty = 100, 70
	for _, test := range []struct {
		name     string
		settings []string
		spoil    func(*abi.ResultRecord)
	}{
		{"null key to a compacted topic", []string{"cleanup.policy", "compact"}, func(r *abi.ResultRecord) { r.Key = nil }},
		{"timestamp too late", []string{"message.timestamp.after.max.ms", "3600000"}, func(r *abi.ResultRecord) { r.Timestamp = time.Now().Add(2 * time.Hour).UnixMilli() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, out := topic(t, "in", 1), topic(t, "out", 1, test.settings...)
			fill(t, in, 0, n)
			cfg := pipeline(t, in, out, guest.Config{Name: "spoil", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
				result, err := same(ctx, env, batch)
				for i, r := range batch.Records {
					if r.Offset == guilty {
						test.spoil(&result.Records[i])
					}
				}
				return result, err
			}})
			err := pipe(t, cfg)
			var record *host.RecordError
			if !errors.As(err, &record) {
				t.Fatalf("got error %v, want a RecordError", err)
			}
			if record.Topic != in || record.Partition != 0 || record.First != guilty || record.Last != guilty || record.Output != out {
				t.Errorf("error %v does not name %s/0@%d and output %s", err, in, guilty, out)
			}
			mentions(t, err, in, "partition 0", fmt.Sprint(record.First), fmt.Sprint(record.Last), out)
			if got := count(t, out); got != 0 {
				t.Errorf("%d records of the aborted transaction are visible", got)
			}
			if at := committed(t, cfg.Group, in); at != 0 {
				t.Errorf("offset %d is committed, want none", at)
			}
			cfg.Errors = host.ErrorPolicy{DeadLetter: topic(t, "dead", 1)}
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			if letters := deadLetters(t, cfg.Errors.DeadLetter); len(letters) != 1 || letters[0] != fmt.Sprintf("%s/0/%d %s", in, guilty, host.KindUnwritable) {
				t.Errorf("dead letters %v", letters)
			}
			if got := count(t, out); got != n-1 {
				t.Errorf("%d records came out, want %d", got, n-1)
			}
			verifyLag(t, cfg.Group, in)
		})
	}
}

// TestFanOut holds that the limit on the records that a call returns, which is about memory, does not stop a pipeline whose
// records are many: it is the host that chose how many go into a call.
func TestFanOut(t *testing.T) {
	for _, test := range []struct{ n, times int }{{12_300, 25}, {1_000, 500}} {
		t.Run(fmt.Sprintf("%d of each of %d", test.times, test.n), func(t *testing.T) {
			in, out := topic(t, "in", 1), topic(t, "out", 1)
			load.Produce(t, kafka.Broker, 0, test.n, func(id int) *kgo.Record {
				return &kgo.Record{Topic: in, Value: fmt.Appendf(nil, "%0*d", load.IDSize, id)} // short: many go into a call
			})
			cfg := pipeline(t, in, out, guest.Config{
				Name: "fan", Wasm: module(t, "conformance-record-rust"), Params: map[string]any{"mode": "fan", "times": test.times},
			})
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			verifyLag(t, cfg.Group, in)
			seen := 0
			read(t, func(r *kgo.Record) {
				if want := fmt.Appendf(nil, "%0*d", load.IDSize, seen/test.times); !bytes.Equal(r.Value, want) {
					t.Fatalf("output %d is %q, want %q", seen, r.Value, want)
				}
				seen++
			}, out)
			if seen != test.n*test.times {
				t.Errorf("%d records came out, want %d", seen, test.n*test.times)
			}
		})
	}
}

// TestQuota holds that a pipeline gets on under a producer quota with which a transaction of the usual size cannot be delivered
// before it times out: its transactions become smaller until they fit.
func TestQuota(t *testing.T) {
	t.Parallel()
	in, out := topic(t, "in", 1), topic(t, "out", 1)
	const n = 40_000 // the most records of a default transaction, 4 MB
	fill(t, in, 0, n)
	// A quota holds for the average of ten seconds: 1.5 MB at once, and 1.2 MB in the eight seconds of a delivery.
	name := load.Unique(t, "client")
	quota(t, name, kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Value: 150_000})

	var mu sync.Mutex
	late, shrunk := 0, false // records of the largest transaction that was aborted; one of fewer was committed after it
	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
	cfg.Kafka = []kgo.Opt{kgo.ClientID(name)}
	cfg.Once = false
	cfg.Hooks.Aborted = func(tx host.Transaction, _ error) {
		mu.Lock()
		defer mu.Unlock()
		late = max(late, tx.In)
	}
	cfg.Hooks.Committed = func(tx host.Transaction) {
		mu.Lock()
		defer mu.Unlock()
		shrunk = shrunk || tx.In < late
		t.Logf("a transaction of %d records was committed, the largest that was aborted had %d", tx.In, late)
	}
	adm := admin(t)
	r := start(t, cfg)
	load.Await(t, "a smaller transaction", func(context.Context) bool {
		mu.Lock()
		defer mu.Unlock()
		return shrunk
	})
	quota(t, name, kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Remove: true}) // the rest would take long
	load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })
	r.end(t)
	verifyUpper(t, out, n)
	verifyLag(t, cfg.Group, in)
}

// quota sets or removes a quota of the clients of a name.
func quota(t testing.TB, client string, op kadm.AlterClientQuotaOp) {
	t.Helper()
	altered, err := admin(t).AlterClientQuotas(load.Within(t), []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &client}},
		Ops:    []kadm.AlterClientQuotaOp{op},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range altered {
		if a.Err != nil {
			t.Fatalf("quota of %s: %v", client, a.Err)
		}
	}
}
