package host

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"go.uber.org/zap"
)

// A client knows the size of a topic's batches from the topic's max.message.bytes as it was at the start, or, where it has no
// right to read that, takes the broker's default for it. Where the topic takes less, it refuses batches of which every record
// is small enough. What goes to it is then sent in parcels: the next waits until the last was written. A record that is larger
// is a parcel by itself, so that the broker alone judges it.

// parcel is how many bytes go to a topic at once, 0 where batches as they come are fine.
func (t *topics) parcel(topic string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.parcels[topic]
}

func (t *topics) setParcel(topic string, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parcels == nil {
		t.parcels = map[string]int{}
	}
	t.parcels[topic] = bytes
	t.parceled.Store(true)
}

// smaller answers a batch that was too large: with smaller parcels, as long as that may help. It says whether it does: not where
// a single record was refused, or where parcels are as small as the largest of the suspects.
func (w *worker) smaller(ctx context.Context, t *transaction, cause *unwritableError) bool {
	if !isAny(cause.err, kerr.MessageTooLarge, kerr.RecordListTooLarge) {
		return false
	}
	outputs, largest, all, topics := 0, 0, 0, &w.h.topics
	for _, s := range cause.suspects {
		for _, n := range s.outputs {
			size := batchSize(&t.out[n])
			outputs, largest, all = outputs+1, max(largest, size), all+size
		}
	}
	if outputs == 1 {
		return false
	}
	was := topics.parcel(cause.topic)
	if was == 0 {
		was = int(w.limits.of(cause.topic))
	}
	next := min(was, all) / 2
	w.h.readLimits(ctx, w.h.cfg.OutputTopics())
	if now := int(topics.batchLimits().of(cause.topic)); now < was {
		next = now
	}
	if next <= largest/2 {
		return false
	}
	topics.setParcel(cause.topic, next)
	w.failures = 0 // it gets on
	w.log.Warn("the topic takes smaller batches than was known; what goes to it is sent in parcels", zap.String("topic", cause.topic), zap.Int("bytes", next))
	return true
}

// deliver produces all outputs of a transaction and waits for the answers.
func (w *worker) deliver(ctx context.Context, s session, t *transaction) error {
	var err error
	parceled, sent := w.h.topics.parceled.Load(), map[string]int(nil)
	for i := 0; i < len(t.out) && err == nil; i++ { // in the order of the transforms (I5)
		r := &t.out[i]
		if parceled {
			if n, most := batchSize(r), w.h.topics.parcel(r.Topic); most > 0 {
				if sent[r.Topic] > 0 && sent[r.Topic]+n > most {
					err = s.client().Flush(ctx)
					clear(sent)
				}
				if sent == nil {
					sent = map[string]int{}
				}
				sent[r.Topic] += n
			}
		}
		s.client().Produce(ctx, r, t.promise)
	}
	if err == nil {
		err = s.client().Flush(ctx)
	}
	if err != nil {
		w.room.shrink(t.in) // a slow network: the same amount would be late again, for ever
		return &produceError{err: fmt.Errorf("not delivered within %v: %w", w.h.cfg.deliveryTimeout(), err)}
	}
	return nil
}
