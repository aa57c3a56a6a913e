// Command conformance-batch-go is a guest that takes whole batches and does what the mode of its configuration says. It has a
// twin in Rust.
package main

import (
	"errors"
	"strconv"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
)

var do func(wasmflow.Batch, *wasmflow.Output) error

func init() {
	wasmflow.Init(configure)
	wasmflow.TransformBatch(func(in wasmflow.Batch, out *wasmflow.Output) error { return do(in, out) })
}

func configure(c wasmflow.Config) error {
	mode, _ := c.String("mode")
	if do = modes[mode]; do == nil {
		return wasmflow.Refusal{Text: "config.mode: no mode " + mode}
	}
	return nil
}

var modes = map[string]func(wasmflow.Batch, *wasmflow.Output) error{
	"reverse": reverse,
	"latest":  latest,
	"refuse":  refuse,
	"fail":    func(wasmflow.Batch, *wasmflow.Output) error { return errors.New("told to fail") },
}

// reverse forwards the records from the last to the first.
func reverse(in wasmflow.Batch, out *wasmflow.Output) error {
	for i := in.Len() - 1; i >= 0; i-- {
		if err := out.Forward(in.At(i)); err != nil {
			return err
		}
	}
	return nil
}

// latest sends the last record with a text about the batch.
func latest(in wasmflow.Batch, out *wasmflow.Output) error {
	if in.Len() == 0 {
		return nil
	}
	text := in.Topic() + "/" + strconv.Itoa(int(in.Partition())) + " " + strconv.Itoa(in.Len()) + " at " + strconv.FormatInt(in.ClockMs(), 10)
	return out.Send(in.At(in.Len()-1), []byte(text))
}

// refuse forwards all records and refuses every second one, from the last to the first, twice.
func refuse(in wasmflow.Batch, out *wasmflow.Output) error {
	for _, r := range in.All() {
		if err := out.Forward(r); err != nil {
			return err
		}
	}
	for i := in.Len() - 1; i >= 0; i-- {
		if i%2 == 1 {
			out.Refuse(in.At(i), wasmflow.Refusal{Code: uint32(i), Text: "first"})
			out.Refuse(in.At(i), errors.New("second"))
		}
	}
	return nil
}

func main() {}
