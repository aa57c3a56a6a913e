// Package offsets sets where a stopped pipeline goes on.
package offsets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// timeout bounds a Reset: also the wait for a transaction that a dead host left open.
const timeout = time.Minute

// askAgain is the pause between two questions that the cluster cannot answer yet.
const askAgain = 100 * time.Millisecond

// ErrUsage is wrapped by errors that other arguments mend.
var ErrUsage = errors.New("not possible as it was asked for")

// Where a partition is to go on.
const (
	Earliest = "earliest" // at its first record
	Latest   = "latest"   // behind its last committed one
	AtTime   = "time"     // at the first record of a time or later
	AtOffset = "offset"   // at an offset
)

// Target is where to go on: Earliest, Latest, AtTime with At, or AtOffset with Offset.
type Target struct {
	Where  string
	At     time.Time
	Offset int64
}

// Part is a topic, or one partition of it; Partition is -1 for all.
type Part struct {
	Topic     string
	Partition int32
}

// Order says what a Reset does.
type Order struct {
	To Target
	// Only these parts of the inputs; none means all of them.
	Only []Part
	// DryRun changes nothing.
	DryRun bool
}

// Change is what becomes of a partition.
type Change struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Old is the next offset before, -1 where the group had committed none; New is the next one after.
	Old int64 `json:"old"`
	New int64 `json:"new"`
	// Again and Skipped count the offsets that are processed again or never.
	Again   int64 `json:"again"`
	Skipped int64 `json:"skipped"`
}

