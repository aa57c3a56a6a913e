package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

const (
	// brokerMaxMessageBytes is the broker's default of max.message.bytes: a record of 1,000,000 bytes fits, which the
	// client's own default would refuse.
	brokerMaxMessageBytes = 1_048_588
	// mostMessageBytes keeps a batch below what the client writes in one request.
	mostMessageBytes = 96 << 20
	// askAgain is the pause between two questions to brokers that may not know the answer yet, unknownTries how often.
	askAgain     = 100 * time.Millisecond
	unknownTries = 5
)

// topics is what the host knows of its topics. Clients ask it from several goroutines.
type topics struct {
	mu         sync.RWMutex
	limits     batchLimits     // max.message.bytes of output topics
	compacted  map[string]bool // output topics with cleanup.policy compact
	partitions map[string]int  // of output topics
	parcels    map[string]int  // bytes that are sent to a topic at once, where a batch was too large
	parceled   atomic.Bool     // there are parcels
	asked      atomic.Bool     // for the limits, at least once
}

// batchLimits are the bytes of a batch that topics take, as they were at one moment. A session keeps those that it was opened with.
type batchLimits map[string]int32

func (l batchLimits) of(topic string) int32 {
	if n := l[topic]; n > 0 {
		return n
	}
	return brokerMaxMessageBytes
}

// batchLimits are the last ones that were read; they are not written to.
func (t *topics) batchLimits() batchLimits {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.limits
}

func (t *topics) isCompacted(topic string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.compacted[topic]
}

func (t *topics) partitionCount(topic string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.partitions[topic]
}

func (t *topics) setPartitions(topic string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.partitions == nil {
		t.partitions = map[string]int{}
	}
	t.partitions[topic] = n
}

// probe looks at what would otherwise fail later, all at once, and returns the number of input partitions.
func (h *Host) probe(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	if err := Reach(ctx, h.client, h.cfg.Brokers); err != nil {
		return 0, err
	}
	if err := h.checkTransactionVersion(ctx); err != nil {
		return 0, err
	}
	c := h.cfg
	if c.InputsRegex != "" {
		matching, err := MatchingTopics(ctx, h.client, &c)
		if err != nil {
			return 0, err
		}
		if len(matching) == 0 {
			h.log.Warn("no topic matches yet", zap.String("topics_regex", c.InputsRegex))
		}
		c.Inputs, c.InputsRegex = matching, ""
	}
	outputs := slices.Sorted(slices.Values(c.OutputTopics()))
	described, err := h.describeTopics(ctx, slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.Inputs, outputs)))))
	if err != nil {
		return 0, err
	}
	inputs, errs := 0, []error(nil)
	for _, topic := range slices.Sorted(maps.Keys(described)) {
		d := described[topic]
		switch {
		case errors.Is(d.err, kerr.TopicAuthorizationFailed): // among the missing rights
		case errors.Is(d.err, kerr.UnknownTopicOrPartition):
			errs = append(errs, fmt.Errorf("topic %q does not exist: create it, or run `wasmflow topics create`", topic))
		case d.err != nil:
			errs = append(errs, fmt.Errorf("topic %q: %w", topic, d.err))
		case slices.Contains(outputs, topic):
			h.topics.setPartitions(topic, d.partitions)
		}
		if slices.Contains(c.Inputs, topic) {
			inputs += d.partitions
		}
	}
	for _, r := range checkRights(ctx, h.client, c, described) {
		if len(r.Missing) > 0 && !r.Optional {
			r.Operations = r.Missing
			errs = append(errs, r.missing())
		}
	}
	if len(errs) > 0 {
		return 0, fmt.Errorf("%w: %w", ErrEnvironment, errors.Join(errs...))
	}
	h.readLimits(ctx, outputs)
	return inputs, nil
}

// topicState is what the brokers say of a topic.
type topicState struct {
	partitions int
	operations int32 // that the user may do, a bit each, or operationsNotKnown
	err        error
}

