package host

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// ends are the offsets that a pipeline which runs once has to commit: where each partition ended when it started.
type ends struct {
	h      *Host
	topics map[string]map[int32]int64
}

// readEnds reads them. A partition that a first start would begin at its end has nothing to do.
func (h *Host) readEnds(ctx context.Context) (*ends, error) {
	names, err := h.inputTopics(ctx)
	if err != nil {
		return nil, err
	}
	e := &ends{h: h, topics: map[string]map[int32]int64{}}
	if len(names) == 0 {
		return e, nil
	}
	starts, err := h.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("%w: list where the inputs start: %w", ErrEnvironment, err)
	}
	listed, err := h.listEnds(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("%w: list where the inputs end: %w", ErrEnvironment, err)
	}
	committed, err := h.groupOffsets(ctx)
	if err != nil {
		return nil, err
	}
	for topic, partitions := range listed {
		for n, end := range partitions {
			start, _ := starts.Lookup(topic, n)
			_, known := committed.Lookup(topic, n)
			if end.Offset > start.Offset && (known || h.cfg.Start != StartLatest) {
				if e.topics[topic] == nil {
					e.topics[topic] = map[int32]int64{}
				}
				e.topics[topic][n] = end.Offset
			}
		}
	}
	return e, nil
}

// wait returns when the group has committed all of it, whichever of its hosts did, or when ctx is done.
func (e *ends) wait(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := e.reached(ctx)
		if err != nil {
			e.h.log.Warn("the group's offsets cannot be read; asking again", zap.Error(err))
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
	if len(e.topics) == 0 {
		return true, nil
	}
	committed, err := e.h.groupOffsets(ctx)
	if err != nil {
		return false, err
	}
	for topic, partitions := range e.topics {
		for n, end := range partitions {
			at, ok := committed.Lookup(topic, n)
			if !ok || at.Err != nil || at.At < end {
				return false, nil
			}
		}
	}
	return true, nil
}
