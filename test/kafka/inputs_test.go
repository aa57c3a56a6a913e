package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// TestInputDeleted holds that a pipeline stops where its input is deleted, and names it: also where the topic is there again
// at once, whose records it must not take for those that follow.
func TestInputDeleted(t *testing.T) {
	t.Parallel()
	for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/again %v", protocol, again), func(t *testing.T) {
				t.Parallel()
				in, out := topic(t, "in", 1), topic(t, "out", 1)
				cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
				cfg.GroupProtocol, cfg.Once = protocol, false
				const n = 1_000
				fill(t, in, 0, n)
				adm := admin(t)
				r := start(t, cfg)
				load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })

				if _, err := adm.DeleteTopic(load.Within(t), in); err != nil {
					t.Fatal(err)
				}
				if again {
					load.Await(t, "the new topic", func(ctx context.Context) bool {
						_, err := adm.CreateTopic(ctx, 1, 1, nil, in)
						if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
							t.Fatal(err)
						}
						return err == nil
					})
					fill(t, in, n, 4*n)
				}
				mentions(t, r.fails(t), in)
				verifyUpper(t, out, n)
			})
		}
	}
}

// TestCompactedInput holds that the holes of a compacted topic are not taken for lost records: at the start of the log, in the
// middle, and where the group's next offset lies in one.
func TestCompactedInput(t *testing.T) {
	t.Parallel()
	in, out, late := topic(t, "in", 1, "cleanup.policy", "compact", "segment.ms", "1000", "min.cleanable.dirty.ratio", "0.01"), topic(t, "out", 1), topic(t, "late", 1)
	// A time that has passed since the record before closes the segment: only closed ones are compacted.
	at := time.UnixMilli(1_700_000_000_000)
	const n = 3_000
	load.Produce(t, kafka.Broker, 0, n, func(id int) *kgo.Record {
		// Only the last record of a key stays: of the even ids those below 1,000 go, and each from 1,000 to 1,999.
		key := fmt.Sprint(id)
		switch {
		case id < 1_000 && id%2 == 0, id == n-2:
			key = "even"
		case id >= 1_000 && id < 2_000, id == n-1:
			key = "middle"
		}
		return &kgo.Record{Topic: in, Key: []byte(key), Value: load.Value(id), Timestamp: at}
	})
	load.Produce(t, kafka.Broker, n, n+1, func(id int) *kgo.Record {
		return &kgo.Record{Topic: in, Key: []byte("last"), Value: load.Value(id), Timestamp: at.Add(time.Hour)}
	})
	var left []int
	for id := range n + 1 {
		if id >= 2_000 || id < 1_000 && id%2 == 1 {
			left = append(left, id)
		}
	}
	cleanSoon(t)
	load.Await(t, "the compaction", func(context.Context) bool { return count(t, in) == len(left) })
	verifyIDs(t, in, left)

	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, cfg.Group, in)
	verifyIDs(t, out, left)

	cfg = pipeline(t, in, late, guest.Config{Name: "upper", Native: upper})
	commit(t, cfg.Group, in, 1_500)
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, cfg.Group, in)
	verifyIDs(t, late, seq(2_000, n+1))
}

// cleanSoon makes the broker look for something to compact every 100 ms instead of every 15 s.
func cleanSoon(t testing.TB) {
	t.Helper()
	value := "100"
	altered, err := admin(t).AlterBrokerConfigs(load.Within(t), []kadm.AlterConfig{{Name: "log.cleaner.backoff.ms", Value: &value}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range altered {
		if a.Err != nil {
			t.Fatalf("log.cleaner.backoff.ms: %v", a.Err)
		}
	}
}
