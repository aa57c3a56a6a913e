package host

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// ends are the offsets that a pipeline which runs once has to commit: where each partition ended when it started, or
// Config.Ends.
type ends struct {
	h      *Host
	topics map[string]map[int32]end

	mu     sync.Mutex
	passed map[string][]int32 // under Config.Ends, what is not read on
}

// end is what a partition has to reach. A commit that lay beyond the log's end says nothing: it is not taken for it.
type end struct{ offset, beyond int64 }

// readEnds reads them. One whose next offset is out
// of the log's range stops the pipeline here, as it would when read, also where it holds no record any more.
func (h *Host) readEnds(ctx context.Context) (*ends, error) {
	names, err := h.inputTopics(ctx)
	if err != nil {
		return nil, err
	}
	e := &ends{h: h, topics: map[string]map[int32]end{}, passed: map[string][]int32{}}
	if len(names) == 0 {
		return e, nil
	}
	committed, err := h.groupOffsets(ctx) // first: another host of the group may commit what comes meanwhile
	if err != nil {
		return nil, err
	}
	starts, listed, err := h.listLogs(ctx, names...)
	if err != nil {
		return nil, err
	}
	highs, err := h.admin.ListEndOffsets(ctx, names...) // what an open transaction holds back is not beyond the log
	if err != nil {
		return nil, fmt.Errorf("%w: list where the inputs end: %w", ErrEnvironment, err)
	}
	for topic, partitions := range listed {
		e.topics[topic] = map[int32]end{}
		for n, last := range partitions {
			start, _ := starts.Lookup(topic, n)
			high, _ := highs.Lookup(topic, n)
			at, known := committed.Lookup(topic, n)
			target := end{last.Offset, -1}
			if known && (at.At < start.Offset || at.At > high.Offset) {
				if err := h.refuseRange(topic, n, at.At, start.Offset, high.Offset); err != nil {
					return nil, err
				}
				target.beyond = at.At
			}
			if h.cfg.Ends != nil {
				want, wanted := h.cfg.Ends[topic][n]
				if !wanted || target.beyond < 0 && known && at.At >= want {
					e.passed[topic] = append(e.passed[topic], n)
					continue
				}
				target.offset = min(want, last.Offset)
			}
			begins := !known && h.cfg.Ends == nil // where it begins has to be committed, also where there is nothing to read
			if begins || target.beyond >= 0 || start.Offset < target.offset {
				e.topics[topic][n] = target
			}
		}
	}
	return e, nil
}

// rest stops the session's client from reading on in partitions that are committed up to Config.Ends. What is written to an
// input that is an output too would otherwise be read, and written again, for as long as another partition has work.
func (e *ends) rest(client *kgo.Client, p *positions) {
	if e == nil || e.h.cfg.Ends == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p.rest(func(topic string, partition int32, committed int64) bool {
		end, wanted := e.topics[topic][partition]
		if wanted && (committed < end.offset || committed == end.beyond) {
			return false
		}
		if !slices.Contains(e.passed[topic], partition) {
			e.passed[topic] = append(e.passed[topic], partition)
		}
		return true
	})
	client.PauseFetchPartitions(e.passed)
}

// wait returns when the group has committed all of it, whichever of its hosts did, or when ctx is done.
func (e *ends) wait(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := e.reached(ctx)
		if err != nil && ctx.Err() == nil {
			e.h.log.Warn("the group's offsets cannot be read; asking again", zap.NamedError("err", err))
		} else if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *ends) reached(ctx context.Context) (bool, error) {
	committed, err := e.h.groupOffsets(ctx)
	if err != nil {
		return false, err
	}
	for topic, partitions := range e.topics {
		for n, end := range partitions {
			at, ok := committed.Lookup(topic, n)
			if !ok || at.Err != nil || at.At < end.offset || at.At == end.beyond {
				return false, nil
			}
		}
	}
	return true, nil
}
