// Package devbroker is the embedded broker: a Kafka cluster in this process, for newcomers, demonstrations and tests.
//
// It is franz-go's kfake: transactions, groups and retention behave as Kafka's do, but nothing of it survives a crash, and
// it is never offered as durable. It listens on 127.0.0.1 only.
package devbroker

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options of a broker; the zero value is a broker of one node without topics on any free port.
type Options struct {
	// Nodes of the cluster: 1.
	Nodes int
	// Topics to create, by name, with their number of partitions.
	Topics map[string]int32
	// Superusers turns SASL PLAIN on: passwords by user name; each may do everything.
	Superusers map[string]string
	// Users turns SASL PLAIN and the authorizer on: passwords by user name; each may do what ACLs allow, at first nothing. A superuser
	// creates the ACLs.
	Users map[string]string
	// Settings of the broker, by their Kafka names, as transaction.max.timeout.ms.
	Settings map[string]string
}

// Broker is a running broker. Its methods may be called by several goroutines.
type Broker struct {
	cluster *kfake.Cluster
}

// Fault is a fault to inject: which requests it hits, and with which error.
type Fault = kfake.Fault

// FaultHandle counts the hits of a fault, waits for them, and removes it.
type FaultHandle = kfake.FaultHandle

// Start starts a broker. Close ends it.
func Start(o Options) (*Broker, error) {
	opts := []kfake.Opt{kfake.NumBrokers(max(1, o.Nodes))}
	if len(o.Superusers)+len(o.Users) > 0 {
		opts = append(opts, kfake.EnableSASL())
	}
	for user, password := range o.Superusers {
		opts = append(opts, kfake.Superuser("PLAIN", user, password))
	}
	if len(o.Users) > 0 {
		opts = append(opts, kfake.EnableACLs())
	}
	for user, password := range o.Users {
		opts = append(opts, kfake.User("PLAIN", user, password))
	}
	if len(o.Settings) > 0 {
		opts = append(opts, kfake.BrokerConfigs(o.Settings))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker: %w", err)
	}
	b := &Broker{cluster}
	for topic, partitions := range o.Topics {
		if err := b.CreateTopic(topic, partitions, nil); err != nil {
			cluster.Close()
			return nil, err
		}
	}
	return b, nil
}

// Addrs are the addresses to connect to.
func (b *Broker) Addrs() []string { return slices.Clone(b.cluster.ListenAddrs()) }

// Close ends the broker; what it held is gone.
func (b *Broker) Close() { b.cluster.Close() }

// CreateTopic creates a topic with properties by their Kafka names, as max.message.bytes.
func (b *Broker) CreateTopic(topic string, partitions int32, configs map[string]string) error {
	if err := b.cluster.CreateTopic(topic, partitions, configs); err != nil {
		return fmt.Errorf("create topic %q: %w", topic, err)
	}
	return nil
}

// DeleteTopic deletes a topic with all that it holds.
func (b *Broker) DeleteTopic(topic string) error { return b.cluster.DeleteTopic(topic) }

// DeleteRecords moves the log start of a partition to the offset, as retention does.
func (b *Broker) DeleteRecords(topic string, partition int32, offset int64) error {
	return b.cluster.DeleteRecords(topic, partition, offset)
}

// MoveCoordinators makes other nodes the coordinators of groups and transactions, as far as there are other ones.
func (b *Broker) MoveCoordinators() { b.cluster.RehashCoordinators() }

// Coordinator is the node that coordinates the group or the transactions of this id.
func (b *Broker) Coordinator(id string) int32 { return b.cluster.CoordinatorFor(id) }

// Inject installs a fault.
func (b *Broker) Inject(f Fault) *FaultHandle { return b.cluster.Fault(f) }
