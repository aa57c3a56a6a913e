package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/test/chaos"
)

// seed of a run: CHAOS_SEED, or any.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("CHAOS_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("CHAOS_SEED: %v", err)
	}
	return n
}

// TestEmbedded is a storm of seconds on the embedded broker.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, err := chaos.Build(dir, "runner", chaos.ShortSession)
	if err != nil {
		t.Fatal(err)
	}
	module, digest, err := chaos.BuildGuest(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := devbroker.Start(devbroker.Options{Nodes: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	const group = "storm"
	storm := chaos.Storm{
		Seed: seed(t), Name: group, Program: program, Module: module, Digest: digest, Cache: filepath.Join(dir, "cache"),
		Brokers: chaos.Brokers{Addrs: b.Addrs(), Nodes: 3, Move: func(context.Context) (string, bool, error) {
			from := b.Coordinator(group)
			to := from
			for range 10 { // by chance it may stay where it is
				if b.MoveCoordinators(); to == from {
					to = b.Coordinator(group)
				}
			}
			return fmt.Sprintf("from node %d to %d", from, to), from != to, nil
		}},
		Faults: []chaos.Fault{
			chaos.Kill, chaos.KillAt, chaos.Pause, chaos.Twin, chaos.Term, chaos.Join, chaos.Leave,
			chaos.CutLine, chaos.LostReply, chaos.Slow, chaos.Hole, chaos.Move, chaos.KillAt, chaos.Kill,
		},
		Duration: 10 * time.Second, Calm: 400 * time.Millisecond, Rate: 1000, Poison: 97, Partitions: 6, Replicas: 1,
		Patience: 3 * time.Minute, LateDrains: true,
	}
	report, err := storm.Run(t.Context())
	t.Logf("\n%v%s", report, report.History())
	err = errors.Join(err, report.Held(8, 6))
	if err != nil {
		t.Fatalf("%v\nCHAOS_SEED=%d does it again", err, storm.Seed)
	}
}
