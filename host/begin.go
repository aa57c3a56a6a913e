package host

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// begin finds where the group begins in partitions that it has committed nothing of. A worker that such a partition comes to commits that
// before it reads anything (adjustOffsets). Else the beginning would be another one at every start until the first commit: `latest`
// would pass over what came while a refused record had stopped the pipeline, and `earliest` over what retention deleted meanwhile.
// Only members commit: the group may have gone on since it was asked here.
//
// Start holds for topics that are new to the group. What appears in a topic that it knows, or, under a pattern, a topic that
// comes later, is read from its beginning.
func (h *Host) begin(ctx context.Context) error {
	names, err := h.inputTopics(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	committed, err := h.groupOffsets(ctx)
	if err != nil {
		return err
	}
	starts, ends, err := h.listLogs(ctx, names...)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	committed.Each(func(o kadm.OffsetResponse) {
		known[o.Topic] = true
		known[""] = known[""] || h.pattern != nil && h.pattern.MatchString(o.Topic)
	})
	begins := kadm.Offsets{}
	starts.Each(func(at kadm.ListedOffset) {
		if _, ok := committed.Lookup(at.Topic, at.Partition); ok {
			return
		}
		if end, ok := ends.Lookup(at.Topic, at.Partition); ok && h.cfg.Start == StartLatest && !known[at.Topic] && !known[""] {
			at = end
		}
		begins.AddOffset(at.Topic, at.Partition, at.Offset, -1)
	})
	h.begins = begins
	return nil
}

// listLogs lists where the logs of topics start and end, every partition of them: a leader that cannot tell yet is asked again.
func (h *Host) listLogs(ctx context.Context, topics ...string) (starts, ends kadm.ListedOffsets, err error) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	for {
		starts, err = h.admin.ListStartOffsets(ctx, topics...)
		if err == nil {
			err = starts.Error()
		}
		if err == nil {
			ends, err = h.listEnds(ctx, topics...)
		}
		if err == nil {
			err = ends.Error()
		}
		if err == nil {
			return starts, ends, nil
		}
		if !kerr.IsRetriable(err) || !pause(ctx, askAgain) {
			return nil, nil, fmt.Errorf("%w: list where the logs of the inputs start and end: %w", ErrEnvironment, err)
		}
	}
}
