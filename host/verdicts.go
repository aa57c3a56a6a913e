package host

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/wasmflow/wasmflow/abi"
)

// verdict is what was found about one guilty record.
type verdict struct {
	offset            int64
	transform, digest string
	output            string // topic that does not take what was made of it
	attempts          int    // calls that it was part of and that failed
	err               error
}

// verdicts are what a host knows of guilty records that are not committed yet, over aborts and rebalances: finding one costs
// many calls. Workers share them, since a partition may move from one to another.
type verdicts struct {
	known atomic.Int64 // partitions in m: mostly 0, and then nobody takes the lock
	mu    sync.Mutex
	m     map[place]*findings
}

type place struct {
	topic     string
	partition int32
}

// findings of one partition.
type findings struct {
	guilty map[int64]verdict
	// suspects is the least range of offsets that is known to fail, and how often it has; the last one found. Batches are cut at
	// its ends, so that halving goes on where it was when a transaction ended.
	suspects span
}

type span struct {
	first, last int64
	failed      int
}

// of gives the findings of a partition, made where there are none.
func (v *verdicts) of(topic string, partition int32) *findings {
	at := place{topic, partition}
	f := v.m[at]
	if f == nil {
		if v.m == nil {
			v.m = map[place]*findings{}
		}
		f = &findings{guilty: map[int64]verdict{}}
		v.m[at] = f
		v.known.Store(int64(len(v.m)))
	}
	return f
}

// convict keeps a verdict.
func (v *verdicts) convict(topic string, partition int32, found verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.of(topic, partition).guilty[found.offset] = found
}

// suspect keeps that a batch has failed, once more where it is the same.
func (v *verdicts) suspect(in *abi.Batch) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.of(in.Topic, in.Partition)
	if first, last := bounds(in); f.suspects.first != first || f.suspects.last != last {
		f.suspects = span{first: first, last: last}
	}
	f.suspects.failed++
}

func bounds(in *abi.Batch) (first, last int64) {
	return in.Records[0].Offset, in.Records[len(in.Records)-1].Offset
}

// failed says how often just this batch has failed before.
func (v *verdicts) failed(in *abi.Batch) int {
	if v.known.Load() == 0 {
		return 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.m[place{in.Topic, in.Partition}]
	if f == nil {
		return 0
	}
	if first, last := bounds(in); f.suspects.first != first || f.suspects.last != last {
		return 0
	}
	return f.suspects.failed
}

// until is the last offset that a batch which begins at first may hold.
func (v *verdicts) until(topic string, partition int32, first int64) int64 {
	if v.known.Load() == 0 {
		return math.MaxInt64
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.m[place{topic, partition}]
	switch {
	case f == nil || f.suspects.failed == 0 || first > f.suspects.last:
		return math.MaxInt64
	case first < f.suspects.first:
		return f.suspects.first - 1
	default:
		return f.suspects.last
	}
}

// split takes the records out of a batch that are known to be guilty.
func (v *verdicts) split(in *abi.Batch) (innocent *abi.Batch, guilty []verdict) {
	if v.known.Load() == 0 {
		return in, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.m[place{in.Topic, in.Partition}]
	if f == nil || len(f.guilty) == 0 {
		return in, nil
	}
	var rest []abi.Record
	for i := range in.Records {
		if found, ok := f.guilty[in.Records[i].Offset]; ok {
			guilty = append(guilty, found)
		} else {
			rest = append(rest, in.Records[i])
		}
	}
	if len(guilty) == 0 {
		return in, nil
	}
	return batchOf(in, rest), guilty
}

// forget drops what was found about records that are committed.
func (v *verdicts) forget(committed map[string]map[int32]int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for at, f := range v.m {
		next, ok := committed[at.topic][at.partition]
		if !ok {
			continue
		}
		for offset := range f.guilty {
			if offset < next {
				delete(f.guilty, offset)
			}
		}
		if f.suspects.last < next {
			f.suspects = span{}
		}
		if len(f.guilty) == 0 && f.suspects.failed == 0 {
			delete(v.m, at)
		}
	}
	v.known.Store(int64(len(v.m)))
}
