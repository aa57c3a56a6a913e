package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"go.uber.org/goleak"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient examines a pipeline on a broker and says what is not ok, as "state check about".
type patient struct {
	t        *testing.T
	broker   *devbroker.Broker
	admin    *kadm.Client
	pipeline host.Config
	login    []kgo.Opt
}

func as(user, password string) kgo.Opt {
	return kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism())
}

func newPatient(t *testing.T, settings map[string]string) *patient {
	t.Helper()
	b, err := devbroker.Start(devbroker.Options{
		Topics: map[string]int32{"in": 2}, Settings: settings,
		Superusers: map[string]string{"root": "secret"}, Users: map[string]string{"alice": "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.CreateTopic("out", 2, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateTopic("dead", 1, map[string]string{"max.message.bytes": "1060876"}); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), as("root", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &patient{t, b, kadm.NewClient(cl), host.Config{
		Name: "p", Group: "g", Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"}, Errors: host.ErrorPolicy{DeadLetter: "dead"},
		Guarantee: host.ExactlyOnce, RequireTransactionV2: host.TransactionV2Warn, TransactionTimeout: 10 * time.Second, Start: host.StartEarliest,
	}, []kgo.Opt{as("root", "secret")}}
}

func (p *patient) ctx() context.Context {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	p.t.Cleanup(cancel)
	return ctx
}

func (p *patient) examine() []Check {
	return Examine(p.ctx(), Options{Brokers: p.broker.Addrs(), Kafka: p.login, Pipelines: []host.Config{p.pipeline}, Principal: "User:alice"})
}

func troubles(checks []Check) (found []string) {
	for _, c := range checks {
		if c.State != OK {
			found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.State, c.Name, c.About)))
		}
	}
	return found
}

// usual is what a healthy pipeline on the embedded broker has all the same: it has one node, and tells few of its settings.
var usual = []string{
	"unknown broker_settings transaction.state.log", "unknown clock",
	"warning replication in", "warning replication out", "warning replication dead",
}

// expect holds what is not ok to the usual and these, in any order.
func (p *patient) expect(more ...string) []Check {
	p.t.Helper()
	checks := p.examine()
	want := slices.DeleteFunc(slices.Clone(usual), func(s string) bool { return strings.HasSuffix(s, " dead") && p.pipeline.Errors.DeadLetter != "dead" })
	want, got := append(want, more...), troubles(checks)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("what is not ok, - expected, + got:\n%s", diff)
	}
	for _, c := range checks {
		if c.Text == "" || c.State == Failed && c.Do == "" {
			p.t.Errorf("it does not say what is wrong, and what to do: %+v", c)
		}
	}
	return checks
}

func said(t *testing.T, checks []Check, words ...string) {
	t.Helper()
	text := fmt.Sprint(checks)
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("no check says %q: %s", word, text)
		}
	}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	p := newPatient(t, nil)
	p.expect()
	p.pipeline.Inputs, p.pipeline.InputsRegex = nil, "i.*"
	said(t, p.expect(), "/i.*/ ok 1 topic now", "right p topic in ok")
	p.pipeline.InputsRegex = "nothing"
	got := troubles(p.examine())
	if !slices.Contains(got, "warning topic /nothing/") {
		t.Errorf("a pattern that matches nothing is not told: %v", got)
	}
}

// TestFinds: each thing that would fail later is found, and nothing else with it.
func TestFinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings map[string]string
		harm     func(p *patient)
		want     []string
		words    []string
	}{
		"transaction timeout": {map[string]string{"transaction.max.timeout.ms": "9000"}, nil, []string{"failed timeout transaction.max.timeout.ms"}, []string{"10s is above the broker's 9s"}},
		"session timeout":     {map[string]string{"group.min.session.timeout.ms": "40000", "group.max.session.timeout.ms": "50000"}, nil, []string{"failed timeout group.session.timeout"}, []string{"40000"}},
		"too many workers":    {nil, func(p *patient) { p.pipeline.Workers = 3 }, []string{"warning workers"}, []string{"3 workers for 2 partitions of input: 1 of them"}},
		"missing topic": {
			nil, func(p *patient) { p.pipeline.Outputs["more"] = "nowhere" },
			[]string{"failed topic nowhere", "unknown right topic nowhere", "unknown right topic nowhere"},
			[]string{"topics create"},
		},
		"small output": {
			nil, func(p *patient) { p.create("small", "max.message.bytes", "1000") },
			[]string{"warning replication small", "warning max_message_bytes small"},
			[]string{"max.message.bytes is 1,000", "max.message.bytes=1048588"},
		},
		"small dead letters": {
			nil, func(p *patient) {
				p.create("graves", "max.message.bytes", "1048588")
				p.pipeline.Errors.DeadLetter = "graves"
			},
			[]string{"warning replication graves", "warning max_message_bytes graves"},
			[]string{"stops the pipeline", "max.message.bytes=1060876"},
		},
		"more replicas than there are": {
			nil, func(p *patient) { p.create("safe", "min.insync.replicas", "2") },
			[]string{"failed replication safe"},
			[]string{"every write is refused"},
		},
		"offsets that are gone": {
			nil, func(p *patient) { p.commit(0); p.fill(5); p.drop(5) },
			[]string{"failed offsets group g"},
			[]string{"in partition 0 is at 0, its log from 5 to 5"},
		},
		"offsets that may be gone": {
			nil, func(p *patient) { p.commit(0); p.fill(5); p.drop(5); p.pipeline.OnOutOfRange = host.OutOfRangeEarliest },
			[]string{"warning offsets group g"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, c.settings)
			if c.harm != nil {
				c.harm(p)
			}
			said(t, p.expect(c.want...), c.words...)
		})
	}
}

