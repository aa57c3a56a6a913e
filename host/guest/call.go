package guest

import (
	"context"
	"fmt"

	"github.com/wasmflow/wasmflow/abi"
)

// Transform runs the transform on a batch. The result lives in env.Arena, and shares memory with the batch where the guest
// forwards what it was given. A batch whose image is larger than Limits.InputBytes, or than what the guest has room for, is
// halved until it fits, and becomes several calls; the result is one, and time and fuel are limited for all of them together.
//
// A call that does not return properly is a *TrapError. A context that is done ends the call that the guest is in, with the
// context's error. Any error has discarded the instance: ErrDiscarded is what every later call returns.
func (i *Instance) Transform(ctx context.Context, env Env, batch abi.Batch) (abi.Result, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.discarded {
		return abi.Result{}, ErrDiscarded
	}
	if env.Arena == nil {
		env.Arena = &abi.Arena{}
	}
	i.batch, i.at = batch, &i.batch
	result, err := i.run(ctx, env, &i.batch)
	if trap, ok := err.(*TrapError); ok {
		trap.locate(i.at)
		if i.m.config.Native == nil {
			trap.Suspect = i.suspect()
		}
	}
	i.batch, i.at = abi.Batch{}, nil
	if err != nil {
		i.discard()
		return abi.Result{}, err
	}
	return result, nil
}

func (i *Instance) run(ctx context.Context, env Env, b *abi.Batch) (abi.Result, error) {
	if err := ctx.Err(); err != nil {
		return abi.Result{}, err
	}
	if i.m.config.Native != nil {
		return i.m.native(ctx, env, b)
	}
	defer i.leave()
	limits := &i.m.config.Limits
	budget, limit := limits.budget(len(b.Records))
	i.tank.fill(budget, limit, limits.Timeout)
	result, err := i.calls(ctx, env, b)
	i.account(err)
	return result, err
}

// calls runs the transform in one call, or in as many as the batch needs.
func (i *Instance) calls(ctx context.Context, env Env, b *abi.Batch) (abi.Result, error) {
	if size := b.ImageSize(); size <= i.m.config.Limits.InputBytes {
		result, done, err := i.call(ctx, env.Arena, b, size, i.m.limits)
		if done || err != nil {
			return result, err
		}
	}
	p := pieces{instance: i, arena: env.Arena}
	if err := p.halve(ctx, b, 0, nil); err != nil {
		return abi.Result{}, err
	}
	return p.join(), nil
}

// call is one crossing into the guest. done is false where the guest has no room for the image.
func (i *Instance) call(ctx context.Context, arena *abi.Arena, b *abi.Batch, size int64, limits abi.Limits) (result abi.Result, done bool, err error) {
	s := seed{batch: true, name: b.Topic, partition: b.Partition}
	if len(b.Records) > 0 {
		s.offset = b.Records[0].Offset
	}
	i.enter(ctx, b.Clock, s)
	view, err := i.buffer(size)
	if view == nil || err != nil {
		return abi.Result{}, false, err
	}
	if _, err := abi.EncodeBatch(view, b); err != nil {
		return abi.Result{}, false, fmt.Errorf("encode the batch for transform %q: %w", i.m.config.Name, err)
	}
	i.stack = [2]uint64{uint64(i.in), uint64(size)}
	if err := i.invoke(&i.transform, i.stack[:]); err != nil {
		return abi.Result{}, false, i.ended(err)
	}
	// The memory may have moved in the call.
	mem, _ := i.mem.Read(0, i.mem.Size())
	result, err = arena.Decode(mem, uint32(i.stack[0]>>32), uint32(i.stack[0]), b, len(i.m.config.Outputs), limits)
	if err != nil {
		return abi.Result{}, false, i.m.badResult(err)
	}
	return result, true, nil
}

