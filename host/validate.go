package host

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wasmflow/wasmflow/host/guest"
)

// Defaults of Config.
const (
	DefaultTransactionTimeout = 10 * time.Second
	DefaultMaxRecords         = 40_000
	DefaultMaxBytes           = 16 << 20
	DefaultMaxDelay           = 50 * time.Millisecond
	DefaultMaxGuestTime       = 10 * time.Second
	DefaultDrain              = 25 * time.Second
)

// MaxIDLength bounds a transactional id, in bytes.
const MaxIDLength = 249

var legalName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// withDefaults fills what was left out.
func (c Config) withDefaults() Config {
	or := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	or(&c.Group, c.Name)
	or(&c.Instance, "0")
	or(&c.IDPrefix, c.Group+"-"+c.Name)
	or((*string)(&c.Start), string(StartEarliest))
	or((*string)(&c.Isolation), string(ReadCommitted)) // (I14)
	or((*string)(&c.Guarantee), string(ExactlyOnce))
	or((*string)(&c.GroupProtocol), string(GroupClassic))
	or((*string)(&c.RequireTransactionV2), string(TransactionV2Warn))
	or((*string)(&c.OnOutOfRange), string(OutOfRangeFail))
	or((*string)(&c.Compression), string(CompressionNone))
	or((*string)(&c.Leave), string(LeaveAuto))
	if c.DefaultOutput == "" && len(c.Outputs) == 1 {
		for name := range c.Outputs {
			c.DefaultOutput = name
		}
	}
	set(&c.Workers, max(2, runtime.GOMAXPROCS(0)))
	set(&c.TransactionTimeout, DefaultTransactionTimeout)
	set(&c.MaxRecords, DefaultMaxRecords)
	set(&c.MaxBytes, DefaultMaxBytes)
	set(&c.MaxDelay, DefaultMaxDelay)
	set(&c.MaxGuestTime, DefaultMaxGuestTime)
	set(&c.Drain, DefaultDrain)
	c.Errors = c.Errors.withDefaults()
	c.Brokers, c.Inputs, c.Kafka = slices.Clone(c.Brokers), slices.Clone(c.Inputs), slices.Clone(c.Kafka)
	c.Transforms = slices.Clone(c.Transforms)
	for i := range c.Transforms {
		c.Transforms[i].Outputs = c.OutputNames()
	}
	return c
}

func set[T int | int64 | float64 | time.Duration](field *T, v T) {
	if *field == 0 {
		*field = v
	}
}

