package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// guests are where scripts/build-guests.sh puts modules.
const guests = "../../dist/guests"

// module reads a built module, such as "uppercase-rust".
func module(t testing.TB, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join(guests, name+".wasm"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" && !installed("cargo"):
		t.Skipf("cargo is not installed, and %s needs it", name)
	case err != nil:
		t.Fatalf("%v: run make guests", err)
	}
	return wasm
}

func installed(tool string) bool {
	_, err := exec.LookPath(tool)
	return err == nil
}

// pipeline is a configuration from one topic to another that ends when the input is drained.
func pipeline(t testing.TB, in, out string, transforms ...guest.Config) host.Config {
	t.Helper()
	return host.Config{
		Name:       "test",
		Brokers:    []string{kafka.Broker},
		Group:      load.Unique(t, "group"),
		Inputs:     []string{in},
		Outputs:    map[string]string{"out": out},
		Transforms: transforms,
		Workers:    2,
		Once:       true,
		Logger:     logger(t),
	}
}

// logger writes warnings and errors of a host to the log of the test.
func logger(t testing.TB) *zap.Logger {
	return zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
}

// pipe runs a pipeline until it ends.
func pipe(t testing.TB, cfg host.Config) error {
	t.Helper()
	ctx := load.Within(t)
	h, err := host.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	began := time.Now()
	err = h.Run(ctx)
	if ctx.Err() != nil {
		t.Errorf("the pipeline did not end within %v", load.Patience)
	}
	t.Logf("ran %v", time.Since(began).Round(time.Millisecond))
	return err
}

// upper is the uppercase transform as a Go function: what it does to records is what the guests do.
func upper(_ context.Context, _ guest.Env, batch abi.Batch) (abi.Result, error) {
	records := make([]abi.ResultRecord, len(batch.Records))
	for i, r := range batch.Records {
		value := r.Value
		if value != nil {
			value = bytes.ToUpper(value)
		}
		records[i] = abi.ResultRecord{
			Source: uint32(i), Key: r.Key, Value: value, Headers: r.Headers, Timestamp: r.Timestamp, Partition: abi.PartitionByKey,
		}
	}
	return abi.Result{Records: records}, nil
}

// same forwards every record unchanged.
func same(_ context.Context, _ guest.Env, batch abi.Batch) (abi.Result, error) {
	records := make([]abi.ResultRecord, len(batch.Records))
	for i, r := range batch.Records {
		records[i] = abi.ResultRecord{
			Source: uint32(i), Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp, Partition: abi.PartitionByKey,
		}
	}
	return abi.Result{Records: records}, nil
}

// many is the size of the large runs.
func many() int {
	if testing.Short() {
		return 100_000
	}
	return 1_000_000
}

// TestUppercase is the promise on the large: a million records through a guest, each once, in order, nothing left behind.
func TestUppercase(t *testing.T) {
	n := many()
	for _, test := range []struct {
		name, module string
		protocol     host.GroupProtocol
		n            int
	}{
		{"rust", "uppercase-rust", host.GroupClassic, n},
		{"rust/consumer protocol", "uppercase-rust", host.GroupConsumer, n / 5},
		{"go", "uppercase-go", host.GroupClassic, n / 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, out := topic(t, "in", 4), topic(t, "out", 4)
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Wasm: module(t, test.module)})
			cfg.GroupProtocol = test.protocol
			fill(t, in, 0, test.n)
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			verifyLag(t, cfg.Group, in)
			verifyUpper(t, out, test.n)
		})
	}
}

// TestRestart holds that a second run goes on where the first ended, and repeats nothing.
func TestRestart(t *testing.T) {
	in, out := topic(t, "in", 4), topic(t, "out", 4)
	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
	const n = 30_000
	for run := range 3 {
		fill(t, in, run*n/3, (run+1)*n/3)
		if err := pipe(t, cfg); err != nil {
			t.Fatal(err)
		}
		verifyLag(t, cfg.Group, in)
	}
	verifyUpper(t, out, n)
}

// TestTrap holds that nothing of a transaction that trapped is visible, that the error says which record it was, and that
// the pipeline goes on from there once the transform is mended.
func TestTrap(t *testing.T) {
	in, out := topic(t, "in", 1), topic(t, "out", 4)
	const n, guilty = 5_000, 3_210
	fill(t, in, 0, n)
	cause := errors.New("this one is not for me")
	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
		for _, r := range batch.Records {
			if r.Offset == guilty {
				return abi.Result{}, cause
			}
		}
		return upper(ctx, env, batch)
	}})
	err := pipe(t, cfg)
	var record *host.RecordError
	if !errors.As(err, &record) || record.Topic != in || record.Partition != 0 || record.First > guilty || record.Last < guilty {
		t.Fatalf("got error %v, want a RecordError that spans offset %d", err, guilty)
	}
	// The batch may not be the first one of its transaction: what was before it is taken back with it.
	if seen, at := int64(count(t, out)), committed(t, cfg.Group, in); seen != at || seen > record.First {
		t.Errorf("%d records are visible, %d are committed, and the batch begins at %d", seen, at, record.First)
	}
	cfg.Transforms[0].Native = upper
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, cfg.Group, in)
	verifyUpper(t, out, n)
}

// TestAtLeastOnce holds that nothing is lost without transactions, even where a run ends in a trap between others.
func TestAtLeastOnce(t *testing.T) {
	in, out := topic(t, "in", 4), topic(t, "out", 4)
	const n, guilty = 200_000, 20_000
	fill(t, in, 0, n)
	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
		if batch.Partition == 2 && batch.Records[len(batch.Records)-1].Offset >= guilty {
			return abi.Result{}, errors.New("not yet")
		}
		return upper(ctx, env, batch)
	}})
	cfg.Guarantee = host.AtLeastOnce
	cfg.MaxRecords = 5_000
	if err := pipe(t, cfg); err == nil {
		t.Fatal("the pipeline went on after a trap")
	}
	cfg.Transforms[0] = guest.Config{Name: "upper", Wasm: module(t, "uppercase-rust")}
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, cfg.Group, in)
	times := make([]int, n)
	read(t, func(r *kgo.Record) {
		id, err := load.IDOf(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		times[id]++
	}, out)
	for id, n := range times {
		if n == 0 {
			t.Fatalf("id %d was lost", id)
		}
	}
}

// TestChain holds that a chain runs in one transaction, and that partition and order are those of the input.
func TestChain(t *testing.T) {
	in, out := topic(t, "in", 4), topic(t, "out", 4)
	const n = 50_000
	fill(t, in, 0, n)
	// split makes two records of one, 2*id and 2*id+1, in the partition that they come from.
	split := func(_ context.Context, _ guest.Env, batch abi.Batch) (abi.Result, error) {
		var result abi.Result
		for i, r := range batch.Records {
			id, err := load.IDOf(r.Value)
			if err != nil {
				return result, err
			}
			for _, half := range []int{2 * id, 2*id + 1} {
				v := append(fmt.Appendf(nil, "%0*d", load.IDSize, half), r.Value[load.IDSize:]...)
				result.Records = append(result.Records, abi.ResultRecord{
					Source: uint32(i), Key: v[:load.IDSize], Value: v, Timestamp: r.Timestamp, Partition: batch.Partition,
				})
			}
		}
		return result, nil
	}
	cfg := pipeline(
		t, in, out,
		guest.Config{Name: "upper", Wasm: module(t, "uppercase-rust")},
		guest.Config{Name: "split", Native: split},
	)
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, cfg.Group, in)
	verifyUpper(t, out, 2*n)
}
