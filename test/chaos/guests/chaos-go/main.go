// Command chaos-go is the guest of test/chaos: it copies each record to two outputs, refuses those that say so, and traps on
// those that say so. After a trap its memory is spoilt: an instance that is called again traps at everything.
package main

import (
	"bytes"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
)

var (
	other  wasmflow.To
	spoilt bool
)

func init() {
	wasmflow.Init(func(c wasmflow.Config) error {
		c.Only()
		other = wasmflow.Out("b")
		return nil
	})
	wasmflow.Transform(copies)
}

func copies(in wasmflow.Record, out *wasmflow.Output) error {
	switch {
	case spoilt:
		panic("called again after a trap")
	case bytes.Contains(in.Value(), []byte(" trap ")):
		spoilt = true
		panic("told to trap")
	}
	if err := out.Forward(in); err != nil {
		return err
	}
	if bytes.Contains(in.Value(), []byte(" refuse ")) { // what was sent for it already must not come out
		return wasmflow.Refusal{Code: 1, Text: "told to refuse"}
	}
	return out.From(in).To(other).Send()
}

func main() {}