// OutputNames lists the outputs as a transform sees them: the default one first, the others by name.
func (c *Config) OutputNames() []string {
	names := make([]string, 0, len(c.Outputs))
	for name := range c.Outputs {
		if name != c.DefaultOutput {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return append([]string{c.DefaultOutput}, names...)
}

// validate reports everything that is wrong at once, each as `key: rule (got value)`.
func (c *Config) validate() error {
	var errs []error
	bad := func(key, rule string, got any) {
		if s, ok := got.(string); ok {
			got = fmt.Sprintf("%q", s)
		}
		errs = append(errs, fmt.Errorf("%s: %s (got %v)", key, rule, got))
	}
	name := func(key, v string) {
		if !legalName.MatchString(v) {
			bad(key, "one or more of [a-zA-Z0-9._-]", v)
		}
	}
	name("Name", c.Name)
	name("Instance", c.Instance)
	name("IDPrefix", c.IDPrefix)
	if n := len(c.transactionalID(c.Workers)); n > MaxIDLength {
		bad("IDPrefix", fmt.Sprintf("prefix, instance and worker make a transactional id of at most %d bytes", MaxIDLength), n)
	}
	if len(c.Brokers) == 0 {
		bad("Brokers", "at least one address", c.Brokers)
	}
	if c.Group == "" {
		bad("Group", "not empty", c.Group)
	}
	c.validateTopics(bad)
	c.validateTransforms(bad)
	c.validateErrors(bad)
	oneOf(bad, "Start", c.Start, StartEarliest, StartLatest)
	oneOf(bad, "Isolation", c.Isolation, ReadCommitted, ReadUncommitted)
	oneOf(bad, "Guarantee", c.Guarantee, ExactlyOnce, AtLeastOnce)
	oneOf(bad, "GroupProtocol", c.GroupProtocol, GroupClassic, GroupConsumer)
	oneOf(bad, "RequireTransactionV2", c.RequireTransactionV2, TransactionV2Warn, TransactionV2Enforce, TransactionV2Off)
	oneOf(bad, "OnOutOfRange", c.OnOutOfRange, OutOfRangeFail, OutOfRangeEarliest, OutOfRangeLatest)
	oneOf(bad, "Leave", c.Leave, LeaveAuto, LeaveAlways, LeaveNever)
	oneOf(bad, "Compression", c.Compression, CompressionNone, CompressionGzip, CompressionSnappy, CompressionLz4, CompressionZstd)
	if c.Guarantee == ExactlyOnce && c.Isolation == ReadUncommitted { // (I14)
		bad("Isolation", "read_committed under exactly_once, else what an upstream transaction aborted would be processed", string(c.Isolation))
	}
	if c.Ends != nil && (!c.Once || c.InputsRegex != "") {
		bad("Ends", "only with Once, and with Inputs", c.Ends)
	}
	positive(bad, "Workers", c.Workers)
	positive(bad, "MaxRecords", c.MaxRecords)
	positive(bad, "MaxBytes", c.MaxBytes)
	positive(bad, "MaxDelay", c.MaxDelay)
	positive(bad, "MaxGuestTime", c.MaxGuestTime)
	positive(bad, "Drain", c.Drain)
	// (I12) A produce request and the end of the transaction fit into its timeout; a step fits into half a rebalance.
	if c.Guarantee == ExactlyOnce && c.TransactionTimeout < minTransactionTimeout {
		bad("TransactionTimeout", fmt.Sprintf("at least %v, the time for a produce request and the end of a transaction", minTransactionTimeout), c.TransactionTimeout)
	}
	if c.MaxGuestTime >= rebalanceTimeout/2 {
		bad("MaxGuestTime", fmt.Sprintf("less than %v, half of the group's rebalance timeout", rebalanceTimeout/2), c.MaxGuestTime)
	}
	return errors.Join(errs...)
}

func (c *Config) validateTopics(bad func(key, rule string, got any)) {
	if (len(c.Inputs) == 0) == (c.InputsRegex == "") {
		bad("Inputs", "either Inputs or InputsRegex", fmt.Sprintf("%v and %q", c.Inputs, c.InputsRegex))
	}
	if c.InputsRegex != "" {
		if _, err := regexp.Compile(anchored(c.InputsRegex)); err != nil {
			bad("InputsRegex", "a regular expression: "+err.Error(), c.InputsRegex)
		}
	}
	for _, topic := range c.Inputs {
		if !legalTopic(topic) {
			bad("Inputs", "a topic's name", topic)
		}
	}
	if len(c.Outputs) == 0 {
		bad("Outputs", "at least one", len(c.Outputs))
		return
	}
	if _, ok := c.Outputs[c.DefaultOutput]; !ok {
		bad("DefaultOutput", fmt.Sprintf("the name of an output, one of %s", strings.Join(c.OutputNames()[1:], ", ")), c.DefaultOutput)
	}
	for _, name := range c.OutputNames() {
		topic, ok := c.Outputs[name]
		if !ok {
			continue
		}
		if !legalTopic(topic) {
			bad("Outputs["+name+"]", "a topic's name", topic)
		}
		if slices.Contains(c.Inputs, topic) && c.Ends == nil {
			bad("Outputs["+name+"]", "not an input of the same pipeline, which would feed itself", topic)
		}
	}
}

func (c *Config) validateTransforms(bad func(key, rule string, got any)) {
	if len(c.Transforms) == 0 {
		bad("Transforms", "at least one", len(c.Transforms))
	}
	seen := map[string]bool{}
	for i, t := range c.Transforms {
		key := fmt.Sprintf("Transforms[%d]", i)
		if t.Name == "" {
			bad(key+".Name", "not empty", t.Name)
		} else if seen[t.Name] {
			bad(key+".Name", "used once in a pipeline", t.Name)
		}
		seen[t.Name] = true
		if (len(t.Wasm) == 0) == (t.Native == nil) {
			bad(key, "either Wasm or Native", describe(t))
		}
	}
}

func describe(t guest.Config) string {
	return fmt.Sprintf("%d bytes of Wasm, Native %v", len(t.Wasm), t.Native != nil)
}

func oneOf[T ~string](bad func(key, rule string, got any), key string, v T, allowed ...T) {
	if !slices.Contains(allowed, v) {
		bad(key, fmt.Sprintf("one of %v", allowed), string(v))
	}
}

func positive[T int | int64 | time.Duration](bad func(key, rule string, got any), key string, v T) {
	if v <= 0 {
		bad(key, "more than 0", v)
	}
}

// legalTopic holds a topic's name to Kafka's rules (org.apache.kafka.common.internals.Topic).
func legalTopic(s string) bool {
	return legalName.MatchString(s) && len(s) <= 249 && s != "." && s != ".."
}

// anchored makes a pattern match a topic's name as a whole.
func anchored(pattern string) string { return "^(?:" + pattern + ")$" }

func quoted(s string) string { return regexp.QuoteMeta(s) }
