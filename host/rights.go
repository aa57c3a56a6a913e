package host

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Resource is a kind of thing that Kafka gives rights to, by the name that kafka-acls has for it.
type Resource string

// Resources that a pipeline uses.
const (
	ResourceTopic           Resource = "topic"
	ResourceGroup           Resource = "group"
	ResourceTransactionalID Resource = "transactional-id"
	ResourceCluster         Resource = "cluster"
)

// Operations that a pipeline does, by Kafka's names.
const (
	opRead            = "Read"
	opWrite           = "Write"
	opDescribe        = "Describe"
	opDescribeConfigs = "DescribeConfigs"
)

// Right is what a pipeline must be allowed to do with a resource of the cluster.
type Right struct {
	// Operations by Kafka's names, such as Read and Describe.
	Operations []string
	// Resource that they are done with.
	Resource Resource
	// Name of the resource, "" for the cluster; where Prefixed, what the names begin with.
	Name     string
	Prefixed bool
	// Optional says that the pipeline runs without it, with less knowledge.
	Optional bool
}

// Allow is the command that gives the right to a principal, such as User:alice, for the shell. Without a broker it leaves out where
// to, without a principal it says <user>.
func (r Right) Allow(broker, principal string) string {
	if principal == "" {
		principal = "User:<user>"
	}
	words := []string{"kafka-acls"}
	if broker != "" {
		words = append(words, "--bootstrap-server", broker)
	}
	words = append(words, "--add", "--allow-principal", principal)
	for _, operation := range r.Operations {
		words = append(words, "--operation", operation)
	}
	words = append(words, "--"+string(r.Resource))
	if r.Name != "" {
		words = append(words, r.Name)
	}
	if r.Prefixed {
		words = append(words, "--resource-pattern-type", "prefixed")
	}
	for i, word := range words {
		if !plainWord.MatchString(word) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// plainWord means nothing to a shell but itself.
var plainWord = regexp.MustCompile(`^[a-zA-Z0-9._:/=,@+-]+$`)

// missing is the error of a right that the client does not have.
func (r Right) missing() error {
	cause := map[Resource]error{
		ResourceTopic: kerr.TopicAuthorizationFailed, ResourceGroup: kerr.GroupAuthorizationFailed, ResourceTransactionalID: kerr.TransactionalIDAuthorizationFailed,
	}[r.Resource]
	what := strings.ReplaceAll(string(r.Resource), "-id", " id")
	if r.Prefixed {
		what += " prefix"
	}
	return fmt.Errorf("no right to %s %s %q: %w; allow it with: %s",
		strings.ToLower(strings.Join(r.Operations, " and ")), what, r.Name, cause, r.Allow("", ""))
}

func readRight(topic string) Right {
	return Right{Operations: []string{opRead, opDescribe}, Resource: ResourceTopic, Name: topic}
}

func writeRight(topic string) Right {
	return Right{Operations: []string{opWrite, opDescribe}, Resource: ResourceTopic, Name: topic}
}

func configsRight(topic string) Right {
	return Right{Operations: []string{opDescribeConfigs}, Resource: ResourceTopic, Name: topic, Optional: true}
}

func (c *Config) groupRight() Right {
	return Right{Operations: []string{opRead, opDescribe}, Resource: ResourceGroup, Name: c.Group}
}

// idRight holds for every host of the pipeline: their ids differ in what follows the prefix.
func (c *Config) idRight() Right {
	return Right{Operations: []string{opWrite, opDescribe}, Resource: ResourceTransactionalID, Name: c.IDPrefix + "-", Prefixed: true}
}

// Rights are the least that a pipeline needs on a cluster that has an authorizer, and what is optional. Inputs that match a pattern
// are a prefix, the empty one where the pattern has none: every topic.
func (c *Config) Rights() []Right {
	complete := c.withDefaults()
	c = &complete
	var rights []Right
	for _, topic := range c.Inputs {
		rights = append(rights, readRight(topic))
	}
	if c.InputsRegex != "" {
		if pattern, err := regexp.Compile(c.InputsRegex); err == nil {
			prefix, whole := pattern.LiteralPrefix()
			right := readRight(prefix)
			if right.Prefixed = !whole && prefix != ""; prefix == "" {
				right.Name = "*"
			}
			rights = append(rights, right)
		}
	}
	outputs := slices.Compact(slices.Sorted(slices.Values(c.OutputTopics())))
	for _, topic := range outputs {
		rights = append(rights, writeRight(topic))
	}
	rights = append(rights, c.groupRight())
	if c.Guarantee == ExactlyOnce {
		rights = append(rights, c.idRight())
	}
	for _, topic := range outputs {
		rights = append(rights, configsRight(topic))
	}
	return rights
}

// rightsTimeout bounds what is asked about rights: coordinators of a cluster that has just started may take a while.
const rightsTimeout = 10 * time.Second

// MissingRights asks the cluster which of Config.Rights the client's user does not have; optional ones too, and of inputs that match a
// pattern those that it matches at this moment. What a broker does not tell is not missing: one without an authorizer allows everything.
// It changes nothing. An error wraps ErrEnvironment: the cluster did not answer.
func MissingRights(ctx context.Context, client *kgo.Client, c Config) ([]Right, error) {
	c = c.withDefaults()
	if c.InputsRegex != "" {
		inputs, err := MatchingTopics(ctx, client, &c)
		if err != nil {
			return nil, err
		}
		c.Inputs, c.InputsRegex = inputs, ""
	}
	described, err := describeTopics(ctx, client, slices.Concat(c.Inputs, c.OutputTopics()))
	if err != nil {
		return nil, err
	}
	return missingRights(ctx, client, c, described), nil
}

// missingRights is MissingRights of a pipeline whose topics have been described.
func missingRights(ctx context.Context, client *kgo.Client, c Config, described map[string]topicState) []Right {
	ctx, cancel := context.WithTimeout(ctx, rightsTimeout)
	defer cancel()
	var missing []Right
	for _, r := range c.Rights() {
		switch r.Resource {
		case ResourceTopic:
			if r.Operations = described[r.Name].lacks(r.Operations); len(r.Operations) == 0 {
				continue
			}
		case ResourceGroup:
			if mayRead(ctx, client, c.Group) {
				continue
			}
		case ResourceTransactionalID:
			if mayWrite(ctx, client, c.transactionalID(0), c.Group) {
				continue
			}
		}
		missing = append(missing, r)
	}
	return missing
}

// lacks says which of the operations are not allowed. A broker that tells nothing about them is believed to allow all.
func (t topicState) lacks(operations []string) []string {
	bits := map[string]kmsg.ACLOperation{
		opRead: kmsg.ACLOperationRead, opWrite: kmsg.ACLOperationWrite,
		opDescribe: kmsg.ACLOperationDescribe, opDescribeConfigs: kmsg.ACLOperationDescribeConfigs,
	}
	if errors.Is(t.err, kerr.TopicAuthorizationFailed) {
		return operations
	}
	var lacking []string
	for _, operation := range operations {
		if t.err == nil && t.operations != operationsNotKnown && t.operations&(1<<bits[operation]) == 0 {
			lacking = append(lacking, operation)
		}
	}
	return lacking
}

// operationsNotKnown is what brokers answer that do not tell (KIP-430).
const operationsNotKnown int32 = -1 << 31

// mayRead says whether the user may read with a group. Describing it would not tell: of a group that does not exist yet Kafka says
// nothing (KIP-1043). So it asks as a member that the group does not have: whoever may read is told that, and nobody else.
func mayRead(ctx context.Context, client *kgo.Client, group string) bool {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, "wasmflow-asks-for-its-rights", -1
	res, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(res.ErrorCode)
	}
	return !errors.Is(err, kerr.GroupAuthorizationFailed)
}

// mayWrite says whether the user may write with a transactional id. It asks to add the group's offsets to the transaction of a producer
// that does not exist, which needs the same right as to that of a real one: whoever has it is told that there is no such producer.
func mayWrite(ctx context.Context, client *kgo.Client, id, group string) bool {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = id, group, -1, -1
	res, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(res.ErrorCode)
	}
	return !errors.Is(err, kerr.TransactionalIDAuthorizationFailed)
}
