// Command identity-go is a guest for benchmarks: it sends each record on as it is.
package main

import "github.com/wasmflow/wasmflow/guest-sdk/go"

func init() { wasmflow.Transform(identity) }

func identity(in wasmflow.Record, out *wasmflow.Output) error { return out.Forward(in) }

func main() {}
