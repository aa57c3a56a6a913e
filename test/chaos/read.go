package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tick is how often a state is asked for that cannot be waited for.
const tick = 50 * time.Millisecond

// await asks until the answer is yes, or an error comes that is not to be tried again.
func await(ctx context.Context, what string, ask func(context.Context) (bool, error)) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var last error
	for {
		done, err := ask(ctx)
		if done {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, errors.Join(context.Cause(ctx), last))
		case <-ticker.C:
		}
	}
}

// connect makes a client that goes to the brokers directly, without any fault in between.
func connect(brokers []string, opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(100 * time.Millisecond), kgo.DialTimeout(3 * time.Second)}, opts...)...)
}

// ends are where the partitions of topics end, once no transaction is open in them.
func ends(ctx context.Context, adm *kadm.Client, topics ...string) (all map[Place]int64, err error) {
	err = await(ctx, fmt.Sprintf("no transaction is open in %v", topics), func(ctx context.Context) (bool, error) {
		all = map[Place]int64{}
		high, err := adm.ListEndOffsets(ctx, topics...)
		if err == nil {
			err = high.Error()
		}
		if err != nil {
			return false, err
		}
		stable, err := adm.ListCommittedOffsets(ctx, topics...)
		if err == nil {
			err = stable.Error()
		}
		if err != nil {
			return false, err
		}
		open := false
		high.Each(func(end kadm.ListedOffset) {
			at, ok := stable.Lookup(end.Topic, end.Partition)
			open = open || !ok || at.Offset < end.Offset
			all[Place{end.Topic, end.Partition}] = end.Offset
		})
		return !open, nil
	})
	return all, err
}

// Read hands over every record that a read_committed reader sees in the topics once no transaction is open in them, each
// partition in order, and returns where they end. Control records are kept by the client so that an end behind one is seen.
func Read(ctx context.Context, brokers []string, each func(Seen) error, topics ...string) (map[Place]int64, error) {
	cl, err := connect(brokers)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	all, err := ends(ctx, kadm.NewClient(cl), topics...)
	if err != nil {
		return nil, err
	}
	left, from := map[Place]int64{}, map[string]map[int32]kgo.Offset{}
	for at, end := range all {
		if end == 0 {
			continue
		}
		left[at] = end
		if from[at.Topic] == nil {
			from[at.Topic] = map[int32]kgo.Offset{}
		}
		from[at.Topic][at.Partition] = kgo.NewOffset().AtStart()
	}
	if len(left) == 0 {
		return all, nil
	}
	reader, err := connect(brokers, kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %v, still to come %v: %w", topics, left, err)
		}
		for _, e := range fetches.Errors() {
			if !kerr.IsRetriable(e.Err) {
				return nil, fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			at := Place{r.Topic, r.Partition}
			end, open := left[at]
			if !open || r.Offset >= end {
				continue
			}
			if r.Offset+1 == end {
				delete(left, at)
			}
			if !r.Attrs.IsControl() {
				if err := each(seen(r)); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

func seen(r *kgo.Record) Seen {
	s := Seen{Place: Place{r.Topic, r.Partition}, Offset: r.Offset, Value: r.Value}
	for _, h := range r.Headers {
		if s.Headers == nil {
			s.Headers = map[string]string{}
		}
		s.Headers[h.Key] = string(h.Value)
	}
	return s
}

// GroupOffsets are the group's offsets, where no open transaction is about to move them (KIP-447).
func GroupOffsets(ctx context.Context, brokers []string, group string) (map[Place]int64, error) {
	cl, err := connect(brokers)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	at := map[Place]int64{}
	err = await(ctx, "the group's offsets are stable", func(ctx context.Context) (bool, error) {
		offsets, err := kadm.NewClient(cl).FetchOffsets(kadm.RequireStable(ctx), group)
		if err == nil {
			err = offsets.Error()
		}
		if errors.Is(err, kerr.GroupIDNotFound) {
			return true, nil
		}
		offsets.Each(func(o kadm.OffsetResponse) { at[Place{o.Topic, o.Partition}] = o.At })
		return err == nil, err
	})
	return at, err
}

// Watcher reads the outputs while the pipeline runs, read_committed, and keeps what it met.
type Watcher struct {
	cl   *kgo.Client
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	marks map[Place][]mark
	seen  int
	moved chan struct{} // closed when more was seen
}

// Watch begins to read topics from their start. Close ends it.
func Watch(brokers []string, topics ...string) (*Watcher, error) {
	cl, err := connect(brokers, kgo.ConsumeTopics(topics...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Watcher{cl: cl, stop: stop, done: make(chan struct{}), marks: map[Place][]mark{}, moved: make(chan struct{})}
	go w.run(ctx)
	return w, nil
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	for ctx.Err() == nil {
		fetches := w.cl.PollFetches(ctx) // errors of a broker that is down come and go: the reader at the end decides
		w.mu.Lock()
		n := w.seen
		fetches.EachRecord(func(r *kgo.Record) {
			id := int64(-1)
			if v, err := Parse(r.Value); err == nil {
				id = v.ID
			}
			at := Place{r.Topic, r.Partition}
			w.marks[at] = append(w.marks[at], mark{r.Offset, id})
			w.seen++
		})
		if w.seen > n {
			close(w.moved)
			w.moved = make(chan struct{})
		}
		w.mu.Unlock()
	}
}

// Wait returns when so many records were seen.
func (w *Watcher) Wait(ctx context.Context, n int) error {
	for {
		w.mu.Lock()
		got, moved := w.seen, w.moved
		w.mu.Unlock()
		if got >= n {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d records came out: %w", got, n, context.Cause(ctx))
		}
	}
}

// Close ends the reading.
func (w *Watcher) Close() {
	w.stop()
	<-w.done
	w.cl.Close()
}

// Tell hands over what was met, once the watcher is closed, and how much that was.
func (w *Watcher) Tell(each func(at Place, offset, id int64)) (n int) {
	for at, marks := range w.marks {
		for _, m := range marks {
			each(at, m.offset, m.id)
			n++
		}
	}
	return n
}
