package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// stallTimeout is how long a scan waits for the next records.
const stallTimeout = 30 * time.Second

// scan hands over the committed letters of the partitions between two offsets each, in the order of a partition's offsets. What
// it hands over is kept by nobody else.
func (t *Topic) scan(ctx context.Context, from, to map[int32]int64, each func(*Letter)) error {
	begin := map[int32]kgo.Offset{}
	for n, at := range from {
		if at < to[n] {
			begin[n] = kgo.NewOffset().At(at)
		}
	}
	if len(begin) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(
		t.opts[:len(t.opts):len(t.opts)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.name: begin}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // a partition may end with one: without them its end would never be seen
		kgo.FetchMaxBytes(16<<20), kgo.FetchMaxPartitionBytes(4<<20),
	)...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	for len(begin) > 0 {
		bounded, cancel := context.WithTimeout(ctx, stallTimeout)
		fetches := client.PollFetches(bounded)
		cancel()
		if err := t.scanError(ctx, fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < to[r.Partition] && !r.Attrs.IsControl() {
				each(letterOf(r))
			}
			if _, open := begin[r.Partition]; open && r.Offset+1 >= to[r.Partition] {
				delete(begin, r.Partition)
				client.PauseFetchPartitions(map[string][]int32{t.name: {r.Partition}})
			}
		})
	}
	return nil
}

func (t *Topic) scanError(ctx context.Context, fetches kgo.Fetches) error {
	for _, f := range fetches.Errors() {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(f.Err, context.DeadlineExceeded):
			return fmt.Errorf("%w: topic %q: nothing came within %v", host.ErrEnvironment, t.name, stallTimeout)
		case kerr.IsRetriable(f.Err):
			continue
		case errors.Is(f.Err, kerr.OffsetOutOfRange):
			return fmt.Errorf("topic %q partition %d: letters were deleted while they were read: run it again", f.Topic, f.Partition)
		}
		return failed(ctx, fmt.Sprintf("read topic %q partition %d", f.Topic, f.Partition), f.Err)
	}
	return nil
}
