package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wasmflow/wasmflow/host"
)

// facts are what the cluster says of a topic.
type facts struct {
	kadm.TopicDetail
	configs map[string]string // nil where they cannot be read
}

func (f *facts) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(f.configs[name], 10, 64)
	return n, err == nil
}

// topics looks at the topics of a pipeline: each by itself, and what fits into which.
func (x *examination) topics(ctx context.Context, p host.Config) {
	ctx, cancel := context.WithTimeout(ctx, 3*askTimeout)
	defer cancel()
	inputs, outputs := p.Inputs, p.OutputTopics()
	known := map[string]*facts{}
	partitions := 0
	for _, name := range slices.Concat(inputs, outputs) {
		f := x.describe(ctx, name)
		if x.topic(name, f) {
			known[name] = f
			x.replication(name, f)
		}
		if slices.Contains(inputs, name) {
			partitions += len(f.Partitions)
		}
	}
	if p.Workers > partitions && partitions > 0 {
		x.add(Check{
			Name: CheckWorkers, State: Warning, Text: fmt.Sprintf("%s for %s of input: %d of them are not started", count(p.Workers, "worker"), count(partitions, "partition"), p.Workers-partitions),
			Do: "lower workers, or add partitions",
		})
	}
	for _, name := range outputs {
		x.size(name, name == p.Errors.DeadLetter, inputs, known)
	}
}

