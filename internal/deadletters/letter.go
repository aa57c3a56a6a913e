// Package deadletters lists, replays and purges the dead letters of a pipeline, exactly once.
//
// A dead-letter topic is a queue that is never rewritten: the offset of a group of its own says which letters are done. A pass
// goes over it in transactions; each letter that it meets is replayed, purged, or copied byte for byte to the end of the topic, and
// the group's offset moves in the same transaction. So a pass that is interrupted repeats nothing and loses nothing.
package deadletters

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
)

// HeaderReplayed is the header of a record that came back from the dead letters: how often, as text. It is the last one.
const HeaderReplayed = "wasmflow.replayed"

// Place is where a record is in Kafka: Topic, Partition and Offset.
type Place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// String is the place as topic/partition/offset.
func (p Place) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

// Letter is a record of a dead-letter topic.
type Letter struct {
	// Partition and Offset in the dead-letter topic.
	Partition int32
	Offset    int64
	// Time of the record, which is its source's.
	Time time.Time
	// Done says that the letter was replayed, purged or copied before: it only lies there until retention takes it.
	Done bool
	// Key, Value and Headers of the record as it was read from its source.
	Key, Value []byte
	Headers    []abi.Header
	// Replayed is how often the record came back already.
	Replayed int
	// Cause is what the host wrote about it; nil for a record that no host wrote.
	Cause *Cause
}

// Cause is why a record became a dead letter.
type Cause struct {
	// Source is where the record was read.
	Source Place
	// Pipeline, Transform and Digest of the module, "" where there is none.
	Pipeline, Transform, Digest string
	// Kind is a guest.TrapKind, host.KindRefused or host.KindUnwritable.
	Kind string
	// Message and Stack, innermost first, as the host cut them.
	Message, Stack string
	// Attempts is how many calls failed.
	Attempts int
}

// ours are the headers that a host writes behind those of the record.
var ours = []string{
	host.HeaderException, host.HeaderMessage, host.HeaderStacktrace, host.HeaderTopic, host.HeaderPartition, host.HeaderOffset,
	host.HeaderPipeline, host.HeaderTransform, host.HeaderDigest, host.HeaderAttempts, host.HeaderKind, host.HeaderStack, host.HeaderTimestamp,
}

// parse takes the headers of a letter apart: into the record's own, and what the host wrote behind them. A record may have such
// headers itself, where it had been a dead letter of somebody else's: the last block counts, and must be whole. Without one the
// cause is nil, and all headers are the record's own.
func parse(headers []abi.Header) (own []abi.Header, cause *Cause) {
	at := len(headers) - 1
	for at >= 0 && headers[at].Key != host.HeaderException {
		at--
	}
	if at < 0 {
		return headers, nil
	}
	block := map[string]string{}
	for _, h := range headers[at:] {
		if _, twice := block[h.Key]; twice || !slices.Contains(ours, h.Key) {
			return headers, nil
		}
		block[h.Key] = string(h.Value)
	}
	partition, err1 := strconv.ParseInt(block[host.HeaderPartition], 10, 32)
	offset, err2 := strconv.ParseInt(block[host.HeaderOffset], 10, 64)
	attempts, err3 := strconv.Atoi(block[host.HeaderAttempts])
	if err1 != nil || err2 != nil || err3 != nil || partition < 0 || offset < 0 ||
		block[host.HeaderTopic] == "" || block[host.HeaderPipeline] == "" || block[host.HeaderKind] == "" {
		return headers, nil
	}
	return headers[:at:at], &Cause{
		Source:   Place{block[host.HeaderTopic], int32(partition), offset},
		Pipeline: block[host.HeaderPipeline], Transform: block[host.HeaderTransform], Digest: block[host.HeaderDigest],
		Kind: block[host.HeaderKind], Message: block[host.HeaderMessage], Stack: block[host.HeaderStack], Attempts: attempts,
	}
}

// replayed is how often a record with these headers of its own came back.
func replayed(own []abi.Header) int {
	if len(own) == 0 || own[len(own)-1].Key != HeaderReplayed {
		return 0
	}
	n, err := strconv.Atoi(string(own[len(own)-1].Value))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// revived are headers and timestamp with which a record goes back to its source: its own, and how often it did. Where the letter could
// not have the record's time a header has it; a time that no client can write stays with the record in that header.
func revived(own, all []abi.Header, ms int64) ([]abi.Header, int64) {
	n := replayed(own)
	if n > 0 {
		own = own[:len(own)-1]
	}
	out := slices.Clone(own)
	for _, h := range all[min(len(own), len(all)):] {
		if h.Key != host.HeaderTimestamp {
			continue
		}
		if was, err := strconv.ParseInt(string(h.Value), 10, 64); err == nil && host.WritableTime(was) {
			ms = was
		} else {
			out = append(out, h)
		}
	}
	return append(out, abi.Header{Key: HeaderReplayed, Value: []byte(strconv.Itoa(n + 1))}), ms
}

// letterOf reads a record of a dead-letter topic. It shares the record's memory.
func letterOf(r *kgo.Record) *Letter {
	headers := make([]abi.Header, len(r.Headers))
	for i := range r.Headers {
		headers[i] = abi.Header(r.Headers[i])
	}
	l := &Letter{Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: r.Key, Value: r.Value}
	l.Headers, l.Cause = parse(headers)
	l.Replayed = replayed(l.Headers)
	return l
}

// of says whether the letter is one of this pipeline.
func (l *Letter) of(pipeline string) bool { return l.Cause != nil && l.Cause.Pipeline == pipeline }
