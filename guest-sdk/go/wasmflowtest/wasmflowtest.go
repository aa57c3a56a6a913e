// Package wasmflowtest runs a transform on the machine that it is written on, without Wasm and without Kafka.
//
// Records are encoded into an input image, the transform that the guest registered reads it and builds its result image,
// and that is checked and decoded: the way that a host goes too. What differs is the machine: int has the same 64 bits, but
// memory, time and speed are this one's.
//
// A guest registers one transform for the whole process, so calls of this package run one after the other; tests that run
// in parallel may all call it, as long as they agree on the settings.
package wasmflowtest

import (
	"bytes"
	"errors"
	"sync"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/internal/native"
)

// Settings are what a pipeline's configuration tells a transform. The zero Settings are those of a pipeline with one
// output, "out", and no configuration for the transform.
type Settings struct {
	// Transform is the transform's name in the pipeline, "test" by default.
	Transform string
	// Outputs are the names of the pipeline's outputs, the default one first; "out" alone by default.
	Outputs []string
	// Config is the transform's configuration: a JSON object, "{}" by default.
	Config string
}

// Record is an input record.
type Record struct {
	// Key and Value of the record; nil is null, which is not the same as empty.
	Key, Value []byte
	// Headers in the order in which they were produced.
	Headers []wasmflow.Header
	// Offset of the record in its partition.
	Offset int64
	// TimestampMs in milliseconds since 1970-01-01 UTC.
	TimestampMs int64
}

// Batch is the records of one call: of one partition, in offset order.
type Batch struct {
	// Topic that the records come from, "in" by default.
	Topic     string
	Partition int32
	Records   []Record
}

// Sent is a record that the transform sent, with everything that it takes from its source filled in.
type Sent struct {
	// Source is the index of the input record that it was made from.
	Source int
	// Output is the name of the output.
	Output      string
	Key, Value  []byte
	Headers     []wasmflow.Header
	TimestampMs int64
	// Partition of the output's topic, -1 where the host places the record by its key.
	Partition int32
}

// Refused is a record that the transform refused.
type Refused struct {
	// Source is the index of the input record.
	Source int
	Code   uint32
	Text   string
}

// Line is a line that the transform logged.
type Line struct {
	// Level is "debug", "info", "warn" or "error".
	Level, Text string
}

// Result is what the transform made of a batch. A record that is in neither list was dropped.
type Result struct {
	// Records stand in the order in which they were sent; those of refused records are left out.
	Records  []Sent
	Refusals []Refused
	Log      []Line
}

// guest is the one guest of the process.
var guest struct {
	sync.Mutex
	outputs []string
	started bool
}

// Init starts the guest anew with these settings: it runs the function that wasmflow.Init registered. The error is what
// the pipeline would fail to start with.
func Init(s Settings) error {
	guest.Lock()
	defer guest.Unlock()
	return start(s)
}

func start(s Settings) error {
	if len(s.Outputs) == 0 {
		s.Outputs = []string{"out"}
	}
	guest.started = false
	image := s.encode()
	copy(native.Alloc(uint32(len(image))), image)
	if text := native.Init(uint32(len(image))); text != "" {
		return errors.New(text)
	}
	guest.outputs, guest.started = s.Outputs, true
	return nil
}

// Run hands the records to the transform as one batch, with offsets from 0 in place of their own. Where Init has not been
// called, it is, with the zero Settings, and its error is Run's. Any other error says that the transform wrote
// to its input, or that the result image is wrong. A panic of the transform passes through.
func Run(records ...Record) (Result, error) {
	numbered := append([]Record(nil), records...)
	for i := range numbered {
		numbered[i].Offset = int64(i)
	}
	return RunBatch(Batch{Records: numbered})
}

// RunBatch hands a batch to the transform, like Run, with the offsets that the records have.
func RunBatch(b Batch) (Result, error) {
	guest.Lock()
	defer guest.Unlock()
	if !guest.started {
		if err := start(Settings{}); err != nil {
			return Result{}, err
		}
	}
	image, err := b.encode()
	if err != nil {
		return Result{}, err
	}
	var log []Line
	native.Log = func(level uint32, text string) {
		log = append(log, Line{[]string{"debug", "info", "warn", "error"}[min(3, level)], text})
	}
	defer func() { native.Log = nil }()
	room := native.Alloc(uint32(len(image)))
	copy(room, image)
	result, err := decode(native.Transform(uint32(len(image))), b, guest.outputs)
	if err == nil && !bytes.Equal(room, image) {
		err = errors.New("wasmflowtest: the transform wrote to the bytes of its input: they are read only")
	}
	result.Log = log
	return result, err
}
