package host

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// The rights of the world's pipeline, as a superuser gives them.
var (
	mayReadIn     = grant{kmsg.ACLResourceTypeTopic, "in", kadm.OpRead}
	maySeeIn      = grant{kmsg.ACLResourceTypeTopic, "in", kadm.OpDescribe}
	mayWriteOut   = grant{kmsg.ACLResourceTypeTopic, "out", kadm.OpWrite}
	maySeeOut     = grant{kmsg.ACLResourceTypeTopic, "out", kadm.OpDescribe}
	mayWriteDead  = grant{kmsg.ACLResourceTypeTopic, "dead", kadm.OpWrite}
	mayReadGroup  = grant{kmsg.ACLResourceTypeGroup, "g", kadm.OpRead}
	mayUseIDs     = grant{kmsg.ACLResourceTypeTransactionalId, "g-p-", kadm.OpWrite}
	maySeeIDs     = grant{kmsg.ACLResourceTypeTransactionalId, "g-p-", kadm.OpDescribe}
	mayReadOut    = grant{kmsg.ACLResourceTypeTopic, "out", kadm.OpDescribeConfigs}
	mayReadDead   = grant{kmsg.ACLResourceTypeTopic, "dead", kadm.OpDescribeConfigs}
	leastGrants   = []grant{mayReadIn, mayWriteOut, mayWriteDead, mayReadGroup, mayUseIDs}
	withoutRights = map[string]string{"alice": "secret"}
)

type grant struct {
	resource  kmsg.ACLResourceType
	name      string
	operation kadm.ACLOperation
}

// guarded is a world whose broker has an authorizer, and the options of alice, who has these rights.
func guarded(t *testing.T, rights ...grant) (*world, []kgo.Opt) {
	t.Helper()
	b, err := devbroker.Start(devbroker.Options{
		Topics: map[string]int32{"in": 1, "out": 1, "dead": 1}, Superusers: map[string]string{"root": "secret"}, Users: withoutRights,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	as := func(user string) kgo.Opt { return kgo.SASL(plain.Auth{User: user, Pass: "secret"}.AsMechanism()) }
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), as("root"), kgo.RecordPartitioner(newPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	w := &world{t, b, cl, []kgo.Opt{as("root")}}
	for _, right := range rights {
		w.grant(right)
	}
	return w, []kgo.Opt{as("alice")}
}

func (w *world) grant(right grant) {
	w.t.Helper()
	acl := kadm.NewACLs().Allow("User:alice").AllowHosts("*").Operations(right.operation).ResourcePatternType(kadm.ACLPatternPrefixed)
	switch right.resource {
	case kmsg.ACLResourceTypeTopic:
		acl.Topics(right.name)
	case kmsg.ACLResourceTypeGroup:
		acl.Groups(right.name)
	default:
		acl.TransactionalIDs(right.name)
	}
	results, err := kadm.NewClient(w.client).CreateACLs(w.ctx(), acl)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			w.t.Fatal(r.Err)
		}
	}
}

func guardedConfig(w *world, alice []kgo.Opt) Config {
	cfg := w.config(natives("forward"))
	cfg.Kafka, cfg.Errors.DeadLetter = alice, "dead"
	return cfg
}

// TestMissingRightsRefuseTheStart: whatever right is missing, the host says so at its start, with the line that gives it, and
// names none that is there.
func TestMissingRightsRefuseTheStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		without grant
		with    []grant
		line    string
	}{
		"input":                            {mayReadIn, nil, "--operation Read --operation Describe --topic in"},
		"input that may be described":      {mayReadIn, []grant{maySeeIn}, "--operation Read --topic in"},
		"output":                           {mayWriteOut, nil, "--operation Write --operation Describe --topic out"},
		"output that may be described":     {mayWriteOut, []grant{maySeeOut}, "--operation Write --topic out"},
		"dead letters":                     {mayWriteDead, nil, "--operation Write --operation Describe --topic dead"},
		"group":                            {mayReadGroup, nil, "--operation Read --operation Describe --group g"},
		"transactional id":                 {mayUseIDs, nil, "--operation Write --operation Describe --transactional-id g-p- --resource-pattern-type prefixed"},
		"transactional id to be described": {mayUseIDs, []grant{maySeeIDs}, "--operation Write --operation Describe --transactional-id g-p- --resource-pattern-type prefixed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rights := slices.DeleteFunc(slices.Clone(leastGrants), func(g grant) bool { return g == c.without })
			w, alice := guarded(t, append(rights, c.with...)...)
			w.produce(0, 5, 1)
			err := w.once(guardedConfig(w, alice))
			mention(t, err, ErrEnvironment, "kafka-acls --add --allow-principal 'User:<user>' "+c.line)
			if n := strings.Count(err.Error(), "kafka-acls"); n != 1 {
				t.Errorf("%d lines, want 1: %v", n, err)
			}
			w.grant(c.without)
			if err := w.once(guardedConfig(w, alice)); err != nil {
				t.Errorf("with the right: %v", err)
			}
			w.expect(0, 5)
		})
	}
}

// TestMissingRightsAllAtOnce: one start tells all that is missing.
func TestMissingRightsAllAtOnce(t *testing.T) {
	t.Parallel()
	w, alice := guarded(t)
	err := w.once(guardedConfig(w, alice))
	mention(t, err, ErrEnvironment, "--topic in", "--topic out", "--topic dead", "--group g", "--transactional-id g-p-")
	if n := strings.Count(err.Error(), "kafka-acls"); n != 5 {
		t.Errorf("%d lines, want 5: %v", n, err)
	}
	// A pattern matches what may be described: of that, what may not be read is missing.
	w.grant(maySeeIn)
	cfg := guardedConfig(w, alice)
	cfg.Inputs, cfg.InputsRegex = nil, "i.*"
	mention(t, w.once(cfg), ErrEnvironment, "--operation Read --topic in")
}

