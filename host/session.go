package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// session is a worker's membership in the group and its producer, in one of two forms: with transactions or without.
// One goroutine uses it. After any error from begin or end it is closed, and a new one is opened on the same slot.
type session interface {
	// client of the session, to poll and to produce with.
	client() *kgo.Client
	// begin opens a transaction.
	begin() error
	// end flushes and commits what was polled and produced, or aborts it and goes back to the committed offsets; after a
	// begin or without one. It says whether it committed: (false, nil) is an abort after which the session goes on.
	end(ctx context.Context, commit bool) (committed bool, err error)
	// allowRebalance lets the group take partitions away, until the next poll.
	allowRebalance()
	// close closes the client.
	close()
}

// watchdog is how long the end of a transaction may hold the rebalance gate. Where the membership was lost, or where a
// member joins under KIP-848, the end waits for the gate and the gate for the end; opened, the session sees that it lost
// its partitions and aborts, while a classic join still commits.
const watchdog = 250 * time.Millisecond

// closeTimeout is how long a session may take to leave in good order.
const closeTimeout = time.Second

// openSession opens the form that the pipeline's guarantee wants.
func (w *worker) openSession(ctx context.Context) (session, error) {
	ready := make(chan struct{})
	open := sync.OnceFunc(func() { close(ready) })
	defer open()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	opts := append(w.sessionOptions(ready), kgo.WithContext(life))
	if w.h.cfg.Guarantee == AtLeastOnce {
		cl, err := kgo.NewClient(opts...)
		if err != nil {
			end()
			return nil, fmt.Errorf("open a session: %w", err)
		}
		return &plainSession{cl, end}, nil
	}
	s, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		end()
		return nil, fmt.Errorf("open a session: %w", err)
	}
	// (I7) Before the group's offsets are read: a transaction that a dead host left open on this slot is aborted here,
	// instead of holding its offsets back until it times out.
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	if _, _, err := s.Client().ProducerID(ctx); err != nil {
		open() // a callback may wait for it, and the close for the callback
		closeSession(s.Client(), end)
		return nil, w.explainProducerID(err)
	}
	return &txnSession{s, end}, nil
}

func (w *worker) explainProducerID(err error) error {
	id := w.h.cfg.transactionalID(w.n)
	switch {
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return fmt.Errorf("%w: transactional id %q: %w", ErrEnvironment, id, w.h.cfg.idRight().missing())
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return fmt.Errorf("%w: the transaction timeout %v is above the broker's transaction.max.timeout.ms: %w", ErrEnvironment, w.h.cfg.TransactionTimeout, err)
	default:
		return fmt.Errorf("initialize the producer of transactional id %q: %w", id, err)
	}
}

// txnSession commits outputs and offsets in one Kafka transaction (KIP-98, KIP-447).
type txnSession struct {
	s       *kgo.GroupTransactSession
	endLife context.CancelFunc
}

func (s *txnSession) client() *kgo.Client { return s.s.Client() }
func (s *txnSession) begin() error        { return s.s.Begin() }
func (s *txnSession) allowRebalance()     { s.s.AllowRebalance() }
func (s *txnSession) close()              { closeSession(s.s.Client(), s.endLife) }

func (s *txnSession) end(ctx context.Context, commit bool) (bool, error) {
	if !commit {
		return s.s.End(ctx, kgo.TryAbort)
	}
	opened := make(chan struct{})
	dog := time.AfterFunc(watchdog, func() {
		defer close(opened)
		s.s.AllowRebalance()
	})
	committed, err := s.s.End(ctx, kgo.TryCommit)
	if !dog.Stop() {
		<-opened // else it could open the gate of the next poll
	}
	return committed, err
}

// plainSession writes first and commits after, without a transaction: what fails in between comes again.
type plainSession struct {
	cl      *kgo.Client
	endLife context.CancelFunc
}

func (s *plainSession) client() *kgo.Client { return s.cl }
func (s *plainSession) begin() error        { return nil }
func (s *plainSession) allowRebalance()     { s.cl.AllowRebalance() }
func (s *plainSession) close()              { closeSession(s.cl, s.endLife) }

// closeSession closes a client. A join in flight may wait for a member that has gone, up to the rebalance timeout: then the
// client's life is ended. Not at once, since it may have to tell the group that it leaves.
func closeSession(cl *kgo.Client, endLife context.CancelFunc) {
	impatient := time.AfterFunc(closeTimeout, endLife)
	cl.CloseAllowingRebalance()
	impatient.Stop()
	endLife()
}

func (s *plainSession) end(ctx context.Context, commit bool) (bool, error) {
	if commit {
		if err := s.cl.Flush(ctx); err != nil {
			return false, err
		}
		err := s.cl.CommitUncommittedOffsets(ctx)
		if err == nil {
			return true, nil
		}
		if !isAny(err, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.StaleMemberEpoch, kerr.RebalanceInProgress,
			kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator) {
			return false, err
		}
	} else if err := s.cl.AbortBufferedRecords(ctx); err != nil {
		return false, err
	}
	s.cl.SetOffsets(s.cl.CommittedOffsets())
	return false, nil
}
