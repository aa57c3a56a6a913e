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
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/internal/script"
)

// TestLoop runs the stories of testdata/loop against the embedded broker.
func TestLoop(t *testing.T) {
	t.Parallel()
	script.RunDir(t, "testdata/loop", func(t *testing.T) func(*script.Command) string {
		return (&loop{t: t}).do
	})
}

const patience = 30 * time.Second

// loop is the world of one story: a broker, and the pipeline that runs on it.
type loop struct {
	t      *testing.T
	broker *devbroker.Broker
	client *kgo.Client
	admin  *kadm.Client

	mu     sync.Mutex
	events []string // what the hooks told since the last run
	hosts  map[string]*storyHost
}

func (l *loop) do(c *script.Command) string {
	commands := map[string]func(context.Context, *script.Command) (string, error){
		"broker": l.start, "topic": l.topic, "produce": l.produce, "run": l.run, "read": l.read, "lag": l.lag, "delete-records": l.deleteRecords, "commit": l.commit,
		"start": l.startHost, "await": l.await, "release": l.release, "stop": l.stopHost,
	}
	f := commands[c.Name]
	if f == nil {
		l.t.Fatalf("line %d: no command %q", c.Line, c.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := f(ctx, c)
	if err != nil {
		return "error: " + err.Error()
	}
	return out
}

// start starts a broker with the topics given as name=partitions.
func (l *loop) start(_ context.Context, c *script.Command) (string, error) {
	topics := map[string]int32{}
	for name, n := range c.Options {
		partitions, err := strconv.Atoi(n)
		if err != nil {
			return "", err
		}
		topics[name] = int32(partitions)
	}
	var err error
	if l.broker, err = devbroker.Start(devbroker.Options{Topics: topics}); err != nil {
		return "", err
	}
	l.t.Cleanup(l.broker.Close)
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(l.broker.Addrs()...), kgo.RecordPartitioner(newPartitioner()), kgo.ProducerBatchMaxBytes(brokerMaxMessageBytes), kgo.ProducerBatchCompression(kgo.NoCompression())); err != nil {
		return "", err
	}
	l.t.Cleanup(l.client.Close)
	l.admin = kadm.NewClient(l.client)
	return "", nil
}

// topic creates a topic with properties by their Kafka names.
func (l *loop) topic(_ context.Context, c *script.Command) (string, error) {
	configs := map[string]*string{}
	for name, value := range c.Options {
		configs[name] = &value
	}
	_, err := l.admin.CreateTopic(context.Background(), 1, 1, configs, c.Args[0])
	return "", err
}

// produce writes records, `key value [header:value ...]`, to a topic; in one transaction where txn=commit or txn=abort.
func (l *loop) produce(ctx context.Context, c *script.Command) (string, error) {
	cl, txn := l.client, c.Option("txn", "")
	if txn != "" {
		var err error
		if cl, err = kgo.NewClient(kgo.SeedBrokers(l.broker.Addrs()...), kgo.TransactionalID("upstream"), kgo.RecordPartitioner(newPartitioner())); err != nil {
			return "", err
		}
		defer cl.Close()
		if err := cl.BeginTransaction(); err != nil {
			return "", err
		}
	}
	partition, err := strconv.Atoi(c.Option("partition", "-1"))
	if err != nil {
		return "", err
	}
	for _, line := range c.Input {
		words := strings.Fields(line)
		r := &kgo.Record{Topic: c.Args[0], Partition: int32(partition), Timestamp: time.UnixMilli(1000), Key: field(words[0]), Value: field(words[1])}
		for _, h := range words[2:] {
			key, value, _ := strings.Cut(h, ":")
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: field(value)})
		}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			return "", err
		}
	}
	if txn != "" {
		return "", cl.EndTransaction(ctx, kgo.TransactionEndTry(txn == "commit"))
	}
	return "", nil
}

// field reads a word: - is null, "" is empty, *N is N times x.
func field(word string) []byte {
	switch {
	case word == "-":
		return nil
	case word == `""`:
		return []byte{}
	case strings.HasPrefix(word, "*"):
		n, _ := strconv.Atoi(word[1:])
		return []byte(strings.Repeat("x", n))
	default:
		return []byte(word)
	}
}

// run runs a pipeline once over the input and tells what its hooks saw, and the error that stopped it.
func (l *loop) run(ctx context.Context, c *script.Command) (string, error) {
	cfg, err := l.config(c)
	if err != nil {
		return "", err
	}
	l.events = nil
	h, err := New(ctx, cfg)
	if err != nil {
		return "", err
	}
	err = errors.Join(h.Run(ctx), h.Close(ctx))
	l.mu.Lock()
	defer l.mu.Unlock()
	out := strings.Join(l.events, "\n") + "\n"
	if err != nil {
		out += "stopped: " + tidy(err.Error())
	}
	return strings.TrimLeft(out, "\n"), nil
}

