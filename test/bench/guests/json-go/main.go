// Command json-go is a guest for benchmarks: it reads each value as JSON and writes it again with one member more.
package main

import (
	"encoding/json"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
)

func init() { wasmflow.Transform(seen) }

func seen(in wasmflow.Record, out *wasmflow.Output) error {
	members := map[string]any{}
	if err := json.Unmarshal(in.Value(), &members); err != nil {
		return err
	}
	members["seen"] = true
	text, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return out.From(in).Value(text).Send()
}

func main() {}