// Reset sets the offsets of a pipeline's group, which no host may be a member of. The changes come also with DryRun, sorted.
// Errors wrap host.ErrEnvironment, also where the group is at work, or ErrUsage; where ctx is done, they are its cause.
func Reset(ctx context.Context, p host.Config, o Order) ([]Change, error) {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := kgo.NewClient(append(slices.Clone(p.Kafka), kgo.SeedBrokers(p.Brokers...), kgo.DialTimeout(3*time.Second), kgo.RequestRetries(5))...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	// The client waits for the answer to its first request whatever becomes of ctx.
	defer context.AfterFunc(bounded, client.Close)()
	r := &reset{kadm.NewClient(client), p, cmp.Or(p.Group, p.Name)}
	changes, err := r.run(bounded, o)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return changes, err
}

type reset struct {
	admin    *kadm.Client
	pipeline host.Config
	group    string
}

func (r *reset) run(ctx context.Context, o Order) ([]Change, error) {
	topics, err := r.topics(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := r.stopped(ctx); err != nil {
		return nil, err
	}
	changes, err := r.plan(ctx, o, topics)
	if err != nil || o.DryRun {
		return changes, err
	}
	next := kadm.Offsets{}
	for _, c := range changes {
		next.AddOffset(c.Topic, c.Partition, c.New, -1)
	}
	err = r.admin.CommitAllOffsets(ctx, r.group, next)
	switch {
	case err == nil:
		return changes, nil
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.StaleMemberEpoch), errors.Is(err, kerr.RebalanceInProgress):
		return nil, fmt.Errorf("%w: a host joined group %q meanwhile, and nothing was changed: stop it and reset again (%w)", host.ErrEnvironment, r.group, err)
	}
	return nil, r.explain("commit the offsets", err)
}

// topics are the inputs of the pipeline that the order is about.
func (r *reset) topics(ctx context.Context, o Order) ([]string, error) {
	names := slices.Clone(r.pipeline.Inputs)
	if pattern := r.pipeline.InputsRegex; pattern != "" {
		matches, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("%w: %w", host.ErrConfig, err)
		}
		found, err := r.admin.ListTopics(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: list the topics: %w", host.ErrEnvironment, err)
		}
		for _, name := range found.Names() {
			if matches.MatchString(name) && !strings.HasPrefix(name, "__") && !slices.Contains(r.pipeline.OutputTopics(), name) {
				names = append(names, name)
			}
		}
	}
	if len(o.Only) == 0 {
		if o.To.Where == AtOffset {
			return nil, fmt.Errorf("%w: an offset means a record of one topic: say which with --topic", ErrUsage)
		}
		return names, nil
	}
	var chosen []string
	for _, part := range o.Only {
		if !slices.Contains(names, part.Topic) {
			return nil, fmt.Errorf("%w: pipeline %q does not read topic %q, but %s", ErrUsage, r.pipeline.Name, part.Topic, strings.Join(names, ", "))
		}
		chosen = append(chosen, part.Topic)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}

// plan finds the old and the new offset of each partition.
func (r *reset) plan(ctx context.Context, o Order, topics []string) ([]Change, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	// What a transaction holds that a dead host left open is waited for: it would be committed over ours.
	committed, err := r.committed(ctx)
	for kerr.IsRetriable(err) && pause(ctx) {
		committed, err = r.committed(ctx)
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, r.explain("read its offsets", err)
	}
	starts, err := r.admin.ListStartOffsets(ctx, topics...)
	if err = errors.Join(err, starts.Error()); err != nil {
		return nil, fmt.Errorf("%w: list where the inputs start: %w", host.ErrEnvironment, err)
	}
	list := r.admin.ListCommittedOffsets // behind the last record of a transaction that is over, and not one more
	if r.pipeline.Isolation == host.ReadUncommitted {
		list = r.admin.ListEndOffsets
	}
	ends, err := list(ctx, topics...)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, fmt.Errorf("%w: list where the inputs end: %w", host.ErrEnvironment, err)
	}
	var after kadm.ListedOffsets
	if o.To.Where == AtTime {
		after, err = r.admin.ListOffsetsAfterMilli(ctx, o.To.At.UnixMilli(), topics...)
		if err = errors.Join(err, after.Error()); err != nil {
			return nil, fmt.Errorf("%w: list the offsets of that time: %w", host.ErrEnvironment, err)
		}
	}
	changes := []Change{}
	for topic, partitions := range ends {
		for n, end := range partitions {
			if !o.wants(topic, n) {
				continue
			}
			start, _ := starts.Lookup(topic, n)
			c := Change{Topic: topic, Partition: n, Old: -1}
			if at, ok := committed.Lookup(topic, n); ok {
				c.Old = at.At
			}
			switch o.To.Where {
			case Earliest:
				c.New = start.Offset
			case Latest:
				c.New = end.Offset
			case AtTime:
				at, _ := after.Lookup(topic, n)
				c.New = min(max(at.Offset, start.Offset), end.Offset)
			default:
				if c.New = o.To.Offset; c.New < start.Offset || c.New > end.Offset {
					return nil, fmt.Errorf("%w: topic %q partition %d holds offsets %d to %d, not %d", ErrUsage, topic, n, start.Offset, end.Offset, c.New)
				}
			}
			if c.Old >= 0 {
				c.Again = max(0, min(c.Old, end.Offset)-c.New)
				c.Skipped = max(0, c.New-max(c.Old, start.Offset))
			}
			changes = append(changes, c)
		}
	}
	for _, part := range o.Only {
		if _, ok := ends.Lookup(part.Topic, part.Partition); part.Partition >= 0 && !ok {
			return nil, fmt.Errorf("%w: topic %q has no partition %d", ErrUsage, part.Topic, part.Partition)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return changes, nil
}

func (r *reset) committed(ctx context.Context) (kadm.OffsetResponses, error) {
	committed, err := r.admin.FetchOffsets(kadm.RequireStable(ctx), r.group)
	if err == nil {
		err = committed.Error()
	}
	return committed, err
}

// pause waits before a question is asked again, and says whether there is time for it.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(askAgain)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (o *Order) wants(topic string, partition int32) bool {
	return len(o.Only) == 0 || slices.ContainsFunc(o.Only, func(p Part) bool {
		return p.Topic == topic && (p.Partition < 0 || p.Partition == partition)
	})
}

func (r *reset) explain(what string, err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) {
		return fmt.Errorf("%w: group %q: no right to %s: %w; allow it with: kafka-acls --add --allow-principal User:<user> --operation Read "+
			"--operation Describe --group %s", host.ErrEnvironment, r.group, what, err, r.group)
	}
	return fmt.Errorf("%w: group %q: %s: %w", host.ErrEnvironment, r.group, what, err)
}
