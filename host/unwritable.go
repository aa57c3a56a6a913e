package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unwritableError is a produce in which the broker, or the client for it, refused records. It refuses a batch as a whole: the
// suspects are all that were in one, and probes tell which of them are guilty.
type unwritableError struct {
	topic    string
	suspects []suspect
	err      error
}

// suspect is an input record of whose outputs one may be refused.
type suspect struct {
	source
	outputs []int // of transaction.out
}

func (e *unwritableError) Error() string {
	return fmt.Sprintf("topic %q refuses a batch with outputs of %d records: %v", e.topic, len(e.suspects), e.err)
}
func (e *unwritableError) Unwrap() error { return e.err }

// explainProduce says what the errors of produced records mean: an abort that is tried again, one that has to find the
// guilty records first, or a stop.
func (w *worker) explainProduce(t *transaction) error {
	suspects, topic, err := t.failure()
	switch {
	case err == nil:
		return nil
	case isRecordFault(err) && len(suspects) > 0:
		return &unwritableError{topic, suspects, err}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("%w: %w", ErrEnvironment, writeRight(topic).missing())
	case classifyProduce(err) == actStop:
		return fmt.Errorf("%w: produce to topic %q: %w", ErrEnvironment, topic, err)
	default:
		return &produceError{topic, err}
	}
}

// findUnwritable produces halves of the suspects in transactions that always abort, until the guilty ones are alone (I10).
// What it finds it convicts: the next step leaves these records out. It returns the cause of the abort. Without transactions the
// halves are duplicates, which at_least_once allows.
func (w *worker) findUnwritable(ctx context.Context, s session, t *transaction, cause *unwritableError) error {
	if w.smaller(ctx, t, cause) {
		return &produceError{cause.topic, cause.err}
	}
	if letter := &cause.suspects[0]; letter.stage == nil {
		return fmt.Errorf("%w: topic %q refuses the one of topic %q partition %d offset %d: %w",
			ErrDeadLetter, cause.topic, letter.topic, letter.partition, letter.offset, cause.err)
	}
	p := prober{w: w, s: s, t: t, cause: cause, until: time.Now().Add(w.h.cfg.MaxGuestTime)}
	if err := p.bisect(ctx, cause.suspects); err != nil {
		return err
	}
	if p.found == nil { // together they were refused, and no part of them is: the same again may pass
		w.room.shrink(t.in)
		return &produceError{cause.topic, cause.err}
	}
	w.failures = 0 // it gets on
	if w.h.cfg.Errors.OnError == OnErrorFail {
		return p.found
	}
	return cause
}

// prober looks for the records that a broker refuses.
type prober struct {
	w     *worker
	s     session
	t     *transaction
	cause *unwritableError
	until time.Time    // past it, what was found is enough for now
	found *RecordError // the first of them
}

// bisect is given suspects that were refused together.
func (p *prober) bisect(ctx context.Context, suspects []suspect) error {
	if len(suspects) == 1 {
		// Once more, alone: after a refusal the client may give its error to what it is handed next, too.
		refused, err := p.refuses(ctx, suspects)
		if err != nil || !refused {
			return err
		}
		at := &suspects[0]
		v := verdict{at.offset, at.stage.name, at.stage.digest(), p.cause.topic, 1, p.cause.err}
		p.w.h.verdicts.convict(at.topic, at.partition, v)
		if p.found == nil {
			p.found = p.w.guilt(at.topic, at.partition, &v)
		}
		return nil
	}
	n := len(suspects) / 2
	for _, half := range [2][]suspect{suspects[:n], suspects[n:]} {
		if p.found != nil && (time.Now().After(p.until) || p.w.h.cfg.Errors.OnError == OnErrorFail) {
			return nil
		}
		refused, err := p.refuses(ctx, half)
		if err != nil {
			return err
		}
		if refused {
			if err := p.bisect(ctx, half); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuses produces the outputs of the suspects in a transaction that it aborts, and says whether one was refused.
func (p *prober) refuses(ctx context.Context, suspects []suspect) (bool, error) {
	if err := p.s.begin(); err != nil {
		return false, err
	}
	delivering, cancel := context.WithTimeout(ctx, p.w.h.cfg.deliveryTimeout())
	defer cancel()
	probe := &transaction{in: p.t.in}
	for i := range suspects {
		for _, n := range suspects[i].outputs {
			r := &p.t.out[n]
			probe.out = append(probe.out, kgo.Record{
				Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp, Topic: r.Topic, Partition: r.Partition,
			})
		}
	}
	undelivered := p.w.deliver(delivering, p.s, probe)
	if _, err := p.s.end(ctx, false); err != nil {
		return false, err
	}
	probe.mu.Lock()
	defer probe.mu.Unlock()
	switch {
	case len(probe.culprits) > 0:
		return true, nil
	case undelivered != nil:
		return false, undelivered
	case probe.failed != nil:
		return false, &produceError{p.cause.topic, probe.failed}
	default:
		return false, nil
	}
}
