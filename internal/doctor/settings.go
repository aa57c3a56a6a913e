package doctor

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/wasmflow/wasmflow/host"
)

// version looks for transaction.version 2.
func (x *examination) version(ctx context.Context) {
	demanded, wanted := false, false
	for _, p := range x.o.Pipelines {
		exactly := p.Guarantee == host.ExactlyOnce
		wanted = wanted || exactly && p.RequireTransactionV2 != host.TransactionV2Off
		demanded = demanded || exactly && p.RequireTransactionV2 == host.TransactionV2Enforce
	}
	if !wanted {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	version, err := host.TransactionVersion(ctx, x.client)
	c := Check{Name: CheckVersion, Text: fmt.Sprintf("transaction.version is %d", version)}
	switch {
	case err != nil:
		c.State, c.Text = Unknown, err.Error()
	case version < 2:
		c.State, c.Text = Warning, c.Text+": a delayed end of one transaction could land in the next (KIP-890)"
		c.Do = "kafka-features --bootstrap-server " + x.o.broker() + " upgrade --feature transaction.version=2, with Kafka 4.0 or later"
		if demanded {
			c.State = Failed
		}
	}
	x.add(c)
}

// readSettings reads the settings of one broker, whichever answers.
func (x *examination) readSettings(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	meta, err := x.admin.BrokerMetadata(ctx)
	if err == nil && len(meta.Brokers) > 0 {
		configs, failed := x.admin.DescribeBrokerConfigs(ctx, meta.Brokers[0].NodeID)
		if err = failed; err == nil && len(configs) == 1 {
			if err = configs[0].Err; err == nil {
				x.settings = map[string]string{}
				for _, kv := range configs[0].Configs {
					x.settings[kv.Key] = kv.MaybeValue()
				}
			}
		}
	}
	if x.settings == nil {
		x.add(Check{
			Name: CheckSettings, State: Unknown, Text: fmt.Sprintf("the brokers' settings cannot be read, so their limits are not checked: %v", err),
			Do: host.Right{Operations: []string{"DescribeConfigs"}, Resource: host.ResourceCluster}.Allow(x.o.broker(), x.o.Principal),
		})
		return
	}
	x.transactionLog()
	x.retention()
}

// number is a setting of the broker, as far as it is known.
func (x *examination) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(x.settings[name], 10, 64)
	return n, err == nil
}

// transactionLog looks at where the outcome of transactions is kept.
func (x *examination) transactionLog() {
	replicas, known := x.number("transaction.state.log.replication.factor")
	least, also := x.number("transaction.state.log.min.isr")
	c := Check{Name: CheckSettings, About: "transaction.state.log", Text: fmt.Sprintf("replication.factor is %d, min.isr is %d", replicas, least)}
	switch {
	case !known || !also:
		c.State, c.Text = Unknown, "the broker does not tell replication.factor and min.isr"
	case replicas > int64(x.brokers):
		c.State, c.Text = Failed, fmt.Sprintf("replication.factor is %d, and there is %s: the first transaction fails", replicas, count(x.brokers, "broker"))
		c.Do = "add brokers, or lower it on a cluster for tests"
	case replicas < 2, least < 2:
		c.State, c.Text = Warning, c.Text+": with one broker the outcome of transactions can be lost"
		c.Do = "3 and 2 on three brokers or more; what exists is changed with kafka-reassign-partitions and kafka-configs"
	}
	x.add(c)
}

// retention looks at how long offsets are kept while no host runs.
func (x *examination) retention() {
	minutes, ok := x.number("offsets.retention.minutes")
	if !ok {
		return
	}
	kept := time.Duration(minutes) * time.Minute
	c := Check{Name: CheckSettings, About: "offsets.retention.minutes", Text: fmt.Sprintf("the offsets of a group without members are kept for %v", kept)}
	if kept < 24*time.Hour {
		c.State, c.Do = Warning, "raise it above the longest time that a pipeline may be stopped: after it the pipeline begins anew"
	}
	x.add(c)
}

// clock is what cannot be known.
func (x *examination) clock() {
	x.add(Check{
		Name: CheckClock, State: Unknown,
		Text: "not checked: Kafka tells its time only to those who write. Nothing of the promise hangs on it; timestamps of outputs come from their inputs",
	})
}

// timeouts holds the pipeline's to the broker's limits.
func (x *examination) timeouts(p host.Config) {
	if x.settings == nil {
		return
	}
	if most, ok := x.number("transaction.max.timeout.ms"); ok && p.Guarantee == host.ExactlyOnce {
		limit := time.Duration(most) * time.Millisecond
		c := Check{Name: CheckTimeout, About: "transaction.max.timeout.ms", Text: fmt.Sprintf("transaction.timeout %v is within the broker's %v", p.TransactionTimeout, limit)}
		if p.TransactionTimeout > limit {
			c.State, c.Text = Failed, fmt.Sprintf("transaction.timeout %v is above the broker's %v", p.TransactionTimeout, limit)
			c.Do = "lower transaction.timeout, or raise transaction.max.timeout.ms"
		}
		x.add(c)
	}
	if p.GroupProtocol == host.GroupConsumer {
		return // the broker decides it
	}
	least, known := x.number("group.min.session.timeout.ms")
	most, also := x.number("group.max.session.timeout.ms")
	if !known || !also {
		return
	}
	c := Check{
		Name: CheckTimeout, About: "group.session.timeout",
		Text: fmt.Sprintf("a session of %v is within the broker's %v to %v", host.SessionTimeout, time.Duration(least)*time.Millisecond, time.Duration(most)*time.Millisecond),
	}
	if ms := host.SessionTimeout.Milliseconds(); ms < least || ms > most {
		c.State, c.Text = Failed, fmt.Sprintf("a session of %v is not within %d ms to %d ms: no member can join", host.SessionTimeout, least, most)
		c.Do = "set group.min.session.timeout.ms and group.max.session.timeout.ms so that they allow it"
	}
	x.add(c)
}
