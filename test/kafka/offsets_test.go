package kafka_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

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
			var below kadm.Offsets
			below.Add(kadm.Offset{Topic: in, Partition: 0, At: 1_500, LeaderEpoch: -1})
			if _, err := admin(t).DeleteRecords(load.Within(t), below); err != nil {
				t.Fatal(err)
			}

			err := pipe(t, cfg)
			if !errors.Is(err, host.ErrOutOfRange) {
				t.Fatalf("got error %v, want one that wraps ErrOutOfRange", err)
			}
			for _, part := range []string{in, "partition 0", "1000", "1500"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not name %q", err, part)
				}
			}
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