// buffer is a view of size bytes of the guest's memory, for an image. It is nil where the guest has no room. A trap while it
// makes room is one of kind memory: that is how Go guests run out.
func (i *Instance) buffer(size int64) ([]byte, error) {
	if size > int64(i.room) {
		for _, n := range [2]int64{i.roundUp(size), size} {
			i.in, i.room = 0, 0
			i.stack[0] = uint64(n)
			if err := i.invoke(&i.alloc, i.stack[:]); err != nil {
				err := i.ended(err)
				if t, ok := err.(*TrapError); ok && t.Kind != TrapFuel && t.Kind != TrapDeadline {
					t.Kind, t.Limit = TrapMemory, LimitMemory
				}
				return nil, err
			}
			if i.in = uint32(i.stack[0]); i.in != 0 {
				i.room = uint32(n)
				break
			}
		}
	}
	if i.room == 0 {
		return nil, nil
	}
	if i.in%8 != 0 {
		return nil, i.m.trap(&TrapError{Kind: TrapBadResult, Message: fmt.Sprintf("%s(%d) returned %#x, which is not aligned to 8 bytes", abi.ExportAlloc, i.room, i.in)})
	}
	if _, ok := i.mem.Read(i.in, i.room); !ok {
		return nil, i.m.trap(&TrapError{Kind: TrapBadResult, Message: fmt.Sprintf("%s(%d) returned %#x, which is outside of memory", abi.ExportAlloc, i.room, i.in)})
	}
	view, _ := i.mem.Read(i.in, uint32(size))
	return view, nil
}

// roundUp leaves some room, so that batches that grow slowly ask seldom.
func (i *Instance) roundUp(size int64) int64 {
	return max(size, min((size+size/4+4095)&^4095, i.m.config.Limits.InputBytes))
}

func (i *Instance) noRoom(what string, size int64) *TrapError {
	return i.m.trap(&TrapError{Kind: TrapMemory, Message: fmt.Sprintf("the guest has no room for %s, an image of %d bytes", what, size)})
}

// pieces are the results of a batch that became several calls.
type pieces struct {
	instance *Instance
	arena    *abi.Arena
	results  []abi.Result
	// at are the indices of the results' first records in the batch.
	at []int
}

// halve runs the transform on b, which begins at record at of the batch, in as many calls as needed. What fits into
// Limits.InputBytes has the limits of one call also where the guest wants it smaller (left): it is the guest that decides how
// often.
func (p *pieces) halve(ctx context.Context, b *abi.Batch, at int, left *abi.Limits) error {
	i := p.instance
	i.at = b
	size := b.ImageSize()
	if size <= i.m.config.Limits.InputBytes {
		if left == nil {
			limits := i.m.limits
			left = &limits
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		result, done, err := i.call(ctx, p.arena, b, size, *left)
		if err != nil {
			return err
		}
		if done {
			spend(left, &result)
			p.results, p.at = append(p.results, result), append(p.at, at)
			return nil
		}
	}
	n := len(b.Records)
	if n < 2 {
		return i.noRoomFor(b, size)
	}
	for _, half := range [2][2]int{{0, n / 2}, {n / 2, n}} {
		if err := p.halve(ctx, part(b, half[0], half[1]), at+half[0], left); err != nil {
			return err
		}
	}
	return nil
}

func (i *Instance) noRoomFor(b *abi.Batch, size int64) *TrapError {
	what := "an empty batch of topic " + quote(b.Topic)
	if len(b.Records) > 0 {
		what = fmt.Sprintf("the record at offset %d of partition %d of topic %q", b.Records[0].Offset, b.Partition, b.Topic)
	}
	if size > i.m.config.Limits.InputBytes {
		return i.m.trap(&TrapError{Kind: TrapMemory, Limit: LimitInputBytes, Message: fmt.Sprintf("%s makes an image of %d bytes, the limit is %d", what, size, i.m.config.Limits.InputBytes)})
	}
	return i.noRoom(what, size)
}

// part is the batch of records from to to.
func part(b *abi.Batch, from, to int) *abi.Batch {
	p := &abi.Batch{Topic: b.Topic, Partition: b.Partition, Records: b.Records[from:to]}
	for n := range p.Records {
		if t := p.Records[n].Timestamp; n == 0 || t > p.Clock {
			p.Clock = t
		}
	}
	return p
}

// join makes one result of all.
func (p *pieces) join() abi.Result {
	records, refusals := 0, 0
	for n := range p.results {
		records += len(p.results[n].Records)
		refusals += len(p.results[n].Refusals)
	}
	all := abi.Result{Records: p.arena.Records(records)[:0]}
	if refusals > 0 {
		all.Refusals = make([]abi.Refusal, 0, refusals)
	}
	for n := range p.results {
		at := uint32(p.at[n])
		for _, r := range p.results[n].Records {
			r.Source += at
			all.Records = append(all.Records, r)
		}
		for _, r := range p.results[n].Refusals {
			r.Source += at
			all.Refusals = append(all.Refusals, r)
		}
	}
	return all
}