// matched gives the pipeline the inputs by name that its pattern matches.
func (x *examination) matched(ctx context.Context, p host.Config) host.Config {
	if p.InputsRegex == "" {
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	names, err := host.MatchingTopics(ctx, x.client, &p)
	c := Check{Name: CheckTopic, About: "/" + p.InputsRegex + "/", Text: count(len(names), "topic") + " now"}
	switch {
	case err != nil:
		c.State, c.Text = Unknown, err.Error()
	case len(names) == 0:
		c.State, c.Text = Warning, "no topic matches that this user may describe"
	}
	x.add(c)
	p.Inputs, p.InputsRegex, p.Workers = names, "", 0 // more partitions may come
	return p
}

// describe asks about one topic by itself: without the right to one there is no answer about any.
func (x *examination) describe(ctx context.Context, name string) *facts {
	described, err := x.admin.ListTopics(ctx, name)
	f := &facts{TopicDetail: described[name]}
	if err != nil {
		f.Err = err
		return f
	}
	if read, err := x.admin.DescribeTopicConfigs(ctx, name); err == nil && len(read) == 1 && read[0].Err == nil {
		f.configs = map[string]string{}
		for _, kv := range read[0].Configs {
			f.configs[kv.Key] = kv.MaybeValue()
		}
	}
	return f
}

// topic says whether it is there and has leaders.
func (x *examination) topic(name string, f *facts) bool {
	c := Check{Name: CheckTopic, About: name, Text: count(len(f.Partitions), "partition")}
	leaderless := 0
	for _, part := range f.Partitions {
		if part.Leader < 0 {
			leaderless++
		}
	}
	switch {
	case errors.Is(f.Err, kerr.UnknownTopicOrPartition):
		c.State, c.Text, c.Do = Failed, "does not exist", "create it, or run `wasmflow topics create`"
	case errors.Is(f.Err, kerr.TopicAuthorizationFailed):
		c.State, c.Text = Unknown, "it may not be described"
	case f.Err != nil:
		c.State, c.Text = Failed, f.Err.Error()
	case leaderless > 0:
		c.State, c.Text = Failed, fmt.Sprintf("%d of %d partitions have no leader", leaderless, len(f.Partitions))
		c.Do = "start the brokers that hold them"
	}
	x.add(c)
	return f.Err == nil
}

// count is a number of things.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// replication holds min.insync.replicas to the replicas that there are.
func (x *examination) replication(name string, f *facts) {
	replicas, synced := 0, 0
	for _, part := range f.Partitions {
		if replicas == 0 || len(part.Replicas) < replicas {
			replicas = len(part.Replicas)
		}
		if synced == 0 || len(part.ISR) < synced {
			synced = len(part.ISR)
		}
	}
	least, known := f.number("min.insync.replicas")
	c := Check{Name: CheckReplication, About: name, Text: fmt.Sprintf("%s, min.insync.replicas is %d", count(replicas, "replica"), least)}
	warn := func(text, do string) { c.State, c.Text, c.Do = Warning, c.Text+": "+text, do }
	switch {
	case !known:
		c.State, c.Text = Unknown, count(replicas, "replica")+"; min.insync.replicas cannot be read"
	case int(least) > replicas:
		c.State, c.Text = Failed, c.Text+": every write is refused"
		c.Do = "lower it with kafka-configs, or add replicas with kafka-reassign-partitions"
	case int(least) > synced:
		c.State, c.Text = Failed, fmt.Sprintf("%s, but a partition has %d in sync: writes to it are refused", c.Text, synced)
		c.Do = "start the brokers that are away"
	case f.configs["unclean.leader.election.enable"] == "true":
		warn("unclean.leader.election.enable is true: records that were acknowledged can be lost", "set it to false with kafka-configs")
	case replicas < 2:
		warn("what one disk loses is lost", "3 replicas and min.insync.replicas 2, on three brokers or more")
	case least < 2:
		warn("a record that one replica acknowledged alone can be lost with it", "set min.insync.replicas to 2 with kafka-configs")
	case int(least) == replicas:
		warn("one broker that is away stops all writes", "set min.insync.replicas below the number of replicas, or add replicas")
	}
	x.add(c)
}

// size holds what an output takes to what the inputs hold.
func (x *examination) size(output string, dead bool, inputs []string, known map[string]*facts) {
	out := known[output]
	if out == nil {
		return
	}
	largest, from := int64(0), ""
	for _, name := range inputs {
		f := known[name]
		if f == nil {
			continue
		}
		n, ok := f.number("max.message.bytes")
		if !ok {
			x.add(Check{Name: CheckSize, About: output, State: Unknown, Text: fmt.Sprintf("max.message.bytes of %s cannot be read", name)})
			return
		}
		if n > largest {
			largest, from = n, name
		}
	}
	most, ok := out.number("max.message.bytes")
	if !ok {
		x.add(Check{Name: CheckSize, About: output, State: Unknown, Text: "max.message.bytes cannot be read"})
		return
	}
	c := Check{Name: CheckSize, About: output, Text: fmt.Sprintf("max.message.bytes is %s, that of the inputs at most %s", humanize.Comma(most), humanize.Comma(largest))}
	needs := largest
	if dead {
		needs += host.DeadLetterRoom
	}
	if from != "" && most < needs {
		c.State = Warning
		if dead {
			c.Text += fmt.Sprintf(" (%s): the dead letter of a record as large as that cannot be written, which stops the pipeline", from)
		} else {
			c.Text += fmt.Sprintf(" (%s): a record as large as that is guilty where it is forwarded", from)
		}
		c.Do = fmt.Sprintf("kafka-configs --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config max.message.bytes=%d", x.o.broker(), output, needs)
	}
	x.add(c)
}

// offsets looks for positions of the group that do not exist any more.
func (x *examination) offsets(ctx context.Context, p host.Config) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	c := Check{Name: CheckOffsets, About: "group " + p.Group}
	committed, err := x.admin.FetchOffsets(ctx, p.Group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		err = nil
	}
	inputs := slices.DeleteFunc(committed.Partitions().Topics(), func(topic string) bool { return !slices.Contains(p.Inputs, topic) })
	var starts, ends kadm.ListedOffsets
	if err == nil && len(inputs) > 0 {
		if starts, err = x.admin.ListStartOffsets(ctx, inputs...); err == nil {
			ends, err = x.admin.ListEndOffsets(ctx, inputs...)
		}
	}
	if err != nil {
		c.State, c.Text = Unknown, "the group's offsets cannot be held to the logs: "+err.Error()
		x.add(c)
		return
	}
	var outside []string
	n := 0
	for _, o := range committed.Sorted() {
		start, ok := starts.Lookup(o.Topic, o.Partition)
		end, also := ends.Lookup(o.Topic, o.Partition)
		if !ok || !also || start.Err != nil || end.Err != nil || o.At < 0 {
			continue
		}
		n++
		if o.At < start.Offset || o.At > end.Offset {
			outside = append(outside, fmt.Sprintf("%s partition %d is at %d, its log from %d to %d", o.Topic, o.Partition, o.At, start.Offset, end.Offset))
		}
	}
	c.Text = "committed in " + count(n, "partition") + ", within the log"
	switch {
	case n == 0:
		c.Text = "nothing is committed yet: it begins at the " + string(p.Start)
	case len(outside) > 0:
		c.State, c.Text = Failed, "committed offsets that do not exist any more: "+strings.Join(outside, "; ")
		c.Do = "look what became of the records, then set the group's offsets with kafka-consumer-groups, or on_out_of_range"
		if p.OnOutOfRange != host.OutOfRangeFail && p.OnOutOfRange != "" {
			c.State = Warning
		}
	}
	x.add(c)
}
