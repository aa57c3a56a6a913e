// Package storm_test runs test/chaos on a real Apache Kafka: about a minute on one node in make test, and on three nodes for as long
// as wanted in make chaos.
package storm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/test/chaos"
	"github.com/wasmflow/wasmflow/test/cluster"
)

// plan is what the environment asks for.
type plan struct {
	nodes    int           // CHAOS_NODES
	duration time.Duration // CHAOS_DURATION
	rate     int           // CHAOS_RATE, records a second
	seed     uint64        // CHAOS_SEED
	protocol string        // CHAOS_PROTOCOL, of the group
}

func planned(t *testing.T) plan {
	t.Helper()
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	p := plan{nodes: int(number("CHAOS_NODES", 1)), rate: int(number("CHAOS_RATE", 1500)), seed: number("CHAOS_SEED", uint64(time.Now().UnixNano()))}
	p.protocol = os.Getenv("CHAOS_PROTOCOL")
	p.duration = 45 * time.Second
	if text := os.Getenv("CHAOS_DURATION"); text != "" {
		var err error
		if p.duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("CHAOS_DURATION: %v", err)
		}
	}
	return p
}

// TestStorm holds the promise on a real Kafka.
func TestStorm(t *testing.T) {
	if tool := cluster.Missing(); tool != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed, and a real Kafka needs it", tool)
		}
		t.Skipf("%s is not installed, and a real Kafka needs it", tool)
	}
	p := planned(t)
	dir := t.TempDir()
	var edits []chaos.Edit
	if p.nodes == 1 { // a minute has no room for the host's own session timeout; a long storm has
		edits = append(edits, chaos.ShortSession)
	}
	program, err := chaos.Build(dir, "runner", edits...)
	if err != nil {
		t.Fatal(err)
	}
	module, digest, err := chaos.BuildGuest(dir)
	if err != nil {
		t.Fatal(err)
	}
	// A node that was killed comes back once the controller has given it up.
	properties := []string{"broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500"}
	if p.nodes == 1 { // under KIP-848 the session timeout is the broker's
		properties = append(properties, "group.consumer.min.session.timeout.ms=1000", "group.consumer.session.timeout.ms=6000",
			"group.consumer.min.heartbeat.interval.ms=1000", "group.consumer.heartbeat.interval.ms=1000")
	}
	kafka, err := cluster.StartNodes(p.nodes, properties...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	const group = "storm"
	n := nodes{kafka, group}
	storm := chaos.Storm{
		Seed: p.seed, Name: group, Program: program, Module: module, Digest: digest, Cache: filepath.Join(dir, "cache"), Protocol: p.protocol,
		Brokers: chaos.Brokers{Addrs: kafka.Brokers, Nodes: p.nodes, Crash: n.crash, Move: n.move},
		Faults: []chaos.Fault{
			chaos.Kill, chaos.KillAt, chaos.Pause, chaos.Twin, chaos.Term, chaos.Join, chaos.Leave,
			chaos.CutLine, chaos.LostReply, chaos.Slow, chaos.Hole, chaos.Crash,
		},
		Duration: p.duration, Calm: 2 * time.Second, Rate: p.rate, Poison: 101, Partitions: 6, Replicas: int16(min(3, p.nodes)),
		Patience: 3 * time.Minute,
	}
	if p.nodes > 1 {
		storm.Faults = append(storm.Faults, chaos.Move)
	}
	if testing.Verbose() {
		storm.Tell = func(line string) { fmt.Println(line) }
	}
	report, err := storm.Run(t.Context())
	t.Logf("\n%v", report)
	err = errors.Join(err, report.Held(10, 4))
	if err != nil {
		t.Fatalf("%v\nhistory, CHAOS_SEED=%d does it again:\n%s", err, p.seed, report.History())
	}
}

// nodes are what a storm does to the cluster.
type nodes struct {
	kafka *cluster.Cluster
	group string
}

// crash kills a node and starts it again.
func (n nodes) crash(node int) error {
	return errors.Join(n.kafka.Kill(node), n.restart(node))
}

// move kills the node that coordinates the group, waits until another one does, and starts it again.
func (n nodes) move(context.Context) (what string, moved bool, err error) {
	from, to := int32(-1), int32(-1)
	coordinator := func(at *int32, not int32) error {
		return n.ask(func(ctx context.Context, adm *kadm.Client) (bool, error) {
			found := adm.FindGroupCoordinators(ctx, n.group)[n.group]
			*at = found.NodeID
			return found.Err == nil && found.NodeID > 0 && found.NodeID != not, found.Err
		})
	}
	if err := coordinator(&from, -1); err != nil {
		return "", false, err
	}
	if err := n.kafka.Kill(int(from)); err != nil {
		return "", false, err
	}
	moving := coordinator(&to, from)
	return fmt.Sprintf("from node %d to %d", from, to), from != to && moving == nil, errors.Join(moving, n.restart(int(from)))
}

// restart starts a node, and returns when every replica is in sync: the next node to be killed must not be the last one that has a
// record.
func (n nodes) restart(node int) error {
	if err := n.kafka.Restart(node); err != nil {
		return err
	}
	return n.ask(func(ctx context.Context, adm *kadm.Client) (bool, error) {
		topics, err := adm.ListTopicsWithInternal(ctx)
		behind := len(topics) == 0
		topics.EachPartition(func(p kadm.PartitionDetail) { behind = behind || p.Err != nil || len(p.ISR) < len(p.Replicas) })
		return err == nil && !behind, err
	})
}

// ask asks the cluster until the answer is yes, for two minutes.
func (n nodes) ask(yes func(context.Context, *kadm.Client) (bool, error)) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(slices.Clone(n.kafka.Brokers)...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := yes(ctx, kadm.NewClient(cl))
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
