package host

import (
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// positions is where a session stands in each of its partitions. The group's callbacks and the worker share it.
type positions struct {
	mu sync.Mutex
	m  map[string]map[int32]*position
}

// position is where a session stands in one partition.
type position struct {
	next      int64 // offset that the next poll is expected to begin with
	committed int64 // next offset by the last commit, or where the session began
	stable    int64 // last stable offset by the last fetch, -1 before it
	skipped   bool  // next lies behind records that were lost, which no commit says yet
	lost      int64 // how many those are
	passed    int64 // lost records that were passed since the last end
}

// set makes next the position of a partition that was assigned, or that goes back after an abort.
func (p *positions) set(topic string, partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(topic, partition, &position{next: next, committed: next, stable: -1})
}

func (p *positions) put(topic string, partition int32, at *position) {
	if p.m == nil {
		p.m = map[string]map[int32]*position{}
	}
	if p.m[topic] == nil {
		p.m[topic] = map[int32]*position{}
	}
	p.m[topic][partition] = at
}

// skip makes next the position of a partition whose records from one offset up to there are lost.
func (p *positions) skip(topic string, partition int32, from, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := max(0, next-from)
	if at := p.m[topic][partition]; at != nil {
		lost += at.lost // what was skipped before is not committed either
	}
	p.put(topic, partition, &position{next: next, committed: next, stable: -1, skipped: true, lost: lost})
}

// skips are the positions that were skipped to and not committed.
func (p *positions) skips() map[string]map[int32]kgo.EpochOffset {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out map[string]map[int32]kgo.EpochOffset
	for topic, partitions := range p.m {
		for n, at := range partitions {
			if !at.skipped {
				continue
			}
			if out == nil {
				out = map[string]map[int32]kgo.EpochOffset{}
			}
			if out[topic] == nil {
				out[topic] = map[int32]kgo.EpochOffset{}
			}
			out[topic][n] = kgo.EpochOffset{Epoch: -1, Offset: at.committed}
		}
	}
	return out
}

// isSkipped says that the position of a partition is still to be committed.
func (p *positions) isSkipped(topic string, partition int32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.m[topic][partition]
	return at != nil && at.skipped
}

// committed says that skips were committed, and returns how many records were lost by them: they count once, at the commit.
func (p *positions) committed(skips map[string]map[int32]kgo.EpochOffset) (lost int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, partitions := range skips {
		for n, to := range partitions {
			if at := p.m[topic][n]; at != nil && at.committed == to.Offset {
				lost += at.lost
				at.skipped, at.lost = false, 0
			}
		}
	}
	return lost
}

// remove forgets partitions that were revoked.
func (p *positions) remove(partitions map[string][]int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, ps := range partitions {
		for _, n := range ps {
			delete(p.m[topic], n)
		}
	}
}

// clear forgets all of them, at the end of a session.
func (p *positions) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.m)
}

// advance moves a partition past what was fetched, and holds the fetch to it (I3): a first offset below the expected one
// would process records twice; one above it is a loss where retention has deleted what lay between, which is returned as the
// expected offset, and else only markers and compaction. lost is -1 where nothing was.
func (p *positions) advance(f *kgo.FetchTopicPartition, isolation Isolation) (lost int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.m[f.Topic][f.Partition]
	if at == nil {
		return -1, fmt.Errorf("%w: topic %q partition %d was fetched but is not assigned", ErrContinuity, f.Topic, f.Partition)
	}
	lost = -1
	at.stable = f.LastStableOffset
	if isolation == ReadUncommitted {
		at.stable = f.HighWatermark
	}
	if len(f.Records) == 0 {
		return lost, nil
	}
	first := f.Records[0].Offset
	switch {
	case first < at.next:
		return -1, fmt.Errorf("%w: topic %q partition %d: expected offset %d, got %d", ErrContinuity, f.Topic, f.Partition, at.next, first)
	case first > at.next && f.LogStartOffset > at.next:
		lost = at.next
		at.passed += f.LogStartOffset - at.next
	}
	at.next = f.Records[len(f.Records)-1].Offset + 1
	return lost, nil
}

// drained says that nothing that is known to exist is left to poll.
func (p *positions) drained() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, partitions := range p.m {
		for _, at := range partitions {
			if at.next < at.stable {
				return false
			}
		}
	}
	return true
}

// rest takes partitions that are not read on for drained ones.
func (p *positions) rest(passed func(topic string, partition int32, committed int64) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, partitions := range p.m {
		for n, at := range partitions {
			if passed(topic, n, at.committed) {
				at.stable = at.committed
			}
		}
	}
}

// keep makes the polled positions the committed ones, and returns how many lost records lie before them that were not
// counted yet; drop goes back to the committed ones.
func (p *positions) keep() (lost int64) {
	p.each(func(at *position) {
		lost += at.passed
		if at.skipped && at.next != at.committed {
			lost += at.lost
			at.skipped, at.lost = false, 0
		}
		at.committed, at.passed = at.next, 0
	})
	return lost
}
func (p *positions) drop() { p.each(func(at *position) { at.next, at.passed = at.committed, 0 }) }

func (p *positions) each(f func(*position)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, partitions := range p.m {
		for _, at := range partitions {
			f(at)
		}
	}
}

// expected is the offset that a partition goes on at.
func (p *positions) expected(topic string, partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.m[topic][partition]; at != nil {
		return at.next
	}
	return -1
}

// offsets are the next offsets of all partitions.
func (p *positions) offsets() map[string]map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]map[int32]int64, len(p.m))
	for topic, partitions := range p.m {
		out[topic] = make(map[int32]int64, len(partitions))
		for n, at := range partitions {
			out[topic][n] = at.next
		}
	}
	return out
}

// status is a copy for Status.
func (p *positions) status() []PartitionStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []PartitionStatus
	for topic, partitions := range p.m {
		for n, at := range partitions {
			s := PartitionStatus{Topic: topic, Partition: n, Committed: at.committed, Lag: -1}
			if at.stable >= 0 {
				s.Lag = max(0, at.stable-at.committed)
			}
			out = append(out, s)
		}
	}
	return out
}
