package deadletters

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// Order says what a pass does.
type Order struct {
	// Filter chooses the letters.
	Filter Filter
	// Limit is how many at most, the oldest ones; 0 for all.
	Limit int
	// Rate is how many a second are replayed at most; 0 for as fast as it goes.
	Rate int
	// DryRun only tells what would be done.
	DryRun bool
	// Logger of the pass; nil logs nothing.
	Logger *zap.Logger
	// Progress is told how many of the chosen letters are done, between transactions; nil for nobody.
	Progress func(done, chosen int)
}

// Report is what a pass did, or would do.
type Report struct {
	// Topic of the dead letters, and the Group whose offsets say which are done.
	Topic string `json:"topic"`
	Group string `json:"group"`
	// DryRun: nothing was done.
	DryRun bool `json:"dry_run"`
	// Pending letters at the start, and those of them that are not of this pipeline, which are always left.
	Pending int `json:"pending"`
	Foreign int `json:"foreign"`
	// Chosen by the filter, and Done: replayed or purged, and committed.
	Chosen int `json:"chosen"`
	Done   int `json:"done"`
	// Copied letters were left, and written to the end of their partition.
	Copied int `json:"copied"`
	// Targets of the chosen letters.
	Targets []Target `json:"targets"`
}

// Replay sends letters back to where they came from, with the headers that they had there and HeaderReplayed. Letters that are left
// stay, or are copied. An error says what was not done: running it again does the rest, and nothing twice. Errors wrap
// host.ErrEnvironment, host.ErrFenced or ErrUsage, or are a *host.RecordError; where ctx is done, they are its cause. A report comes
// with an error too, once something was begun.
func (t *Topic) Replay(ctx context.Context, o Order) (*Report, error) { return t.pass(ctx, o, false) }

// Purge deletes letters, and with them what lies before: letters that were done earlier. Otherwise as Replay.
func (t *Topic) Purge(ctx context.Context, o Order) (*Report, error) {
	report, err := t.pass(ctx, o, true)
	if err != nil || o.DryRun {
		return report, err
	}
	return report, t.deleteDone(ctx)
}

func (t *Topic) pass(ctx context.Context, o Order, purge bool) (*Report, error) {
	if err := t.alone(ctx); err != nil {
		return nil, err
	}
	if !o.DryRun {
		if err := t.fence(ctx); err != nil {
			return nil, err
		}
	}
	p, err := t.plan(ctx, o)
	if err != nil {
		return nil, err
	}
	report := &Report{
		Topic: t.name, Group: t.group, DryRun: o.DryRun, Pending: p.pending, Foreign: p.foreign, Chosen: p.count, Targets: p.targets,
	}
	if !purge {
		if err := t.reachable(ctx, p); err != nil {
			return report, err
		}
	}
	if o.DryRun || p.count == 0 {
		return report, nil
	}
	out, err := t.run(ctx, o, p, purge)
	// What was committed counts, also where the pass did not see the answer.
	after, asked := t.offsets(context.WithoutCancel(ctx))
	if report.Done = p.before(after); !purge {
		out -= report.Done
	}
	report.Copied = max(0, out)
	switch {
	case err == nil && report.Done == report.Chosen:
		return report, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && asked != nil:
		err = asked
	case err == nil:
		err = errors.New("the pass ended before its end")
	}
	return report, fmt.Errorf("%w: %d of %d letters are done, the others stay as they were: run it again for them", err, report.Done, report.Chosen)
}

// slot is the fixed prefix and transactional id of all passes of a group: a later one fences an earlier one.
func (t *Topic) slot() (prefix, id string) {
	prefix = t.group
	if !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(prefix) { // a group may have any name, an id may not
		prefix = t.pipeline.IDPrefix + GroupSuffix
	}
	return prefix, prefix + "-0-0"
}

// fence takes the slot before offsets are read: what another pass left open, alive or dead, is aborted or committed then, and counts.
func (t *Topic) fence(ctx context.Context) error {
	_, id := t.slot()
	client, err := kgo.NewClient(append(t.opts[:len(t.opts):len(t.opts)], kgo.TransactionalID(id))...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	bounded, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_, _, err = client.ProducerID(bounded)
	if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		return fmt.Errorf("%w: no right to write with transactional id %q: %w; allow it with: kafka-acls --add --allow-principal User:<user> "+
			"--operation Write --operation Describe --transactional-id %s", host.ErrEnvironment, id, err, id)
	}
	return failed(ctx, fmt.Sprintf("take the transactional id %q", id), err)
}

