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

// RightCheck is what the cluster says of a right.
type RightCheck struct {
	Right
	// Missing are those of its operations that are not allowed.
	Missing []string
	// Err is why the cluster does not say, nil where it does. Then nothing is taken to be missing.
	Err error
}

// CheckRights asks the cluster which of Config.Rights the client's user has, of inputs that match a pattern those that it matches at this
// moment. It changes nothing. The error wraps ErrEnvironment: the cluster did not answer.
func CheckRights(ctx context.Context, client *kgo.Client, c Config) ([]RightCheck, error) {
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
	return checkRights(ctx, client, c, described), nil
}

// checkRights is CheckRights of a pipeline whose topics have been described.
func checkRights(ctx context.Context, client *kgo.Client, c Config, described map[string]topicState) []RightCheck {
	ctx, cancel := context.WithTimeout(ctx, rightsTimeout)
	defer cancel()
	var checks []RightCheck
	for _, r := range c.Rights() {
		check := RightCheck{Right: r}
		switch r.Resource {
		case ResourceTopic:
			check.Missing, check.Err = described[r.Name].lacks(r.Operations)
		case ResourceGroup:
			check.Err = askToRead(ctx, client, c.Group)
		case ResourceTransactionalID:
			check.Err = askToWrite(ctx, client, c.transactionalID(0), c.Group)
		}
		if isAny(check.Err, kerr.GroupAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed) {
			check.Missing, check.Err = r.Operations, nil
		}
		checks = append(checks, check)
	}
	return checks
}

// lacks says which of the operations are not allowed, or why that is not known: a broker need not tell (KIP-430).
func (t topicState) lacks(operations []string) ([]string, error) {
	bits := map[string]kmsg.ACLOperation{
		opRead: kmsg.ACLOperationRead, opWrite: kmsg.ACLOperationWrite,
		opDescribe: kmsg.ACLOperationDescribe, opDescribeConfigs: kmsg.ACLOperationDescribeConfigs,
	}
	switch {
	case errors.Is(t.err, kerr.TopicAuthorizationFailed):
		return operations, nil
	case t.err != nil:
		return nil, t.err
	case t.operations == operationsNotKnown:
		return nil, errors.New("the broker does not tell which rights there are")
	}
	var lacking []string
	for _, operation := range operations {
		if t.operations&(1<<bits[operation]) == 0 {
			lacking = append(lacking, operation)
		}
	}
	return lacking, nil
}

// operationsNotKnown is what brokers answer that do not tell.
const operationsNotKnown int32 = -1 << 31

// askToRead returns an error where the user may not read with a group, or where nobody can tell. Describing it would not tell: of a group that
// does not exist yet Kafka says nothing (KIP-1043). So it asks as a member that the group does not have. Rights are looked at first:
// whoever is answered anything else has them.
func askToRead(ctx context.Context, client *kgo.Client, group string) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, "wasmflow-asks-for-its-rights", -1
	res, err := req.RequestWith(ctx, client)
	if err == nil && res.ErrorCode == kerr.GroupAuthorizationFailed.Code {
		err = kerr.GroupAuthorizationFailed
	}
	return err
}

// askToWrite is the same for a transactional id. It asks to add the group's offsets to the transaction of a producer that does not exist,
// which needs the same right as to that of a real one.
func askToWrite(ctx context.Context, client *kgo.Client, id, group string) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = id, group, -1, -1
	res, err := req.RequestWith(ctx, client)
	if err == nil && res.ErrorCode == kerr.TransactionalIDAuthorizationFailed.Code {
		err = kerr.TransactionalIDAuthorizationFailed
	}
	return err
}
