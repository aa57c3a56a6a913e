package host

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// Headers of a dead letter, after those of the record itself. The first six are those of Kafka Streams (KIP-1034); all values
// are text.
const (
	HeaderException  = "__streams.errors.exception"
	HeaderMessage    = "__streams.errors.message"
	HeaderStacktrace = "__streams.errors.stacktrace"
	HeaderTopic      = "__streams.errors.topic"
	HeaderPartition  = "__streams.errors.partition"
	HeaderOffset     = "__streams.errors.offset"

	HeaderPipeline  = "wasmflow.pipeline"
	HeaderTransform = "wasmflow.transform"
	HeaderDigest    = "wasmflow.module.digest"
	HeaderAttempts  = "wasmflow.attempts"
	HeaderKind      = "wasmflow.kind"
	HeaderStack     = "wasmflow.guest.stack"
	// HeaderTimestamp is the record's timestamp in ms, only where the dead letter cannot have it.
	HeaderTimestamp = "wasmflow.timestamp"
)

// Kinds of guilt beside those of guest.TrapKind, in HeaderKind and in metrics.
const (
	// KindRefused: a transform returned an error for the record.
	KindRefused = "refused"
	// KindUnwritable: no output topic takes what was made of the record.
	KindUnwritable = "unwritable"
)

// Bounds of what a dead letter says of its cause, in bytes. The record itself is never cut.
const (
	mostMessage = 1 << 10
	mostStack   = 4 << 10
)

// kind is one word for the cause.
func (v *verdict) kind() string {
	var trap *guest.TrapError
	var refused *RefusedError
	switch {
	case errors.As(v.err, &trap):
		return string(trap.Kind)
	case errors.As(v.err, &refused):
		return KindRefused
	default:
		return KindUnwritable
	}
}

// stack is what the guest was doing, innermost first.
func (v *verdict) stack() string {
	var trap *guest.TrapError
	if errors.As(v.err, &trap) {
		return strings.Join(trap.Stack, "\n")
	}
	return ""
}

// condemn does with guilty records of a batch, in the order of their offsets, what the policy says.
func (w *worker) condemn(in *abi.Batch, guilty []verdict, t *transaction) error {
	policy := w.h.cfg.Errors
	if policy.OnError == OnErrorFail {
		return w.guilt(in.Topic, in.Partition, &guilty[0])
	}
	i := 0
	for n := range guilty {
		v := &guilty[n]
		for in.Records[i].Offset < v.offset {
			i++
		}
		t.verdicts = append(t.verdicts, *v)
		if t.firstGuilty == nil {
			t.firstGuilty = w.guilt(in.Topic, in.Partition, v)
		}
		if policy.OnError == OnErrorDrop {
			continue
		}
		t.out = append(t.out, w.deadLetter(in, &in.Records[i], v))
		t.sources = append(t.sources, source{in.Topic, in.Partition, v.offset, nil})
		t.outBytes += int64(recordBytes(&t.out[len(t.out)-1]))
	}
	return nil
}

// guilt is the error that names a guilty record.
func (w *worker) guilt(topic string, partition int32, v *verdict) *RecordError {
	return &RecordError{
		Pipeline: w.h.cfg.Name, Transform: v.transform, Digest: v.digest,
		Topic: topic, Partition: partition, First: v.offset, Last: v.offset, Output: v.output, Attempts: v.attempts, Err: v.err,
	}
}

// DeadLetterRoom is how many bytes the headers of a dead letter need at most, beyond the record that it was.
const DeadLetterRoom = 12 << 10

// deadLetter is the record as it came, with headers that say what was wrong with it.
func (w *worker) deadLetter(in *abi.Batch, r *abi.Record, v *verdict) kgo.Record {
	kind := v.kind()
	headers := make([]kgo.RecordHeader, 0, len(r.Headers)+12)
	headers = append(headers, kafkaHeaders(r.Headers)...)
	add := func(key, value string) {
		headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	cause := v.err.Error()
	if v.output != "" {
		cause = fmt.Sprintf("output to topic %q: %s", v.output, cause)
	}
	add(HeaderException, "wasmflow."+kind)
	add(HeaderMessage, cut(cause, mostMessage))
	add(HeaderStacktrace, cut(v.stack(), mostStack))
	add(HeaderTopic, in.Topic)
	add(HeaderPartition, strconv.Itoa(int(in.Partition)))
	add(HeaderOffset, strconv.FormatInt(v.offset, 10))
	add(HeaderPipeline, w.h.cfg.Name)
	add(HeaderTransform, v.transform)
	add(HeaderDigest, v.digest)
	add(HeaderAttempts, strconv.Itoa(v.attempts))
	add(HeaderKind, kind)
	add(HeaderStack, cut(v.stack(), mostStack))
	at, now := time.UnixMilli(r.Timestamp), time.Now()
	if !writable(at) || at.After(now) { // topics refuse the future, and the dead letters have to take whatever made another topic refuse it
		add(HeaderTimestamp, strconv.FormatInt(r.Timestamp, 10))
		at = now
	}
	return kgo.Record{
		Key: r.Key, Value: r.Value, Headers: headers, Timestamp: at,
		Topic: w.h.cfg.Errors.DeadLetter, Partition: abi.PartitionByKey,
	}
}

// cut shortens a text to so many bytes, between two characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