// TestNoRightToLimits: without DescribeConfigs the pipeline runs, and the log says what that means and how to allow it.
func TestNoRightToLimits(t *testing.T) {
	t.Parallel()
	w, alice := guarded(t, append(slices.Clone(leastGrants), mayReadOut)...)
	core, logs := observer.New(zapcore.WarnLevel)
	cfg := guardedConfig(w, alice)
	cfg.Logger = zap.New(core)
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	said := logs.FilterMessageSnippet("max.message.bytes").All()
	if len(said) != 1 || said[0].ContextMap()["topic"] != "dead" {
		t.Fatalf("warnings %v, want one for `dead`", said)
	}
	if err := said[0].ContextMap()["err"].(string); !strings.Contains(err, "--operation DescribeConfigs --topic dead") {
		t.Errorf("the warning does not say how to allow it: %s", err)
	}
	w.grant(mayReadDead)
	logs.TakeAll()
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if said := logs.FilterMessageSnippet("max.message.bytes").Len(); said != 0 {
		t.Errorf("%d warnings with the right, want none", said)
	}
}

// TestAsksForRightsWithoutTrace: asking leaves an open transaction of the same id, and a group, as they are.
func TestAsksForRightsWithoutTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	cfg := w.config(natives("forward"))
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addrs()...), kgo.TransactionalID("g-p-0-0"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(w.ctx(), &kgo.Record{Topic: "out", Value: []byte("00000")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	checks, err := CheckRights(w.ctx(), w.client, cfg)
	if err != nil || len(checks) != 5 {
		t.Fatalf("%d checks, error %v", len(checks), err)
	}
	for _, c := range checks {
		if c.Err != nil || len(c.Missing) > 0 {
			t.Errorf("%+v: a broker without an authorizer allows everything", c)
		}
	}
	if err := producer.EndTransaction(w.ctx(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	w.expect(0, 1)
	groups, err := kadm.NewClient(w.client).ListGroups(w.ctx())
	if err != nil || len(groups) > 0 {
		t.Errorf("groups %v, error %v: want none", groups, err)
	}
}

// TestLacks: what a broker does not tell is not missing, and said to be unknown.
func TestLacks(t *testing.T) {
	t.Parallel()
	both := []string{opRead, opDescribe}
	for name, c := range map[string]struct {
		state topicState
		want  []string
		known bool
	}{
		"does not tell":  {topicState{operations: operationsNotKnown}, nil, false},
		"allows all":     {topicState{operations: 0x0df8}, nil, true},
		"allows one":     {topicState{operations: 1 << kmsg.ACLOperationDescribe}, []string{opRead}, true},
		"allows nothing": {topicState{}, both, true},
		"refuses":        {topicState{operations: operationsNotKnown, err: kerr.TopicAuthorizationFailed}, both, true},
		"does not exist": {topicState{err: kerr.UnknownTopicOrPartition}, nil, false},
	} {
		got, err := c.state.lacks(both)
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != c.known {
			t.Errorf("a broker that %s: error %v, - expected, + got:\n%s", name, err, diff)
		}
	}
}

// TestRightsWithoutCoordinator: where nobody can tell, the start goes on, and the check says that it does not know.
func TestRightsWithoutCoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1})
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.UnknownServerError, Count: -1})
	checks, err := CheckRights(w.ctx(), w.client, w.config(natives("forward")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if known := c.Resource == ResourceTopic; (c.Err == nil) != known || len(c.Missing) > 0 {
			t.Errorf("%+v, want to know it: %v", c, known)
		}
	}
}

// TestRightsOfPatterns: a pattern's right is as narrow as its first letters allow.
func TestRightsOfPatterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`payments\..*`:    "--topic payments. --resource-pattern-type prefixed",
		"payments":        "--topic payments",
		"orders|payments": "--topic '*'",
		"(?i)orders":      "--topic '*'",
		"or(d|ders)":      "--topic ord --resource-pattern-type prefixed",
	} {
		c := Config{Name: "p", Group: "a group", InputsRegex: pattern, Outputs: map[string]string{"out": "out"}, Guarantee: AtLeastOnce}
		var lines []string
		for _, r := range c.Rights() {
			lines = append(lines, r.Allow("kafka:9092", "User:alice"))
		}
		const begin = "kafka-acls --bootstrap-server kafka:9092 --add --allow-principal User:alice --operation "
		if diff := cmp.Diff([]string{
			begin + "Read --operation Describe " + want,
			begin + "Write --operation Describe --topic out",
			begin + "Read --operation Describe --group 'a group'",
			begin + "DescribeConfigs --topic out",
		}, lines); diff != "" {
			t.Errorf("%s, - expected, + got:\n%s", pattern, diff)
		}
	}
}

// TestRightTakenAway: a right that goes while the pipeline runs stops it, as one that was never there.
func TestRightTakenAway(t *testing.T) {
	t.Parallel()
	for _, err := range rightsErrors {
		w := newWorker(&Host{cfg: Config{Name: "p"}, log: zap.NewNop()}, 0)
		if classify(err) != actStop {
			t.Errorf("%v does not stop", err)
		}
		mention(t, w.named(errors.Join(errAny, err)), ErrEnvironment, `pipeline "p"`, "wasmflow doctor")
	}
}
