package host

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"
)

// begin settles where the group begins in partitions that it has committed nothing of, and commits that before anything is read.
// Else the beginning would be another one at every start until the first commit: `latest` would pass over what came while a
// refused record had stopped the pipeline, and `earliest` over what retention deleted meanwhile.
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
	starts, err := h.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return fmt.Errorf("%w: list where the inputs start: %w", ErrEnvironment, err)
	}
	ends, err := h.listEnds(ctx, names...)
	if err != nil {
		return fmt.Errorf("%w: list where the inputs end: %w", ErrEnvironment, err)
	}
	known := map[string]bool{}
	committed.Each(func(o kadm.OffsetResponse) {
		known[o.Topic] = true
		known[""] = known[""] || h.pattern != nil && h.pattern.MatchString(o.Topic)
	})
	begins := kadm.Offsets{}
	for topic, partitions := range starts {
		for n, at := range partitions {
			if _, ok := committed.Lookup(topic, n); ok || at.Err != nil {
				continue
			}
			if end, ok := ends.Lookup(topic, n); ok && h.cfg.Start == StartLatest && !known[topic] && !known[""] {
				at = end
			}
			begins.AddOffset(topic, n, at.Offset, -1)
		}
	}
	h.begins = begins
	if len(begins) == 0 {
		return nil
	}
	err = h.admin.CommitAllOffsets(ctx, h.cfg.Group, begins)
	if isAny(err, kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.StaleMemberEpoch, kerr.RebalanceInProgress) {
		// Another host is in the group, and only its members may commit: they do so when they get a partition.
		h.log.Debug("the beginnings are committed by the members", zap.NamedError("err", err))
		return nil
	}
	if err != nil {
		return h.explainGroup(err)
	}
	return nil
}
