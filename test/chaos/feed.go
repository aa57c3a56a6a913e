package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// aborted is how many of the feed's transactions make one that aborts.
const aborted = 6

// Feed writes the traffic in transactions of its own, some of which abort: a reader of the input that is not read_committed
// takes in what nobody may see. An id is used once, also where the outcome of its transaction is not known.
type Feed struct {
	// Brokers and Topic to write to.
	Brokers []string
	Topic   string
	// Poison makes every so many-th id poison; 0 is none. Keys is how many there are.
	Poison, Keys int
	// Random chooses keys.
	Random *rand.Rand

	next, ghost int64
	seqs        []int64
	txns        int
	cl          *kgo.Client
	written     atomic.Int64
}

// Written is how many records of transactions that were committed for certain.
func (f *Feed) Written() int64 { return f.written.Load() }

func (f *Feed) client() (*kgo.Client, error) {
	if f.cl != nil {
		return f.cl, nil
	}
	if f.seqs == nil {
		f.seqs = make([]int64, f.Keys)
	}
	var err error
	f.cl, err = connect(f.Brokers, kgo.TransactionalID("feed-"+f.Topic), kgo.TransactionTimeout(10*time.Second), kgo.DefaultProduceTopic(f.Topic),
		kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProduceRequestTimeout(4*time.Second))
	return f.cl, err
}

// record makes the next one; a ghost is for a transaction that aborts.
func (f *Feed) record(ghost bool) *kgo.Record {
	k := f.Random.IntN(f.Keys)
	r := Record{Key: fmt.Sprintf("k%03d", k)}
	if ghost {
		r.ID, r.Seq = phantoms+f.ghost, f.seqs[k]
		f.ghost++
	} else {
		f.seqs[k]++
		r.ID, r.Seq, r.Kind = f.next, f.seqs[k], KindOf(f.next, f.Poison)
		f.next++
	}
	return &kgo.Record{Key: []byte(r.Key), Value: r.Value()}
}

// Write writes n records in one transaction, after one that aborts where it is its turn.
func (f *Feed) Write(ctx context.Context, n int) error {
	f.txns++
	if f.txns%aborted == 0 {
		if err := f.transaction(ctx, n, true); err != nil {
			return err
		}
	}
	return f.transaction(ctx, n, false)
}

func (f *Feed) transaction(ctx context.Context, n int, ghost bool) error {
	cl, err := f.client()
	if err != nil {
		return err
	}
	err = cl.BeginTransaction()
	if err == nil {
		results := make(chan error, n)
		for range n {
			cl.Produce(ctx, f.record(ghost), func(_ *kgo.Record, err error) { results <- err })
		}
		for range n {
			if e := <-results; e != nil {
				err = e
			}
		}
		if e := cl.EndTransaction(ctx, kgo.TransactionEndTry(err == nil && !ghost)); e != nil {
			err = e
		}
	}
	if err != nil { // its outcome is not known: the next client has to begin with the broker's own knowledge of it
		f.Close()
		return fmt.Errorf("feed: %w", err)
	}
	if !ghost {
		f.written.Add(int64(n))
	}
	return nil
}

// Close lets go of the connection.
func (f *Feed) Close() {
	if f.cl != nil {
		f.cl.Close()
		f.cl = nil
	}
}

// Run writes rate records a second until stop is closed: what is due since the last transaction, and no more than two seconds' worth
// after brokers were down. Errors are tried again until ctx is done.
func (f *Feed) Run(ctx context.Context, rate int, stop <-chan struct{}) {
	defer f.Close()
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for last := time.Now(); ; {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case now := <-beat.C:
			due := int(min(now.Sub(last), 2*time.Second) * time.Duration(rate) / time.Second)
			last = now
			attempt, cancel := context.WithTimeout(ctx, 30*time.Second)
			_ = f.Write(attempt, max(1, due))
			cancel()
		}
	}
}
