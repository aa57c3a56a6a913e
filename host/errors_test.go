package host

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host/guest"
)

// errAny is one that no table names.
var errAny = errors.New("something")

// TestClassify: what a worker does about each error of a step, wrapped or not.
func TestClassify(t *testing.T) {
	t.Parallel()
	for want, errs := range map[action][]error{
		actStop: {
			&RecordError{Err: errAny}, &startError{errAny},
			errors.Join(&RecordError{Err: errAny}, kerr.ProducerFenced), // the record would fail again
			ErrOutOfRange, ErrContinuity, ErrFenced, ErrEnvironment,
			kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
			kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism,
			kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.InvalidTopicException,
			kerr.CorruptMessage, kerr.InvalidRecord, kerr.UnsupportedCompressionType,
			kerr.InvalidTransactionTimeout, kerr.UnsupportedVersion, kerr.InvalidSessionTimeout,
			kerr.InconsistentGroupProtocol, kerr.InvalidGroupID,
			&kgo.ErrGroupSession{Err: kerr.GroupAuthorizationFailed},
		},
		actRecreate: {
			kerr.FencedInstanceID, kerr.ProducerFenced, kerr.InvalidProducerEpoch,
			&kgo.ErrGroupSession{Err: kerr.FencedInstanceID},
			context.Canceled, context.DeadlineExceeded,
			kerr.UnknownServerError, kerr.InvalidTxnState, errAny,
		},
		actRetry: {
			&produceError{"out", errAny}, &produceError{"out", kerr.ProducerFenced}, &produceError{"out", kerr.UnknownTopicOrPartition},
			errGuestTime, errFanOut, errLate,
			&kgo.ErrGroupSession{Err: kerr.UnknownMemberID}, &kgo.ErrGroupSession{Err: errAny},
		},
	} {
		for _, err := range errs {
			for _, err := range []error{err, fmt.Errorf("a step: %w", err)} {
				if got := classify(err); got != want {
					t.Errorf("%v: action %d, want %d", err, got, want)
				}
			}
		}
	}
}

// TestClassifyProduce: what a worker does about the error of one produced record, and whether it is the record's own fault.
func TestClassifyProduce(t *testing.T) {
	t.Parallel()
	type verdict struct {
		action action
		own    bool
	}
	for want, errs := range map[verdict][]error{
		{actStop, true}: {
			kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation, errPlacement,
		},
		{actStop, false}: {
			kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
			kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException,
		},
		{actRetry, false}: {
			kerr.TransactionAbortable, kerr.InvalidTxnState, kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.OutOfOrderSequenceNumber,
			kerr.NotEnoughReplicas, context.DeadlineExceeded, kgo.ErrRecordTimeout, errAny,
		},
	} {
		for _, err := range errs {
			for _, err := range []error{err, fmt.Errorf("a record: %w", err)} {
				if got := (verdict{classifyProduce(err), isRecordFault(err)}); got != want {
					t.Errorf("%v: %+v, want %+v", err, got, want)
				}
			}
		}
	}
}

// TestIsFence: only what another client of the same slot causes counts against it.
func TestIsFence(t *testing.T) {
	t.Parallel()
	for _, err := range []error{kerr.FencedInstanceID, kerr.ProducerFenced, kerr.InvalidProducerEpoch} {
		if !isFence(fmt.Errorf("end: %w", err)) {
			t.Errorf("%v is no fence", err)
		}
	}
	for _, err := range []error{kerr.FencedLeaderEpoch, kerr.InvalidTxnState, kerr.UnknownMemberID, errAny, nil} {
		if isFence(err) {
			t.Errorf("%v is a fence", err)
		}
	}
}

