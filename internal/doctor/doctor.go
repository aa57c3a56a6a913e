// Package doctor asks a cluster for everything that would make a pipeline fail later, and changes nothing on it.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// State is what a check came to.
type State string

// States of a check.
const (
	OK      State = "ok"
	Warning State = "warning" // the pipeline runs, and may lose or stop where it need not
	Failed  State = "failed"  // the pipeline does not start, or will stop
	Unknown State = "unknown" // it cannot be told, and the text says why
)

// Names of checks. They stay as they are.
const (
	CheckBrokers     = "brokers"
	CheckTLS         = "tls"
	CheckSASL        = "sasl"
	CheckVersion     = "transaction_version"
	CheckSettings    = "broker_settings"
	CheckClock       = "clock"
	CheckRight       = "right"
	CheckTopic       = "topic"
	CheckReplication = "replication"
	CheckSize        = "max_message_bytes"
	CheckWorkers     = "workers"
	CheckTimeout     = "timeout"
	CheckOffsets     = "offsets"
	CheckCache       = "cache_dir"
)

// Check is one thing that was looked at.
type Check struct {
	// Name is one of those above.
	Name string `json:"check"`
	// Pipeline that it belongs to, "" where all share it.
	Pipeline string `json:"pipeline,omitempty"`
	// About is what was looked at: an address, a topic, a setting.
	About string `json:"about,omitempty"`
	// State is what came out.
	State State `json:"state"`
	// Text says it in a sentence.
	Text string `json:"text"`
	// Do is what to do about it: a sentence, or a command.
	Do string `json:"do,omitempty"`
}

// Options say what to examine.
type Options struct {
	// Brokers and Kafka are the connection that the pipelines share.
	Brokers []string
	Kafka   []kgo.Opt
	// Pipelines as config.Load returns them.
	Pipelines []host.Config
	// Principal for the commands that give rights, such as User:alice; "" leaves it open.
	Principal string
}

// askTimeout bounds one question to the cluster.
const askTimeout = 10 * time.Second

// Examine looks at everything and returns a check for each thing, those of the connection first. Where no broker answers it ends
// there. It only reads; where the cluster has never had a group or a transaction, asking for one makes Kafka create its own topics for them,
// as any client's first question does. When ctx is done, what could not be asked any more is unknown.
func Examine(ctx context.Context, o Options) []Check {
	x := &examination{o: o}
	client, err := kgo.NewClient(append(x.options(), kgo.SeedBrokers(o.Brokers...))...)
	if err != nil {
		x.add(Check{Name: CheckBrokers, State: Failed, Text: err.Error()})
		return x.checks
	}
	defer client.Close()
	x.client, x.admin = client, kadm.NewClient(client)
	x.admin.SetTimeoutMillis(int32(askTimeout.Milliseconds()))
	if !x.connection(ctx) {
		return x.checks
	}
	x.version(ctx)
	x.readSettings(ctx)
	x.clock()
	for _, p := range o.Pipelines {
		x.pipeline = p.Name
		p = x.matched(ctx, p)
		x.rights(ctx, p)
		x.topics(ctx, p)
		x.timeouts(p)
		x.offsets(ctx, p)
	}
	return x.checks
}

// Worst is the state that counts: Failed where any check failed, else Warning or Unknown, else OK.
func Worst(checks []Check) State {
	worst := OK
	rank := []State{OK, Unknown, Warning, Failed}
	for _, c := range checks {
		if slices.Index(rank, c.State) > slices.Index(rank, worst) {
			worst = c.State
		}
	}
	return worst
}

// Grant is a command that gives a right.
type Grant struct {
	// Pipeline that needs it.
	Pipeline string `json:"pipeline"`
	// Optional says that the pipeline runs without it.
	Optional bool `json:"optional"`
	// Command for the shell.
	Command string `json:"command"`
}

// Grants are the commands that give the pipelines their rights, without asking any cluster.
func Grants(o Options) []Grant {
	var grants []Grant
	for _, p := range o.Pipelines {
		for _, r := range p.Rights() {
			grants = append(grants, Grant{p.Name, r.Optional, r.Allow(o.broker(), o.Principal)})
		}
	}
	return grants
}

// broker is the address that commands name.
func (o *Options) broker() string {
	if len(o.Brokers) == 0 {
		return ""
	}
	return o.Brokers[0]
}

// examination is what the checks share.
type examination struct {
	o        Options
	client   *kgo.Client
	admin    *kadm.Client
	pipeline string // whose checks are added
	checks   []Check

	brokers  int               // of the cluster
	settings map[string]string // of a broker; nil where they cannot be read
}

// options of every client: a question is not repeated for long.
func (x *examination) options() []kgo.Opt {
	return append(slices.Clone(x.o.Kafka), kgo.DialTimeout(3*time.Second), kgo.RequestRetries(3), kgo.RetryTimeout(askTimeout))
}

func (x *examination) add(c Check) {
	c.Pipeline = cmp.Or(c.Pipeline, x.pipeline)
	c.State = cmp.Or(c.State, OK)
	x.checks = append(x.checks, c)
}

// rights are those that the start asks for too.
func (x *examination) rights(ctx context.Context, p host.Config) {
	rights, err := host.CheckRights(ctx, x.client, p)
	if err != nil {
		x.add(Check{Name: CheckRight, State: Unknown, Text: err.Error()})
		return
	}
	for _, r := range rights {
		c := Check{Name: CheckRight, About: fmt.Sprintf("%s %s", r.Resource, r.Name), Text: "may " + words(r.Operations)}
		switch {
		case r.Err != nil:
			c.State, c.Text = Unknown, fmt.Sprintf("whether it may %s cannot be told: %v", words(r.Operations), r.Err)
		case len(r.Missing) > 0 && r.Optional:
			c.State, c.Text = Warning, "may not "+words(r.Missing)+": the host takes 1 MiB for the largest batch, and the topic for one that is not compacted"
		case len(r.Missing) > 0:
			c.State, c.Text = Failed, "may not "+words(r.Missing)+": the pipeline does not start"
		}
		if len(r.Missing) > 0 {
			r.Operations = r.Missing
			c.Do = r.Allow(x.o.broker(), x.o.Principal)
		}
		x.add(c)
	}
}

func words(operations []string) string {
	if len(operations) == 2 {
		return operations[0] + " and " + operations[1]
	}
	return fmt.Sprint(operations[0])
}
