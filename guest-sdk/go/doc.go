// Package wasmflow writes Kafka transforms in Go: guests of ABI v1 (abi/SPEC.md).
//
//	package main
//
//	import (
//		"bytes"
//
//		"github.com/wasmflow/wasmflow/guest-sdk/go" // package wasmflow
//	)
//
//	func init() { wasmflow.Transform(upper) } // init, not main: a module of this kind never runs main
//
//	func upper(in wasmflow.Record, out *wasmflow.Output) error {
//		if in.Value() == nil {
//			return out.Forward(in) // a tombstone stays one
//		}
//		return out.Send(in, bytes.ToUpper(in.Value()))
//	}
//
//	func main() {}
//
// It is built by the Go toolchain alone:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o upper.wasm .
//
// # Memory
//
// What a Record gives is borrowed: read only, and valid until the transform returns. Clone copies. What is sent is copied
// when it is sent, or, with Forward, ValuePart and everything that a draft leaves unchanged, not at all: the host passes on
// the bytes that it holds. Of the SDK nothing is allocated for a record.
//
// # Failure
//
// An error refuses the record; the rest of the batch goes on. A panic traps the batch: the host is told its text and the
// file:line that caused it, throws the instance away, and runs the batch anew in a fresh one. So package variables are a
// cache and never the truth, and a transform may run more than once for a record.
//
// # What a guest does not have
//
// One call runs at a time, on one thread. Goroutines run only while a call does: finish them before returning. There are no
// files and no network. The clock and random numbers are the host's to give, and by default the same when a batch is run
// again: whoever knows the records can guess crypto/rand, so never make secrets or keys with it.
//
// A module of this SDK carries no metadata section, since the Go linker adds none: `wasmflow inspect` shows what its
// exports and imports say.
//
// # Tests
//
// A guest compiles for the machine that it is written on, and package wasmflowtest runs it there as a host would.
package wasmflow
