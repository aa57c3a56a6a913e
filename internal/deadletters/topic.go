package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// GroupSuffix ends the name of every group that says which letters of a topic are done.
const GroupSuffix = "-dlq-replay"

const (
	// askTimeout bounds a question to the cluster; settleTimeout, the wait until a transaction that was left open is over.
	askTimeout    = 15 * time.Second
	settleTimeout = time.Minute
	askAgain      = 100 * time.Millisecond
)

// ErrUsage is wrapped by errors that another configuration or other arguments mend.
var ErrUsage = errors.New("not possible as it was asked for")

// Topic is the dead-letter topic of a pipeline. One goroutine uses it; Close it.
type Topic struct {
	pipeline host.Config
	name     string
	group    string
	opts     []kgo.Opt
	client   *kgo.Client
	admin    *kadm.Client
	detach   func() bool
}

// bounds are where a partition of the topic starts and ends, and up to where it is done.
type bounds struct{ start, done, end int64 }

// Group is the name of the pipeline's group for letters that are done.
func Group(p host.Config) string { return cmp.Or(p.Group, p.Name) + GroupSuffix }

// Open connects to the cluster of a pipeline, whose errors.dead_letter names the topic. The group says which letters are done; ""
// is the pipeline's own (Group). Errors wrap host.ErrEnvironment or ErrUsage; where ctx is done, they are its cause.
func Open(ctx context.Context, p host.Config, group string) (*Topic, error) {
	if p.Errors.DeadLetter == "" {
		return nil, fmt.Errorf("pipeline %q: %w: it writes no dead letters: errors.dead_letter.topic names where to", p.Name, ErrUsage)
	}
	group = cmp.Or(group, Group(p))
	if !strings.HasSuffix(group, GroupSuffix) {
		return nil, fmt.Errorf("%w: the group %q does not end with %s, by which the groups of a topic find each other", ErrUsage, group, GroupSuffix)
	}
	t := &Topic{pipeline: p, name: p.Errors.DeadLetter, group: group}
	t.opts = append(slices.Clone(p.Kafka), kgo.SeedBrokers(p.Brokers...), kgo.DialTimeout(3*time.Second), kgo.RequestRetries(5))
	client, err := kgo.NewClient(t.opts...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	t.client, t.admin = client, kadm.NewClient(client)
	// The client waits for the answer to its first request whatever becomes of ctx.
	t.detach = context.AfterFunc(ctx, client.Close)
	if err := t.exist(ctx); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close closes the connections.
func (t *Topic) Close() {
	t.detach()
	t.client.Close()
}

// failed says what was tried when the cluster did not answer, or not to us.
func failed(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: %s: %w", host.ErrEnvironment, what, err)
}

// exist looks whether the topic is there.
func (t *Topic) exist(ctx context.Context) error {
	found, err := t.topics(ctx, t.name)
	if err != nil {
		return err
	}
	switch err := found[t.name].Err; {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%w: the topic of the dead letters, %q, does not exist: `wasmflow topics create` makes it", host.ErrEnvironment, t.name)
	case err != nil:
		return failed(ctx, fmt.Sprintf("describe topic %q", t.name), err)
	}
	return nil
}

func (t *Topic) topics(ctx context.Context, names ...string) (kadm.TopicDetails, error) {
	bounded, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	found, err := t.admin.ListTopics(bounded, names...)
	return found, failed(ctx, "describe the topics", err)
}

// bounds asks for the partitions of the topic.
func (t *Topic) bounds(ctx context.Context) (map[int32]bounds, error) {
	done, err := t.offsets(ctx)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	starts, err := t.admin.ListStartOffsets(bounded, t.name)
	if err = errors.Join(err, starts.Error()); err != nil {
		return nil, failed(ctx, "list where the dead letters start", err)
	}
	ends, err := t.admin.ListCommittedOffsets(bounded, t.name)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, failed(ctx, "list where the dead letters end", err)
	}
	out := map[int32]bounds{}
	for n, end := range ends[t.name] {
		start, _ := starts.Lookup(t.name, n)
		out[n] = bounds{start.Offset, max(done[n], start.Offset), end.Offset}
	}
	return out, nil
}

// offsets are up to where the partitions are done; none where the group does not exist. What a transaction holds that is being
// ended is waited for.
func (t *Topic) offsets(ctx context.Context) (map[int32]int64, error) {
	bounded, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	committed, err := t.committed(bounded)
	// A coordinator that is not ready, as on a cluster that has just started, or a transaction that is open.
	for kerr.IsRetriable(err) && pause(bounded) {
		committed, err = t.committed(bounded)
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil, nil
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return nil, fmt.Errorf("%w: no right to read with group %q: %w; allow it with: kafka-acls --add --allow-principal User:<user> "+
			"--operation Read --operation Describe --group %s", host.ErrEnvironment, t.group, err, t.group)
	case err != nil:
		return nil, failed(ctx, fmt.Sprintf("read the offsets of group %q", t.group), err)
	}
	out := map[int32]int64{}
	for n, o := range committed[t.name] {
		if o.At >= 0 {
			out[n] = o.At
		}
	}
	return out, nil
}

func (t *Topic) committed(ctx context.Context) (kadm.OffsetResponses, error) {
	committed, err := t.admin.FetchOffsets(kadm.RequireStable(ctx), t.group)
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

// others are further groups that have offsets in this topic. Two of them would each replay what the other one copied, so that a
// pass goes no further. Groups that this user may not see are not found.
func (t *Topic) others(ctx context.Context) ([]string, error) {
	bounded, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	listed, err := t.admin.ListGroups(bounded)
	if err != nil && len(listed) == 0 {
		var auth *kadm.AuthError
		if errors.As(err, &auth) {
			return nil, nil
		}
		return nil, failed(ctx, "list the groups", err)
	}
	var names []string
	for _, name := range listed.Groups() {
		if strings.HasSuffix(name, GroupSuffix) && name != t.group {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	found := t.admin.FetchManyOffsets(bounded, names...)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(found)), func(name string) bool {
		return found[name].Err != nil || len(found[name].Fetched[t.name]) == 0
	}), nil
}

// reads says whether the pipeline reads a topic.
func (t *Topic) reads(topic string) bool {
	if t.pipeline.InputsRegex == "" {
		return slices.Contains(t.pipeline.Inputs, topic)
	}
	matched, err := regexp.MatchString("^(?:"+t.pipeline.InputsRegex+")$", topic)
	return matched && err == nil && !strings.HasPrefix(topic, "__")
}
