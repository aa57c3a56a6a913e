package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host/guest"
)

var (
	// ErrConfig is wrapped by what New refuses.
	ErrConfig = errors.New("the configuration is not valid")
	// ErrEnvironment is wrapped by errors of the surroundings: a broker that does not answer, a password, a right or a topic
	// that is missing.
	ErrEnvironment = errors.New("the environment is not ready")
	// ErrOutOfRange is wrapped where the next offset of a partition does not exist any more (Config.OnOutOfRange).
	ErrOutOfRange = errors.New("offset out of range")
	// ErrFenced is wrapped where another client uses this host's transactional ids or group instance ids.
	ErrFenced = errors.New("fenced by another client of the same slot")
	// ErrContinuity is wrapped where a partition was read below its next offset: going on would process records twice (I3).
	ErrContinuity = errors.New("offsets went backwards")
	// ErrGuilty is wrapped where more than ErrorPolicy.MaxRatio of the records are guilty, under Config.Once; else the pipeline
	// pauses.
	ErrGuilty = errors.New("too many records are guilty")
	// ErrDeadLetter is wrapped where a dead letter cannot be written: its record is never skipped, the pipeline stops.
	ErrDeadLetter = errors.New("a dead letter cannot be written")
	// ErrRunning is returned by a second call of Run.
	ErrRunning = errors.New("a host runs once")
)

// RefusedError is an error that a transform returned for a record.
type RefusedError struct {
	// Code is the transform's own number for the cause, 0 where it gave none.
	Code uint32
	// Text says why.
	Text string
}

// Error is the transform's text, with the code where there is one.
func (e *RefusedError) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("refused with code %d: %s", e.Code, e.Text)
	}
	return "refused: " + e.Text
}

// RecordError says which records of the input made a transaction abort, and why.
type RecordError struct {
	// Pipeline and Transform that worked on it; Digest is the module's sha256, "" for a native transform.
	Pipeline, Transform, Digest string
	// Topic and Partition of the input records; First and Last are their offsets, equal where it is one record.
	Topic       string
	Partition   int32
	First, Last int64
	// Output topic, where the record was refused by the broker or could not be placed.
	Output string
	// Attempts is how many calls failed that the record was part of.
	Attempts int
	// hint is the offset of the record that the guest was at, by its own word; -1 where it gave none.
	hint int64
	// Err is the cause: a *guest.TrapError, a *RefusedError or a Kafka error.
	Err error
}

// Error names pipeline, topic, partition, offsets, transform, module and cause. A trap names by itself the records that its call
// had, which may be fewer.
func (e *RecordError) Error() string {
	var trap *guest.TrapError
	trapped := errors.As(e.Err, &trap)
	if trapped && trap.Topic != "" {
		return fmt.Sprintf("pipeline %q: %v", e.Pipeline, e.Err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "pipeline %q: topic %q partition %d ", e.Pipeline, e.Topic, e.Partition)
	if e.First == e.Last {
		fmt.Fprintf(&b, "offset %d", e.First)
	} else {
		fmt.Fprintf(&b, "offsets %d-%d", e.First, e.Last)
	}
	if e.Transform != "" && !trapped {
		fmt.Fprintf(&b, ": transform %q", e.Transform)
		if e.Digest != "" {
			fmt.Fprintf(&b, " (module %s)", e.Digest)
		}
	}
	if e.Output != "" {
		fmt.Fprintf(&b, ": output to topic %q", e.Output)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap gives the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// action is what a worker does about an error.
type action int

const (
	// actRetry aborts the transaction and takes the same records again.
	actRetry action = iota
	// actRecreate throws the session away and opens a new one on the same slot.
	actRecreate
	// actStop ends the pipeline.
	actStop
)

// rightsErrors are Kafka's words for a right that is missing.
var rightsErrors = []error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.ClusterAuthorizationFailed,
}

// classify says what to do about an error of a step. It is the one place that knows Kafka's errors.
func classify(err error) action {
	var record *RecordError
	var start *startError
	var produce *produceError
	var group *kgo.ErrGroupSession
	var unwritable *unwritableError
	var breaker *breakerError
	switch {
	case errors.As(err, &record), errors.As(err, &start), errors.Is(err, ErrDeadLetter), errors.Is(err, ErrGuilty):
		return actStop // it would fail again: only a person can decide
	case errors.As(err, &unwritable), errors.As(err, &breaker):
		return actRetry // the next step knows the guilty records, or waits until somebody has looked at them
	case errors.As(err, &produce), isAny(err, errGuestTime, errFanOut, errLate):
		return actRetry // says nothing against the record; a real fence shows at the end of the transaction
	case errors.Is(err, ErrOutOfRange), errors.Is(err, ErrContinuity), errors.Is(err, ErrFenced), errors.Is(err, ErrEnvironment):
		return actStop // decided where it was seen
	case isAny(err, rightsErrors...), isAny(err, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism):
		return actStop // a right or a password is missing: trying again does not bring it
	case isAny(err, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.InvalidTopicException):
		return actStop // the topic was deleted, or deleted and created again: its offsets mean nothing now
	case isAny(err, kerr.CorruptMessage, kerr.InvalidRecord, kerr.UnsupportedCompressionType):
		return actStop // the log holds what cannot be read
	case isAny(err, kerr.InvalidTransactionTimeout, kerr.UnsupportedVersion, kerr.InvalidSessionTimeout, kerr.InconsistentGroupProtocol, kerr.InvalidGroupID):
		return actStop // the cluster or the group will never accept these settings
	case isAny(err, kerr.FencedInstanceID, kerr.ProducerFenced, kerr.InvalidProducerEpoch):
		return actRecreate // another client, or a transaction that timed out: the supervisor counts
	case errors.As(err, &group):
		return actRetry // the group loop of the client joins again by itself
	case isAny(err, context.Canceled, context.DeadlineExceeded):
		return actRecreate // the outcome of the transaction is not known: the committed offsets decide
	default:
		return actRecreate // not known to be harmless: a new session fences whatever the old one left
	}
}

// isFence says that an error may mean another client on this slot.
func isFence(err error) bool {
	return isAny(err, kerr.FencedInstanceID, kerr.ProducerFenced, kerr.InvalidProducerEpoch)
}

// classifyProduce says what to do about an error of one produced record.
func classifyProduce(err error) action {
	switch {
	case isRecordFault(err):
		return actStop
	case isAny(err, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
		kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException):
		return actStop // never the record's fault
	default:
		return actRetry // a real fence shows at the end of the transaction
	}
}

// isRecordFault says that the broker, or the client for it, refuses the record itself and will refuse it again.
func isRecordFault(err error) bool {
	return isAny(err, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation, errPlacement)
}

// sameFault says that two records were refused for the same reason.
func sameFault(a, b error) bool {
	var x, y *kerr.Error
	return errors.As(a, &x) && errors.As(b, &y) && x.Code == y.Code
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}
