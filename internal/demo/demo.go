package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// Options of a demonstration. All fields but Progress and Log are required.
type Options struct {
	// Module is the payments guest.
	Module []byte
	// Payments to generate, at least 1, and the seed of the generator.
	Payments int
	Seed     uint64
	// Host is the command that runs a Victim; the arguments are those of the Victim.
	Host func(ctx context.Context, broker string, maxRecords, killAt int) *exec.Cmd
	// Progress is told how far a step is; done and total are payments. Nil tells nobody.
	Progress func(step string, done, total int)
	// Log is the second host's; nil logs nothing.
	Log *zap.Logger
}

// Result is what a demonstration found.
type Result struct {
	Findings
	Payments int    `json:"payments"`
	Seed     uint64 `json:"seed"`
	// CommittedBefore and CommittedAfter the kill are numbers of transactions.
	CommittedBefore int `json:"transactions_before_kill"`
	CommittedAfter  int `json:"transactions_after_kill"`
	// Open is the number of output records that the killed host had written in the transaction that it left open.
	Open int `json:"records_of_killed_transaction"`
	// Leaked is the number of those that a read_committed reader saw while that transaction was open.
	Leaked int `json:"records_leaked"`
	// Hidden is the number of records that read_uncommitted readers see in the end and read_committed ones do not.
	Hidden int `json:"records_aborted"`
	// Lag is the number of payments whose offset is not committed.
	Lag int64 `json:"lag"`
	// Took is the time of both hosts together, in nanoseconds.
	Took time.Duration `json:"took_ns"`
}

// OK says that exactly-once held, and that the demonstration put it to the test.
func (r *Result) OK() bool {
	return r.Findings.OK() && r.Lag == 0 && r.Leaked == 0 && r.Open > 0 && r.Hidden == r.Open
}

// Run runs the demonstration on an embedded broker of its own. The error says why it did not come to an end; what it found
// is for the caller to judge, with Result.OK.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{
		topicRaw: partitions, topicAccepted: partitions, topicRejected: partitions,
	}})
	if err != nil {
		return Result{}, err
	}
	defer broker.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...))
	if err != nil {
		return Result{}, err
	}
	defer client.Close()
	d := &demo{Options: o, brokers: broker.Addrs(), client: client}
	d.result.Payments, d.result.Seed = o.Payments, o.Seed
	for _, step := range []func(context.Context) error{d.generate, d.produce, d.runVictim, d.lookIntoOpen, d.takeOver, d.check} {
		err := step(ctx)
		if ctx.Err() != nil {
			return d.result, context.Cause(ctx) // Whatever the step makes of it.
		}
		if err != nil {
			return d.result, err
		}
	}
	return d.result, nil
}

// demo is one demonstration on its way.
type demo struct {
	Options
	brokers  []string
	client   *kgo.Client
	payments []Payment
	done     int // Payments that were committed.
	result   Result
}

func (d *demo) generate(ctx context.Context) error {
	d.payments = Traffic(ctx, d.Seed, d.Payments, time.Now())
	return nil
}

func (d *demo) produce(ctx context.Context) error {
	records := make([]*kgo.Record, len(d.payments))
	for i, p := range d.payments {
		records[i] = &kgo.Record{Topic: topicRaw, Key: []byte(p.Account), Value: p.Value, Timestamp: p.Time}
	}
	if err := d.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("produce the payments: %w", err)
	}
	d.Progress("payments produced", len(records), len(records))
	return nil
}

// runVictim runs the first host until it is killed.
func (d *demo) runVictim(ctx context.Context) error {
	defer d.clock()()
	maxRecords, killAt := plan(len(d.payments))
	cmd := d.Host(ctx, d.brokers[0], maxRecords, killAt)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the first host: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			d.result.CommittedBefore++
			d.committed("first host", n)
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		return fmt.Errorf("the first host was not killed: %v: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// lookIntoOpen counts what the killed host has left: nothing of it may be visible to read_committed readers.
func (d *demo) lookIntoOpen(ctx context.Context) error {
	uncommitted, err := read(ctx, d.brokers, kgo.ReadUncommitted())
	if err != nil {
		return err
	}
	committed, err := read(ctx, d.brokers, kgo.ReadCommitted())
	if err != nil {
		return err
	}
	d.result.Open = len(uncommitted) - len(committed)
	d.result.Leaked = max(0, len(committed)-d.done)
	d.Progress("first host killed, its transaction is open", d.done, len(d.payments))
	return nil
}

// takeOver runs the second host on the slot of the first one, to the end of the input.
func (d *demo) takeOver(ctx context.Context) error {
	defer d.clock()()
	maxRecords, _ := plan(len(d.payments))
	cfg := pipeline(d.brokers, d.Module, maxRecords)
	cfg.Logger = d.Log
	cfg.Hooks.Committed = func(t host.Transaction) {
		if t.In > 0 {
			d.result.CommittedAfter++
			d.committed("second host", t.In)
		}
	}
	h, err := host.New(ctx, cfg)
	if err != nil {
		return err
	}
	err = h.Run(ctx)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // A guest may never return.
	defer cancel()
	return errors.Join(err, h.Close(closing))
}

func (d *demo) check(ctx context.Context) error {
	committed, err := read(ctx, d.brokers, kgo.ReadCommitted())
	if err != nil {
		return err
	}
	uncommitted, err := read(ctx, d.brokers, kgo.ReadUncommitted())
	if err != nil {
		return err
	}
	d.result.Findings = Check(d.payments, committed)
	d.result.Hidden = len(uncommitted) - len(committed)
	d.result.Lag, err = lag(ctx, d.client)
	d.Progress("outputs read back", len(committed), len(d.payments))
	return err
}

func (d *demo) committed(step string, n int) {
	d.done += n
	d.Progress(step, d.done, len(d.payments))
}

// clock adds the time until its result is called to Took.
func (d *demo) clock() func() {
	start := time.Now()
	return func() { d.result.Took += time.Since(start) }
}