// describeTopics asks for each topic by itself, so that one without rights does not hide the others. A topic that was created
// a moment ago may not have reached every broker: unknown ones are asked for again a few times.
func (h *Host) describeTopics(ctx context.Context, names []string) (map[string]topicState, error) {
	return describeTopics(ctx, h.client, names)
}

func describeTopics(ctx context.Context, client *kgo.Client, names []string) (map[string]topicState, error) {
	out := map[string]topicState{}
	if len(names) == 0 {
		return out, nil
	}
	for try := 0; ; try++ {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation, req.IncludeTopicAuthorizedOperations = false, true
		for _, name := range names {
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = kmsg.StringPtr(name)
			req.Topics = append(req.Topics, topic)
		}
		res, err := req.RequestWith(ctx, client)
		if err != nil {
			return nil, fmt.Errorf("%w: describe the topics: %w", ErrEnvironment, err)
		}
		again := false
		for _, t := range res.Topics {
			if t.Topic == nil {
				continue
			}
			err := kerr.ErrorForCode(t.ErrorCode)
			out[*t.Topic] = topicState{len(t.Partitions), t.AuthorizedOperations, err}
			again = again || isAny(err, kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable)
		}
		if !again || try == unknownTries || !pause(ctx, askAgain) {
			return out, nil
		}
	}
}

// inputTopics are the names of the inputs, those that match a pattern as they are at this moment.
func (h *Host) inputTopics(ctx context.Context) ([]string, error) {
	if h.cfg.InputsRegex == "" {
		return h.cfg.Inputs, nil
	}
	return MatchingTopics(ctx, h.client, &h.cfg)
}

// MatchingTopics are those that Config.InputsRegex matches at this moment, of those that the client's user may describe. The error wraps
// ErrEnvironment, or ErrConfig where it is no pattern.
func MatchingTopics(ctx context.Context, client *kgo.Client, c *Config) ([]string, error) {
	pattern, err := regexp.Compile(anchored(c.InputsRegex))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	all, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: list the topics: %w", ErrEnvironment, err)
	}
	outputs := c.OutputTopics()
	var names []string
	for _, topic := range all.Names() {
		if pattern.MatchString(topic) && !strings.HasPrefix(topic, "__") && !slices.Contains(outputs, topic) {
			names = append(names, topic)
		}
	}
	return names, nil
}

// readLimits reads what the output topics take. Without the right to do so the broker's defaults hold.
func (h *Host) readLimits(ctx context.Context, outputs []string) {
	level := zap.DebugLevel
	if !h.topics.asked.Swap(true) {
		level = zap.WarnLevel // once is enough
	}
	var read kadm.ResourceConfigs
	for _, topic := range outputs {
		configs, err := h.admin.DescribeTopicConfigs(ctx, topic) // each by itself: without the right to one there is no answer at all
		c, _ := configs.On(topic, nil)
		if errors.Is(err, kerr.TopicAuthorizationFailed) {
			err = configsRight(topic).missing()
		}
		if err = errors.Join(err, c.Err); err != nil {
			h.log.Log(level, "topic configs cannot be read: 1 MiB batches are assumed, which a topic with another max.message.bytes may refuse, "+
				"and that it is not compacted", zap.String("topic", topic), zap.NamedError("err", err))
			continue
		}
		read = append(read, c)
	}
	h.topics.mu.Lock()
	defer h.topics.mu.Unlock()
	limits, compacted := maps.Clone(h.topics.limits), maps.Clone(h.topics.compacted)
	if limits == nil {
		limits, compacted = batchLimits{}, map[string]bool{}
	}
	for _, c := range read {
		for _, kv := range c.Configs {
			switch kv.Key {
			case "max.message.bytes":
				if n, err := strconv.ParseInt(kv.MaybeValue(), 10, 32); err == nil {
					limits[c.Name] = int32(min(n, mostMessageBytes))
				}
			case "cleanup.policy":
				compacted[c.Name] = strings.Contains(kv.MaybeValue(), "compact")
			}
		}
	}
	h.topics.limits, h.topics.compacted = limits, compacted
}