// run goes over the topic as a pipeline that reads it and writes to it, in transactions, up to the ends of the plan. It returns
// how many records it wrote.
func (t *Topic) run(ctx context.Context, o Order, p *plan, purge bool) (out int, err error) {
	c, name := t.pipeline, "dlq replay"
	if purge {
		name = "dlq purge"
	}
	prefix, _ := t.slot()
	cfg := host.Config{
		Name: c.Name, Brokers: c.Brokers, Kafka: c.Kafka, Group: t.group, IDPrefix: prefix, Workers: 1,
		Inputs: []string{t.name}, Outputs: map[string]string{t.name: t.name}, DefaultOutput: t.name,
		Once: true, Ends: map[string]map[int32]int64{t.name: p.ends},
		// Letters that retention took are gone whatever is done here.
		OnOutOfRange: host.OutOfRangeEarliest, RequireTransactionV2: c.RequireTransactionV2,
		TransactionTimeout: c.TransactionTimeout, MaxRecords: c.MaxRecords, MaxBytes: c.MaxBytes,
		Compression: c.Compression, Drain: c.Drain, Logger: o.Logger,
	}
	m := mover{plan: p, purge: purge, pipeline: c.Name, rate: o.Rate, outputs: map[string]uint16{}}
	if o.Rate > 0 && (cfg.MaxRecords == 0 || cfg.MaxRecords > o.Rate) {
		cfg.MaxRecords = o.Rate // a transaction waits for a second at most
	}
	if !purge {
		for _, target := range p.targets {
			cfg.Outputs[target.Topic] = target.Topic
		}
	}
	for i, output := range cfg.OutputNames() {
		m.outputs[output] = uint16(i)
	}
	// Nothing that was a record once is too large to be one again.
	cfg.Transforms = []guest.Config{{Name: name, Native: m.move, Limits: guest.Limits{OutputRecords: 1<<31 - 1, OutputBytes: 1 << 40}}}
	if o.Progress != nil {
		cfg.Hooks.Committed = func(done host.Transaction) { o.Progress(p.before(done.Offsets[t.name]), p.count) }
	}
	h, err := host.New(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, h.Close(context.WithoutCancel(ctx))) }()
	err = h.Run(ctx)
	return int(h.Status().Out), err
}

// mover is the transform of a pass.
type mover struct {
	plan     *plan
	purge    bool
	pipeline string
	rate     int
	next     time.Time // when the next letter may go
	outputs  map[string]uint16
}

// move does with each letter what the plan says.
func (m *mover) move(ctx context.Context, _ guest.Env, b abi.Batch) (abi.Result, error) {
	res := abi.Result{Records: make([]abi.ResultRecord, 0, len(b.Records))}
	chosen := 0
	for i := range b.Records {
		r := &b.Records[i]
		out := abi.ResultRecord{
			Source: uint32(i), Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp, Partition: b.Partition, Output: m.outputs[b.Topic],
		}
		if m.plan.has(b.Partition, r.Offset) {
			chosen++
			if m.purge {
				continue
			}
			own, cause := parse(r.Headers)
			if cause == nil || cause.Pipeline != m.pipeline {
				return abi.Result{}, errors.New("it is not the letter that was read before: was the topic created again?")
			}
			output, known := m.outputs[cause.Source.Topic]
			if !known {
				return abi.Result{}, fmt.Errorf("it came from topic %q, which it did not before: was the topic created again?", cause.Source.Topic)
			}
			out.Headers, out.Timestamp = revived(own, r.Headers, r.Timestamp)
			out.Partition, out.Output = cause.Source.Partition, output
		}
		res.Records = append(res.Records, out)
	}
	return res, m.wait(ctx, chosen)
}

// wait holds letters to the rate.
func (m *mover) wait(ctx context.Context, letters int) error {
	if m.rate <= 0 || letters == 0 || m.purge {
		return nil
	}
	now := time.Now()
	if m.next.Before(now) {
		m.next = now
	}
	m.next = m.next.Add(time.Duration(letters) * time.Second / time.Duration(m.rate))
	timer := time.NewTimer(m.next.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// deleteDone deletes from the log what is done.
func (t *Topic) deleteDone(ctx context.Context) error {
	at, err := t.bounds(ctx)
	if err != nil {
		return err
	}
	upTo := kadm.Offsets{}
	for n, b := range at {
		if b.done > b.start {
			upTo.AddOffset(t.name, n, b.done, -1)
		}
	}
	if len(upTo) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answers, err := t.admin.DeleteRecords(bounded, upTo)
	if err == nil {
		err = answers.Error()
	}
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return fmt.Errorf("%w: the letters count as purged, but no right to delete them from topic %q: %w; allow it with: kafka-acls --add "+
			"--allow-principal User:<user> --operation Delete --topic %s, and purge again", host.ErrEnvironment, t.name, err, t.name)
	}
	return failed(ctx, fmt.Sprintf("delete the purged letters from topic %q (they count as purged all the same)", t.name), err)
}

// Left is how many letters are not done by the report.
func (r *Report) Left() int { return r.Pending - r.Done }