// commit commits an offset of the first partition, fill writes records to it, and drop takes those below an offset away.
func (p *patient) commit(offset int64) {
	p.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset("in", 0, offset, -1)
	if err := p.admin.CommitAllOffsets(p.ctx(), "g", offsets); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) fill(n int) {
	p.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.broker.Addrs()...), as("root", "secret"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		p.t.Fatal(err)
	}
	defer cl.Close()
	for range n {
		if err := cl.ProduceSync(p.ctx(), &kgo.Record{Topic: "in", Value: []byte("v")}).FirstErr(); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *patient) drop(offset int64) {
	p.t.Helper()
	if err := p.broker.DeleteRecords("in", 0, offset); err != nil {
		p.t.Fatal(err)
	}
}

// create makes a topic and an output of it.
func (p *patient) create(name, setting, value string) {
	p.t.Helper()
	if err := p.broker.CreateTopic(name, 1, map[string]string{setting: value}); err != nil {
		p.t.Fatal(err)
	}
	if name != "graves" {
		p.pipeline.Outputs[name] = name
	}
}

// TestRights: of a user without rights every one is missing, with its command; with all of them none is.
func TestRights(t *testing.T) {
	t.Parallel()
	p := newPatient(t, nil)
	p.login = []kgo.Opt{as("alice", "secret")}
	checks := p.examine()
	var missing []string
	for _, c := range checks {
		if c.Name == CheckRight && c.State != OK {
			missing = append(missing, string(c.State)+" "+c.Do)
		}
	}
	allow := "kafka-acls --bootstrap-server " + p.broker.Addrs()[0] + " --add --allow-principal User:alice --operation "
	if diff := cmp.Diff([]string{
		"failed " + allow + "Read --operation Describe --topic in",
		"failed " + allow + "Write --operation Describe --topic dead",
		"failed " + allow + "Write --operation Describe --topic out",
		"failed " + allow + "Read --operation Describe --group g",
		"failed " + allow + "Write --operation Describe --transactional-id g-p- --resource-pattern-type prefixed",
		"warning " + allow + "DescribeConfigs --topic dead",
		"warning " + allow + "DescribeConfigs --topic out",
	}, missing); diff != "" {
		t.Errorf("missing rights, - expected, + got:\n%s", diff)
	}
	said(t, checks, allow+"DescribeConfigs --cluster")
	if Worst(checks) != Failed {
		t.Errorf("worst is %s", Worst(checks))
	}
	for _, acl := range []*kadm.ACLBuilder{
		kadm.NewACLs().Topics("in").Operations(kadm.OpRead, kadm.OpDescribeConfigs), kadm.NewACLs().Topics("out", "dead").Operations(kadm.OpWrite, kadm.OpDescribeConfigs),
		kadm.NewACLs().Groups("g").Operations(kadm.OpRead), kadm.NewACLs().TransactionalIDs("g-p-").Operations(kadm.OpWrite),
		kadm.NewACLs().Clusters().Operations(kadm.OpDescribeConfigs),
	} {
		if _, err := p.admin.CreateACLs(p.ctx(), acl.Allow("User:alice").AllowHosts("*").ResourcePatternType(kadm.ACLPatternPrefixed)); err != nil {
			t.Fatal(err)
		}
	}
	p.expect()
}