// TestEndsAreCounted: an abort under the label of its cause, a commit with its records, and the time of both.
func TestEndsAreCounted(t *testing.T) {
	t.Parallel()
	h := &Host{cfg: Config{Name: "p"}}
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry, h)
	if err != nil {
		t.Fatal(err)
	}
	aborts := uint64(0)
	for want, causes := range map[string][]error{
		"trap":       {&RecordError{Err: &guest.TrapError{Kind: guest.TrapPanic}}},
		"refused":    {&RecordError{Err: &RefusedError{Text: "no"}}},
		"rebalance":  {errRebalanced},
		"guest_time": {errGuestTime},
		"fan_out":    {errFanOut},
		"produce":    {&produceError{"out", errAny}, &RecordError{Err: kerr.MessageTooLarge}, &RecordError{Err: errPlacement}},
		"other":      {kerr.ProducerFenced, errLate, errAny},
	} {
		for _, cause := range causes {
			if got := reason(cause); got != want {
				t.Errorf("%v: reason %q, want %q", cause, got, want)
			}
			m.aborted(&transaction{}, cause)
			aborts++
		}
		if got := testutil.ToFloat64(m.aborts.WithLabelValues(want)); got != float64(len(causes)) {
			t.Errorf("%g aborts for the reason %q, want %d", got, want, len(causes))
		}
	}
	if got := testutil.CollectAndCount(m.aborts); got != 7 {
		t.Errorf("%d reasons, want 7", got)
	}
	m.committed(&transaction{in: 5, out: make([]kgo.Record, 3), dropped: 2})
	for want, c := range map[float64]prometheus.Counter{1: m.commits, 5: m.in, 3: m.out, 2: m.dropped} {
		if got := testutil.ToFloat64(c); got != want {
			t.Errorf("a counter of the commit is %g, want %g", got, want)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	timed := uint64(0)
	for _, f := range families {
		if f.GetName() == "kafka_tx_duration_seconds" {
			timed = f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	if timed != aborts+1 {
		t.Errorf("%d transactions were timed, want %d", timed, aborts+1)
	}
}

// TestFetchError: what a poll makes of each error that a fetch brought.
func TestFetchError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		kind  error    // nil: the client goes on by itself
		words []string // of the error
	}{
		"end of the poll":   {err: context.DeadlineExceeded},
		"poll ended":        {err: fmt.Errorf("poll: %w", context.Canceled)},
		"member forgotten":  {err: &kgo.ErrGroupSession{Err: kerr.UnknownMemberID}},
		"old generation":    {err: &kgo.ErrGroupSession{Err: kerr.IllegalGeneration}},
		"rebalance":         {err: &kgo.ErrGroupSession{Err: kerr.RebalanceInProgress}},
		"old member epoch":  {err: &kgo.ErrGroupSession{Err: kerr.StaleMemberEpoch}},
		"coordinator moved": {err: &kgo.ErrGroupSession{Err: kerr.NotCoordinator}},
		"instance taken":    {&kgo.ErrGroupSession{Err: kerr.FencedInstanceID}, kerr.FencedInstanceID, []string{`group "g"`}},
		"no right":          {&kgo.ErrGroupSession{Err: kerr.GroupAuthorizationFailed}, ErrEnvironment, []string{`group "g"`, "kafka-acls"}},
		"deleted":           {kerr.UnknownTopicOrPartition, kerr.UnknownTopicOrPartition, []string{`topic "in" partition 1: it was deleted`}},
		"deleted by id":     {kerr.UnknownTopicID, kerr.UnknownTopicID, []string{`topic "in" partition 1: it was deleted`}},
		"created again":     {kerr.InconsistentTopicID, kerr.InconsistentTopicID, []string{`topic "in" partition 1: it was deleted`}},
		"leader moved":      {err: kerr.NotLeaderForPartition},
		"broker in trouble": {kerr.UnknownServerError, kerr.UnknownServerError, []string{`fetch topic "in" partition 1 at offset 7`}},
		"cannot be read":    {kerr.UnsupportedCompressionType, kerr.UnsupportedCompressionType, []string{`fetch topic "in" partition 1 at offset 7`}},
		"not known":         {errAny, errAny, []string{`fetch topic "in" partition 1 at offset 7`}},
	} {
		w := newWorker(&Host{cfg: Config{Group: "g"}, log: zap.NewNop()}, 0)
		w.positions.set("in", 1, 7)
		err := w.fetchError(t.Context(), nil, "in", 1, c.err)
		if c.kind == nil {
			if err != nil {
				t.Errorf("%s: %v, want to go on", name, err)
			}
			continue
		}
		mention(t, err, c.kind, c.words...)
	}
}

// TestDataLoss: a log that was truncated below what was read stops the pipeline, or is counted and gone on with.
func TestDataLoss(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy           OutOfRange
		resetTo, skipped int64
	}{
		{OutOfRangeFail, 10, 0},
		{OutOfRangeEarliest, 10, 3},
		{OutOfRangeLatest, 10, 3},
		{OutOfRangeFail, 5, 0},
		{OutOfRangeEarliest, 5, 0}, // what was read is gone, nothing is skipped
	} {
		w := newWorker(&Host{cfg: Config{OnOutOfRange: c.policy}, log: zap.NewNop()}, 0)
		w.positions.set("in", 1, 7)
		loss := &kgo.ErrDataLoss{Topic: "in", Partition: 1, ConsumedTo: 7, ResetTo: c.resetTo}
		err := w.fetchError(t.Context(), nil, "in", 1, fmt.Errorf("poll: %w", loss))
		if c.policy == OutOfRangeFail {
			mention(t, err, ErrOutOfRange, "partition 1", "on_out_of_range says what to do")
			if got := w.positions.expected("in", 1); got != 7 {
				t.Errorf("%+v: goes on at %d", c, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		skips := w.positions.skips()
		if skips == nil {
			t.Errorf("%+v: the new position is not to be committed", c)
		}
		if at, skipped := w.positions.expected("in", 1), w.positions.committed(skips); at != c.resetTo || skipped != c.skipped {
			t.Errorf("%+v: goes on at %d, %d skipped", c, at, skipped)
		}
	}
}
