// Package kafka_test runs pipelines on a real Apache Kafka: one node, started by scripts/kafka.sh from jars of Maven Central.
// It uses the public API only. What it checks on the embedded broker too is checked here again, because the embedded broker
// is not Kafka.
package kafka_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/test/cluster"
	"github.com/wasmflow/wasmflow/test/load"
)

// kafka is the node that all tests share.
var kafka *cluster.Cluster

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if tool := cluster.Missing(); tool != "" {
		if os.Getenv("CI") != "" {
			fmt.Fprintf(os.Stderr, "%s is not installed: the tests on a real Kafka cannot run\n", tool)
			return 1
		}
		fmt.Printf("skipped, no test ran: %s is not installed, and a real Kafka needs it\n", tool)
		return 0
	}
	var err error
	if kafka, err = cluster.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "start Kafka: %v\n", err)
		return 1
	}
	defer kafka.Close()
	return m.Run()
}

// client connects to the node as a super user.
func client(t testing.TB, opts ...kgo.Opt) *kgo.Client { return load.Client(t, kafka.Broker, opts...) }

// admin asks the node.
func admin(t testing.TB) *kadm.Client { return kadm.NewClient(client(t)) }

// topic creates a topic with settings given as name, value, name, value.
func topic(t testing.TB, what string, partitions int32, settings ...string) string {
	return load.Topic(t, kafka.Broker, what, partitions, settings...)
}

// fill writes the load's records of ids from..to-1.
func fill(t testing.TB, topic string, from, to int) {
	load.Fill(t, kafka.Broker, topic, from, to)
}

// read hands over every record that a read_committed reader sees in the topics.
func read(t testing.TB, each func(*kgo.Record), topics ...string) {
	load.Read(t, kafka.Broker, each, topics...)
}