// TestConnection: what stands between here and the brokers, by name.
func TestConnection(t *testing.T) {
	t.Parallel()
	p := newPatient(t, nil)
	nobody := "127.0.0.1:1"
	two := func(addresses ...string) []Check {
		return Examine(p.ctx(), Options{Brokers: addresses, Kafka: p.login, Pipelines: []host.Config{p.pipeline}})
	}
	if diff := cmp.Diff([]string{"failed brokers 127.0.0.1:1"}, troubles(two(nobody))); diff != "" {
		t.Errorf("nobody there, - expected, + got:\n%s", diff)
	}
	if got := troubles(two(nobody, p.broker.Addrs()[0])); !slices.Contains(got, "warning brokers 127.0.0.1:1") || len(got) != len(usual)+1 {
		t.Errorf("one of two there: %v", got)
	}
	p.login = []kgo.Opt{as("root", "wrong-word")}
	checks := p.examine()
	said(t, checks, "password") // the embedded broker closes the connection without a word
	if diff := cmp.Diff([]string{"failed brokers " + p.broker.Addrs()[0]}, troubles(checks)); diff != "" {
		t.Errorf("a wrong password, - expected, + got:\n%s", diff)
	}
	if strings.Contains(fmt.Sprint(checks), "wrong-word") {
		t.Errorf("the password is told: %v", checks)
	}
}

// TestChangesNothing: of what changes a cluster nothing is sent, but for the one question about the transactional id.
func TestChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPatient(t, nil)
	reads := []kmsg.Key{
		kmsg.ApiVersions, kmsg.Metadata, kmsg.FindCoordinator, kmsg.DescribeConfigs, kmsg.ListOffsets, kmsg.OffsetFetch,
		kmsg.SASLHandshake, kmsg.SASLAuthenticate, kmsg.Heartbeat, kmsg.AddOffsetsToTxn,
	}
	var others []kmsg.Key
	for key := range kmsg.Key(100) {
		if !slices.Contains(reads, key) {
			others = append(others, key)
		}
	}
	sent := p.broker.Inject(devbroker.Fault{Keys: others, Err: kerr.UnknownServerError, TopLevel: true, Count: -1})
	p.expect()
	if n := sent.Hits(); n > 0 {
		t.Errorf("%d requests that may change something", n)
	}
	sent.Remove()
	groups, err := p.admin.ListGroups(p.ctx())
	if err != nil || len(groups) > 0 {
		t.Errorf("groups %v, error %v: want none", groups, err)
	}
}

// TestCertificates: the first of a chain that ends is what counts.
func TestCertificates(t *testing.T) {
	t.Parallel()
	for days, want := range map[int]State{-1: Failed, 3: Warning, 300: OK} {
		x := &examination{}
		x.expiry("broker", []*x509.Certificate{
			{NotAfter: time.Now().Add(1000 * 24 * time.Hour)}, {NotAfter: time.Now().Add(time.Duration(days)*24*time.Hour + time.Hour)},
		})
		if got := x.checks[0].State; got != want {
			t.Errorf("a certificate that ends in %d days is %s, want %s", days, got, want)
		}
	}
}

// TestReplication: every combination of replicas, those in sync, and the least that must be.
func TestReplication(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		replicas, synced int
		least, unclean   string
		want             State
	}{
		{3, 3, "2", "false", OK},
		{3, 2, "2", "false", OK},
		{3, 1, "2", "false", Failed},
		{3, 3, "3", "false", Warning},
		{3, 3, "1", "false", Warning},
		{3, 3, "4", "false", Failed},
		{3, 3, "2", "true", Warning},
		{1, 1, "1", "false", Warning},
		{3, 3, "", "", Unknown},
	} {
		x := &examination{}
		x.replication("t", &facts{
			kadm.TopicDetail{Partitions: kadm.PartitionDetails{0: {Replicas: make([]int32, c.replicas), ISR: make([]int32, c.synced)}}},
			map[string]string{"min.insync.replicas": c.least, "unclean.leader.election.enable": c.unclean},
		})
		if got := x.checks[0].State; got != c.want {
			t.Errorf("%+v is %s: %+v", c, got, x.checks[0])
		}
	}
}

// TestTransactionLog: where the outcome of transactions is kept.
func TestTransactionLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		brokers         int
		replicas, least string
		want            State
	}{{3, "3", "2", OK}, {3, "3", "1", Warning}, {1, "1", "1", Warning}, {2, "3", "2", Failed}, {3, "", "", Unknown}} {
		x := &examination{brokers: c.brokers, settings: map[string]string{
			"transaction.state.log.replication.factor": c.replicas, "transaction.state.log.min.isr": c.least,
		}}
		x.transactionLog()
		if got := x.checks[0].State; got != c.want {
			t.Errorf("%+v is %s: %+v", c, got, x.checks[0])
		}
	}
}

// TestChecksAreDocumented: each name is in the table of docs/kafka.md.
func TestChecksAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/kafka.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		CheckBrokers, CheckTLS, CheckSASL, CheckVersion, CheckSettings, CheckClock, CheckRight, CheckTopic, CheckReplication,
		CheckSize, CheckWorkers, CheckTimeout, CheckOffsets, CheckCache,
	} {
		if !strings.Contains(string(page), "\n| `"+name+"` | ") {
			t.Errorf("docs/kafka.md has no line for the check %s", name)
		}
	}
}
