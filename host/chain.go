package host

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// chain is a worker's transforms, each with an instance of its own: what one writes to the default output is the next
// one's input, in the same transaction.
type chain struct {
	pipeline string
	topics   []string // of the outputs, by index
	stages   []stage

	// links are the inputs of the stages after the first, in turns: one is read while the next is made of it.
	links [2]link
	fates []fate // of each input record
}

// fate is what became of an input record so far.
type fate uint8

const (
	dropped fate = iota // nothing came of it
	emitted
	refused
)

// link is what goes from one stage to the next.
type link struct {
	batch   abi.Batch
	origins []uint32 // of each record: the index of the pipeline's input record
}

// stage is one transform of a chain and the instance that a worker has of it.
type stage struct {
	name     string
	module   *guest.Module
	instance *guest.Instance
	// fuel counts what all workers used for this transform.
	fuel *atomic.Uint64
	// traps counts theirs.
	traps *traps
}

// run takes a batch through all stages, adds what comes out to t, and returns the records that a stage refused, of which nothing
// is left. The first error ends it: a *RecordError, or a transform that could not begin.
func (c *chain) run(ctx context.Context, in *abi.Batch, t *transaction) (guilty []verdict, err error) {
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	c.fates = append(c.fates[:0], make([]fate, len(in.Records))...)
	before := t.mark()
	batch, origins := in, []uint32(nil)
	for i := range c.stages {
		st := &c.stages[i]
		res, err := c.call(ctx, st, batch, t)
		if err != nil {
			return nil, c.blame(st, in, err)
		}
		for _, r := range res.Refusals {
			if at := origin(origins, r.Source); c.fates[at] != refused {
				c.fates[at] = refused
				guilty = append(guilty, verdict{in.Records[at].Offset, st.name, st.digest(), "", 1, &RefusedError{Code: r.Code, Text: r.Text}})
			}
		}
		if i == len(c.stages)-1 {
			c.emit(in, origins, res.Records, t, st, false)
			break
		}
		c.emit(in, origins, res.Records, t, st, true)
		if batch, origins = c.follow(i, in, batch, origins, res.Records); len(batch.Records) == 0 {
			break
		}
	}
	for _, f := range c.fates {
		if f == dropped {
			t.dropped++
		}
	}
	if len(guilty) > 0 && len(c.stages) > 1 { // an earlier stage may have written beside
		offsets := map[int64]bool{}
		for i := range guilty {
			offsets[guilty[i].offset] = true
		}
		t.withdraw(before, func(offset int64) bool { return offsets[offset] })
	}
	for i := range c.links {
		clear(c.links[i].batch.Records)
	}
	return guilty, nil
}

// open makes an instance of every stage that has none. An error is no record's fault: init refused, or there is no memory.
func (c *chain) open(ctx context.Context) error {
	for i := range c.stages {
		st := &c.stages[i]
		if st.instance != nil {
			continue
		}
		instance, err := st.module.Instantiate(ctx)
		switch {
		case err == nil:
			st.instance = instance
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			st.traps.saw(err)
			return &startError{err}
		}
	}
	return nil
}

// startError is a transform that cannot begin.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// slowStarts is how often in a row the start of an instance may be too slow: a machine that was stopped, or is busy, is no mistake of
// the module, and an init that never ends is.
const slowStarts = 3

// isSlowStart says that an instance took longer to begin than its timeout allows.
func isSlowStart(err error) bool {
	var start *startError
	var trap *guest.TrapError
	return errors.As(err, &start) && errors.As(err, &trap) && trap.Limit == guest.LimitTimeout
}

// call runs one stage over a batch.
func (c *chain) call(ctx context.Context, st *stage, batch *abi.Batch, t *transaction) (abi.Result, error) {
	res, err := st.instance.Transform(ctx, guest.Env{Arena: &t.arena}, *batch)
	st.fuel.Add(st.instance.Fuel())
	if err != nil {
		st.traps.saw(err)
		st.instance = nil // it has discarded itself (I8)
	}
	return res, err
}

// emit adds result records to the transaction; of a stage that another follows, only those beside the default output.
func (c *chain) emit(in *abi.Batch, origins []uint32, records []abi.ResultRecord, t *transaction, st *stage, beside bool) {
	for i := range records {
		r := &records[i]
		if beside && r.Output == 0 {
			continue
		}
		from := origin(origins, r.Source)
		if c.fates[from] == refused {
			continue
		}
		c.fates[from] = emitted
		t.out = append(t.out, kgo.Record{
			Key: r.Key, Value: r.Value, Headers: kafkaHeaders(r.Headers),
			Timestamp: time.UnixMilli(r.Timestamp), Topic: c.topics[r.Output], Partition: r.Partition,
		})
		t.outBytes += int64(recordBytes(&t.out[len(t.out)-1]))
		t.sources = append(t.sources, source{in.Topic, in.Partition, in.Records[from].Offset, st})
	}
}

// follow makes the input of the next stage from what this one wrote to the default output. An intermediate record keeps
// topic, partition and offset of the pipeline's input record, and takes its place in the transform's order (I5).
func (c *chain) follow(stage int, in, batch *abi.Batch, origins []uint32, records []abi.ResultRecord) (*abi.Batch, []uint32) {
	next := &c.links[stage%len(c.links)]
	next.batch = abi.Batch{Topic: in.Topic, Partition: in.Partition, Records: next.batch.Records[:0]}
	next.origins = next.origins[:0]
	for i := range records {
		r := &records[i]
		if r.Output != 0 || c.fates[origin(origins, r.Source)] == refused {
			continue
		}
		was := &batch.Records[r.Source]
		if len(next.origins) == 0 || r.Timestamp > next.batch.Clock {
			next.batch.Clock = r.Timestamp
		}
		next.batch.Records = append(next.batch.Records, abi.Record{
			Key: r.Key, Value: r.Value, Headers: r.Headers, Offset: was.Offset, Timestamp: r.Timestamp,
			LeaderEpoch: was.LeaderEpoch, Flags: was.Flags,
		})
		next.origins = append(next.origins, origin(origins, r.Source))
	}
	return &next.batch, next.origins
}

// origin composes the source of a record over the stages before it.
func origin(origins []uint32, source uint32) uint32 {
	if origins == nil {
		return source
	}
	return origins[source]
}

// blame names the input records, the transform and its module.
func (c *chain) blame(st *stage, in *abi.Batch, err error) error {
	first, last := bounds(in)
	hint := int64(-1)
	var trap *guest.TrapError
	if errors.As(err, &trap) {
		hint = trap.Suspect // records of later stages have the offsets of their input records
	}
	return &RecordError{
		hint:     hint,
		Pipeline: c.pipeline, Transform: st.name, Digest: st.digest(),
		Topic: in.Topic, Partition: in.Partition, First: first, Last: last, Err: err,
	}
}

func (st *stage) digest() string {
	if digest := st.module.Info().Digest; digest != "" {
		return "sha256:" + digest
	}
	return ""
}

// discard throws all instances away: after an abort nothing of their memory may reach the retry (I8).
func (c *chain) discard() error {
	var first error
	for i := range c.stages {
		st := &c.stages[i]
		if st.instance == nil {
			continue
		}
		if err := st.instance.Close(context.Background()); err != nil && first == nil {
			first = fmt.Errorf("close an instance of transform %q: %w", st.name, err)
		}
		st.instance = nil
	}
	return first
}
