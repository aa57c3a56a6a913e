package kafka_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// deleteBefore deletes what partition 0 of the topic holds before the offset, as retention would.
func deleteBefore(t testing.TB, topic string, offset int64) {
	t.Helper()
	var before kadm.Offsets
	before.AddOffset(topic, 0, offset, -1)
	deleted, err := admin(t).DeleteRecords(load.Within(t), before)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRetentionPassedUs holds that a pipeline stops where the broker deleted records that it has not read, and says which,
// instead of going on behind them.
func TestRetentionPassedUs(t *testing.T) {
	for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
		t.Run(string(protocol), func(t *testing.T) {
			in, out := topic(t, "in", 1), topic(t, "out", 1)
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
			cfg.GroupProtocol = protocol
			fill(t, in, 0, 1_000)
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			fill(t, in, 1_000, 2_000)
			deleteBefore(t, in, 1_500)

			err := pipe(t, cfg)
			if !errors.Is(err, host.ErrOutOfRange) {
				t.Fatalf("got error %v, want one that wraps ErrOutOfRange", err)
			}
			mentions(t, err, in, "partition 0", "1000", "1500")
			if got := count(t, out); got != 1_000 {
				t.Errorf("%d records are visible, want the 1000 of the first run", got)
			}

			cfg.OnOutOfRange = host.OutOfRangeEarliest
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			verifyLag(t, cfg.Group, in)
			if got := count(t, out); got != 1_500 {
				t.Errorf("%d records are visible, want 1000 and the 500 that were left", got)
			}
		})
	}
}

// TestCommitBeyondTheEnd holds that a run to the end of the input does not take a commit behind the end for work done, also
// where nothing can be read.
func TestCommitBeyondTheEnd(t *testing.T) {
	for _, n := range []int{100, 0} {
		t.Run(fmt.Sprintf("%d records", n), func(t *testing.T) {
			in, out := topic(t, "in", 1), topic(t, "out", 1)
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
			fill(t, in, 0, n)
			commit(t, cfg.Group, in, 150)
			err := pipe(t, cfg)
			if !errors.Is(err, host.ErrOutOfRange) {
				t.Errorf("got error %v, want one that wraps ErrOutOfRange", err)
			}
			mentions(t, err, in, "partition 0", "150", fmt.Sprint(n))
			if got := count(t, out); got != 0 {
				t.Errorf("%d records are visible, want none", got)
			}
		})
	}
}

// TestSkippedIsCommitted holds that on_out_of_range: latest commits where it goes on, although no record came: a second run
// starts there, and does not skip again to a later end.
func TestSkippedIsCommitted(t *testing.T) {
	for _, test := range []struct {
		name  string
		lose  int64 // records at the start of the log that are deleted
		first int64 // next offset of the group
	}{
		{"retention passed us", 60, 20},
		{"a commit beyond the end", 0, 150},
	} {
		for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
			t.Run(test.name+"/"+string(protocol), func(t *testing.T) {
				in, out := topic(t, "in", 1), topic(t, "out", 1)
				cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
				cfg.GroupProtocol, cfg.OnOutOfRange = protocol, host.OutOfRangeLatest
				fill(t, in, 0, 100)
				deleteBefore(t, in, test.lose)
				commit(t, cfg.Group, in, test.first)
				if err := pipe(t, cfg); err != nil {
					t.Fatal(err)
				}
				verifyLag(t, cfg.Group, in)
				if got := count(t, out); got != 0 {
					t.Errorf("%d records are visible, want none of those before the end", got)
				}

				fill(t, in, 100, 200)
				if err := pipe(t, cfg); err != nil {
					t.Fatal(err)
				}
				verifyLag(t, cfg.Group, in)
				verifyIDs(t, out, seq(100, 200))
			})
		}
	}
}

// TestUpstreamTransactions holds that what an upstream transaction aborted is never seen, and that the commit passes the
// markers: the lag reaches 0, also where the input ends in an aborted transaction.
func TestUpstreamTransactions(t *testing.T) {
	for _, transactions := range []int{21, 20} {
		t.Run(fmt.Sprintf("%d transactions", transactions), func(t *testing.T) {
			in, out := topic(t, "in", 4), topic(t, "out", 4)
			n := upstream(t, in, transactions, 100)
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Wasm: module(t, "uppercase-rust")})
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			verifyLag(t, cfg.Group, in)
			verifyUpper(t, out, n)
		})
	}
}

// TestPipelineAfterPipeline holds that what one pipeline writes in transactions another reads to its end.
func TestPipelineAfterPipeline(t *testing.T) {
	in, between, out := topic(t, "in", 4), topic(t, "between", 4), topic(t, "out", 4)
	const n = 20_000
	fill(t, in, 0, n)
	first := pipeline(t, in, between, guest.Config{Name: "same", Native: same})
	second := pipeline(t, between, out, guest.Config{Name: "upper", Native: upper})
	for _, cfg := range []host.Config{first, second} {
		cfg.MaxRecords = 500 // many transactions, many markers
		if err := pipe(t, cfg); err != nil {
			t.Fatal(err)
		}
	}
	verifyLag(t, first.Group, in)
	verifyLag(t, second.Group, between)
	verifyUpper(t, out, n)
}
