// Package topics creates the topics that a pipeline needs and that do not exist.
package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// BrokerDefault leaves a number of partitions or replicas to the broker (KIP-464).
const BrokerDefault = -1

// timeout bounds one Create: a cluster that does not answer within it is not there.
const timeout = 15 * time.Second

// Spec says how a topic is created.
type Spec struct {
	// Partitions and Replication, or BrokerDefault.
	Partitions  int32
	Replication int16
	// DryRun asks the broker whether it would, and creates nothing.
	DryRun bool
}

// What became of a topic.
const (
	Created     = "created"
	Exists      = "exists"
	WouldCreate = "would be created"
	Failed      = "failed"
)

// Topic is what became of one topic.
type Topic struct {
	Name string `json:"topic"`
	// State is Created, Exists, WouldCreate or Failed.
	State string `json:"state"`
	// Partitions it has, 0 where that is not known.
	Partitions int `json:"partitions"`
	// Err says why it is Failed.
	Err error `json:"-"`
}

// Names lists the topics that the pipelines read and write, sorted, each once. A pattern of input topics names none.
func Names(pipelines []host.Config) []string {
	names := map[string]bool{}
	for _, p := range pipelines {
		for _, t := range p.Inputs {
			names[t] = true
		}
		for _, t := range p.OutputTopics() {
			names[t] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Create creates those of the topics that do not exist, on the cluster that opts connect to. Topics that exist are left as
// they are. What became of each is in the list, also where the cluster refused to create it. The error wraps
// host.ErrEnvironment and means that the cluster did not answer, or not to us; where ctx is done it is the cause of that.
func Create(ctx context.Context, opts []kgo.Opt, names []string, spec Spec) ([]Topic, error) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	states, err := createMissing(bounded, opts, names, spec)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return states, err
}

func createMissing(ctx context.Context, opts []kgo.Opt, names []string, spec Spec) ([]Topic, error) {
	opts = append(slices.Clone(opts), kgo.DialTimeout(3*time.Second), kgo.RequestRetries(3))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	// The client waits for the answer to its first request whatever becomes of ctx.
	defer context.AfterFunc(ctx, client.Close)()
	admin := kadm.NewClient(client)
	have, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("%w: list the topics: %w", host.ErrEnvironment, err)
	}
	var missing []string
	states := make([]Topic, len(names))
	for i, name := range names {
		states[i] = Topic{Name: name, State: Exists, Partitions: len(have[name].Partitions)}
		if errors.Is(have[name].Err, kerr.UnknownTopicOrPartition) {
			missing = append(missing, name)
		} else if err := have[name].Err; err != nil {
			return nil, fmt.Errorf("%w: topic %q: %w", host.ErrEnvironment, name, err)
		}
	}
	create := admin.CreateTopics
	if spec.DryRun {
		create = admin.ValidateCreateTopics
	}
	answers, err := create(ctx, spec.Partitions, spec.Replication, nil, missing...)
	if err != nil {
		return nil, fmt.Errorf("%w: create the topics: %w", host.ErrEnvironment, err)
	}
	for i := range states {
		if a, asked := answers[states[i].Name]; asked {
			states[i].answer(a, spec)
		}
	}
	return states, nil
}

// answer takes over what the broker said about creating the topic.
func (t *Topic) answer(a kadm.CreateTopicResponse, spec Spec) {
	t.Partitions = max(int(a.NumPartitions), 0)
	switch {
	case errors.Is(a.Err, kerr.TopicAlreadyExists):
		t.State = Exists // Somebody was faster.
	case a.Err != nil:
		t.State, t.Err = Failed, fmt.Errorf("create topic %q: %w", t.Name, a.Err)
		if a.ErrMessage != "" {
			t.Err = fmt.Errorf("%w: %s", t.Err, a.ErrMessage)
		}
		if errors.Is(a.Err, kerr.TopicAuthorizationFailed) || errors.Is(a.Err, kerr.ClusterAuthorizationFailed) {
			t.Err = fmt.Errorf("%w: %w", host.ErrEnvironment, t.Err)
		}
	case spec.DryRun:
		t.State = WouldCreate
	default:
		t.State = Created
	}
}