// config makes a pipeline of options; a transform is named by its native, transforms=upper,trap:x.
func (l *loop) config(c *script.Command) (Config, error) {
	cfg := Config{
		Name: "p", Brokers: l.broker.Addrs(), Group: c.Option("group", "g"), Once: true,
		Outputs: map[string]string{"out": c.Option("output", "out")}, DefaultOutput: "out", Workers: 1,
		Guarantee: Guarantee(c.Option("guarantee", "")), Start: Start(c.Option("start", "")),
		OnOutOfRange: OutOfRange(c.Option("on_out_of_range", "")), InputsRegex: c.Option("regex", ""),
		Hooks: Hooks{Committed: func(t Transaction) { l.event("commit", t, nil) }, Aborted: func(t Transaction, err error) { l.event("abort", t, err) }},
	}
	if cfg.InputsRegex == "" {
		cfg.Inputs = strings.Split(c.Option("inputs", "in"), ",")
	}
	cfg.Errors.OnError, cfg.Errors.DeadLetter = OnError(c.Option("on_error", "")), c.Option("dead_letter", "")
	if other := c.Option("other", ""); other != "" {
		cfg.Outputs["other"] = other
	}
	var err error
	if cfg.MaxRecords, err = strconv.Atoi(c.Option("max_records", "0")); err != nil {
		return cfg, err
	}
	if cfg.MaxDelay, err = time.ParseDuration(c.Option("max_delay", "0s")); err != nil {
		return cfg, err
	}
	limit, err := strconv.Atoi(c.Option("output_records", "0"))
	if err != nil {
		return cfg, err
	}
	for i, spec := range strings.Split(c.Option("transforms", "forward"), ",") {
		name, _, _ := strings.Cut(spec, ":")
		cfg.Transforms = append(cfg.Transforms, guest.Config{
			Name: fmt.Sprintf("%s-%d", name, i), Native: natives(strings.ReplaceAll(spec, "/", ",")), Limits: guest.Limits{OutputRecords: limit},
		})
	}
	return cfg, nil
}

func (l *loop) event(what string, t Transaction, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := fmt.Sprintf("%s in=%d out=%d dropped=%d", what, t.In, t.Out, t.Dropped)
	if t.Guilty > 0 {
		s += fmt.Sprintf(" guilty=%d", t.Guilty)
	}
	for _, topic := range slices.Sorted(maps.Keys(t.Offsets)) {
		for _, n := range slices.Sorted(maps.Keys(t.Offsets[topic])) {
			s += fmt.Sprintf(" %s/%d=%d", topic, n, t.Offsets[topic][n])
		}
	}
	if err != nil {
		s += ": " + tidy(err.Error())
	}
	l.events = append(l.events, s)
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func tidy(s string) string { return address.ReplaceAllString(s, "BROKER") }

// read prints a topic as a consumer sees it that reads committed records, or, with `uncommitted`, all.
func (l *loop) read(ctx context.Context, c *script.Command) (string, error) {
	level, list := kgo.ReadCommitted(), l.admin.ListCommittedOffsets
	if slices.Contains(c.Args, "uncommitted") {
		level, list = kgo.ReadUncommitted(), l.admin.ListEndOffsets
	}
	topic := c.Args[0]
	if n, ok := c.Options["until"]; ok { // so many records, which may take their time
		count, err := strconv.Atoi(n)
		if err != nil {
			return "", err
		}
		got := (&world{t: l.t, broker: l.broker, client: l.client}).read(count)
		slices.Sort(got)
		return strings.Join(got, "\n"), nil
	}
	ends, err := list(ctx, topic)
	if err != nil {
		return "", err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.broker.Addrs()...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(level),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	if err != nil {
		return "", err
	}
	defer cl.Close()
	lines, left := map[int32][]string{}, map[int32]int64{}
	for n, end := range ends[topic] {
		if start, err := l.admin.ListStartOffsets(ctx, topic); err == nil && end.Offset > start[topic][n].Offset {
			left[n] = end.Offset
		}
	}
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return "", err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				lines[r.Partition] = append(lines[r.Partition], show(r))
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, lines[n]...)
	}
	return strings.Join(out, "\n"), nil
}

func show(r *kgo.Record) string {
	word := func(b []byte) string {
		switch {
		case b == nil:
			return "-"
		case len(b) == 0:
			return `""`
		case len(b) > 40:
			return fmt.Sprintf("*%d", len(b))
		default:
			return string(b)
		}
	}
	s := fmt.Sprintf("%d: %s %s", r.Partition, word(r.Key), word(r.Value))
	for _, h := range r.Headers {
		s += fmt.Sprintf(" %s:%s", h.Key, word(h.Value))
	}
	if ms := r.Timestamp.UnixMilli(); ms != 1000 {
		s += fmt.Sprintf(" at=%d", ms)
	}
	return s
}

// lag prints the group's lag by partition, as every tool sees it: end offset minus committed offset.
func (l *loop) lag(ctx context.Context, c *script.Command) (string, error) {
	committed, err := l.admin.FetchOffsets(ctx, c.Option("group", "g"))
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return "", err
	}
	var out []string
	for _, topic := range c.Args {
		ends, err := l.admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return "", err
		}
		for _, n := range slices.Sorted(maps.Keys(ends[topic])) {
			at, ok := committed.Lookup(topic, n)
			if !ok {
				out = append(out, fmt.Sprintf("%s/%d none committed", topic, n))
				continue
			}
			out = append(out, fmt.Sprintf("%s/%d committed %d lag %d", topic, n, at.At, ends[topic][n].Offset-at.At))
		}
	}
	return strings.Join(out, "\n"), nil
}

// deleteRecords moves the log start of TOPIC PARTITION to an offset, as retention does.
func (l *loop) deleteRecords(_ context.Context, c *script.Command) (string, error) {
	partition, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return "", err
	}
	offset, err := strconv.ParseInt(c.Args[2], 10, 64)
	if err != nil {
		return "", err
	}
	return "", l.broker.DeleteRecords(c.Args[0], int32(partition), offset)
}

// commit commits an offset of TOPIC PARTITION for the group.
func (l *loop) commit(ctx context.Context, c *script.Command) (string, error) {
	partition, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return "", err
	}
	at, err := strconv.ParseInt(c.Args[2], 10, 64)
	if err != nil {
		return "", err
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(c.Args[0], int32(partition), at, -1)
	return "", l.admin.CommitAllOffsets(ctx, c.Option("group", "g"), offsets)
}
